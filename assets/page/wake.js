// A timer runs again, where the step that it is for is looked at.
step => () => ({__type__: 'update', active: location.hash === (step && '#' + step)})
