// Tells when somebody comes back to the page.
addEventListener('focus', () => trigger('select'));
document.addEventListener('visibilitychange', () => { if (!document.hidden) trigger('select'); });
