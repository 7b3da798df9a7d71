// What a job's metrics are to a chart: for each series steps, values, and the lowest and highest value that each point stands for.
import { real } from './dom.js';

const most = 6000;

// Beside a number, what is none says nothing.
const lower = (a, b) => Number.isNaN(a) ? b : Number.isNaN(b) ? a : Math.min(a, b);
const higher = (a, b) => Number.isNaN(a) ? b : Number.isNaN(b) ? a : Math.max(a, b);

class Line {
  constructor() { this.step = []; this.value = []; this.low = []; this.high = []; this.bad = []; this.every = 1; this.pending = 0; this.total = 0; }

  /** A point that stands for several keeps their band; one beyond the last that is full opens the next. */
  add(step, value, low = value, high = value, points = 1) {
    this.total += points;
    if (!Number.isFinite(value)) this.bad.push(step);
    const at = this.step.length - 1;
    if (this.pending > 0 && this.pending < this.every && at >= 0) {
      this.step[at] = step;
      if (Number.isFinite(value)) this.value[at] = value;
      this.low[at] = lower(this.low[at], low); this.high[at] = higher(this.high[at], high);
      this.pending += points;
      return;
    }
    this.step.push(step); this.value.push(value); this.low.push(low); this.high.push(high);
    this.pending = points;
    if (this.step.length > most) this.halve();
  }

  halve() {
    const n = this.step.length >> 1;
    const half = (a, pick) => Array.from({ length: n }, (_, i) => pick(a[2 * i], a[2 * i + 1]));
    this.step = half(this.step, (_, b) => b);
    this.value = half(this.value, (a, b) => Number.isFinite(b) ? b : a);
    this.low = half(this.low, lower); this.high = half(this.high, higher);
    this.every *= 2; this.pending = this.every;
  }
}

export class Metrics {
  constructor() { this.lines = {}; this.after = 0; this.version = 0; }

  line(name) { return this.lines[name] ??= new Line(); }

  /** The history so far, as the server thinned it. */
  load(history) {
    for (const { name, total, points } of history.series) {
      const line = this.line(name);
      for (const p of points) line.add(p.to, p.count > p.nonFinite && !Number.isFinite(real(p.last)) ? real(p.max) : real(p.last), real(p.min), real(p.max), p.count);
      line.every = points.length ? Math.max(1, points[0].count) : 1;
      line.pending = line.every;
      line.total = total;
    }
    this.after = history.after;
    this.version++;
  }

  add(points) {
    for (const p of points) {
      if (p.sequence <= this.after) continue;
      this.after = p.sequence;
      this.line('seconds').add(p.step, real(p.seconds));
      for (const [name, value] of Object.entries(p.values ?? {})) this.line(name).add(p.step, real(value));
      if (p.kind === 'evaluation') {
        this.line('testLoss').add(p.step, real(p.loss));
        if (p.accuracy !== null) this.line('testAccuracy').add(p.step, real(p.accuracy));
        continue;
      }
      this.line('trainLoss').add(p.step, real(p.loss));
      if (p.accuracy !== null) this.line('trainAccuracy').add(p.step, real(p.accuracy));
      this.line('learningRate').add(p.step, real(p.learningRate));
      this.line('gradientNorm').add(p.step, real(p.gradientNorm));
      this.line('clippedNorm').add(p.step, real(p.clippedNorm));
    }
    this.version++;
  }

  /** Seconds since the start at a step, between the points that are known. */
  secondsAt(step) {
    const { step: steps, value } = this.line('seconds');
    let low = 0, high = steps.length - 1;
    if (high < 0) return 0;
    while (low < high) { const middle = (low + high) >> 1; if (steps[middle] < step) low = middle + 1; else high = middle; }
    if (low === 0 || steps[low] <= step) return value[low];
    const part = (step - steps[low - 1]) / (steps[low] - steps[low - 1]);
    return value[low - 1] + part * (value[low] - value[low - 1]);
  }
}

/** Exponential mean without the bias of its start (Adam's correction): weight 0 is the values themselves. */
export function smoothed(values, weight) {
  if (!(weight > 0)) return values;
  let mean = 0, scale = 0;
  return values.map(value => {
    if (!Number.isFinite(value)) return value;
    mean = weight * mean + (1 - weight) * value;
    scale = weight * scale + (1 - weight);
    return mean / scale;
  });
}
