// What was noted of a form in this tab of the browser; "" for nothing.
key => () => [sessionStorage.getItem(key) ?? '']
