// What Gradio and Spaces put into the address, the theme and a private Space's signature, goes along to the next page.
() => document.addEventListener('click', event => {
  const link = event.target.closest('a[href]');
  if (link?.origin !== location.origin) return;
  const to = new URL(link.href);
  for (const [key, value] of new URLSearchParams(location.search)) if (key.startsWith('__')) to.searchParams.set(key, value);
  link.href = to.href;
}, true)
