// Every visible text of the page with its size in pixels and its contrast against what is painted behind it (WCAG 2.2, 1.4.3).
() => {
  const paint = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const known = new Map();
  const rgba = color => {  // whatever a style sheet may say, color-mix too, as red, green, blue (0 to 255) and alpha (0 to 1)
    if (!known.has(color)) {
      paint.canvas.width = paint.canvas.height = 1;
      paint.fillStyle = color;
      paint.fillRect(0, 0, 1, 1);
      const [red, green, blue, alpha] = paint.getImageData(0, 0, 1, 1).data;
      known.set(color, [red, green, blue, alpha / 255]);
    }
    return known.get(color);
  };
  const over = (top, share, below) => below.map((part, index) => top[index] * share + part * (1 - share));
  const parents = element => {
    const line = [];
    for (let at = element; at; at = at.parentElement) line.unshift(at);
    return line;
  };
  const painted = (element, color) => {  // the colours of the text and of its ground, as the eye gets them
    let ground = [255, 255, 255], ink = null;
    const groups = [];  // what lies below an element that is let through: its own layer is mixed with that at its end
    for (const at of parents(element)) {
      const style = getComputedStyle(at);
      if (style.opacity < 1) groups.push([ground, +style.opacity]);
      const back = rgba(style.backgroundColor);
      ground = over(back, back[3], ground);
    }
    const own = rgba(color);
    ink = over(own, own[3], ground);
    for (const [below, share] of groups.reverse()) [ground, ink] = [over(ground, share, below), over(ink, share, below)];
    return [ink, ground];
  };
  const luminance = color => {
    const [red, green, blue] = color.map(part => part / 255).map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const contrast = (one, other) => {
    const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
  };
  const isShown = (element, box) => {
    if (!element.checkVisibility({opacityProperty: true, visibilityProperty: true})) return false;
    if (box.width < 2 || box.height < 2) return false;  // for screen readers alone
    return !parents(element).some(at => at.matches('[disabled], [aria-disabled=true], [aria-hidden=true], .lab-stale, .pending'));
  };
  const seen = [];
  const note = (element, words, style, box) => {
    if (!words.trim() || !isShown(element, box)) return;
    const [ink, ground] = painted(element, style.color);
    const size = parseFloat(style.fontSize);
    const path = parents(element).slice(-3).map(at => at.tagName.toLowerCase() + [...at.classList].slice(0, 2).map(name => '.' + name).join('')).join(' > ');
    seen.push({text: words.trim().replace(/\s+/g, ' ').slice(0, 80), size, contrast: contrast(ink, ground), path,
      isLarge: size >= 24 || (size >= 18.66 && style.fontWeight >= 700)});
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (element.closest('script, style, noscript, option, textarea')) continue;
    const range = document.createRange();
    range.selectNodeContents(walker.currentNode);
    note(element, walker.currentNode.data, getComputedStyle(element), range.getBoundingClientRect());
  }
  for (const field of document.querySelectorAll('input:not([type=checkbox], [type=radio], [type=range], [type=file]), textarea')) {
    const style = getComputedStyle(field, field.value ? undefined : '::placeholder');
    note(field, field.value || field.placeholder, style, field.getBoundingClientRect());
  }
  return seen;
}
