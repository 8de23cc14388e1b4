// A live camera: a small picture of what it sees goes out, and the next one once there is an answer to it. It ends, picture and
// device, on Stop, when its step or the page is out of sight, and when the page is left.
const video = element.querySelector('video'), canvas = document.createElement('canvas');
const [start, stop] = element.querySelectorAll('button');
const said = element.querySelector('.lab-camera-said'), pill = element.querySelector('.lab-pill');
let stream = null;

const show = (isOn, words) => {
  start.hidden = isOn; stop.hidden = pill.hidden = !isOn; said.textContent = words;
  element.querySelector('.lab-camera').classList.toggle('on', isOn);
};
const end = words => {
  stream?.getTracks().forEach(track => track.stop());
  stream = video.srcObject = null;
  show(false, words);
};
const send = () => {
  if (!stream || !video.videoWidth) return;
  const side = Number(element.querySelector('.lab-camera').dataset.side ?? 240);
  const scale = Math.min(1, side / Math.min(video.videoWidth, video.videoHeight));
  [canvas.width, canvas.height] = [Math.round(video.videoWidth * scale), Math.round(video.videoHeight * scale)];
  canvas.getContext('2d').drawImage(video, 0, 0, canvas.width, canvas.height);
  trigger('select', {frame: canvas.toDataURL('image/jpeg', 0.85), width: video.videoWidth, height: video.videoHeight});
};
start.addEventListener('click', async () => {
  try {
    const found = await navigator.mediaDevices.getUserMedia({video: true});
    if (!element.offsetParent || document.hidden) return found.getTracks().forEach(track => track.stop());
    stream = video.srcObject = found;
    await video.play();
    show(true, '');
    send();
  } catch (problem) {
    end(navigator.mediaDevices ? `The camera cannot be used (${problem.message}). Allow it in the browser's settings for this page.`
      : 'The browser lends its camera only to a page at an https address or at localhost.');
  }
});
stop.addEventListener('click', () => end('The camera is off.'));
element.addEventListener('answered', () => setTimeout(send, 50));
document.addEventListener('visibilitychange', () => { if (document.hidden && stream) end('The camera went off when the page was hidden.'); });
addEventListener('pagehide', () => end(''));
new ResizeObserver(() => { if (!element.offsetParent && stream) end('The camera went off when you left this step.'); }).observe(element);
