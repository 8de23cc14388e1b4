// Ends the dimming that after-pause.js began.
dims => () => { document.getElementById(dims)?.classList.remove('lab-stale'); }
