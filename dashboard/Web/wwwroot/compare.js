// Two or more jobs beside each other: their curves over one another, and the hyper-parameters in which they differ. The URL names them.
import { h, view, number, count, percent, duration, real } from './dom.js';
import { follow, get, getBlob } from './api.js';
import { Chart } from './chart.js';
import { Metrics, smoothed } from './series.js';
import { differences } from './spec.js';

export const most = 6;

export async function showCompare(page, ids) {
  const stop = new AbortController(), shown = [...new Set(ids)].slice(0, most);
  const charts = { test: new Chart('Test loss'), train: new Chart('Train loss'), accuracy: new Chart('Test accuracy', { small: true }), rate: new Chart('Learning rate', { small: true }) };
  const x = choice('x', [['step', 'step'], ['epoch', 'epoch'], ['time', 'time']], 'step'), scale = choice('scale', [['log', 'log'], ['linear', 'linear']], 'log');
  const results = h('tbody'), fields = h('tbody'), heads = () => [h('td'), ...shown.map((id, i) => h('th', { scope: 'col' }, swatch(i), h('a', { href: `/?job=${encodeURIComponent(id)}` }, id)))];
  const same = h('p', { class: 'quiet' });
  page.title(`${shown.length} jobs compared`);
  page.main.replaceChildren(
    h('div', { class: 'top' }, h('a', { href: '/' }, '← all jobs'), h('h1', { class: 'grow' }, `${shown.length} jobs compared`)), h('div', { class: 'controls' }, x, scale),
    h('div', { class: 'charts' }, charts.test.element, charts.train.element, h('div', { class: 'pair' }, charts.accuracy.element, charts.rate.element),
      card('results', 'How they stand', h('table', { class: 'compare' }, h('thead', {}, h('tr', {}, heads())), results)),
      card('differences', 'Where their specs differ', h('table', { class: 'compare' }, h('thead', {}, h('tr', {}, heads())), fields), same)));

  const jobs = [];
  try {
    for (const id of shown) {
      const path = `jobs/${encodeURIComponent(id)}`, metrics = new Metrics();
      const [status, spec, history] = await Promise.all([get(path), getBlob(`${path}/spec`).then(b => b.text()), get(`${path}/metrics?points=1000`)]);
      metrics.load(history);
      jobs.push({ id, path, status, spec, metrics });
    }
  } catch (error) {
    page.refused(error);
    return () => stop.abort();
  }
  for (const job of jobs)
    follow(`${job.path}/live?after=${job.metrics.after}`, (name, data) => {
      if (name === 'points') job.metrics.add(data.points);
      if (name === 'status' || name === 'end') job.status = data;
    }, state => { job.link = state; const all = jobs.map(j => j.link); page.link(all.includes('lost') ? 'lost' : all.includes('live') ? 'live' : 'ended', all.includes('lost') ? 'connection lost, trying again' : all.includes('live') ? 'live' : 'ended'); }, stop.signal);
  const rows = differences(jobs.map(j => j.spec));
  fields.replaceChildren(...rows.map(([name, values]) => h('tr', {}, h('th', { scope: 'row' }, name), values.map(v => h('td', {}, v)))));
  same.textContent = rows.length ? 'All other fields are equal.' : 'Their specs are equal in every field.';

  let drawn = '';
  const tick = () => {
    if (stop.signal.aborted) return;
    setTimeout(() => requestAnimationFrame(tick), 150);
    const now = `${jobs.map(j => `${j.metrics.version}.${j.status.state}`)} ${location.search} ${document.documentElement.dataset.theme}`;
    if (now !== drawn) { drawn = now; draw(); }
  };
  requestAnimationFrame(tick);
  return () => { stop.abort(); for (const chart of Object.values(charts)) chart.destroy(); };

  function draw() {
    const by = view.get('x', 'step'), log = view.get('scale', 'log') === 'log';
    const of = job => by === 'epoch' ? step => step / (job.status.stepsPerEpoch || 1) : by === 'time' ? step => job.metrics.secondsAt(step) : step => step;
    const last = Math.max(1e-9, ...jobs.map(j => { const steps = j.metrics.line('trainLoss').step; return steps.length ? of(j)(steps.at(-1)) : 0; }));
    const common = { xLabel: by, xText: by === 'time' ? duration : by === 'epoch' ? v => Number(v.toFixed(2)).toString() : v => count(v), xRange: [0, last], window: null, marks: [] };
    const lines = (name, weight, dots) => jobs.map((j, i) => { const { step, value } = j.metrics.line(name); return { label: j.id, color: `job${i + 1}`, dash: i % 2 === 1, dots, x: step.map(of(j)), y: weight ? smoothed(value, weight) : value, bad: [] }; });
    charts.test.set({ ...common, log, series: lines('testLoss', 0, true) });
    charts.train.setNote('smoothed');
    charts.train.set({ ...common, log, series: lines('trainLoss', .8) });
    charts.accuracy.element.hidden = !jobs.some(j => j.metrics.line('testAccuracy').step.length);
    if (!charts.accuracy.element.hidden) charts.accuracy.set({ ...common, log: false, series: lines('testAccuracy', 0, true) });
    charts.rate.set({ ...common, log: false, series: lines('learningRate', 0) });
    const best = (of, way) => { const values = jobs.map(of); const wanted = Math[way](...values.filter(Number.isFinite)); return values.map(v => v === wanted && jobs.length > 1); };
    const row = (name, of, text, way) => { const ahead = way ? best(of, way) : []; return h('tr', {}, h('th', { scope: 'row' }, name), jobs.map((j, i) => h('td', {}, Number.isNaN(of(j)) ? '' : text(of(j)), ahead[i] ? h('b', {}, ' (best)') : ''))); };
    results.replaceChildren(
      row('state', j => j.status.state, String), row('step', j => j.status.step, count), row('train loss', j => real(j.status.trainLoss), number), row('test loss', j => real(j.status.testLoss), number),
      row('best test loss', j => real(j.status.bestTestLoss), number, 'min'), row('test accuracy', j => real(j.status.testAccuracy), percent, 'max'), row('samples/s', j => j.status.samplesPerSecond, count, 'max'), row('time', j => j.status.seconds, duration, 'min'),
      row('verdict', j => j.status.verdict, String), ...(jobs.some(j => j.status.workers) ? [row('workers', j => j.status.workers || NaN, count)] : []));
  }
}

const card = (name, title, table, more) => h('section', { class: 'card', 'aria-label': name }, h('h2', {}, title), h('div', { class: 'scroll', tabindex: 0, role: 'group', 'aria-label': name }, table), more);

function swatch(i) { const box = h('i', { class: 'swatch' }); box.style.background = `var(--job${i + 1})`; return box; }

function choice(name, choices, usual) {
  return h('fieldset', {}, h('legend', {}, name), choices.map(([value, text]) => h('button', {
    type: 'button', 'data-choice': `${name}.${value}`, 'aria-pressed': String(view.get(name, usual) === value),
    onclick: event => { view.set({ [name]: value === usual ? null : value }); for (const b of event.currentTarget.parentElement.querySelectorAll('button')) b.setAttribute('aria-pressed', String(b === event.currentTarget)); },
  }, text)));
}
