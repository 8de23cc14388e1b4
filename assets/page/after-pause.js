// For a live handler: wait until nobody has typed for `milliseconds`, and drop what was overtaken. Meanwhile the element whose
// id is `dims` is dimmed: what stands there is of another input.
(name, dims, milliseconds) => (...values) => new Promise(go => {
  document.getElementById(dims)?.classList.add('lab-stale');
  window.labPauses ??= {};
  clearTimeout(window.labPauses[name]);
  window.labPauses[name] = setTimeout(() => go(values), milliseconds);
})
