// Labels for pictures and texts, one after the other: a choice, ticks, a click or a brush. Each label goes to the server at once.
const shown = element.querySelector('.lab-label-picture'), picture = shown.querySelector('img'), canvas = shown.querySelector('canvas');
const cross = shown.querySelector('.lab-cross'), classes = element.querySelector('.lab-label-classes'), said = element.querySelector('.lab-label-said');
const words = shown.querySelector('.lab-label-text'), pictured = shown.firstElementChild;
const names = element.querySelector('.lab-label-names'), brush = element.querySelector('.lab-brush');
const COLOURS = ['#000000', '#e6194b', '#3cb44b', '#4363d8', '#ffe119', '#f58231', '#911eb4', '#42d4f4', '#f032e6', '#bfef45', '#fabed4', '#469990'];
const STEPPING = 'Enter goes on, Backspace back; ';
const MORE_KEYS = {point: 'arrows move the point, with Shift by ten', mask: '1 to 9 choose, Ctrl+Z takes a stroke back, + and − zoom'};
const paint = canvas.getContext('2d'), UNDONE = 20;
let state = null, label = null, chosen = 1, isAway = false, undo = [], stroke = null, zoom = 1, saving = null, isLeaving = false;
let painted = new Uint8Array(0);  // the class of each pixel: what the canvas shows is drawn from it
const outbox = [];

