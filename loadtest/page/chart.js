// Line charts as inline SVG: axes with units, a legend, values under the pointer.
'use strict';

function element(name, attributes, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) node.setAttribute(key, value);
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

function svgElement(name, attributes, text) {
  const node = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text !== undefined) node.textContent = text;
  return node;
}

// Three digits that count, with thousands apart: 0.0123, 4.56, 78.9, 12,345.
function formatNumber(value) {
  if (value === null || value === undefined) return '–';
  const size = Math.abs(value);
  const digits = size >= 99.95 || value === 0 ? 0 : size >= 9.995 ? 1 : size >= 0.9995 ? 2 : 3;
  return value.toLocaleString('en-US', {maximumFractionDigits: digits});
}

// As in a column of a table: 37.0 below 43.7.
function formatFixed(value) {
  const size = Math.abs(value);
  const digits = size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2;
  return value.toLocaleString('en-US', {minimumFractionDigits: digits, maximumFractionDigits: digits});
}

// For axes: 500, 15k, 2.5M; in the unit that suits `greatest`.
function formatShort(value, greatest = value) {
  for (const [least, unit, letter] of [[1e9, 1e9, 'G'], [1e6, 1e6, 'M'], [1e4, 1e3, 'k']]) {
    if (value !== 0 && greatest >= least) return Number((value / unit).toPrecision(4)) + letter;
  }
  return String(Number(value.toPrecision(6)));
}

function linearScale(low, high, wanted) {
  const rough = (high - low || 1) / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough * 0.999);
  const ticks = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; ++i) ticks.push(i * step);
  return {ticks, at: (v) => (v - low) / (high - low || 1)};
}

// Decades; with 2 and 5 between them while those are few.
function logScale(low, high) {
  const span = Math.log10(high / low);
  const ticks = [];
  for (let e = Math.floor(Math.log10(low)); e <= Math.ceil(Math.log10(high)); ++e) {
    for (const m of span <= 2.5 ? [1, 2, 5] : [1]) {
      const tick = m * 10 ** e;
      if (tick >= low * 0.999 && tick <= high * 1.001) ticks.push(tick);
    }
  }
  return {ticks, at: (v) => (Math.log10(v) - Math.log10(low)) / (span || 1)};
}

// The next of 1, 2, 5 times a power of ten, at most or at least `value`.
function niceBound(value, up) {
  const power = 10 ** Math.floor(Math.log10(value));
  const steps = [1, 2, 5, 10].map((m) => m * power);
  return up ? steps.find((s) => s >= value * 0.999) : steps.reverse().find((s) => s <= value * 1.001);
}

function xScale(kind, xs, width) {
  const low = Math.min(...xs);
  const high = Math.max(...xs);
  if (kind === 'log') return logScale(low === high ? low / 2 : low, low === high ? high * 2 : high);
  if (kind === 'quantile') {
    // x is the number of nines: 0 is 0 %, 1 is 90 %, 2 is 99 %.
    const ticks = [0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999].map((q) => -Math.log10(1 - q));
    return {ticks: [0, ...ticks.filter((t) => t <= high)], at: (v) => v / (high || 1)};
  }
  return linearScale(kind === 'zero' ? 0 : low, high, Math.max(2, Math.floor(width / 90)));
}

function yScale(kind, ys, height) {
  const high = Math.max(...ys, 0);
  if (kind === 'log') {
    const low = niceBound(Math.min(...ys), false);
    const top = niceBound(high, true);
    return logScale(low === top ? low / 10 : low, top);
  }
  const wanted = Math.max(2, Math.floor(height / 45));
  const ticks = linearScale(0, high * 1.02 || 1, wanted).ticks;
  const step = ticks[1] - ticks[0];
  return linearScale(0, Math.ceil((high * 1.02 || 1) / step - 1e-9) * step, wanted);
}

// spec: {title, note, xTitle, yTitle, xKind, yKind, formatX, tipX, unit, bands: [{from, to, label}],
//        marks: [{x, label}], series: [{name, color, dashed, dots, points: [[x, y]]}]}.
// A point without y (null), or not above 0 on a log axis, is a gap.
function chart(spec) {
  const drawable = (y) => y !== null && y !== undefined && (spec.yKind !== 'log' || y > 0);
  const series = spec.series.filter((s) => s.points.some(([, y]) => drawable(y)));
  const plot = element('div', {class: 'plot'});
  const legend = element('div', {class: 'legend'});
  for (const s of series) {
    const key = element('i', {class: s.dashed ? 'dashed' : '', style: `border-color: var(--${s.color})`});
    legend.append(element('span', {}, key, s.name));
  }
  const card = element('div', {class: 'card' + (spec.wide ? ' wide' : '')}, element('h3', {}, spec.title), legend, plot);
  if (spec.note) card.append(element('p', {class: 'muted', style: 'font-size: 13px'}, spec.note));
  if (series.length === 0) {
    plot.append(element('p', {class: 'muted'}, 'Nothing was measured.'));
    return card;
  }
  const xs = [...new Set(series.flatMap((s) => s.points.map(([x]) => x)))].sort((a, b) => a - b);
  const ys = series.flatMap((s) => s.points.map(([, y]) => y)).filter(drawable);
  let drawnWidth = 0;
  const draw = () => {
    const width = Math.round(plot.clientWidth);
    if (width === drawnWidth || width === 0) return;
    drawnWidth = width;
    plot.replaceChildren(drawChart(spec, series, xs, ys, drawable, width, plot));
  };
  new ResizeObserver(draw).observe(plot);
  return card;
}

