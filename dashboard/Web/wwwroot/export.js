// What a chart shows, as a file: the points as CSV, the picture as PNG.
import { color, number } from './dom.js';

export function save(blob, name) {
  const url = URL.createObjectURL(blob), anchor = document.createElement('a');
  anchor.href = url;
  anchor.download = name;
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000); // a browser may begin to read it later than click() returns
}

const cell = value => value === undefined || Number.isNaN(value) ? '' : String(value);
const quoted = text => /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;

/** A row for each x that any series has a point at. */
export function csvOf({ series, xLabel }) {
  const shown = series.filter(s => !s.faint), rows = new Map();
  shown.forEach((s, column) => s.x.forEach((x, i) => { if (!rows.has(x)) rows.set(x, []); rows.get(x)[column] = s.y[i]; }));
  const lines = [...rows.keys()].sort((a, b) => a - b).map(x => [x, ...shown.map((_, column) => cell(rows.get(x)[column]))].join(','));
  return `${[xLabel, ...shown.map(s => quoted(s.label))].join(',')}\n${lines.join('\n')}\n`;
}

/** The plot as it is drawn, under its title, with its legend. */
export function pngOf(title, host, { series }) {
  const plot = host.querySelector('canvas'), scale = plot.width / Math.max(1, plot.clientWidth), shown = series.filter(s => !s.faint);
  const line = 20 * scale, perRow = Math.max(1, Math.floor(plot.width / (220 * scale))), legendRows = Math.ceil(shown.length / perRow);
  const canvas = document.createElement('canvas');
  canvas.width = plot.width + 2 * line;
  canvas.height = plot.height + (legendRows + 3) * line;
  const g = canvas.getContext('2d');
  g.fillStyle = color('ground'); g.fillRect(0, 0, canvas.width, canvas.height);
  g.textBaseline = 'middle';
  g.fillStyle = color('text'); g.font = `600 ${15 * scale}px system-ui, sans-serif`;
  g.fillText(title, line, line);
  g.drawImage(plot, line, 2 * line);
  g.font = `${12.5 * scale}px system-ui, sans-serif`;
  shown.forEach((s, i) => {
    const x = line + (i % perRow) * 220 * scale, y = 2.6 * line + plot.height + Math.floor(i / perRow) * line;
    g.strokeStyle = color(s.color); g.lineWidth = 3 * scale; g.setLineDash(s.dash ? [6 * scale, 4 * scale] : []);
    g.beginPath(); g.moveTo(x, y); g.lineTo(x + 22 * scale, y); g.stroke();
    g.fillStyle = color('text');
    g.fillText(`${s.label} ${s.y.length ? number(s.y.at(-1)) : ''}`, x + 28 * scale, y, 190 * scale);
  });
  return new Promise(done => canvas.toBlob(done, 'image/png'));
}
