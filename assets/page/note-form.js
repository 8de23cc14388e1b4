// Notes what a form holds, for as long as this tab of the browser is open, and gives what was noted.
key => (...values) => { const noted = JSON.stringify(values); sessionStorage.setItem(key, noted); return [noted]; }
