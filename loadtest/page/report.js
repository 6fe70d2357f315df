// Lays the page out from the results: figures first, then plots, then what was run on what.
'use strict';

const documents = JSON.parse(document.getElementById('data').textContent);
const colors = ['blue', 'orange', 'green', 'purple', 'teal', 'red', 'olive', 'grey'];
const mib = 1024 * 1024;

// As in the table on the terminal: the confirmed run, else the last at a chosen rate, else the one
// with the highest throughput.
function mainRun(result) {
  const rank = (run) => ({confirm: 2, rate: 1}[run.purpose] || 0);
  return result.runs.reduce((best, run) => {
    if (best === null || rank(run) > rank(best)) return run;
    const better = rank(run) > 0 || run.done_per_s > best.done_per_s;
    return rank(run) === rank(best) && better ? run : best;
  }, null);
}

const percentText = (share) => share === null ? '–' : share === 0 ? '0 %' : formatFixed(share * 100) + ' %';
const msText = (latency, key) => latency ? formatNumber(latency[key]) + ' ms' : '–';
const singular = (result) => result.item.replace(/ies$/, 'y').replace(/s$/, '');

function tile(value, label) {
  return element('div', {class: 'tile'}, element('b', {}, value), element('span', {}, label));
}

// What makes two tests comparable.
const mixOf = (result) => result.mix ? ` (${result.mix})` : '';
function kindOf(result) {
  return `${result.scenario}, ${formatNumber(result.items_per_request)} ${result.item}${mixOf(result)} in a request`;
}

function titleOf(result) {
  const stored = (mainRun(result) || {facts: {}}).facts.stored_rows;
  const rows = stored === undefined ? '' : `, ${formatShort(stored)} rows stored`;
  return `${kindOf(result)}${rows}`;
}

function header(result) {
  const m = result.machine;
  const box = element('header', {});
  box.append(element('div', {class: 'title'}, element('h1', {}, 'Load test: ' + result.scenario),
                     element('span', {class: 'verdict ' + result.result}, result.result),
                     result.audit ? element('span', {class: 'verdict ' + result.audit.result}, 'audit: ' + result.audit.result) : null));
  box.append(element('p', {class: 'muted'},
                     `${result.started} · ${m.cores} cores, ${m.cpu} · ${(m.memory_bytes / mib / 1024).toFixed(1)} GiB · ` +
                     `${m.kernel} · CAFE ${result.versions.cafe || ''}`));
  box.append(element('p', {}, `${formatNumber(result.items_per_request)} ${result.item}${mixOf(result)} in a request`));
  if (result.wrong.length > 0)
    box.append(element('ul', {class: 'wrong'}, ...result.wrong.map((each) => element('li', {}, each))));
  const run = mainRun(result);
  if (!run) return box;
  const cpu = run.processes.reduce((sum, p) => sum + (p.cpu_us_per_item || 0), 0);
  const tiles = element('div', {class: 'tiles'});
  tiles.append(tile(formatNumber(run.done_per_s), `${result.item} a second, ` +
                    (result.sustained_per_s ? 'sustained' : `of ${formatNumber(run.offered_per_s)} offered`)));
  for (const [key, name] of [['p50', 'p50'], ['p99', 'p99'], ['p99_9', 'p99.9']])
    tiles.append(tile(msText(run.latency_ms, key), `${name} of a request of ${formatNumber(result.items_per_request)}`));
  tiles.append(tile(percentText(run.refused_share), 'of the requests refused'));
  if (cpu > 0) tiles.append(tile(formatNumber(cpu) + ' µs', `CPU for one ${singular(result)}, all processes`));
  if (result.overload) {
    tiles.append(tile(percentText(result.overload.share_of_peak),
                      `of the peak at ${formatNumber(result.overload.times_sustained)} times the sustained rate`));
  }
  box.append(tiles);
  return box;
}

