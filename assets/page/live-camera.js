// A live camera: a small picture of what it sees goes out, and the next one once there is an answer to it.
const video = element.querySelector('video'), pill = element.querySelector('.lab-pill');
const [start, stop] = element.querySelectorAll('button');
const camera = makeCamera(video, (isOn, words) => {
  start.hidden = isOn; stop.hidden = pill.hidden = !isOn;
  element.querySelector('.lab-camera-said').textContent = words;
  element.querySelector('.lab-camera').classList.toggle('on', isOn);
});
const send = () => {
  const frame = camera.frame(Number(element.querySelector('.lab-camera').dataset.side ?? 240));
  if (frame) trigger('select', {frame, width: video.videoWidth, height: video.videoHeight});
};
start.addEventListener('click', async () => { if (await camera.open()) send(); });
stop.addEventListener('click', () => camera.close('The camera is off.'));
element.addEventListener('answered', () => setTimeout(send, 50));
