// Which page: the list of jobs, or one job. The URL says everything; the token is in this tab's storage.
import { h, view } from './dom.js';
import { get, setToken, takeToken } from './api.js';
import { showJobs } from './jobs.js';
import { showJob } from './job.js';
import { showCompare } from './compare.js';

const main = document.getElementById('main'), link = document.getElementById('link');
let leave = null;

const page = {
  main,
  /** How the connection stands, in the header. */
  link(state, text) { link.dataset.state = state; link.textContent = text; },
  title(text) { document.title = text ? `${text} · DistTrain` : 'DistTrain'; },
  refused(error) {
    main.replaceChildren(error.status === 401 ? askToken() : h('div', { class: 'banner', role: 'alert' }, error.message));
    page.link('lost', 'not connected');
  },
  go(changes) { view.set(changes, true); route(); },
};

function askToken() {
  const field = h('input', { id: 'token', type: 'password', autocomplete: 'off', size: 44, required: true });
  return h('form', { class: 'card', onsubmit: event => { event.preventDefault(); setToken(field.value.trim()); route(); } },
    h('h1', {}, 'This server asks for its token'), h('p', {}, 'Open the link that the server printed at its start, or paste the token here. It stays in this tab.'),
    h('label', { for: 'token' }, 'Token '), field, ' ', h('button', { type: 'submit' }, 'Open'));
}

function theme(next) {
  const chosen = next ?? localStorage.getItem('disttrain.theme') ?? 'system';
  localStorage.setItem('disttrain.theme', chosen);
  const dark = chosen === 'dark' || chosen === 'system' && matchMedia('(prefers-color-scheme: dark)').matches;
  document.documentElement.dataset.theme = dark ? 'dark' : 'light';
  document.getElementById('theme').textContent = `theme: ${chosen}`;
  dispatchEvent(new Event('themechange'));
}

async function route() {
  leave?.();
  leave = null;
  const job = view.get('job'), several = view.get('compare').split(',').filter(Boolean);
  leave = job ? await showJob(page, job) : several.length ? await showCompare(page, several) : showJobs(page);
}

takeToken();
theme();
document.getElementById('theme').addEventListener('click', () => theme({ system: 'dark', dark: 'light', light: 'system' }[localStorage.getItem('disttrain.theme') ?? 'system']));
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => theme());
addEventListener('popstate', route);
// Links within the page go without loading it anew; with a modifier key the browser does what it does.
document.addEventListener('click', event => {
  const anchor = event.target.closest?.('a[href^="/"]');
  if (!anchor || event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
  event.preventDefault();
  history.pushState(null, '', anchor.getAttribute('href'));
  route();
  main.focus();
});
route();
get('version').then(v => { document.getElementById('where').textContent = v.title; }, () => {});
