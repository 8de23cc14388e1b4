// Of so many timers the one at a place runs, the others rest; in the browser, where no answer can come too late.
(place, count) => () => Array.from({length: count}, (_, index) => ({__type__: 'update', active: index === place}))