const next = () => {
  const message = isAway ? null : outbox.shift();
  if (!message) return;
  isAway = true;
  trigger('select', message);
};
const tell = (what, more) => { outbox.push({what, item: state?.item, ...more}); next(); };
const colours = () => state?.colours ?? COLOURS;
const colour = at => colours()[at % colours().length];
const draw = () => {
  const kind = state.kind;
  const field = name => {
    const row = document.createElement('label'), input = document.createElement('input');
    Object.assign(input, {type: 'number', step: 'any', value: label?.[name] ?? ''});
    input.dataset.name = name;
    row.append(`${name} `, input);
    return row;
  };
  if (kind === 'number') {
    if (!classes.contains(document.activeElement)) classes.replaceChildren(...state.classes.map(field));
  } else classes.replaceChildren(...(kind === 'point' ? [] : state.classes).map((name, at) => {
    const button = document.createElement('button');
    button.type = 'button';
    button.dataset.at = at;
    const isOn = kind === 'mask' ? at === chosen : kind === 'tags' ? (label ?? []).includes(name) : label === name;
    button.setAttribute('aria-pressed', isOn);
    button.innerHTML = `<kbd>${at < 9 ? at + 1 : ''}</kbd>`;
    if (kind === 'mask') button.insertAdjacentHTML('beforeend', `<i style="background:${at || state.isOne ? colour(at) : 'transparent'}"></i>`);
    button.append(name);
    return button;
  }));
  cross.hidden = kind !== 'point' || !label;
  if (label && kind === 'point') [cross.style.left, cross.style.top] = label.map(share => `${100 * share}%`);
  canvas.hidden = brush.hidden = kind !== 'mask';
  const keys = MORE_KEYS[kind] ?? '1 to 9 choose';
  element.querySelector('.lab-label-keys').textContent = kind === 'number' ? '' : `Keys: ${state.isOne ? '' : STEPPING}${keys}.`;
  said.textContent = state.isOne ? '' : `${state.at + 1} of ${state.total} · ${state.done} labelled${state.isLabelled ? ' · this one is' : ''}`;
};
const open = detail => {
  const isOther = detail.item !== state?.item || detail.opened !== state?.opened;
  if (isOther && saving) save();
  // What was answered before the last ticks were sent says nothing of them.
  const isOlder = !isOther && outbox.some(message => message.what === 'label' && message.item === detail.item);
  state = detail; label = isOlder ? label : detail.label; isLeaving &&= !isOther; element.classList.toggle('labelling', true);
  if (document.activeElement !== names) names.value = detail.classes.filter((_, at) => detail.kind !== 'mask' || at).join(', ');
  names.closest('p').hidden = detail.kind === 'point' || detail.isOne;
  element.classList.toggle('one', Boolean(detail.isOne));
  if (isOther) {
    undo = []; zoom = 1; shown.style.setProperty('--zoom', 1);
    pictured.hidden = detail.kind === 'text'; words.hidden = !pictured.hidden;
    words.textContent = detail.text; shown.scrollTop = 0;
    if (detail.picture) picture.src = detail.picture;
    picture.onload = () => {
      if (detail.kind !== 'mask') return;
      [canvas.width, canvas.height] = [picture.naturalWidth, picture.naturalHeight];
      painted = new Uint8Array(canvas.width * canvas.height);
      if (detail.mask) spread(detail.mask);
    };
  }
  draw();
};
// What a mask holds is its red channel: the classes' numbers.
const spread = source => {
  const mask = new Image(), of = state.item;
  mask.onload = () => {
    if (of !== state.item) return;
    const small = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d');
    small.imageSmoothingEnabled = false;
    small.drawImage(mask, 0, 0, canvas.width, canvas.height);
    const {data} = small.getImageData(0, 0, canvas.width, canvas.height);
    painted = painted.map((_, at) => data[4 * at]);
    fill();
  };
  mask.src = source;
};
const NONE = 255;  // a pixel of no class
const rgb = hex => [1, 3, 5].map(at => parseInt(hex.slice(at, at + 2), 16));
// Show a part of what is painted; all of it without one.
const fill = (x = 0, y = 0, width = canvas.width, height = canvas.height) => {
  if (width < 1 || height < 1) return;
  const part = paint.createImageData(width, height), known = colours().map(rgb);
  for (let row = 0; row < height; row++) for (let column = 0; column < width; column++) {
    const code = painted[(y + row) * canvas.width + x + column];
    if ((code || state.isOne) && code !== NONE) part.data.set([...known[code % known.length], 255], 4 * (row * width + column));
  }
  paint.putImageData(part, x, y);
};
const packed = (codes, width, height) => {
  const sent = new OffscreenCanvas(width, height), part = new ImageData(width, height);
  codes.forEach((code, at) => part.data.set([code, code, code, 255], 4 * at));
  sent.getContext('2d').putImageData(part, 0, 0);
  return sent.convertToBlob({type: 'image/png'}).then(blob => new Promise(done => {
    const reader = new FileReader();
    reader.onload = () => done(reader.result);
    reader.readAsDataURL(blob);
  }));
};
// The picture and its mask as they are now: another may be shown before it is packed.
const save = async () => {
  clearTimeout(saving);
  saving = null;
  const item = state.item, mask = await packed(painted.slice(), canvas.width, canvas.height);
  outbox.push({what: 'paint', item, mask}); next();
};
const kept = () => { undo.push(painted.slice()); undo = undo.slice(-UNDONE); };
const changed = () => { clearTimeout(saving); saving = setTimeout(save, 500); };
const at = event => {
  const place = picture.getBoundingClientRect();
  return [(event.clientX - place.left) / place.width, (event.clientY - place.top) / place.height].map(share => Math.min(1, Math.max(0, share)));
};
// A round brush from the last place to this one, each pixel wholly in or out.
const dab = event => {
  const [sx, sy] = at(event), {width, height} = canvas, to = [sx * width, sy * height], from = stroke ?? to;
  const reach = Math.max(.5, Number(brush.querySelector('input').value) / 2000 * width);
  const [left, top] = [0, 1].map(axis => Math.max(0, Math.floor(Math.min(from[axis], to[axis]) - reach)));
  const right = Math.min(width, Math.ceil(Math.max(from[0], to[0]) + reach)), bottom = Math.min(height, Math.ceil(Math.max(from[1], to[1]) + reach));
  const [dx, dy] = [to[0] - from[0], to[1] - from[1]], length = dx * dx + dy * dy || 1;
  for (let y = top; y < bottom; y++) for (let x = left; x < right; x++) {
    const share = Math.min(1, Math.max(0, ((x + .5 - from[0]) * dx + (y + .5 - from[1]) * dy) / length));
    const away = (x + .5 - from[0] - share * dx) ** 2 + (y + .5 - from[1] - share * dy) ** 2;
    if (away <= reach * reach) painted[y * width + x] = chosen;
  }
  fill(left, top, right - left, bottom - top);
  stroke = to;
};
const step = by => { if (state.isOne) return; if (saving) save(); isLeaving = true; tell('go', {by}); };
const choose = place => {
  const name = state.classes[place];
  if (name === undefined) return;
  if (state.kind === 'mask') { chosen = place; return draw(); }
  if (state.kind === 'tags') {
    label = (label ?? []).includes(name) ? label.filter(one => one !== name) : [...(label ?? []), name];
    draw();
    return tell('label', {label});
  }
  if (state.kind === 'label' || state.kind === 'text') { label = name; draw(); tell('label', {label, by: state.isOne ? 0 : 1}); }
};
const undoOne = () => { if (undo.length) { painted = undo.pop(); fill(); changed(); } };
const place = point => { label = point; draw(); tell('label', {label}); };

shown.addEventListener('pointerdown', event => {
  if (!state || event.button || isLeaving) return;
  shown.focus();
  if (state.kind !== 'point' && state.kind !== 'mask') return;
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
    if (state.kind === 'mask') { kept(); painted.fill(0); fill(); return changed(); }
    draw(); tell('label', {label: null});
  }
});
classes.addEventListener('change', event => {
  if (state?.kind !== 'number') return;
  const all = [...classes.querySelectorAll('input')].map(input => [input.dataset.name, input.valueAsNumber]);
  if (all.every(([, number]) => Number.isFinite(number))) { label = Object.fromEntries(all); tell('label', {label}); }
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
  if (!outbox.some(message => message.what === 'go')) isLeaving = false;
  if (event.detail?.item) open(event.detail); else element.classList.remove('labelling');
  next();
});