function drawChart(spec, series, xs, ys, drawable, width, plot) {
  const height = spec.height || 280;
  const y = yScale(spec.yKind, ys, height);
  const axisFormat = (scale, kind) => (tick) => formatShort(tick, kind === 'log' ? tick : scale.ticks.at(-1));
  const formatY = axisFormat(y, spec.yKind);
  const widest = Math.max(...y.ticks.map((tick) => formatY(tick).length));
  const box = {left: 14 + widest * 7.2, right: width - 18, top: 26, bottom: height - 44};
  const x = xScale(spec.xKind, xs, box.right - box.left);
  const formatX = spec.formatX || axisFormat(x, spec.xKind);
  const px = (v) => box.left + x.at(v) * (box.right - box.left);
  const py = (v) => box.bottom - y.at(v) * (box.bottom - box.top);
  const root = svgElement('svg', {height, viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': spec.title});

  for (const band of spec.bands || []) {
    const from = Math.max(px(band.from), box.left);
    const to = Math.min(px(band.to), box.right);
    if (to <= from) continue;
    root.append(svgElement('rect', {class: 'band', x: from, width: to - from, y: box.top, height: box.bottom - box.top}));
    if (to - from > band.label.length * 7)
      root.append(svgElement('text', {x: from + 6, y: box.top + 15}, band.label));
  }
  root.append(svgElement('text', {x: 0, y: 12}, spec.yTitle));
  for (const tick of y.ticks) {
    root.append(svgElement('line', {class: 'grid', x1: box.left, x2: box.right, y1: py(tick), y2: py(tick)}));
    root.append(svgElement('text', {x: box.left - 8, y: py(tick) + 4, 'text-anchor': 'end'}, formatY(tick)));
  }
  root.append(svgElement('line', {class: 'axis', x1: box.left, x2: box.right, y1: box.bottom, y2: box.bottom}));
  let free = -Infinity;  // where the label before ends
  for (const tick of x.ticks) {
    const label = formatX(tick);
    const half = label.length * 3.6;
    const centre = Math.min(px(tick), width - half);
    root.append(svgElement('line', {class: 'axis', x1: px(tick), x2: px(tick), y1: box.bottom, y2: box.bottom + 5}));
    if (centre - half < free) continue;
    root.append(svgElement('text', {x: centre, y: box.bottom + 19, 'text-anchor': 'middle'}, label));
    free = centre + half + 10;
  }
  const middle = (box.left + box.right) / 2;
  root.append(svgElement('text', {x: middle, y: height - 6, 'text-anchor': 'middle'}, spec.xTitle));
  for (const mark of spec.marks || []) {
    const at = px(mark.x);
    if (at < box.left || at > box.right) continue;
    const left = at > middle;
    root.append(svgElement('line', {class: 'mark', x1: at, x2: at, y1: box.top, y2: box.bottom}));
    root.append(svgElement('text', {x: at + (left ? -6 : 6), y: box.top - 6, 'text-anchor': left ? 'end' : 'start'}, mark.label));
  }
  // Dashed ones last: what was offered lies exactly on what was done while all is well.
  for (const s of [...series].sort((a, b) => (a.dashed || false) - (b.dashed || false))) {
    let path = '';
    let pen = false;
    for (const [vx, vy] of s.points) {
      if (drawable(vy)) path += `${pen ? 'L' : 'M'}${px(vx).toFixed(1)} ${py(vy).toFixed(1)}`;
      pen = drawable(vy);
    }
    root.append(svgElement('path', {class: 'line' + (s.dashed ? ' dashed' : ''), d: path, style: `stroke: var(--${s.color})`}));
    const dots = s.dots || s.points.length === 1 ? s.points.filter(([, vy]) => drawable(vy)) : [];
    for (const [vx, vy] of dots)
      root.append(svgElement('circle', {cx: px(vx), cy: py(vy), r: 3.5, style: `fill: var(--${s.color})`}));
  }
  addPointer(root, plot, {spec, series, xs, box, px, py, width, drawable});
  return root;
}

// The values at the x nearest to the pointer.
function addPointer(root, plot, {spec, series, xs, box, px, py, width, drawable}) {
  const layer = svgElement('g', {});
  root.append(layer);
  let tip = null;
  const clear = () => {
    layer.replaceChildren();
    if (tip) tip.remove();
    tip = null;
  };
  root.addEventListener('pointerleave', clear);
  root.addEventListener('pointermove', (event) => {
    const at = event.clientX - root.getBoundingClientRect().left;
    const nearest = xs.reduce((a, b) => Math.abs(px(b) - at) < Math.abs(px(a) - at) ? b : a);
    clear();
    layer.append(svgElement('line', {class: 'cross', x1: px(nearest), x2: px(nearest), y1: box.top, y2: box.bottom}));
    const rows = element('table', {});
    for (const s of series) {
      const point = s.points.find(([vx]) => vx === nearest);
      if (!point || !drawable(point[1])) continue;
      layer.append(svgElement('circle', {cx: px(nearest), cy: py(point[1]), r: 4, style: `fill: var(--${s.color})`}));
      const key = element('i', {style: `background: var(--${s.color})`});
      rows.append(element('tr', {}, element('td', {}, key, s.name),
                          element('td', {}, formatNumber(point[1]) + (spec.unit || ''))));
    }
    tip = element('div', {class: 'tip'}, element('div', {class: 'muted'}, (spec.tipX || formatNumber)(nearest)), rows);
    plot.append(tip);
    const right = px(nearest) + 14 + tip.offsetWidth < width;
    tip.style.left = Math.max(0, right ? px(nearest) + 14 : px(nearest) - 14 - tip.offsetWidth) + 'px';
    tip.style.top = box.top + 'px';
  });
}
