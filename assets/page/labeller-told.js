// Tells the editor which picture the server shows, with its label.
name => detail => {
  const editor = document.querySelector('.lab-labeller');
  editor?.dispatchEvent(new CustomEvent(name, {detail: detail ? JSON.parse(detail) : null, bubbles: true}));
}
