// Our own plot on a canvas; used where uPlot was not there at build. The frame around it (legend, cursor, keyboard, table) is chart.js.
import { color, number } from './dom.js';
import { linearTicks, logTicks, range } from './ticks.js';

export class CanvasPlot {
  constructor(host, onCursor) {
    this.canvas = document.createElement('canvas');
    this.canvas.className = 'own';
    this.canvas.setAttribute('aria-hidden', 'true');
    host.append(this.canvas);
    this.host = host;
    this.cursor = null;
    host.addEventListener('pointermove', event => { if (this.box) onCursor(this.toX(event.clientX - this.canvas.getBoundingClientRect().left)); });
    host.addEventListener('pointerleave', () => onCursor(null));
    this.watch = new ResizeObserver(() => this.draw());
    this.watch.observe(host);
  }

  set(content) { this.content = content; this.draw(); }

  setCursor(x) { this.cursor = x; this.draw(); }

  toX(pixel) { const { left, width, x0, x1 } = this.box; return x0 + (Math.min(Math.max(pixel - left, 0), width) / width) * (x1 - x0); }

  destroy() { this.watch.disconnect(); this.canvas.remove(); }

  draw() {
    const { content, canvas } = this;
    const wide = this.host.clientWidth, tall = this.host.clientHeight, dense = window.devicePixelRatio || 1;
    if (!content || wide < 20 || tall < 20) return;
    if (canvas.width !== Math.round(wide * dense) || canvas.height !== Math.round(tall * dense)) { canvas.width = Math.round(wide * dense); canvas.height = Math.round(tall * dense); }
    const g = canvas.getContext('2d');
    g.setTransform(dense, 0, 0, dense, 0, 0);
    g.clearRect(0, 0, wide, tall);
    g.font = '12px system-ui, sans-serif';
    const { series, log, marks, window: shade, xLabel } = content;
    const [y0, y1] = range(series, log);
    const [x0, x1] = content.xRange;
    const ticks = log ? logTicks(y0, y1, tall / 45) : linearTicks(y0, y1, tall / 45);
    const left = Math.max(34, ...ticks.map(t => g.measureText(number(t)).width + 10)), top = 8, width = wide - left - 10, height = tall - top - 34;
    this.box = { left, top, width, height, x0, x1 };
    const px = x => left + (x - x0) / (x1 - x0 || 1) * width;
    const py = log ? y => top + height - Math.log(y / y0) / Math.log(y1 / y0) * height : y => top + height - (y - y0) / (y1 - y0) * height;

    if (shade) { g.fillStyle = color('shade'); g.fillRect(px(Math.max(shade[0], x0)), top, Math.max(2, px(Math.min(shade[1], x1)) - px(Math.max(shade[0], x0))), height); }
    g.strokeStyle = color('grid'); g.fillStyle = color('quiet'); g.lineWidth = 1;
    g.textAlign = 'right'; g.textBaseline = 'middle';
    for (const t of ticks) { line(g, left, py(t), left + width, py(t)); g.fillText(number(t), left - 6, py(t)); }
    g.textAlign = 'center'; g.textBaseline = 'top';
    for (const t of linearTicks(x0, x1, width / 80)) { line(g, px(t), top, px(t), top + height); g.fillText(content.xText(t), px(t), top + height + 5); }
    g.textAlign = 'right';
    g.fillText(xLabel, left + width, top + height + 19);
    for (const mark of marks) { g.fillStyle = color(mark.severity === 'info' ? 'quiet' : mark.severity === 'warning' ? 'warn' : 'error'); g.fillRect(px(mark.x) - 1, top + height - 6, 2, 6); }

    g.save();
    g.beginPath(); g.rect(left, top - 4, width + 4, height + 8); g.clip();
    g.lineJoin = 'round';
    for (const s of series) {
      if (s.bandLow) band(g, s, px, py, log);
      g.strokeStyle = color(s.color); g.globalAlpha = s.faint ? .28 : 1; g.lineWidth = s.faint ? 1 : 2; g.setLineDash(s.dash ? [6, 4] : []);
      g.beginPath();
      let pen = false;
      for (let i = 0; i < s.x.length; i++) {
        const y = s.y[i];
        if (!Number.isFinite(y) || log && y <= 0) { pen = false; continue; }
        if (pen) g.lineTo(px(s.x[i]), py(y)); else g.moveTo(px(s.x[i]), py(y));
        pen = true;
      }
      g.stroke();
      g.setLineDash([]);
      if (s.dots && s.x.length < 80) { g.fillStyle = color(s.color); for (let i = 0; i < s.x.length; i++) if (Number.isFinite(s.y[i])) { g.beginPath(); g.arc(px(s.x[i]), py(s.y[i]), 2.5, 0, 7); g.fill(); } }
      g.globalAlpha = 1;
      // What is no number has no height: a cross on the upper edge.
      g.strokeStyle = color('error'); g.lineWidth = 1.5;
      for (const x of s.bad ?? []) { line(g, px(x) - 4, top, px(x) + 4, top + 8); line(g, px(x) - 4, top + 8, px(x) + 4, top); }
    }
    if (this.cursor !== null) { g.strokeStyle = color('quiet'); g.lineWidth = 1; g.setLineDash([3, 3]); line(g, px(this.cursor), top, px(this.cursor), top + height); g.setLineDash([]); }
    g.restore();
  }
}

function line(g, x0, y0, x1, y1) { g.beginPath(); g.moveTo(x0, y0); g.lineTo(x1, y1); g.stroke(); }

/** From the lowest to the highest value that each drawn point stands for. */
function band(g, s, px, py, log) {
  const floor = value => log && value <= 0 ? NaN : value;
  g.fillStyle = color(s.color); g.globalAlpha = .14;
  g.beginPath();
  let first = true;
  for (let i = 0; i < s.x.length; i++) if (Number.isFinite(floor(s.bandHigh[i]))) { g[first ? 'moveTo' : 'lineTo'](px(s.x[i]), py(s.bandHigh[i])); first = false; }
  for (let i = s.x.length - 1; i >= 0; i--) if (Number.isFinite(floor(s.bandLow[i]))) g.lineTo(px(s.x[i]), py(s.bandLow[i]));
  g.closePath(); g.fill(); g.globalAlpha = 1;
}
