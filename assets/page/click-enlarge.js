// A click makes a picture large, and small again.
element.addEventListener('click', event => event.target.closest('.lab-figure')?.classList.toggle('large'));
