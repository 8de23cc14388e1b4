// A slider from 0 to `whole` sets a share on a panel, as a variable of its style: no server is asked.
(panel, variable, whole) => value => { document.getElementById(panel).style.setProperty(variable, value / whole); }
