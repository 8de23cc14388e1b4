// A camera for the script that comes after this one: opened when it is first needed, and off, picture and
// device, when its step or the page is out of sight or left.
const makeCamera = (video, changed) => {
  const canvas = document.createElement('canvas');
  let stream = null;
  const packed = (source, width, height, side) => {
    const scale = Math.min(1, side / Math.min(width, height));
    [canvas.width, canvas.height] = [Math.round(width * scale), Math.round(height * scale)];
    canvas.getContext('2d').drawImage(source, 0, 0, canvas.width, canvas.height);
    return canvas.toDataURL('image/jpeg', 0.88);
  };
  const camera = {
    packed,
    isOn: () => Boolean(stream),
    frame: side => stream && video.videoWidth ? packed(video, video.videoWidth, video.videoHeight, side) : null,
    close: words => {
      stream?.getTracks().forEach(track => track.stop());
      stream = video.srcObject = null;
      changed(false, words ?? '');
    },
    // Whether there is a camera now.
    open: async () => {
      if (stream) return true;
      try {
        const found = await navigator.mediaDevices.getUserMedia({video: true});
        if (!element.offsetParent || document.hidden) { found.getTracks().forEach(track => track.stop()); return false; }
        stream = video.srcObject = found;
        await video.play();
        changed(true, '');
        return true;
      } catch (problem) {
        camera.close(navigator.mediaDevices ? `The camera cannot be used (${problem.message}). Allow it in the browser's settings for this page, or use files.`
          : 'The browser lends its camera only to a page at an https address or at localhost. Use files.');
        return false;
      }
    },
  };
  document.addEventListener('visibilitychange', () => { if (document.hidden && stream) camera.close('The camera went off when the page was hidden.'); });
  addEventListener('pagehide', () => camera.close());
  new ResizeObserver(() => { if (!element.offsetParent && stream) camera.close('The camera went off when you left this step.'); }).observe(element);
  return camera;
};
// Buttons with `data-record` in `root` record while they are held; a click, or a key, counts down and records two seconds.
// `began(button)`, `grew(button, count)` and `ended(button, frames)` hear of it.
const recordsWhenHeld = (root, camera, side, {began, grew, ended}) => {
  const FRAMES_A_SECOND = 8, COUNTED = 2000, MOST = 120, HELD = 250;
  let taking = null;
  const begin = button => {
    const frames = [];
    taking = {button, frames, timer: setInterval(() => {
      const one = camera.frame(side);
      if (one) frames.push(one);
      grew(button, frames.length);
      if (frames.length >= MOST) end();
    }, 1000 / FRAMES_A_SECOND)};
    began(button);
  };
  const end = () => {
    if (!taking) return;
    const {button, frames, timer} = taking;
    clearInterval(timer); taking = null;
    ended(button, frames);
  };
  const record = async (button, held) => {
    if (taking || !(await camera.open())) return;
    if (held.isDown) return begin(button);
    const words = button.textContent;
    for (const left of [3, 2, 1]) { button.textContent = `${left} …`; await new Promise(done => setTimeout(done, 800)); }
    button.textContent = words;
    begin(button);
    setTimeout(end, COUNTED);
  };
  root.addEventListener('pointerdown', event => {
    const button = event.target.closest('[data-record]');
    if (!button || event.button) return;
    const held = button.held = {isDown: true, since: Date.now()};
    button.setPointerCapture(event.pointerId);
    setTimeout(() => { if (held.isDown) record(button, held); }, HELD);
  });
  root.addEventListener('pointerup', event => {
    const button = event.target.closest('[data-record]');
    if (!button?.held) return;
    const isShort = Date.now() - button.held.since < HELD;
    button.held.isDown = false;
    if (isShort) record(button, button.held); else end();
  });
  root.addEventListener('pointercancel', () => end());
  root.addEventListener('keydown', event => {
    const button = event.target.closest('[data-record]');
    if (!button || event.repeat || !['Enter', ' '].includes(event.key)) return;
    event.preventDefault();
    record(button, {isDown: false});
  });
};
