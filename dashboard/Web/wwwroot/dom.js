// Elements without a framework: h('p', { class: 'quiet' }, 'text', child, ...). Text is always set as text, never as markup.
const svg = new Set(['svg', 'path', 'line']);

export function h(tag, attributes = {}, ...children) {
  const element = svg.has(tag) ? document.createElementNS('http://www.w3.org/2000/svg', tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (name === 'value' || name === 'max' && tag === 'progress') element[name] = value;
    else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.flat().filter(child => child !== null && child !== undefined && child !== false));
  return element;
}

export const color = name => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

export const count = value => whole.format(value);

/** Four digits that matter, whatever the size; "nan" and "inf" in words. */
export function number(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? 'infinite' : '-infinite';
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e5)) return value.toExponential(2).replace(/\.?0*e\+?/, 'e');
  return String(Number(value.toPrecision(4)));
}

export const percent = share => `${(100 * share).toFixed(2)} %`;

export function duration(seconds) {
  if (!Number.isFinite(seconds)) return 'no end';
  const s = Math.max(0, Math.round(seconds));
  return s < 60 ? `${s} s` : s < 3600 ? `${Math.floor(s / 60)} min ${s % 60} s` : `${Math.floor(s / 3600)} h ${Math.floor(s % 3600 / 60)} min`;
}

export const bytes = n => n < 1024 ? `${n} B` : n < 1048576 ? `${count(n / 1024)} KiB` : n < 1073741824 ? `${(n / 1048576).toFixed(1)} MiB` : `${(n / 1073741824).toFixed(2)} GiB`;

/** JSON has no NaN: null is "not a number", infinities come as words. */
export const real = value => value === null || value === undefined || value === 'NaN' ? NaN : value === 'Infinity' ? Infinity : value === '-Infinity' ? -Infinity : value;

/** The page's state is its URL. */
export const view = {
  get: (name, usual = '') => new URLSearchParams(location.search).get(name) ?? usual,
  set(changes, push = false) {
    const query = new URLSearchParams(location.search);
    for (const [name, value] of Object.entries(changes)) if (value === null || value === '') query.delete(name); else query.set(name, value);
    const text = query.toString();
    history[push ? 'pushState' : 'replaceState'](null, '', text ? `/?${text}` : '/');
  },
};
