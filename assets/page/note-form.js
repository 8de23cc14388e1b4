// Notes what a form holds, for as long as this tab of the browser is open, and hands it on.
key => (...values) => { sessionStorage.setItem(key, JSON.stringify(values)); return values; }
