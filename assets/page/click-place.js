// A click into a picture says where, as shares of its width and height.
element.addEventListener('click', event => {
  const box = event.target.closest('.lab-pointed')?.getBoundingClientRect();
  if (box) trigger('select', {x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height});
});
