// "Teach it yours": boxes for classes, each filled by the camera (hold, or click for a countdown) or by files; the server learns
// from all of them, and answers what the camera sees, or a file. Pictures are made small here, before they go anywhere.
const boxes = element.querySelector('.lab-boxes'), video = element.querySelector('video');
const pattern = element.querySelector('template'), canvas = document.createElement('canvas');
const live = element.querySelector('[data-live]'), said = element.querySelector('.lab-teach-said');
const SIDE = 256, SHOWN = 8, FRAMES_A_SECOND = 8, COUNTED = 2000, MOST = 120, PAUSE = 60;
let stream = null, recording = null, count = 0, isLive = false, isTaught = false, waiting = 0;

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
const packed = (source, width, height) => {
  const scale = Math.min(1, SIDE / Math.min(width, height));
  [canvas.width, canvas.height] = [Math.round(width * scale), Math.round(height * scale)];
  canvas.getContext('2d').drawImage(source, 0, 0, canvas.width, canvas.height);
  return canvas.toDataURL('image/jpeg', 0.88);
};
const frame = () => stream && video.videoWidth ? packed(video, video.videoWidth, video.videoHeight) : null;
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
const openCamera = async () => {
  if (stream) return true;
  try {
    stream = video.srcObject = await navigator.mediaDevices.getUserMedia({video: true});
    await video.play();
    element.classList.add('seeing');
    return true;
  } catch (problem) {
    say(navigator.mediaDevices ? `The camera cannot be used (${problem.message}). Drop pictures instead.`
      : 'The browser lends its camera only to a page at an https address or at localhost. Drop pictures instead.');
    return false;
  }
};
const closeCamera = words => {
  stream?.getTracks().forEach(track => track.stop());
  stream = video.srcObject = null; isLive = false;
  element.classList.remove('seeing', 'living');
  if (words) say(words);
};
const begin = box => {
  const take = {box, frames: [], timer: setInterval(() => {
    const one = frame();
    if (one) take.frames.push(one);
    box.querySelector('.lab-count').textContent = `${take.frames.length} …`;
    if (take.frames.length >= MOST) end();
  }, 1000 / FRAMES_A_SECOND)};
  recording = take;
  box.classList.add('recording');
};
const end = () => {
  if (!recording) return;
  const {box, frames, timer} = recording;
  clearInterval(timer); recording = null;
  box.classList.remove('recording');
  filled(box, frames, `r${Date.now().toString(36)}`);
};
const countdown = async box => {
  const button = box.querySelector('[data-record]'), words = button.textContent;
  for (const left of [3, 2, 1]) { button.textContent = `${left} …`; await new Promise(done => setTimeout(done, 800)); }
  button.textContent = words;
  begin(box);
  setTimeout(end, COUNTED);
};
const record = async (box, held) => {
  if (recording || !(await openCamera())) return;
  if (held.isDown) begin(box);
  else countdown(box);
};
const read = async (box, files) => {
  const pictures = [];
  let lost = 0;
  for (const file of [...files].slice(0, 200)) {
    try {
      const bitmap = await createImageBitmap(file, {imageOrientation: 'from-image'});
      pictures.push(packed(bitmap, bitmap.width, bitmap.height));
      bitmap.close();
    } catch { lost++; }
  }
  if (lost) say(`${lost} of the files could not be read as pictures.`);
  for (let at = 0; at < pictures.length; at += 20) filled(box, pictures.slice(at, at + 20), '');
};
const look = () => {
  const one = frame();
  if (isLive && one && isTaught && !isAway) tell('answer', {frame: one});
};

boxes.addEventListener('pointerdown', event => {
  const button = event.target.closest('[data-record]');
  if (!button) return;
  const box = button.closest('.lab-box'), held = {isDown: true, since: Date.now()};
  button.setPointerCapture(event.pointerId);
  button.held = held;
  setTimeout(() => { if (held.isDown) record(box, held); }, 250);
});
boxes.addEventListener('pointerup', event => {
  const button = event.target.closest('[data-record]');
  if (!button?.held) return;
  const short = Date.now() - button.held.since < 250;
  button.held.isDown = false;
  if (short) record(button.closest('.lab-box'), button.held);
  else end();
});
boxes.addEventListener('pointercancel', end);
boxes.addEventListener('keydown', event => {
  const button = event.target.closest('[data-record]');
  if (!button || event.repeat || !['Enter', ' '].includes(event.key)) return;
  event.preventDefault();
  record(button.closest('.lab-box'), {isDown: false});
});
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
  closeCamera();
  boxes.replaceChildren(); count = 0; isTaught = false;
  addBox(); addBox();
  element.classList.remove('taught');
  tell('clear', {});
});
live.addEventListener('click', async () => {
  if (isLive) return closeCamera('The camera is off.');
  if (await openCamera()) { isLive = true; element.classList.add('living'); say(isTaught ? '' : 'It answers once it has been taught.'); setTimeout(look, PAUSE); }
});
element.querySelector('[data-ask]').addEventListener('click', () => element.querySelector('.lab-asked').click());
element.querySelector('.lab-asked').addEventListener('change', async event => {
  const [file] = event.target.files;
  event.target.value = '';
  if (!file) return;
  try {
    const bitmap = await createImageBitmap(file, {imageOrientation: 'from-image'});
    const one = packed(bitmap, bitmap.width, bitmap.height);
    element.querySelector('.lab-asked-shown').src = one;
    element.classList.add('asking');
    tell('answer', {frame: one});
  } catch { say('That file could not be read as a picture.'); }
});
document.addEventListener('visibilitychange', () => { if (document.hidden && stream) closeCamera('The camera went off when the page was hidden.'); });
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
