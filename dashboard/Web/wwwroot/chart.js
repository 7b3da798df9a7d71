// The frame of a chart: title, plot, legend with the values under the cursor, keyboard, and the same numbers as a table.
import { h, number } from './dom.js';
import { CanvasPlot } from './canvas.js';
import { load } from './uplot-plot.js';
import { csvOf, pngOf, save } from './export.js';

const Plot = new URLSearchParams(location.search).get('plot') === 'canvas' ? CanvasPlot : await load() ?? CanvasPlot;
const mostRows = 60;

export class Chart {
  constructor(title, { small = false, note = '' } = {}) {
    this.note = h('small', {}, note);
    this.legend = h('div', { class: 'legend' });
    this.plotHost = h('div', { class: small ? 'plot small' : 'plot', tabindex: 0, role: 'img', 'aria-label': `${title}: no points yet`, onkeydown: event => this.key(event) });
    this.spoken = h('div', { class: 'skip', 'aria-live': 'polite' });
    this.rows = h('tbody');
    this.columns = h('tr');
    this.table = h('details', { ontoggle: () => this.fill() }, h('summary', {}, `${title} as a table`), h('div', { class: 'scroll', tabindex: 0 }, h('table', {}, h('thead', {}, this.columns), this.rows)));
    const file = `${title.toLowerCase().replaceAll(' ', '-')}`;
    const asFile = (kind, make) => h('button', { type: 'button', class: 'slight', 'aria-label': `save ${title} as ${kind}`, onclick: async () => { if (this.content) save(await make(), `${document.title.split(' · ')[0]}-${file}.${kind.toLowerCase()}`); } }, kind);
    this.element = h('figure', { class: 'card' }, h('div', { class: 'head' }, h('h2', {}, title), this.note, h('span', { class: 'files' }, asFile('CSV', () => new Blob([csvOf(this.content)], { type: 'text/csv' })), asFile('PNG', () => pngOf(title, this.plotHost, this.content)))), this.plotHost, this.legend, this.table, this.spoken);
    this.title = title;
    this.cursor = null;
    this.plot = new Plot(this.plotHost, x => this.point(x));
  }

  /** content: { series: [{ label, color, dash, faint, dots, x, y, bandLow, bandHigh, bad }], log, window, marks, xLabel, xText, xRange } */
  set(content) {
    this.content = content;
    this.plot.set(content);
    this.label();
    if (this.table.open) this.fill();
    const said = content.series.filter(s => !s.faint && s.x.length).map(s => `${s.label} ${number(s.y.at(-1))}`);
    this.plotHost.setAttribute('aria-label', `${this.title}: ${said.length ? said.join(', ') : 'no points yet'}. Arrow keys move along the curve.`);
  }

  setNote(text) { this.note.textContent = text; }

  point(x) {
    this.cursor = x;
    this.plot.setCursor(x);
    this.label();
  }

  destroy() { this.plot.destroy(); }

  key(event) {
    const first = this.content?.series.find(s => s.x.length);
    const moves = { ArrowLeft: -1, ArrowRight: 1, PageUp: -20, PageDown: 20, Home: -Infinity, End: Infinity };
    if (!first || !(event.key in moves)) { if (event.key === 'Escape') this.point(null); return; }
    event.preventDefault();
    const at = this.cursor === null ? first.x.length - 1 : nearest(first.x, this.cursor);
    this.point(first.x[Math.min(first.x.length - 1, Math.max(0, at + moves[event.key]))]);
    this.spoken.textContent = this.legend.textContent;
  }

  label() {
    if (!this.content) return;
    const { series, xText, xLabel } = this.content;
    const parts = series.filter(s => !s.faint).map(s => {
      const value = s.x.length ? s.y[this.cursor === null ? s.y.length - 1 : nearest(s.x, this.cursor)] : undefined;
      const stroke = `var(--${s.color})`;
      const sample = h('svg', { viewBox: '0 0 22 8', 'aria-hidden': 'true' }, h('path', { d: 'M0 4H22', fill: 'none', 'stroke-width': 3, 'stroke-dasharray': s.dash ? '6 4' : null }));
      sample.firstChild.style.stroke = stroke;
      return h('span', {}, sample, `${s.label} `, h('b', {}, value === undefined ? '' : number(value)));
    });
    this.legend.replaceChildren(...parts, h('span', { class: 'at' }, this.cursor === null ? '' : `${xLabel} ${xText(this.cursor)}`));
  }

  fill() {
    if (!this.table.open || !this.content) return;
    const { series, xText, xLabel } = this.content, shown = series.filter(s => !s.faint);
    const longest = shown.reduce((a, s) => s.x.length > a.length ? s.x : a, []);
    const every = Math.max(1, Math.ceil(longest.length / mostRows));
    this.columns.replaceChildren(h('th', { scope: 'col' }, xLabel), ...shown.map(s => h('th', { scope: 'col' }, s.label)));
    this.rows.replaceChildren(...longest.filter((_, i) => i % every === 0 || i === longest.length - 1).map(x => h('tr', {}, h('th', { scope: 'row', class: 'num' }, xText(x)), ...shown.map(s => h('td', { class: 'num' }, s.x.length ? number(s.y[nearest(s.x, x)]) : '')))));
  }
}

function nearest(sorted, x) {
  let low = 0, high = sorted.length - 1;
  while (low < high) { const middle = (low + high) >> 1; if (sorted[middle] < x) low = middle + 1; else high = middle; }
  return low > 0 && x - sorted[low - 1] < sorted[low] - x ? low - 1 : low;
}
