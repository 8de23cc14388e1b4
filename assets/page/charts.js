// Makes the charts of `tabs/drawing/charts.py` interactive, each where it stands: values under the pointer, zoom, lines that come and
// go, the points as a table, as CSV and as a picture. What was zoomed and hidden is kept by a chart's key: when its HTML changes, Gradio
// makes every node and attribute what the server sent, so that a figure without our mark is to be dressed anew, from a clean copy.
(() => {
  const states = new Map();  // by key: {zoom, hidden, isTable}
  const charts = new Map();  // by key: what is on the page
  const LEFT = 8, ABOVE = 8, RIGHT = 14, BELOW = 22;  // room for labels around the plot; LEFT is added to the area's own margin
  const FAR = 30;  // pixels beyond a line's end at which its last value is not told any more

  const css = (element, name) => getComputedStyle(element).getPropertyValue(name).trim();
  const make = (tag, fields = {}, ...inside) => {
    const made = Object.assign(document.createElement(tag), fields);
    made.append(...inside);
    return made;
  };
  const short = value => {
    const size = Math.abs(value);
    return size && (size < 1e-3 || size >= 1e6) ? value.toExponential(2).replace('e+', 'e') : String(+value.toPrecision(5));
  };
  const rate = value => value.toExponential(2).replace(/\.?0+e/, 'e').replace('e+', 'e');

  // As `ticks` has them: powers of ten where an axis is logarithmic (on a stretch too short for two of them 1, 2 and 5 of each).
  const ticks = (low, high, isLog, wanted = 5) => {
    if (!(high > low)) return [low];
    if (isLog) {
      const powers = [];
      for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) powers.push(power);
      const inside = factors => powers.flatMap(power => factors.map(factor => factor * 10 ** power))
        .filter(tick => tick >= low * (1 - 1e-9) && tick <= high * (1 + 1e-9));
      const found = inside([1]);
      if (found.length > 1) return found.filter((_, index) => index % Math.max(1, Math.ceil(found.length / 7)) === 0);
      if (inside([1, 2, 5]).length > 1) return inside([1, 2, 5]);
    }
    const raw = (high - low) / wanted, power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].map(factor => factor * power).find(step => step >= raw * (1 - 1e-9));
    const found = [];
    for (let n = Math.ceil(low / step - 1e-9); n <= Math.floor(high / step + 1e-9); n++) found.push(step * n);
    return found;
  };
  const tickText = (tick, isLog) => isLog || (tick && !(Math.abs(tick) >= 1e-3 && Math.abs(tick) < 1e5)) ? rate(tick) : String(+tick.toPrecision(6));

  // One x axis for all lines, in order; where a line has several points at one x, there are as many rows of that x.
  const joined = lines => {
    const most = new Map();
    for (const line of lines) {
      const own = new Map();
      for (const x of line.xs) own.set(x, (own.get(x) ?? 0) + 1);
      for (const [x, count] of own) most.set(x, Math.max(most.get(x) ?? 0, count));
    }
    const xs = [], first = new Map();
    for (const x of [...most.keys()].sort((a, b) => a - b)) {
      first.set(x, xs.length);
      for (let n = 0; n < most.get(x); n++) xs.push(x);
    }
    return [xs, ...lines.map(line => {
      const ys = Array(xs.length).fill(null), used = new Map();
      line.xs.forEach((x, index) => {
        const n = used.get(x) ?? 0;
        used.set(x, n + 1);
        ys[first.get(x) + n] = line.ys[index];
      });
      return ys;
    })];
  };

  const inkOf = (figure, line) => {
    const probe = make('span', {className: line.color, hidden: true});
    figure.append(probe);
    const ink = css(probe, '--ink');
    probe.remove();
    return ink || css(figure, '--lab-ink');
  };
  const isOnlyDots = line => line.dots && !line.name;

  class Chart {
    constructor(key) {
      this.key = key;
      this.state = states.get(key) ?? {zoom: null, hidden: new Set(), isTable: false};
      states.set(key, this.state);
      this.resized = new ResizeObserver(() => this.fit());
      // Of a name that nothing else has: Gradio turns an element into another of the same name where it can.
      this.holder = make('lab-plot');
    }

    // Take over a figure that just came, with the plot that there was for its predecessor.
    adopt(figure, told) {
      this.resized.disconnect();
      const isSame = this.told && JSON.stringify(this.shape(this.told)) === JSON.stringify(this.shape(told));
      Object.assign(this, {figure, told, area: figure.querySelector('.area'), data: joined(told.lines)});
      this.title = figure.dataset.title;
      this.label = figure.querySelector('.x-label').textContent;
      const bounds = [this.data[0][0], this.data[0].at(-1)];
      if (this.state.zoom && (this.state.zoom[0] >= bounds[1] || this.state.zoom[1] <= bounds[0])) this.state.zoom = null;
      if (!isSame) this.drop();
      this.dress();
      this.resized.observe(this.area);
      this.fit();
      this.keepFocus();
    }
    shape(told) { return [told.xLog, told.yLog, told.lines.map(line => [line.name, line.color, line.dots])]; }

    // Whoever was in the figure by keyboard is so in the one that takes its place.
    keepFocus() {
      const {figure} = this, stops = [...figure.querySelectorAll('button, [tabindex]')];
      if (this.stop !== undefined && document.activeElement === document.body) {
        const at = this.at;
        stops[this.stop]?.focus({preventScroll: true});
        if (at != null && stops[this.stop] === this.area && at < this.data[0].length) this.point(at);
      }
      figure.addEventListener('focusin', event => { this.stop = stops.indexOf(event.target); });
      figure.addEventListener('focusout', event => queueMicrotask(() => {
        if (event.target.isConnected && !figure.contains(document.activeElement)) this.stop = undefined;
      }));
    }

    drop() {
      this.plot?.destroy();
      this.plot = null;
    }

    // What is around the plot: keys that toggle, the row of buttons, what is told to screen readers.
    dress() {
      const {figure, area} = this, names = this.told.lines.map(line => line.name).filter(Boolean);
      figure.querySelectorAll('figcaption .key').forEach((key, index) => {
        const button = make('button', {type: 'button', className: key.className, title: 'Show or hide this line'}, key.textContent);
        button.addEventListener('click', () => this.toggle(names[index]));
        key.replaceWith(button);
      });
      this.keys = [...figure.querySelectorAll('figcaption .key')];
      this.tip = make('div', {className: 'tip', hidden: true});
      this.tip.setAttribute('role', 'status');
      const button = (words, act, hint) => {
        const made = make('button', {type: 'button', title: hint}, words);
        made.addEventListener('click', act);
        return made;
      };
      this.tabler = button('Table', () => { this.state.isTable = !this.state.isTable; this.showTable(); }, 'The points as a table');
      this.resetter = button('Zoom out', () => this.zoom(null), 'Show all of it (double click, or 0)');
      const tools = make('span', {className: 'tools'}, this.tabler,
        button('CSV', () => this.saveCsv(), 'Download the points'), button('PNG', () => this.savePng(), 'Download the picture'), this.resetter);
      figure.querySelector('.x-label').prepend(tools);
      area.tabIndex = 0;
      area.setAttribute('role', 'group');
      area.setAttribute('aria-label', 'Interactive chart');  // its figure's caption says of what
      area.setAttribute('aria-description', 'Left and right read its values, plus and minus zoom, 0 shows all of it.'
        + (this.told.click ? ' Enter takes the place that is read.' : ''));
      area.addEventListener('keydown', event => this.pressed(event));
      area.addEventListener('blur', () => { if (area.isConnected) this.point(null); });
      // The end of a drag is no click at a place.
      area.addEventListener('click', event => { if (this.wasDrag) event.stopPropagation(); this.wasDrag = false; });
      this.marks = [...area.querySelectorAll('.mark')].map(mark => ({mark, x: +mark.dataset.x, y: 'y' in mark.dataset ? +mark.dataset.y : null}));
      this.showKeys();
      this.showTable();
    }

    // The plot fills the area, with its labels around that; it is made when there is room for it.
    fit() {
      const {area} = this, width = area.clientWidth, height = area.clientHeight;
      if (!width || !height) return;
      const left = parseFloat(getComputedStyle(area).marginLeft) + LEFT;
      const size = {width: width + left + RIGHT, height: height + ABOVE + BELOW};
      if (this.plot && this.left !== left) this.drop();
      this.left = left;
      if (!this.plot) this.plot = this.build(size);
      const root = this.plot.root;
      Object.assign(root.style, {left: `${-left}px`, top: `${-ABOVE}px`});
      if (this.holder.parentElement !== area || root.parentElement !== this.holder) {
        this.holder.replaceChildren(root, this.tip);
        area.append(this.holder);
        this.plot.syncRect(true);
      }
      area.classList.add('live');
      if (this.plot.width !== size.width || this.plot.height !== size.height) this.plot.setSize(size);
      if (this.plot.data !== this.data) this.plot.setData(this.data, false);
      this.zoom(this.state.zoom);
    }

    build(size) {
      const {told} = this, ink = name => () => css(this.figure, name);
      const axis = (isX, room) => ({
        scale: isX ? 'x' : 'y', side: isX ? 2 : 3, size: room, gap: isX ? 3 : 6, font: `13px ${getComputedStyle(this.area).fontFamily}`,
        stroke: ink('--lab-soft'), grid: {stroke: ink('--lab-line'), width: 1}, ticks: {show: false},
        splits: (_, __, low, high) => ticks(low, high, isX ? told.xLog : told.yLog),
        values: (_, splits) => splits.map(tick => tickText(tick, isX ? told.xLog : told.yLog)),
        filter: (_, splits) => splits,
      });
      const plot = new uPlot({
        ...size, padding: [ABOVE, RIGHT, 0, 0], legend: {show: false},
        scales: {
          x: {time: false, distr: told.xLog ? 3 : 1, range: () => this.state.zoom ?? this.told.x},
          y: {distr: told.yLog ? 3 : 1, range: (_, low, high) => this.heights(low, high)},
        },
        axes: [axis(true, BELOW), axis(false, this.left)],
        series: [{}, ...told.lines.map(line => ({
          scale: 'y', spanGaps: true, width: isOnlyDots(line) ? 0 : 2, stroke: () => inkOf(this.figure, line),
          dash: line.color.includes('faint') || line.color.includes('dashed') ? [3, 4] : undefined,
          paths: isOnlyDots(line) ? () => null : undefined, show: !this.state.hidden.has(line.name),
          points: {show: Boolean(line.dots) || line.xs.length === 1, size: 7, width: 0, fill: () => inkOf(this.figure, line),
            filter: line.dots ? (u, index) => u.data[index].flatMap((y, at) => y === null ? [] : [at]) : undefined},
        }))],
        cursor: {
          y: false, drag: {x: true, y: false, setScale: false, dist: 5}, points: {size: 9}, dataIdx: (u, line, at, x) => this.nearest(u, line, at, x),
          bind: {dblclick: () => () => { this.zoom(null); return null; }},
        },
        hooks: {
          setSelect: [u => this.dragged(u)], setCursor: [() => this.tell()],
          setScale: [(u, scale) => { if (scale === 'x') this.placed(); }],
          draw: [() => this.placed()],
        },
      }, this.data);
      plot.over.addEventListener('pointermove', event => {  // a finger reads values; the page still scrolls up and down
        if (event.pointerType !== 'touch') return;
        const box = plot.over.getBoundingClientRect();
        plot.setCursor({left: event.clientX - box.left, top: event.clientY - box.top}, true);
      });
      return plot;
    }

    heights(low, high) {
      const isWhole = !this.state.zoom && !this.told.lines.some(line => this.state.hidden.has(line.name));
      if (isWhole || low === null || high === null) return this.told.y;
      if (this.told.yLog) return low < high ? [low, high] : [low / 2, high * 2];
      const room = high > low ? (high - low) * .06 : Math.max(Math.abs(high) * .1, 1e-3);
      return [low - room, high + room];
    }

    // The line's point nearest to the pointer; none far beyond its ends.
    nearest(u, line, at, x) {
      const xs = u.data[0], ys = u.data[line];
      let before = at, after = at;
      while (before >= 0 && ys[before] == null) before--;
      while (after < ys.length && ys[after] == null) after++;
      const away = index => Math.abs(u.valToPos(xs[index], 'x') - u.valToPos(x, 'x'));
      const [low, high] = [before >= 0, after < ys.length];
      if (low && high) return away(before) <= away(after) ? before : after;
      const end = low ? before : after;
      return (low || high) && away(end) <= FAR ? end : null;
    }

    zoom(range) {
      this.state.zoom = range;
      const [min, max] = range ?? this.told.x;
      this.plot?.batch(() => this.plot.setScale('x', {min, max}));
      this.resetter.hidden = !range;
    }

    dragged(u) {
      const {left, width} = u.select;
      if (width < 5) return;
      this.wasDrag = true;
      setTimeout(() => { this.wasDrag = false; }, 50);
      const range = [u.posToVal(left, 'x'), u.posToVal(left + width, 'x')];
      u.setSelect({left: 0, top: 0, width: 0, height: 0}, false);
      this.zoom(range);
    }

    toggle(name) {
      const {hidden} = this.state;
      if (!hidden.delete(name)) hidden.add(name);
      this.told.lines.forEach((line, index) => { if (line.name === name) this.plot?.setSeries(index + 1, {show: !hidden.has(name)}); });
      this.showKeys();
    }
    showKeys() {
      for (const key of this.keys) key.setAttribute('aria-pressed', String(!this.state.hidden.has(key.textContent)));
    }

    // Marks and the bounds for a click follow the zoom.
    placed() {
      const {plot, area} = this;
      if (!plot || plot.scales.x.min == null) return;
      area.dataset.low = plot.scales.x.min;
      area.dataset.high = plot.scales.x.max;
      for (const {mark, x, y} of this.marks) {
        const left = plot.valToPos(x, 'x');
        mark.hidden = left < -1 || left > area.clientWidth + 1;
        mark.style.left = `${left}px`;
        const dot = mark.querySelector('i');
        if (dot && y !== null) dot.style.top = `${Math.min(Math.max(plot.valToPos(y, 'y'), 0), area.clientHeight)}px`;
      }
    }

    // The values under the pointer, beside it.
    tell() {
      const {plot, tip, told} = this, {left, idx, idxs} = plot.cursor;
      if (left == null || left < 0 || idx == null) { tip.hidden = true; return; }
      const xs = plot.data[0], rows = [], heights = [];
      told.lines.forEach((line, index) => {
        const at = idxs[index + 1];
        if (at == null || !plot.series[index + 1].show || plot.data[index + 1][at] == null) return;
        heights.push(plot.valToPos(plot.data[index + 1][at], 'y'));
        const elsewhere = xs[at] === xs[idx] ? '' : ` at ${short(xs[at])}`;
        const mean = line.mean ? `, mean of ${line.mean}` : '';
        rows.push(make('div', {className: line.color}, make('b', {}, short(plot.data[index + 1][at])), ` ${line.name}${elsewhere}${mean}`));
      });
      tip.replaceChildren(make('div', {}, `${this.label} ${short(xs[idx])}`), ...rows);
      tip.hidden = !rows.length;
      const width = this.area.clientWidth, height = this.area.clientHeight, isRight = left > width / 2;
      // Where a click takes a place, its value stands below.
      const isHigh = !told.click && heights.reduce((sum, at) => sum + at, 0) < heights.length * height / 2;
      Object.assign(tip.style, {
        left: isRight ? '' : `${left + 12}px`, right: isRight ? `${width - left + 12}px` : '',
        top: isHigh && height > 120 ? '' : '2px', bottom: isHigh && height > 120 ? '4px' : '',
      });
    }

    // By keyboard: the next point, nearer, all of it, and what a click would do.
    point(at) {
      this.at = at;
      if (!this.plot) return;
      if (at === null) this.plot.setCursor({left: -10, top: -10}, true);
      else this.plot.setCursor({left: this.plot.valToPos(this.data[0][at], 'x'), top: this.area.clientHeight / 2}, true);
    }
    pressed(event) {
      if (event.target !== this.area || !this.plot || event.ctrlKey || event.metaKey || event.altKey) return;
      const {min, max} = this.plot.scales.x, xs = this.data[0];
      const first = xs.findIndex(x => x >= min), last = xs.findLastIndex(x => x <= max);
      const step = event.shiftKey ? 10 : 1, at = this.at ?? first - 1, {key} = event;
      const turn = value => this.told.xLog ? Math.log10(value) : value, back = value => this.told.xLog ? 10 ** value : value;
      if (key === 'ArrowRight' || key === 'ArrowLeft') this.point(Math.min(last, Math.max(first, at + (key === 'ArrowRight' ? step : -step))));
      else if (key === 'Home' || key === 'End') this.point(key === 'Home' ? first : last);
      else if (key === 'Escape') this.point(null);
      else if (key === '0') this.zoom(null);
      else if (key === '+' || key === '=' || key === '-') {
        const [low, high, middle] = [turn(min), turn(max), this.at == null ? (turn(min) + turn(max)) / 2 : turn(xs[this.at])];
        const half = (high - low) * (key === '-' ? 1 : .25), [from, to] = this.told.x.map(turn);
        const range = [Math.max(from, middle - half), Math.min(to, middle + half)];
        this.zoom(range[0] <= from && range[1] >= to ? null : range.map(back));
      } else if (key === 'Enter' && this.told.click && this.at != null) {
        const box = this.area.getBoundingClientRect(), clientX = box.left + this.plot.valToPos(xs[this.at], 'x');
        this.area.dispatchEvent(new MouseEvent('click', {bubbles: true, clientX, clientY: box.top + 1}));
      } else return;
      event.preventDefault();
    }

    rows() {
      return [[this.label || 'x', ...this.told.lines.map(line => line.name || this.title)], ...this.data[0].map((x, at) => [x, ...this.data.slice(1).map(ys => ys[at])])];
    }
    showTable() {
      const {isTable} = this.state, old = this.figure.querySelector('.lab-scroll');
      this.tabler.setAttribute('aria-expanded', String(isTable));
      if (!isTable) { old?.remove(); return; }
      const [head, ...rows] = this.rows();
      const cells = (tag, row) => make('tr', {}, ...row.map(value => make(tag, {className: 'figure'}, typeof value === 'number' ? short(value) : value ?? '')));
      const table = make('table', {className: 'lab-table'}, make('caption', {className: 'lab-small'}, this.title),
        make('thead', {}, cells('th', head)), make('tbody', {}, ...rows.map(row => cells('td', row))));
      const scroll = make('div', {className: 'lab-scroll', tabIndex: 0}, table);
      const at = old?.scrollTop ?? 0;
      old ? old.replaceWith(scroll) : this.figure.append(scroll);
      scroll.scrollTop = at;
    }

    save(blob, ending) {
      const address = URL.createObjectURL(blob), name = this.title.toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-|-$/g, '') || 'chart';
      make('a', {href: address, download: `${name}.${ending}`}).click();
      setTimeout(() => URL.revokeObjectURL(address), 1000);
    }
    saveCsv() {
      // A cell that a table program would take for a formula is made a text.
      const cell = value => value == null ? '' : typeof value === 'number' ? value : `"${value.replace(/^[=+\-@\t\r]/, "'$&").replaceAll('"', '""')}"`;
      this.save(new Blob([this.rows().map(row => row.map(cell).join(',')).join('\r\n') + '\r\n'], {type: 'text/csv'}), 'csv');
    }
    savePng() {
      const {plot, figure} = this, from = plot.ctx.canvas, scale = devicePixelRatio, soft = css(figure, '--lab-soft'), ink = css(figure, '--lab-ink');
      const shown = this.told.lines.filter(line => line.name && !this.state.hidden.has(line.name));
      const top = 52 + 14 * this.marks.length, canvas = make('canvas', {width: from.width, height: from.height + (top + 18) * scale});
      const draw = canvas.getContext('2d');
      draw.fillStyle = css(figure, '--lab-card');
      draw.fillRect(0, 0, canvas.width, canvas.height);
      draw.scale(scale, scale);
      const font = getComputedStyle(figure).fontFamily, width = canvas.width / scale;
      const write = (words, x, y, color, weight = '') => { draw.fillStyle = color; draw.font = `${weight} 13px ${font}`; draw.fillText(words, x, y); };
      write(this.title, 12, 20, ink, '600');
      let x = 12;
      for (const line of shown) {
        draw.fillStyle = inkOf(figure, line);
        draw.fillRect(x, 36, 12, 3);
        write(line.name, x + 17, 42, soft);
        x += 34 + draw.measureText(line.name).width;
      }
      draw.drawImage(from, 0, top, from.width / scale, from.height / scale);
      this.marks.forEach(({mark, x}, index) => {
        if (mark.hidden) return;
        const left = this.left + plot.valToPos(x, 'x'), words = mark.textContent;
        draw.strokeStyle = soft;
        draw.setLineDash([3, 3]);
        draw.beginPath();
        draw.moveTo(left, words ? top - 14 * index : top + ABOVE);
        draw.lineTo(left, top + ABOVE + this.area.clientHeight);
        draw.stroke();
        if (words) write(words, Math.min(left + 3, width - 4 - draw.measureText(words).width), top - 2 - 14 * index, ink);
      });
      write(this.label, width - RIGHT - draw.measureText(this.label).width, canvas.height / scale - 6, soft);
      canvas.toBlob(blob => this.save(blob, 'png'));
    }
  }

  // A chart is known by its title and what is along it; those that have both in common by their order on the page.
  const look = () => {
    const seen = new Map(), there = new Set();
    for (const figure of document.querySelectorAll('.lab-chart:has(> .points)')) {
      const title = `${figure.dataset.title}|${figure.dataset.along}`, nth = seen.get(title) ?? 0;
      seen.set(title, nth + 1);
      const key = `${title}|${nth}`;
      there.add(key);
      if (!charts.has(key)) charts.set(key, new Chart(key));
      if (figure.dataset.live === key && charts.get(key).figure === figure) continue;
      const copy = figure.cloneNode(true);
      copy.querySelector('lab-plot')?.remove();
      copy.dataset.live = key;
      figure.replaceWith(copy);
      charts.get(key).adopt(copy, JSON.parse(copy.querySelector(':scope > .points').textContent));
    }
    for (const [key, chart] of charts) if (!there.has(key)) { chart.resized.disconnect(); chart.drop(); charts.delete(key); }
  };
  new MutationObserver(changes => {
    if (changes.some(change => [...change.addedNodes, ...change.removedNodes].some(node => node.nodeType === 1))) look();
  }).observe(document.body, {childList: true, subtree: true});
  new MutationObserver(() => { for (const chart of charts.values()) chart.plot?.redraw(); }).observe(document.body, {attributeFilter: ['class']});
  look();
})();
