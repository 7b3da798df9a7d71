// The same plot by uPlot, where the build found it on npm (page/vendor/). Same interface as canvas.js.
import { color, number } from './dom.js';
import { range } from './ticks.js';

/** Resolves to null where uPlot is not part of this build. */
export async function load() {
  try {
    const { default: uPlot } = await import('/page/vendor/uPlot.esm.js');
    if (!uPlot) return null;
    const sheet = Object.assign(document.createElement('link'), { rel: 'stylesheet', href: '/page/vendor/uPlot.min.css' });
    document.head.append(sheet);
    return class extends UPlot { constructor(host, onCursor) { super(uPlot, host, onCursor); } };
  } catch {
    return null;
  }
}

class UPlot {
  constructor(uPlot, host, onCursor) {
    Object.assign(this, { uPlot, host, onCursor, shape: '' });
    this.watch = new ResizeObserver(() => this.plot?.setSize(this.size()));
    this.watch.observe(host);
    host.addEventListener('pointerleave', () => onCursor(null));
  }

  size() { return { width: Math.max(120, this.host.clientWidth), height: Math.max(100, this.host.clientHeight) }; }

  set(content) {
    this.content = content;
    const data = content.series.length ? this.uPlot.join(content.series.map(s => [s.x, s.y.map(v => Number.isFinite(v) && (!content.log || v > 0) ? v : null)])) : [[], []];
    const shape = JSON.stringify([content.log, content.xLabel, content.series.map(s => [s.color, s.dash, s.faint, s.dots && s.x.length < 80]), color('text')]);
    if (shape !== this.shape) { this.plot?.destroy(); this.plot = new this.uPlot(this.options(content), data, this.host); this.shape = shape; return; }
    this.plot.setData(data, false);
    this.plot.setScale('x', { min: content.xRange[0], max: content.xRange[1] });
  }

  setCursor(x) {
    if (!this.plot || x === null || this.moving) return;
    this.plot.setCursor({ left: this.plot.valToPos(x, 'x'), top: 10 }, false);
  }

  destroy() { this.watch.disconnect(); this.plot?.destroy(); }

  /** uPlot's log axis counts up from its lower end in steps of that end's power of ten: an end of its own making, or it never arrives. */
  range() {
    const [low, high] = range(this.content.series, this.content.log);
    return this.content.log ? this.uPlot.rangeLog(Math.max(low, 1e-30), Math.min(high, 1e30), 10, false) : [low, high];
  }

  options(content) {
    const axis = { stroke: color('quiet'), grid: { stroke: color('grid'), width: 1 }, ticks: { show: false }, font: '12px system-ui, sans-serif' };
    return {
      ...this.size(), legend: { show: false }, padding: [8, 10, 0, 0],
      cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
      scales: { x: { time: false, range: () => this.content.xRange }, y: { distr: content.log ? 3 : 1, range: () => this.range() } },
      axes: [{ ...axis, size: 24, label: content.xLabel, labelSize: 16, labelGap: 0, labelFont: axis.font, values: (_, at) => at.map(v => content.xText(v)) }, { ...axis, size: 56, values: (_, at) => at.map(v => v === null ? '' : number(v)) }],
      series: [{}, ...content.series.map(s => ({ stroke: color(s.color), width: s.faint ? 1 : 2, alpha: s.faint ? .28 : 1, dash: s.dash ? [6, 4] : undefined, spanGaps: true, points: { show: Boolean(s.dots && s.x.length < 80), size: 5, fill: color(s.color) } }))],
      hooks: {
        drawClear: [u => {
          const { ctx, bbox } = u, shade = this.content.window;
          if (!shade) return;
          const [from, to] = [Math.max(shade[0], this.content.xRange[0]), Math.min(shade[1], this.content.xRange[1])].map(x => u.valToPos(x, 'x', true));
          ctx.save(); ctx.fillStyle = color('shade'); ctx.fillRect(from, bbox.top, Math.max(2, to - from), bbox.height); ctx.restore();
        }],
        draw: [u => {
          const { ctx, bbox } = u, dense = window.devicePixelRatio || 1;
          ctx.save();
          for (const mark of this.content.marks) { ctx.fillStyle = color(mark.severity === 'info' ? 'quiet' : mark.severity === 'warning' ? 'warn' : 'error'); ctx.fillRect(u.valToPos(mark.x, 'x', true) - dense, bbox.top + bbox.height - 6 * dense, 2 * dense, 6 * dense); }
          ctx.strokeStyle = color('error'); ctx.lineWidth = 1.5 * dense;
          for (const s of this.content.series) for (const bad of s.bad ?? []) { const x = u.valToPos(bad, 'x', true), d = 4 * dense; ctx.beginPath(); ctx.moveTo(x - d, bbox.top); ctx.lineTo(x + d, bbox.top + 2 * d); ctx.moveTo(x - d, bbox.top + 2 * d); ctx.lineTo(x + d, bbox.top); ctx.stroke(); }
          ctx.restore();
        }],
        setCursor: [u => {
          if (u.cursor.left < 0) return;
          this.moving = true;
          this.onCursor(u.posToVal(u.cursor.left, 'x'));
          this.moving = false;
        }],
      },
    };
  }
}
