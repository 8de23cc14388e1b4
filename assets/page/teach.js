// "Teach it yours": boxes for classes, each filled by the camera (hold, or click for a countdown) or by files; the server learns
// from all of them, and answers what the camera sees, or a file. Pictures are made small here, before they go anywhere.
const boxes = element.querySelector('.lab-boxes'), video = element.querySelector('video');
const pattern = element.querySelector('template');
const live = element.querySelector('[data-live]'), said = element.querySelector('.lab-teach-said');
const SIDE = 256, SHOWN = 8, PAUSE = 60;
let count = 0, isLive = false, isTaught = false, waiting = 0;

const names = () => Object.fromEntries([...boxes.children].map(box => [box.dataset.id, box.querySelector('input').value.trim()]));
// One message after the other: the first one's answer says under which key the next belongs.
const outbox = [];
let isAway = false;
const next = () => {
  const message = isAway ? null : outbox.shift();
  if (!message) return;
  isAway = true;
  trigger('select', {...message, names: names()});
};
const tell = (what, more) => { outbox.push({what, ...more}); next(); };
const say = words => { said.textContent = words; };
const camera = makeCamera(video, (isOn, words) => {
  element.classList.toggle('seeing', isOn);
  if (!isOn) { isLive = false; element.classList.remove('living'); }
  if (words) say(words);
});
const packed = async file => {
  const bitmap = await createImageBitmap(file, {imageOrientation: 'from-image'});
  const one = camera.packed(bitmap, bitmap.width, bitmap.height, SIDE);
  bitmap.close();
  return one;
};
const refresh = box => {
  const pictures = box.pictures, many = box.querySelector('.lab-count');
  many.textContent = pictures.total ? `${pictures.total} picture${pictures.total > 1 ? 's' : ''}` : 'no pictures yet';
  box.querySelector('.lab-thumbs').replaceChildren(...pictures.shown.slice(-SHOWN).map(source => Object.assign(new Image(), {src: source, alt: ''})));
  const filled = [...boxes.children].filter(one => one.pictures.total).length;
  element.querySelector('[data-teach]').disabled = filled < 2;
};
const filled = (box, pictures, take) => {
  if (!pictures.length) return;
  box.pictures.shown.push(...pictures); box.pictures.total += pictures.length;
  box.pictures.shown = box.pictures.shown.slice(-SHOWN);
  refresh(box);
  waiting++;
  say('Looking at them …');
  tell('add', {label: box.dataset.id, recording: take, frames: pictures});
};
const addBox = (id, name) => {
  const box = pattern.content.firstElementChild.cloneNode(true);
  box.dataset.id = id ?? `c${Date.now().toString(36)}${count}`; box.pictures = {shown: [], total: 0};
  box.querySelector('input').value = name ?? `Class ${++count}`;
  boxes.append(box);
  refresh(box);
  return box;
};
const boxOf = button => button.closest('.lab-box');
recordsWhenHeld(boxes, camera, SIDE, {
  began: button => boxOf(button).classList.add('recording'),
  grew: (button, many) => { boxOf(button).querySelector('.lab-count').textContent = `${many} …`; },
  ended: (button, frames) => {
    boxOf(button).classList.remove('recording');
    filled(boxOf(button), frames, `r${Date.now().toString(36)}`);
  },
});
const read = async (box, files) => {
  const pictures = [];
  let lost = 0;
  for (const file of [...files].slice(0, 200)) {
    try { pictures.push(await packed(file)); } catch { lost++; }
  }
  if (lost) say(`${lost} of the files could not be read as pictures.`);
  for (let at = 0; at < pictures.length; at += 20) filled(box, pictures.slice(at, at + 20), '');
};
const look = () => {
  const one = camera.frame(SIDE);
  if (isLive && one && isTaught && !isAway) tell('answer', {frame: one});
};

boxes.addEventListener('click', event => {
  const box = event.target.closest('.lab-box');
  if (event.target.closest('[data-files]')) box.querySelector('input[type=file]').click();
  if (event.target.closest('[data-remove]')) {
    tell('remove', {label: box.dataset.id});
    box.remove();
    if (boxes.children.length < 2) addBox();
    refresh(boxes.firstElementChild);
  }
});
boxes.addEventListener('change', event => {
  if (event.target.type === 'file') { read(event.target.closest('.lab-box'), event.target.files); event.target.value = ''; }
  else tell('names', {});
});
boxes.addEventListener('dragover', event => { event.preventDefault(); event.target.closest('.lab-box')?.classList.add('over'); });
boxes.addEventListener('dragleave', event => event.target.closest('.lab-box')?.classList.remove('over'));
boxes.addEventListener('drop', event => {
  const box = event.target.closest('.lab-box');
  if (!box) return;
  event.preventDefault();
  box.classList.remove('over');
  read(box, event.dataTransfer.files);
});
element.addEventListener('paste', event => {
  const box = event.target.closest('.lab-box'), files = [...event.clipboardData.files];
  if (box && files.length) { event.preventDefault(); read(box, files); }
});
element.querySelector('[data-add]').addEventListener('click', () => addBox());
element.querySelector('[data-teach]').addEventListener('click', () => { say('Learning …'); tell('teach', {}); });
element.querySelector('[data-clear]').addEventListener('click', () => {
  camera.close();
  boxes.replaceChildren(); count = 0; isTaught = false;
  addBox(); addBox();
  element.classList.remove('taught');
  tell('clear', {});
});
live.addEventListener('click', async () => {
  if (isLive) return camera.close('The camera is off.');
  if (await camera.open()) { isLive = true; element.classList.add('living'); say(isTaught ? '' : 'It answers once it has been taught.'); setTimeout(look, PAUSE); }
});
element.querySelector('[data-ask]').addEventListener('click', () => element.querySelector('.lab-asked').click());
element.querySelector('.lab-asked').addEventListener('change', async event => {
  const [file] = event.target.files;
  event.target.value = '';
  if (!file) return;
  try {
    const one = await packed(file);
    element.querySelector('.lab-asked-shown').src = one;
    element.classList.add('asking');
    tell('answer', {frame: one});
  } catch { say('That file could not be read as a picture.'); }
});
// The server has answered: what it says it says beside; here only what comes next.
element.addEventListener('answered', event => {
  const {done, taught} = event.detail ?? {};
  isAway = false;
  if (done === 'add') waiting = Math.max(0, waiting - 1);
  if (done !== 'answer' && !waiting) say('');
  if (taught) { isTaught = true; element.classList.add('taught'); }
  if (done === 'add' && isTaught && !waiting) tell('teach', {});
  next();
  if (isLive && !isAway) setTimeout(look, PAUSE);
});
element.addEventListener('restored', event => {
  const kept = event.detail?.boxes ?? [];
  if (!kept.length) return;
  if (event.detail.taught) { isTaught = true; element.classList.add('taught'); }
  boxes.replaceChildren();
  for (const {id, name, total, shown} of kept) {
    const box = addBox(id, name);
    box.pictures = {shown, total};
    refresh(box);
  }
  if (boxes.children.length < 2) addBox();
  count = boxes.children.length;
});
addBox(); addBox();
