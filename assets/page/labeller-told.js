// Tells an editor what the server shows, with its label; of several on a page the one in the element of that id.
(name, id) => detail => {
  const editor = document.querySelector(`${id ? `#${CSS.escape(id)} ` : ''}.lab-labeller`);
  editor?.dispatchEvent(new CustomEvent(name, {detail: detail ? JSON.parse(detail) : null, bubbles: true}));
}
