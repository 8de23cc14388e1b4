// Puts the answer's cross over a live camera, and lets it send its next picture, in the size that the model takes.
camera => () => {
  const answer = document.querySelector(`#${camera}-answer [data-x]`), shown = document.querySelector(`#${camera} .lab-camera`);
  const cross = shown.querySelector('.lab-cross');
  cross.hidden = !answer;
  if (answer) {
    [cross.style.left, cross.style.top] = [`${100 * answer.dataset.x}%`, `${100 * answer.dataset.y}%`];
    shown.dataset.side = answer.dataset.side;
  }
  shown.dispatchEvent(new Event('answered', {bubbles: true}));
}
