// The address says which step is open, "camvid#train": a reload stays there, Back goes back, and a link can name one.
() => {
  const steps = document.querySelector('.lab-steps');
  const tab = test => [...steps.querySelectorAll('[role=tab][data-tab-id]')].find(tab => tab.offsetParent && test(tab));
  const chosen = () => tab(one => one.matches('[aria-selected=true]'))?.dataset.tabId;
  let sought = null;  // the step that the address asks for, until it is there
  const go = () => {
    const asked = tab(one => one.dataset.tabId === location.hash.slice(1)) ?? tab(() => true);
    sought = asked.dataset.tabId;
    if (sought === chosen()) keep();
    else asked.click();
  };
  const keep = () => {
    const here = chosen(), isSought = here === sought;
    if (!here || (sought && !isSought)) return;
    sought = null;
    if ('#' + here !== location.hash) history[isSought ? 'replaceState' : 'pushState'](null, '', location.pathname + location.search + '#' + here);
  };
  document.addEventListener('click', event => {
    if (!event.isTrusted) return;
    if (event.target.closest('[role=tab]')) sought = null;  // somebody's own choice ends the search
    else if (/[?&](run|model|start)=/.test(location.search)) {  // what is chosen is theirs from now on
      const query = new URLSearchParams(location.search);
      for (const named of ['run', 'model', 'start']) query.delete(named);
      history.replaceState(null, '', location.pathname + (query.size ? '?' + query : '') + location.hash);
    }
  }, true);
  new MutationObserver(keep).observe(steps, {subtree: true, attributeFilter: ['aria-selected']});
  addEventListener('hashchange', go);
  go();
}
