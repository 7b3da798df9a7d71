// One job: live curves, what they mean, who works and who waits, what happened, checkpoints, stop. One stream brings all of it.
import { h, view, number, count, percent, duration, bytes, real } from './dom.js';
import { follow, get, getBlob, post } from './api.js';
import { Chart } from './chart.js';
import { Metrics, smoothed } from './series.js';
import { Verdict } from './verdict.js';
import { Events } from './events.js';
import { Checkpoints } from './checkpoints.js';
import { Layers } from './layers.js';
import { save } from './export.js';

const points = 2000;
const ended = state => ['succeeded', 'failed', 'stopped', 'paused'].includes(state);

export async function showJob(page, id) {
  const stop = new AbortController(), path = `jobs/${encodeURIComponent(id)}`;
  const metrics = new Metrics(), verdict = new Verdict(), events = new Events(), checkpoints = new Checkpoints(id, path), layers = new Layers();
  const charts = {
    loss: new Chart('Loss'), accuracy: new Chart('Accuracy', { small: true }), norm: new Chart('Gradient norm', { small: true, note: 'before and after clipping' }), rate: new Chart('Learning rate', { small: true }),
  };
  const live = { status: null, members: null, waits: [], verdict: null };
  const parts = makeParts();
  page.title(id);
  page.main.replaceChildren(parts.top, parts.banner, parts.progress, parts.facts, parts.controls,
    h('div', { class: 'columns' },
      h('div', { class: 'charts' }, charts.loss.element, h('div', { class: 'pair' }, charts.accuracy.element, charts.norm.element, charts.rate.element), layers.element, parts.workers, checkpoints.element),
      h('div', { class: 'side verdict-first' }, verdict.element, parts.waits, events.element)));

  let dirty = true, drawn = -1;
  const redraw = () => { dirty = true; };
  const tick = () => {
    if (stop.signal.aborted) return;
    setTimeout(() => requestAnimationFrame(tick), 80); // first: one picture that fails must not be the last
    if (dirty || metrics.version !== drawn) { dirty = false; drawn = metrics.version; drawCharts(); }
  };
  addEventListener('themechange', redraw, { signal: stop.signal });
  document.addEventListener('keydown', shortcut, { signal: stop.signal });

  try {
    show('status', await get(path));
    metrics.load(await get(`${path}/metrics?points=${points}`));
  } catch (error) {
    page.refused(error);
    return () => stop.abort();
  }
  requestAnimationFrame(tick);
  follow(`${path}/live?after=${metrics.after}`, show, connection, stop.signal);
  return () => { stop.abort(); for (const chart of Object.values(charts)) chart.destroy(); };

  function connection(state, error) {
    if (state === 'refused') { parts.banner.hidden = false; parts.banner.textContent = error.message; }
    page.link(state === 'refused' ? 'lost' : state, { live: 'live', lost: ended(live.status?.state) ? 'the server has gone; this is what it told' : 'connection lost, trying again', ended: 'ended', refused: 'not connected' }[state]);
  }

  function show(name, data) {
    switch (name) {
      case 'points': metrics.add(data.points); break;
      case 'event': events.add(data); redraw(); break;
      case 'status': case 'end': live.status = data; drawStatus(); redraw(); break;
      case 'members': live.members = data; drawMembers(); break;
      case 'waits': live.waits = data; drawWaits(); break;
      case 'checkpoints': checkpoints.set(data); break;
      case 'verdict': live.verdict = data; verdict.set(data); redraw(); break;
      case 'problem': parts.banner.hidden = false; parts.banner.textContent = data.problems.join(' '); break;
    }
  }

  function makeParts() {
    const press = (name, choices, usual) => h('fieldset', {}, h('legend', {}, name), choices.map(([value, text]) => h('button', {
      type: 'button', 'data-choice': `${name}.${value}`, 'aria-pressed': String(view.get(name, usual) === value),
      onclick: event => { view.set({ [name]: value === usual ? null : value }); for (const b of event.currentTarget.parentElement.querySelectorAll('button')) b.setAttribute('aria-pressed', String(b === event.currentTarget)); redraw(); },
    }, text)));
    const smooth = h('input', { type: 'range', id: 'smooth', min: 0, max: .99, step: .01, value: view.get('smooth', '0.6'), oninput: () => { view.set({ smooth: smooth.value === '0.6' ? null : smooth.value }); redraw(); } });
    const stopping = h('button', { type: 'button', class: 'stop', onclick: askStop }, 'Stop job ...');
    return {
      stop: stopping,
      top: h('div', { class: 'top' }, h('a', { href: '/' }, '← all jobs'), h('h1', {}, id), h('span', { class: 'state', id: 'state' }), h('span', { class: 'grow quiet', id: 'reason' }),
        h('button', { type: 'button', title: 'every step and evaluation', onclick: () => saveCsv() }, 'CSV'), h('button', { type: 'button', onclick: showSpec }, 'Spec'), stopping),
      banner: h('div', { class: 'banner', role: 'alert', hidden: true }),
      progress: h('progress', { max: 1, value: 0, 'aria-label': 'steps done' }),
      facts: h('dl', { class: 'facts' }),
      controls: h('div', { class: 'controls' }, press('x', [['step', 'step'], ['epoch', 'epoch'], ['time', 'time']], 'step'), press('scale', [['log', 'log'], ['linear', 'linear']], 'log'), h('label', { for: 'smooth' }, 'smoothing', smooth)),
      workers: h('section', { class: 'card', 'aria-label': 'workers' }, h('h2', {}, 'Workers')),
      waits: h('section', { class: 'card', 'aria-label': 'waits' }, h('h2', {}, 'Who waits for whom'), h('p', { class: 'quiet' }, 'Nobody waits.')),
    };
  }

  // x, l and the arrow keys do what the buttons do; nothing happens while somebody types.
  function shortcut(event) {
    if (event.target.closest('input, select, textarea, dialog') || event.ctrlKey || event.metaKey || event.altKey) return;
    const next = (name, list, usual) => { const at = (list.indexOf(view.get(name, usual)) + 1) % list.length; parts.controls.querySelector(`[data-choice="${name}.${list[at]}"]`).click(); };
    if (event.key === 'x') next('x', ['step', 'epoch', 'time'], 'step');
    if (event.key === 'l') next('scale', ['log', 'linear'], 'log');
  }

  function drawCharts() {
    const x = view.get('x', 'step'), weight = Number(view.get('smooth', '0.6')), log = view.get('scale', 'log') === 'log';
    const perEpoch = live.status?.stepsPerEpoch || 1;
    const of = x === 'epoch' ? step => step / perEpoch : x === 'time' ? step => metrics.secondsAt(step) : step => step;
    const last = Math.max(...['trainLoss', 'testLoss'].map(name => { const steps = metrics.line(name).step; return steps.length ? of(steps.at(-1)) : 0; }));
    const common = {
      xLabel: x === 'time' ? 'time' : x, xText: x === 'time' ? duration : x === 'epoch' ? v => Number(v.toFixed(2)).toString() : v => count(v), xRange: [0, last > 0 ? last : 1],
      window: live.verdict && live.verdict.severity !== 'unknown' ? [of(live.verdict.window.fromStep), of(live.verdict.window.toStep)] : null,
      marks: events.all.slice(-500).filter(e => !e.kind.startsWith('checkpoint')).map(e => ({ x: of(e.step), severity: e.severity })),
    };
    const line = (name, label, color, more = {}) => {
      const { step, value, low, high, bad, every } = metrics.line(name), xs = step.map(of);
      const shown = { label, color, x: xs, y: value, bad: bad.map(of), ...(every > 1 ? { bandLow: low, bandHigh: high } : {}), ...more };
      if (!more.smooth || !(weight > 0)) return [shown];
      return [{ ...shown, faint: true, bad: [] }, { ...shown, y: smoothed(value, weight), bandLow: undefined, bandHigh: undefined }];
    };
    const { total, every } = metrics.line('trainLoss'), kept = metrics.line('trainLoss').step.length;
    charts.loss.setNote(every > 1 ? `${count(kept)} of ${count(total)} points, min/max kept` : `${count(total)} points`);
    charts.loss.set({ ...common, log, series: [...line('trainLoss', 'train', 'train', { smooth: true }), ...line('testLoss', 'test', 'test', { dash: true, dots: true })] });
    charts.accuracy.element.hidden = !metrics.line('testAccuracy').step.length && !metrics.line('trainAccuracy').step.length;
    if (!charts.accuracy.element.hidden) charts.accuracy.set({ ...common, log: false, series: [...line('trainAccuracy', 'train', 'train', { smooth: true }), ...line('testAccuracy', 'test', 'test', { dash: true, dots: true })] });
    charts.norm.set({ ...common, log, series: [...line('gradientNorm', 'before', 'before', { smooth: true }), ...line('clippedNorm', 'after clipping', 'after', { smooth: true, dash: true })] });
    charts.rate.set({ ...common, log: false, series: line('learningRate', 'rate', 'rate') });
    layers.draw(metrics);
    const bad = metrics.line('trainLoss').bad.length + metrics.line('testLoss').bad.length;
    if (bad > 0) { parts.banner.hidden = false; parts.banner.textContent = `${count(bad)} losses are not a number or infinite, first at step ${count(Math.min(...metrics.line('trainLoss').bad, ...metrics.line('testLoss').bad))}.`; }
  }

  function drawStatus() {
    const s = live.status, state = parts.top.querySelector('#state');
    state.className = `state ${s.state}`;
    state.textContent = s.state;
    parts.top.querySelector('#reason').textContent = s.reason;
    parts.stop.disabled = ended(s.state) || s.state === 'stopping';
    parts.progress.value = s.totalSteps ? s.step / s.totalSteps : 0;
    const left = s.state === 'running' && s.step > 0 ? (s.totalSteps - s.step) * s.seconds / s.step : NaN;
    const facts = [
      ['step', count(s.step), `of ${count(s.totalSteps)}`], ['epoch', s.stepsPerEpoch ? (s.step / s.stepsPerEpoch).toFixed(2) : '', s.stepsPerEpoch ? `of ${count(s.totalSteps / s.stepsPerEpoch)}` : ''],
      ['train loss', s.trainLoss === null ? '–' : number(real(s.trainLoss)), 'last batch'], ['test loss', s.testLoss === null ? '–' : number(real(s.testLoss)), s.bestTestLoss === null ? '' : `best ${number(real(s.bestTestLoss))} @ ${count(s.bestTestLossStep)}`],
      ...(s.testAccuracy === null ? [] : [['test accuracy', percent(s.testAccuracy), '']]), ['speed', count(s.samplesPerSecond), 'samples/s'],
      ['workers', ended(s.state) ? '–' : count(s.workers), `${s.shards} shard${s.shards === 1 ? '' : 's'}, ${s.microBatches} micro-batch${s.microBatches === 1 ? '' : 'es'}`], ['time', duration(s.seconds), Number.isNaN(left) ? '' : `${duration(left)} left`],
    ];
    parts.facts.replaceChildren(...facts.map(([name, value, more]) => h('div', {}, h('dt', {}, name), h('dd', {}, value, ' ', h('small', {}, more)))));
    if (s.weightsSha256) parts.facts.append(h('div', {}, h('dt', {}, 'weights'), h('dd', {}, h('small', { title: s.weightsSha256 }, `sha256 ${s.weightsSha256.slice(0, 16)}...`))));
  }

  function drawMembers() {
    const { workers, shards } = live.members, phases = [['compute', 'computeSeconds'], ['push', 'pushSeconds'], ['pull', 'pullSeconds'], ['serve', 'serveSeconds'], ['wait', 'waitSeconds']];
    const busiest = [...workers].sort((a, b) => a.waitSeconds - b.waitSeconds);
    const seen = phases.filter(([, field]) => workers.some(w => w[field] > 0));
    const bar = w => { const all = phases.reduce((sum, [, field]) => sum + w[field], 0); return h('div', { class: 'bar', role: 'img', 'aria-label': seen.map(([name, field]) => `${name} ${all ? Math.round(100 * w[field] / all) : 0} %`).join(', ') }, seen.map(([name, field]) => { const piece = h('i', { class: name }); piece.style.width = `${all ? 100 * w[field] / all : 0}%`; return piece; })); };
    const traffic = workers.some(w => w.bytesSent || w.bytesReceived);
    parts.workers.replaceChildren(h('h2', {}, `Workers (${workers.length})`), h('div', { class: 'scroll', tabindex: 0, role: 'group', 'aria-label': 'workers' }, h('table', {},
      h('thead', {}, h('tr', {}, ['worker', 'node', 'device', 'state', 'lease', 'time', ...seen.map(([name]) => `${name} s`), ...(traffic ? ['sent', 'received'] : [])].map((t, at) => h('th', { scope: 'col', class: at > 5 ? 'num' : null }, t)))),
      h('tbody', {}, busiest.map(w => h('tr', {}, [w.name, w.node, w.device, w.state, w.lease].map(t => h('td', {}, t)), h('td', {}, bar(w)), seen.map(([, field]) => h('td', { class: 'num' }, w[field].toFixed(1))), traffic ? [w.bytesSent, w.bytesReceived].map(n => h('td', { class: 'num' }, bytes(n))) : []))))),
      h('div', { class: 'key' }, seen.map(([name]) => h('span', {}, h('i', { class: name }), name))),
      shards.length ? h('details', {}, h('summary', {}, `${shards.length} parameter shards`), h('div', { class: 'scroll', tabindex: 0 }, h('table', {}, h('thead', {}, h('tr', {}, ['shard', 'primary', 'replica', 'version', 'floats'].map(t => h('th', { scope: 'col' }, t)))),
        h('tbody', {}, shards.map(s => h('tr', {}, [s.number, s.primary, s.replica || 'none', count(s.version), count(s.elements)].map(t => h('td', {}, String(t))))))))) : '');
  }

  function drawWaits() {
    const list = live.waits.map(w => h('li', {}, w.text));
    parts.waits.replaceChildren(h('h2', {}, 'Who waits for whom'), list.length ? h('ul', { class: 'events' }, list) : h('p', { class: 'quiet' }, ended(live.status?.state) ? 'The job has ended.' : 'Nobody waits.'));
  }

  function askStop() {
    const command = `stop-${crypto.randomUUID()}`;
    const failed = h('p', { class: 'quiet', role: 'alert' });
    const confirm = h('button', {
      type: 'button', class: 'stop', onclick: async () => {
        try { show('status', await post(`${path}/stop?command=${command}`)); box.close(); } catch (error) { failed.textContent = error.message; }
      },
    }, 'Stop it');
    const box = h('dialog', { 'aria-labelledby': 'stop-title', onclose: () => box.remove() }, h('h2', { id: 'stop-title' }, `Stop ${id}?`), h('p', {}, 'It finishes its step, saves a checkpoint and ends. It can be resumed to the same bits.'), failed,
      h('div', { class: 'ends' }, h('button', { type: 'button', autofocus: true, onclick: () => box.close() }, 'Let it train'), confirm));
    page.main.append(box);
    box.showModal();
  }

  const saveCsv = async () => save(await getBlob(`${path}/metrics?format=csv`), `${id}.csv`);

  async function showSpec() {
    const text = await (await getBlob(`${path}/spec`)).text();
    const box = h('dialog', { 'aria-labelledby': 'spec-title', onclose: () => box.remove() }, h('h2', { id: 'spec-title' }, 'Spec, with every default'), h('pre', { tabindex: 0 }, text), h('div', { class: 'ends' }, h('button', { type: 'button', onclick: () => box.close() }, 'Close')));
    page.main.append(box);
    box.showModal();
  }
}
