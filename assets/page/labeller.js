// Labels for pictures, one after the other: a choice, ticks, a click or a brush. Each label goes to the server at once.
const shown = element.querySelector('.lab-label-picture'), picture = shown.querySelector('img'), canvas = shown.querySelector('canvas');
const cross = shown.querySelector('.lab-cross'), classes = element.querySelector('.lab-label-classes'), said = element.querySelector('.lab-label-said');
const names = element.querySelector('.lab-label-names'), brush = element.querySelector('.lab-brush');
const COLOURS = ['#00000000', '#e6194b', '#3cb44b', '#4363d8', '#ffe119', '#f58231', '#911eb4', '#42d4f4', '#f032e6', '#bfef45', '#fabed4', '#469990'];
const paint = canvas.getContext('2d', {willReadFrequently: true}), UNDONE = 20;
let state = null, label = null, chosen = 1, isAway = false, undo = [], stroke = null, zoom = 1, saving = null;
const outbox = [];

const next = () => {
  const message = isAway ? null : outbox.shift();
  if (!message) return;
  isAway = true;
  trigger('select', message);
};
const tell = (what, more) => { outbox.push({what, item: state?.item, ...more}); next(); };
const colour = at => COLOURS[at % COLOURS.length] === '#00000000' && at ? COLOURS[1 + at % (COLOURS.length - 1)] : COLOURS[at % COLOURS.length];
const draw = () => {
  const kind = state.kind;
  classes.replaceChildren(...(kind === 'point' ? [] : state.classes).map((name, at) => {
    const button = document.createElement('button');
    button.type = 'button';
    button.dataset.at = at;
    const isOn = kind === 'mask' ? at === chosen : kind === 'tags' ? (label ?? []).includes(name) : label === name;
    button.setAttribute('aria-pressed', isOn);
    button.innerHTML = `<kbd>${at < 9 ? at + 1 : ''}</kbd>`;
    if (kind === 'mask') button.insertAdjacentHTML('beforeend', `<i style="background:${at ? colour(at) : 'transparent'}"></i>`);
    button.append(name);
    return button;
  }));
  cross.hidden = kind !== 'point' || !label;
  if (label && kind === 'point') [cross.style.left, cross.style.top] = label.map(share => `${100 * share}%`);
  canvas.hidden = brush.hidden = kind !== 'mask';
  said.textContent = `${state.at + 1} of ${state.total} · ${state.done} labelled${state.isLabelled ? ' · this one is' : ''}`;
};
const open = detail => {
  const isOther = detail.item !== state?.item;
  state = detail; label = detail.label; element.classList.toggle('labelling', true);
  if (document.activeElement !== names) names.value = detail.classes.filter((_, at) => detail.kind !== 'mask' || at).join(', ');
  names.parentElement.hidden = detail.kind === 'point';
  if (isOther) {
    undo = []; zoom = 1; shown.style.setProperty('--zoom', 1);
    picture.src = detail.picture;
    picture.onload = () => {
      if (detail.kind !== 'mask') return;
      [canvas.width, canvas.height] = [picture.naturalWidth, picture.naturalHeight];
      if (detail.mask) spread(detail.mask);
    };
  }
  draw();
};
// Codes are kept as colours with their number in the red channel of what is sent.
const spread = source => {
  const mask = new Image();
  mask.onload = () => {
    const small = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d');
    small.imageSmoothingEnabled = false;
    small.drawImage(mask, 0, 0, canvas.width, canvas.height);
    const pixels = small.getImageData(0, 0, canvas.width, canvas.height);
    for (let at = 0; at < pixels.data.length; at += 4) {
      const code = pixels.data[at];
      const [r, g, b] = code ? rgb(colour(code)) : [0, 0, 0];
      pixels.data.set([r, g, b, code ? 255 : 0], at);
    }
    paint.putImageData(pixels, 0, 0);
  };
  mask.src = source;
};
const rgb = hex => [1, 3, 5].map(at => parseInt(hex.slice(at, at + 2), 16));
const codes = () => {
  const pixels = paint.getImageData(0, 0, canvas.width, canvas.height), known = state.classes.map((_, at) => rgb(colour(at || 1)));
  for (let at = 0; at < pixels.data.length; at += 4) {
    let code = 0;
    if (pixels.data[at + 3] > 127) {
      let best = Infinity;
      for (let one = 1; one < known.length; one++) {
        const away = known[one].reduce((sum, part, place) => sum + (part - pixels.data[at + place]) ** 2, 0);
        if (away < best) [best, code] = [away, one];
      }
    }
    pixels.data.set([code, code, code, 255], at);
  }
  const sent = new OffscreenCanvas(canvas.width, canvas.height);
  sent.getContext('2d').putImageData(pixels, 0, 0);
  return sent.convertToBlob({type: 'image/png'}).then(blob => new Promise(done => {
    const reader = new FileReader();
    reader.onload = () => done(reader.result);
    reader.readAsDataURL(blob);
  }));
};
const save = async () => {
  saving = null;
  const item = state.item, mask = await codes();
  outbox.push({what: 'paint', item, mask}); next();
};
const kept = () => { undo.push(paint.getImageData(0, 0, canvas.width, canvas.height)); undo = undo.slice(-UNDONE); };
const changed = () => { clearTimeout(saving); saving = setTimeout(save, 500); };
const at = event => {
  const place = picture.getBoundingClientRect();
  return [(event.clientX - place.left) / place.width, (event.clientY - place.top) / place.height].map(share => Math.min(1, Math.max(0, share)));
};
const dab = event => {
  const [x, y] = at(event), size = Number(brush.querySelector('input').value) / 1000 * canvas.width;
  paint.globalCompositeOperation = chosen ? 'source-over' : 'destination-out';
  paint.strokeStyle = paint.fillStyle = chosen ? colour(chosen) : '#000';
  paint.lineWidth = size; paint.lineCap = paint.lineJoin = 'round';
  paint.beginPath();
  const [px, py] = stroke ?? [x * canvas.width, y * canvas.height];
  paint.moveTo(px, py); paint.lineTo(x * canvas.width + .01, y * canvas.height);
  paint.stroke();
  stroke = [x * canvas.width, y * canvas.height];
};
const step = by => { if (saving) { clearTimeout(saving); save(); } tell('go', {by}); };
const choose = place => {
  const name = state.classes[place];
  if (name === undefined) return;
  if (state.kind === 'mask') { chosen = place; return draw(); }
  if (state.kind === 'tags') {
    label = (label ?? []).includes(name) ? label.filter(one => one !== name) : [...(label ?? []), name];
    draw();
    return tell('label', {label});
  }
  if (state.kind === 'label') { label = name; draw(); tell('label', {label, by: 1}); }
};
const undoOne = () => { if (undo.length) { paint.putImageData(undo.pop(), 0, 0); changed(); } };
const place = point => { label = point; draw(); tell('label', {label}); };