// Charts over the seconds of one run.
function timeCharts(result, run) {
  const end = run.warmup_s + run.measured_s;
  const all = run.series.due.length;
  // A last part of a second, in which the last answers came, is no second of load.
  const shown = all > end + 2 ? all : Math.min(all, Math.ceil(end));
  const column = (name) => run.series[name].slice(0, shown).map((value, i) => [i + 1, value]);
  const bands = [{from: 0, to: run.warmup_s, label: 'warm-up'}, {from: end, to: shown, label: 'draining'}];
  const time = {xKind: 'zero', xTitle: 'seconds since the start', tipX: (x) => `second ${x}`, bands};
  const latency = (name, key, color) => ({name, color, points: column(key)});
  const cards = element('div', {class: 'cards'});
  const any = (name) => run.series[name].some((value) => value > 0);
  cards.append(chart({...time, title: 'Throughput', yTitle: `${result.item}/s`, unit: '/s', series: [
    {name: 'offered', color: 'grey', dashed: true, points: column('due')},
    {name: 'done', color: 'blue', points: column('ok')},
    ...(any('refused') ? [{name: 'refused', color: 'orange', points: column('refused')}] : []),
    ...(any('failed') ? [{name: 'failed', color: 'red', points: column('failed')}] : []),
    ...(any('not_started') ? [{name: 'not started', color: 'purple', points: column('not_started')}] : []),
  ]}));
  cards.append(chart({...time, title: 'Latency of a request, from when it was due', yTitle: 'ms', unit: ' ms', yKind: 'log', series: [
    latency('p50', 'p50_ms', 'blue'), latency('p99', 'p99_ms', 'orange'),
    latency('p99.9', 'p99_9_ms', 'red'), latency('max', 'max_ms', 'grey'),
  ]}));
  cards.append(distribution(run));
  if (run.processes.length > 0) cards.append(cpuBars(result, run), ...processCharts(run, time));
  return cards;
}

function distribution(run) {
  const total = run.latency_histogram_us.reduce((sum, [, count]) => sum + count, 0);
  let seen = 0;
  const points = [];
  for (const [upper, count] of run.latency_histogram_us) {
    // A bucket begins where the one before ends; the last stands at the rank of its last value.
    if (points.length === 0) points.push([0, upper / 1000]);
    seen += count;
    const above = Math.max(1 - seen / total, 0.5 / total);
    points.push([-Math.log10(above), upper / 1000]);
  }
  const percent = (x) => Number(((1 - 10 ** -x) * 100).toFixed(3)) + ' %';
  return chart({
    title: 'Distribution of latency', xTitle: 'share of requests that were at least as fast', yTitle: 'ms', unit: ' ms',
    xKind: 'quantile', yKind: 'log', formatX: (x) => Number(((1 - 10 ** -x) * 100).toFixed(4)) + ' %', tipX: percent,
    series: [{name: `${formatNumber(total)} requests`, color: 'blue', points}],
  });
}

function cpuBars(result, run) {
  const most = Math.max(...run.processes.map((p) => p.cpu_us_per_item || 0), 1e-9);
  const rows = element('table', {class: 'bars'});
  run.processes.forEach((p, i) => {
    const width = (p.cpu_us_per_item || 0) / most * 100;
    const bar = element('div', {style: `width: ${width}%; background: var(--${colors[i % colors.length]})`});
    rows.append(element('tr', {}, element('td', {}, p.name), element('td', {class: 'bar'}, bar),
                        element('td', {}, formatNumber(p.cpu_us_per_item) + ' µs')));
  });
  const sum = run.processes.reduce((total, p) => total + (p.cpu_us_per_item || 0), 0);
  return element('div', {class: 'card'}, element('h3', {}, `CPU time for one ${singular(result)}`),
                 element('p', {class: 'muted', style: 'font-size: 13px'}, `${formatNumber(sum)} µs together`), rows);
}

