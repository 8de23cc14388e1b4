// Files, folders and archives that are dropped, chosen, pasted or recorded: each goes up with the folders that it lay in, and when
// all are there, the server hears of them together. What is pasted or recorded is gathered first.
const zone = element.querySelector('.lab-drop'), bar = element.querySelector('.lab-drop-bar span');
const said = element.querySelector('.lab-drop-said'), stop = element.querySelector('[data-stop]');
const tray = element.querySelector('.lab-tray'), video = element.querySelector('video');
const AT_ONCE = 20, LARGE = 8e6, SIDE = 640;
let running = null, gathered = [], recordings = 0;

const walk = async (entry, into, found) => {
  const name = into ? `${into}/${entry.name}` : entry.name;
  if (entry.isFile) {
    const file = await new Promise((done, failed) => entry.file(done, failed));
    found.push([file, name]);
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    const some = await new Promise((done, failed) => reader.readEntries(done, failed));
    if (!some.length) return;
    for (const one of some) await walk(one, name, found);
  }
};
const show = (share, words) => { bar.style.width = `${100 * share}%`; said.textContent = words; };
const megabytes = bytes => `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
const post = (files, onProgress) => new Promise((done, failed) => {
  const form = new FormData(), request = running = new XMLHttpRequest();
  for (const [file, name] of files) form.append('files', file, name.split('/').pop());
  request.upload.onprogress = event => onProgress(event.loaded);
  request.onload = () => request.status === 200 ? done(JSON.parse(request.responseText))
    : failed(new Error(request.responseText.slice(0, 200) || `the server answered ${request.status}`));
  request.onerror = () => failed(new Error('the connection broke off'));
  request.onabort = () => failed(new Error('you stopped it'));
  request.open('POST', new URL('gradio_api/upload', document.baseURI));
  request.send(form);
});
const send = async files => {
  files = files.filter(([file, name]) => !/(^|\/)(\.|__MACOSX|Thumbs\.db)/.test(name));
  if (!files.length) return show(0, 'There was no file in that.');
  if (running) return show(0, 'One after the other: files are on their way already.');
  const total = files.reduce((sum, [file]) => sum + file.size, 0), came = [];
  let sent = 0, tries = 0;
  stop.hidden = false;
  for (let at = 0; at < files.length;) {
    let to = at, size = 0;
    while (to < files.length && to - at < AT_ONCE && (to === at || size + files[to][0].size < LARGE)) size += files[to++][0].size;
    try {
      const paths = await post(files.slice(at, to), loaded =>
        show((sent + loaded) / (total || 1), `${megabytes(sent + loaded)} of ${megabytes(total)}, ${at} of ${files.length} files`));
      paths.forEach((path, place) => came.push({path, name: files[at + place][1]}));
      [at, sent, tries] = [to, sent + size, 0];
    } catch (problem) {
      if (/broke off/.test(problem.message) && tries++ < 3) {
        show(sent / (total || 1), 'The connection broke off. Trying again …');
        await new Promise(done => setTimeout(done, 1500 * tries));
        continue;
      }
      running = null; stop.hidden = true;
      return show(0, `Not all of it came: ${problem.message}. Nothing is lost: choose it again.`);
    }
  }
  running = null; stop.hidden = true;
  show(1, `${files.length} file${files.length > 1 ? 's' : ''}, ${megabytes(total)}. Looking at what it is …`);
  trigger('select', {files: came});
};

const gather = (files, words) => {
  gathered.push(...files);
  tray.hidden = !gathered.length;
  tray.firstElementChild.textContent = `${gathered.length} picture${gathered.length === 1 ? '' : 's'} gathered.`;
  show(0, words ?? '');
};
const camera = makeCamera(video, (isOn, words) => { video.hidden = !isOn; if (words) show(0, words); });
recordsWhenHeld(zone, camera, SIDE, {
  began: () => zone.classList.add('recording'),
  grew: (button, many) => show(0, `${many} …`),
  // Named as frames of one recording are: they are near-copies, and stay together.
  ended: async (button, frames) => {
    zone.classList.remove('recording');
    const take = ++recordings, blobs = await Promise.all(frames.map(async frame => (await fetch(frame)).blob()));
    gather(blobs.map((blob, at) => {
      const name = `camera-${take}-${String(at + 1).padStart(4, '0')}.jpg`;
      return [new File([blob], name, {type: blob.type}), name];
    }), 'Record something else, or use them.');
  },
});
document.addEventListener('paste', event => {
  if (!element.offsetParent || event.target.closest?.('input, textarea, [contenteditable]')) return;
  const files = [...event.clipboardData.files], text = event.clipboardData.getData('text/plain');
  if (files.length) gather(files.map((file, at) => [file, `pasted-${gathered.length + at + 1}-${file.name}`]), 'Paste another, or use them.');
  else if (text.trim()) send([[new File([text], 'pasted'), text.includes('\t') ? 'pasted.tsv' : 'pasted.txt']]);
  else return;
  event.preventDefault();
});
zone.addEventListener('dragover', event => { event.preventDefault(); zone.classList.add('over'); });
zone.addEventListener('dragleave', () => zone.classList.remove('over'));
zone.addEventListener('drop', async event => {
  event.preventDefault();
  zone.classList.remove('over');
  const entries = [...event.dataTransfer.items].map(item => item.webkitGetAsEntry?.()).filter(Boolean), found = [];
  try {
    for (const entry of entries) await walk(entry, '', found);
  } catch (problem) {
    return show(0, `That cannot be read (${problem.message}). Pack it into a zip archive.`);
  }
  // One folder alone is the data set itself: its own name says nothing.
  send(found.length ? found : [...event.dataTransfer.files].map(file => [file, file.name]));
});
for (const input of element.querySelectorAll('input[type=file]')) {
  input.addEventListener('change', () => {
    send([...input.files].map(file => [file, file.webkitRelativePath || file.name]));
    input.value = '';
  });
}
element.addEventListener('click', event => {
  const chosen = event.target.closest('[data-open]');
  if (chosen) element.querySelector(`input.${chosen.dataset.open}`).click();
  if (event.target.closest('[data-use]')) { camera.close(); send(gathered); gathered = []; gather([]); }
  if (event.target.closest('[data-clear]')) { gathered = []; gather([]); }
});
stop.addEventListener('click', () => running?.abort());
element.addEventListener('told', event => show(0, event.detail ?? ''));
