// Gradio's lists of choices stay open over the page when the Tab key leaves them; one more blur closes them.
() => { document.addEventListener('focusout', event => {
  if (event.target.matches('[role=combobox], [role=listbox]'))
    setTimeout(() => event.target !== document.activeElement && event.target.dispatchEvent(new FocusEvent('blur')), 50);
}); }