function processCharts(run, time) {
  const series = (value) => run.processes.map((p, i) => ({
    name: p.name, color: colors[i % colors.length],
    points: p.samples.at_s.map((at, k) => [Math.round(at), value(p.samples, k)]),
  }));
  const cores = (s, k) => k === 0 ? null : (s.cpu_s[k] - s.cpu_s[k - 1]) / Math.max(s.at_s[k] - s.at_s[k - 1], 1e-3);
  const tipX = (x) => `after ${x} s`;
  return [
    chart({...time, tipX, title: 'Cores in use', yTitle: 'cores', unit: ' cores', series: series(cores)}),
    chart({...time, tipX, title: 'Resident memory', yTitle: 'MiB', unit: ' MiB', series: series((s, k) => s.rss_bytes[k] / mib)}),
  ];
}

// Latency and throughput against the offered rate, from all runs of one test.
function rateCharts(result) {
  const runs = [...result.runs].filter((run) => !run.stopped).sort((a, b) => a.offered_per_s - b.offered_per_s);
  if (new Set(runs.map((run) => Math.round(run.rate_per_s))).size < 3) return null;
  // The search tries some rates twice in short steps; a sweep's points are steadier.
  const swept = runs.filter((run) => run.purpose !== 'search');
  const shown = swept.length >= 3 ? swept : runs;
  const points = (value) => shown.map((run) => [run.offered_per_s, value(run)]);
  const marks = result.sustained_per_s ? [{x: result.sustained_per_s, label: `sustained ${formatNumber(result.sustained_per_s)}/s`}] : [];
  const common = {xKind: 'zero', xTitle: `${result.item}/s offered`, tipX: (x) => `${formatNumber(x)}/s offered`, marks};
  const quantile = (name, key, color) => ({name, color, dots: true, points: points((run) => run.latency_ms ? run.latency_ms[key] : null)});
  const cards = element('div', {class: 'cards'});
  cards.append(chart({...common, title: 'Latency against offered rate', yTitle: 'ms', unit: ' ms', yKind: 'log', series: [
    quantile('p50', 'p50', 'blue'), quantile('p99', 'p99', 'orange'), quantile('p99.9', 'p99_9', 'red')]}));
  const refused = points((run) => run.items.refused / run.measured_s);
  cards.append(chart({...common, title: 'Throughput against offered rate', yTitle: `${result.item}/s`, unit: '/s', series: [
    {name: 'offered', color: 'grey', dashed: true, points: points((run) => run.offered_per_s)},
    {name: 'done', color: 'blue', dots: true, points: points((run) => run.done_per_s)},
    ...(refused.some(([, y]) => y > 0) ? [{name: 'refused', color: 'orange', dots: true, points: refused}] : [])]}));
  return element('section', {}, element('h2', {}, 'Against the offered rate'), cards);
}

// One point for each test whose store was filled before: how cost grows with what is stored.
function storedCharts() {
  const kinds = new Map();
  for (const result of documents) {
    const run = mainRun(result);
    if (!run || run.facts.stored_rows === undefined) continue;
    const kind = kindOf(result);
    kinds.set(kind, [...(kinds.get(kind) || []), {result, run, x: Math.max(run.facts.stored_rows, 1)}]);
  }
  const all = [...kinds.values()].flat();
  if (new Set(all.map((each) => each.x)).size < 2) return null;
  const series = (value) => [...kinds].map(([name, points], i) => ({
    name, color: colors[i % colors.length], dots: true,
    points: points.sort((a, b) => a.x - b.x).map((each) => [each.x, value(each)]),
  }));
  const items = new Set(all.map((each) => each.result.item));
  const common = {xKind: 'log', xTitle: 'rows stored before the run', tipX: (x) => `${formatNumber(x)} rows stored`};
  const cards = element('div', {class: 'cards'});
  cards.append(
    chart({...common, title: 'Rate against stored rows', yTitle: `${items.size === 1 ? [...items][0] : 'items'}/s`, unit: '/s',
           series: series((each) => each.result.sustained_per_s || each.run.done_per_s)}),
    chart({...common, title: 'p99 against stored rows', yTitle: 'ms', unit: ' ms',
           series: series((each) => each.run.latency_ms ? each.run.latency_ms.p99 : null)}));
  return element('section', {}, element('h2', {}, 'Against stored rows'), cards);
}

