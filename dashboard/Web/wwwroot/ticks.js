// Round numbers for an axis.
export function linearTicks(low, high, most) {
  const rough = (high - low) / Math.max(1, most), power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map(m => m * power).find(s => s >= rough) ?? rough;
  const ticks = [];
  for (let at = Math.ceil(low / step) * step; at <= high + step * 1e-9; at += step) ticks.push(Math.abs(at) < step * 1e-9 ? 0 : at);
  return ticks;
}

/** Powers of ten; with 2 and 5 between them where there are few. */
export function logTicks(low, high, most) {
  const from = Math.floor(Math.log10(low)), to = Math.ceil(Math.log10(high)), ticks = [];
  const between = to - from <= 2 ? [1, 2, 5] : [1], every = Math.max(1, Math.ceil((to - from) / Math.max(1, most)));
  for (let power = from; power <= to; power += every) for (const m of between) { const at = m * 10 ** power; if (at >= low && at <= high) ticks.push(at); }
  return ticks;
}

/** What a chart shows of its values: the finite ones, above 0 on a log scale, a little room around them. */
export function range(series, log) {
  let low = Infinity, high = -Infinity;
  for (const { y, bandLow, bandHigh, rest } of series) {
    if (rest) continue;
    for (const values of [y, bandLow, bandHigh]) for (const value of values ?? []) if (Number.isFinite(value) && (!log || value > 0)) { if (value < low) low = value; if (value > high) high = value; }
  }
  if (low > high) return log ? [.1, 1] : [0, 1];
  if (log) low = Math.max(low, high * 1e-16); // what is less shows as the lower edge
  if (log) return low === high ? [low / 2, high * 2] : [low / 1.15, high * 1.15];
  const room = (high - low || Math.abs(high) || 1) * .06;
  return [low - room, high + room];
}
