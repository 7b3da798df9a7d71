// A row for each layer: how strong its gradient is, how far a step moves its weights, how many of its units are dead.
import { h, number, percent } from './dom.js';

const figures = [['gradNorm', 'gradient norm', number], ['updateRatio', 'update / weight', number], ['deadShare', 'dead units', percent]];

export class Layers {
  constructor() {
    this.body = h('tbody');
    this.heads = h('tr');
    this.element = h('section', { class: 'card', 'aria-label': 'layers', hidden: true }, h('h2', {}, 'Layers'), h('div', { class: 'scroll', tabindex: 0, role: 'group', 'aria-label': 'layers' }, h('table', {}, h('thead', {}, this.heads), this.body)));
  }

  draw(metrics) {
    const layers = new Map();
    for (const [name, line] of Object.entries(metrics.lines)) {
      const cut = name.lastIndexOf('/');
      if (!name.startsWith('layer/') || cut <= 6 || !line.step.length) continue;
      const layer = name.slice(6, cut);
      if (!layers.has(layer)) layers.set(layer, {});
      layers.get(layer)[name.slice(cut + 1)] = line;
    }
    this.element.hidden = layers.size === 0;
    if (layers.size === 0) return;
    const shown = figures.filter(([figure]) => [...layers.values()].some(l => l[figure]));
    this.heads.replaceChildren(h('th', { scope: 'col' }, 'layer'), ...shown.flatMap(([, title]) => [h('th', { scope: 'col', class: 'num' }, title), h('th', { scope: 'col' }, '')]));
    this.body.replaceChildren(...[...layers].map(([layer, lines]) => h('tr', {}, h('th', { scope: 'row' }, layer), ...shown.flatMap(([figure, title, text]) => {
      const line = lines[figure];
      return line ? [h('td', { class: 'num', title: `step ${line.step.at(-1)}` }, text(line.value.at(-1))), h('td', {}, path(line, `${title} of ${layer}`, figure !== 'deadShare'))] : [h('td'), h('td')];
    }))));
  }
}

/** The figure over its steps, on a log scale where it spans sizes. */
function path({ step, value }, label, log) {
  const points = step.map((x, i) => [x, log ? Math.log10(value[i]) : value[i]]).filter(p => Number.isFinite(p[1]));
  if (points.length < 2) return '';
  const [x0, x1] = [points[0][0], points.at(-1)[0]], low = Math.min(...points.map(p => p[1])), high = Math.max(...points.map(p => p[1]));
  const d = points.map(([x, y], i) => `${i ? 'L' : 'M'}${(100 * (x - x0) / (x1 - x0 || 1)).toFixed(1)} ${(22 - 20 * (y - low) / (high - low || 1)).toFixed(1)}`).join('');
  return h('svg', { class: 'spark', viewBox: '0 0 100 24', preserveAspectRatio: 'none', role: 'img', 'aria-label': `${label} over steps` }, h('path', { class: 'train', d }));
}
