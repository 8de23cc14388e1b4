// The address carries the comparison: whoever opens it sees the same runs side by side.
runs => {
  const query = new URLSearchParams(location.search);
  query.delete('runs');
  const named = runs?.length ? `runs=${runs.map(encodeURIComponent).join(',')}` : '', rest = String(query);
  const search = [named, rest].filter(Boolean).join('&');
  history.replaceState(null, '', location.pathname + (search && '?' + search) + location.hash);
}
