// The list of jobs: live over one stream; filter and order are in the URL.
import { h, view, number, count, real } from './dom.js';
import { follow, get } from './api.js';
import { most } from './compare.js';

const columns = [
  ['job', 'job', j => j.job], ['state', 'state', j => j.state], ['', 'loss', null], ['progress', 'step', j => j.totalSteps ? j.step / j.totalSteps : 0], ['train', 'train loss', j => real(j.trainLoss)],
  ['test', 'test loss', j => real(j.testLoss)], ['best', 'best test loss', j => real(j.bestTestLoss)], ['speed', 'samples/s', j => j.samplesPerSecond], ['workers', 'workers', j => j.workers], ['verdict', 'verdict', j => j.verdict], ['submitted', 'submitted', j => j.submitted],
];

export function showJobs(page) {
  page.title('');
  const stop = new AbortController(), sparks = new Map(), picked = new Set(view.get('pick').split(',').filter(Boolean));
  let jobs = null;
  const filter = h('input', { type: 'search', id: 'filter', value: view.get('filter'), placeholder: 'name, state, verdict', oninput: () => { view.set({ filter: filter.value }); draw(); } });
  const body = h('tbody'), heads = h('tr'), empty = h('p', { class: 'empty' }, 'Asking the cluster ...');
  const compare = h('button', { type: 'button', onclick: () => page.go({ compare: [...picked].join(','), pick: null, filter: null, sort: null }) });
  page.main.replaceChildren(
    h('div', { class: 'top' }, h('h1', { class: 'grow' }, 'Jobs'), compare, h('label', { for: 'filter', class: 'quiet' }, 'filter '), filter),
    h('div', { class: 'scroll card', tabindex: 0, role: 'group', 'aria-label': 'jobs' }, h('table', { class: 'jobs' }, h('thead', {}, heads), body)), empty);

  function draw() {
    const [by, way] = view.get('sort', 'submitted.down').split('.');
    heads.replaceChildren(h('th', { class: 'pick' }, h('span', { class: 'skip' }, 'compare')), ...columns.map(([key, title, of], at) => h('th', { scope: 'col', class: at > 2 && key !== 'verdict' ? 'num' : null, 'aria-sort': key && key === by ? way === 'up' ? 'ascending' : 'descending' : null },
      of ? h('button', { type: 'button', onclick: () => { view.set({ sort: `${key}.${key === by && way === 'down' ? 'up' : 'down'}` }); draw(); heads.querySelector('[aria-sort] button')?.focus(); } }, title) : title)));
    if (!jobs) return;
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const shown = jobs.filter(j => words.every(w => `${j.job} ${j.state} ${j.verdict}`.toLowerCase().includes(w)));
    const value = columns.find(c => c[0] === by && c[2])?.[2] ?? (j => j.submitted);
    const order = (a, b) => { const [x, y] = [value(a), value(b)]; return Number.isNaN(x) ? 1 : Number.isNaN(y) ? -1 : x < y ? -1 : x > y ? 1 : 0; };
    shown.sort((a, b) => (way === 'up' ? 1 : -1) * order(a, b));
    empty.textContent = jobs.length === 0 ? 'No jobs yet. Submit one: disttrain submit my-job.yaml' : shown.length === 0 ? 'No job fits the filter.' : '';
    const held = document.activeElement?.closest?.('td') && body.contains(document.activeElement) ? [document.activeElement.closest('tr').dataset.job, document.activeElement.tagName] : null;
    body.replaceChildren(...shown.map(row));
    if (held) body.querySelector(`tr[data-job="${CSS.escape(held[0])}"] ${held[1]}`)?.focus(); // what is drawn anew keeps the keyboard's place
  }

  function row(j) {
    return h('tr', { 'data-job': j.job },
      h('td', { class: 'pick' }, h('input', { type: 'checkbox', 'aria-label': `compare ${j.job}`, checked: picked.has(j.job), onchange: event => pick(j.job, event.currentTarget) })), h('td', { class: 'job' }, h('a', { href: `/?job=${encodeURIComponent(j.job)}` }, j.job)), h('td', {}, h('span', { class: `state ${j.state}` }, j.state)), h('td', {}, spark(j)),
      h('td', { class: 'num' }, `${count(j.step)} / ${count(j.totalSteps)}`), loss(j.trainLoss), loss(j.testLoss),
      h('td', { class: 'num' }, j.bestTestLoss === null ? '' : `${number(real(j.bestTestLoss))} @ ${count(j.bestTestLossStep)}`),
      h('td', { class: 'num' }, j.samplesPerSecond ? count(j.samplesPerSecond) : ''), h('td', { class: 'num' }, j.workers || ''), h('td', {}, j.verdict),
      h('td', { class: 'num' }, h('time', { datetime: j.submitted }, new Date(j.submitted).toLocaleString())));
  }

  function pick(job, box) {
    if (box.checked && picked.size >= most) box.checked = false;
    if (box.checked) picked.add(job); else picked.delete(job);
    view.set({ pick: [...picked].join(',') });
    drawPicked();
  }

  function drawPicked() {
    compare.disabled = picked.size < 2;
    compare.textContent = picked.size < 2 ? 'Compare: pick two or more' : `Compare ${picked.size} jobs`;
  }

  const loss = value => h('td', { class: 'num' }, value === null ? '' : number(real(value)));

  // A few points of each job, asked for again when it has gone on by a twentieth.
  function spark(j) {
    const known = sparks.get(j.job);
    if (j.step > 0 && (!known || j.step - known.step > j.totalSteps / 20 || j.state !== known.state)) {
      const entry = { step: j.step, state: j.state, element: known?.element ?? h('span') };
      sparks.set(j.job, entry);
      get(`jobs/${encodeURIComponent(j.job)}/metrics?points=60`).then(history => {
        const drawn = picture(history);
        entry.element.replaceWith(drawn);
        entry.element = drawn;
      }, () => {});
    }
    return sparks.get(j.job)?.element ?? '';
  }

  follow('live', (name, data) => { if (name === 'jobs') { jobs = data; draw(); } }, (state, error) => {
    if (state === 'refused') page.refused(error);
    else page.link(state, { live: 'live', lost: 'connection lost, trying again', ended: 'ended' }[state]);
  }, stop.signal);
  draw();
  drawPicked();
  return () => stop.abort();
}

/** Losses on a log scale in a box of 100 by 24. */
function picture(history) {
  const lines = ['trainLoss', 'testLoss'].map(name => (history.series.find(s => s.name === name)?.points ?? []).map(p => [p.to, Math.log10(real(p.last))]).filter(p => Number.isFinite(p[1])));
  const all = lines.flat();
  if (all.length < 2) return h('span');
  const [x1, low, high] = [Math.max(...all.map(p => p[0])), Math.min(...all.map(p => p[1])), Math.max(...all.map(p => p[1]))];
  const path = points => points.map(([x, y], i) => `${i ? 'L' : 'M'}${(100 * x / (x1 || 1)).toFixed(1)} ${(22 - 20 * (y - low) / (high - low || 1)).toFixed(1)}`).join('');
  return h('svg', { class: 'spark', viewBox: '0 0 100 24', preserveAspectRatio: 'none', role: 'img', 'aria-label': 'loss over steps' }, h('path', { class: 'train', d: path(lines[0]) }), h('path', { class: 'test', d: path(lines[1]) }));
}