const runColumns = [
  ['run', (run) => run.purpose], ['offered/s', (run) => formatNumber(run.offered_per_s)],
  ['done/s', (run) => formatNumber(run.done_per_s)], ['refused', (run) => percentText(run.refused_share)],
  ['failed', (run) => formatNumber(run.requests.failed + run.requests.unanswered)],
  ['not started', (run) => formatNumber(run.requests.not_started)],
  ...[['p50', 'p50'], ['p99', 'p99'], ['p99.9', 'p99_9'], ['max', 'max']].map(
      ([name, key]) => [name + ' ms', (run) => run.latency_ms ? formatFixed(run.latency_ms[key]) : '–']),
];

// A column for each number that the scenario told of its runs.
function factColumns(result) {
  const names = [...new Set(result.runs.flatMap((run) => Object.keys(run.facts)))];
  const text = (value) => value === undefined ? '–' : formatNumber(value);
  return names.map((name) => [name.replaceAll('_', ' '), (run) => text(run.facts[name])]);
}

function table(columns, rows) {
  const head = element('tr', {}, ...columns.map(([name]) => element('th', {}, name)));
  const body = rows.map((row) => element('tr', {}, ...columns.map(([, value]) => element('td', {}, value(row)))));
  return element('div', {class: 'scroll'}, element('table', {}, element('thead', {}, head), element('tbody', {}, ...body)));
}

function facts(result) {
  const rows = [['command', result.command.join(' ')], ['system', result.machine.system]];
  for (const [name, value] of Object.entries(result.versions)) rows.push([name, value]);
  for (const [name, value] of Object.entries(result.options)) rows.push(['--' + name.replace(/^-+/, ''), value]);
  if (result.audit) rows.push(['audit', JSON.stringify(result.audit)]);
  const body = rows.filter(([, value]) => value !== '').map(
      ([name, value]) => element('tr', {}, element('td', {}, name), element('td', {class: 'text'}, element('code', {}, String(value)))));
  return element('details', {}, element('summary', {}, 'Command, options and versions'), element('table', {}, ...body));
}

// One test: its figures, its runs over time with a choice of the run, its rates, its surroundings.
function section(result) {
  const box = element('section', {}, header(result));
  const rates = rateCharts(result);
  if (rates) box.append(rates);
  if (result.runs.length > 0) {
    const choice = element('select', {'aria-label': 'run'});
    result.runs.forEach((run, i) => choice.append(element('option', {value: i},
      `${run.purpose}: ${formatNumber(run.rate_per_s)} ${result.item}/s for ${formatNumber(run.measured_s)} s`)));
    choice.value = result.runs.indexOf(mainRun(result));
    const charts = element('div', {});
    const show = () => charts.replaceChildren(timeCharts(result, result.runs[choice.value]));
    choice.addEventListener('change', show);
    show();
    box.append(element('div', {class: 'title'}, element('h2', {}, 'Over time'), choice), charts);
    box.append(element('h2', {}, 'Runs'), element('div', {class: 'card'}, table([...runColumns, ...factColumns(result)], result.runs)));
  }
  box.append(facts(result));
  return box;
}

const page = document.getElementById('page');
page.replaceChildren();
if (documents.length === 1) {
  document.title = 'Load test: ' + documents[0].scenario;
  page.append(section(documents[0]));
} else {
  document.title = 'Load tests';
  page.append(element('h1', {}, 'Load tests'));
  const stored = storedCharts();
  if (stored) page.append(stored);
  const columns = [['test', titleOf], ['result', (result) => result.result],
                   ...runColumns.slice(1).map(([name, value]) => [name, (result) => mainRun(result) ? value(mainRun(result)) : '–'])];
  page.append(element('h2', {}, 'Tests'), element('div', {class: 'card'}, table(columns, documents)));
  const which = element('select', {'aria-label': 'test'});
  documents.forEach((result, i) => which.append(element('option', {value: i}, titleOf(result))));
  const one = element('div', {});
  const show = () => one.replaceChildren(section(documents[which.value]));
  which.addEventListener('change', show);
  page.append(element('div', {class: 'title', style: 'margin: 36px 0 20px'}, element('b', {}, 'Show'), which), one);
  show();
}
