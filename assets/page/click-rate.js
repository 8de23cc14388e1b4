// A line follows the pointer over the finder's curve; a click takes the rate under it.
const rateAt = (area, x) => {
  const box = area.getBoundingClientRect();
  const share = Math.min(1, Math.max(0, (x - box.left) / box.width));
  const low = Math.log10(+area.dataset.low), high = Math.log10(+area.dataset.high);
  return [share, 10 ** (low + share * (high - low))];
};
element.addEventListener('click', event => {
  const area = event.target.closest('.area[data-log="1"]');
  if (area) trigger('select', {rate: rateAt(area, event.clientX)[1]});
});
element.addEventListener('pointermove', event => {
  const area = event.target.closest('.area[data-log="1"]');
  if (!area) return;
  let line = area.querySelector('.cursor');
  if (!line) { line = document.createElement('div'); line.className = 'cursor'; area.append(line); }
  const [share, rate] = rateAt(area, event.clientX);
  line.style.left = 100 * share + '%';
  line.dataset.rate = rate.toExponential(1).replace('e+', 'e');
});