shown.addEventListener('pointerdown', event => {
  if (!state || event.button) return;
  shown.focus();
  event.preventDefault();
  shown.setPointerCapture(event.pointerId);
  if (state.kind === 'point') { label = at(event); shown.dragging = true; draw(); }
  if (state.kind === 'mask') { kept(); stroke = null; shown.dragging = true; dab(event); }
});
shown.addEventListener('pointermove', event => {
  if (!shown.dragging) return;
  if (state.kind === 'point') { label = at(event); draw(); } else dab(event);
});
shown.addEventListener('pointerup', () => {
  if (!shown.dragging) return;
  shown.dragging = false; stroke = null;
  if (state.kind === 'point') place(label); else changed();
});
shown.addEventListener('wheel', event => {
  if (!event.ctrlKey || state?.kind !== 'mask') return;
  event.preventDefault();
  grow(event.deltaY < 0 ? 1.25 : .8);
}, {passive: false});
const grow = by => { zoom = Math.min(6, Math.max(1, zoom * by)); shown.style.setProperty('--zoom', zoom); };
element.addEventListener('click', event => {
  const button = event.target.closest('button');
  if (!button || !state) return;
  if (button.dataset.at !== undefined) choose(Number(button.dataset.at));
  if (button.dataset.by) step(Number(button.dataset.by));
  if (button.dataset.zoom) grow(Number(button.dataset.zoom));
  if ('undo' in button.dataset) undoOne();
  if ('none' in button.dataset) {
    label = null;
    if (state.kind === 'mask') { kept(); paint.clearRect(0, 0, canvas.width, canvas.height); return changed(); }
    draw(); tell('label', {label: null});
  }
});
names.addEventListener('change', () => tell('names', {names: names.value.split(',').map(name => name.trim()).filter(Boolean)}));
shown.addEventListener('keydown', event => {
  if (!state) return;
  const arrows = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};
  if (/^[1-9]$/.test(event.key)) choose(Number(event.key) - 1);
  else if (event.key === 'z' && (event.ctrlKey || event.metaKey)) undoOne();
  else if (event.key === '+' || event.key === '-') grow(event.key === '+' ? 1.25 : .8);
  else if (event.key === 'Enter') step(1);
  else if (event.key === 'Backspace') step(-1);
  else if (state.kind === 'point' && label && arrows[event.key]) {
    const by = event.shiftKey ? 10 : 1, [x, y] = arrows[event.key];
    place([label[0] + by * x / picture.naturalWidth, label[1] + by * y / picture.naturalHeight].map(share => Math.min(1, Math.max(0, share))));
  } else if (arrows[event.key]) step(arrows[event.key][0] || arrows[event.key][1]);
  else return;
  event.preventDefault();
});
element.addEventListener('opened', event => {
  isAway = false;
  if (event.detail?.item) open(event.detail); else element.classList.remove('labelling');
  next();
});
