// A click on one of the listed things chooses it.
element.addEventListener('click', event => {
  const chosen = event.target.closest('[data-choice]');
  if (chosen) trigger('select', {choice: chosen.dataset.choice});
});
