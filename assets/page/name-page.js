// Says which page this is, to the browser's tab and history, and to who hears the way to the others.
(page, app) => () => {
  document.title = page ? `${page} · ${app}` : app;
  document.querySelector('nav a.active')?.setAttribute('aria-current', 'page');
}
