// What the curves mean: verdict, rule, numbers, advice, and which checks could not run.
import { h, count } from './dom.js';

const words = { ok: 'nothing to do', unknown: 'too little data', warn: 'could go better', error: 'leads nowhere' };
const signs = { ok: '✓', unknown: '…', warn: '▲', error: '✕' };

export class Verdict {
  constructor() { this.element = h('section', { class: 'card verdict', 'aria-label': 'verdict', 'aria-live': 'polite' }, h('h2', {}, 'Verdict'), h('p', { class: 'quiet' }, 'No word yet.')); }

  set(v) {
    this.element.className = `card verdict ${v.severity}`;
    this.element.dataset.verdict = v.verdict;
    const sure = v.severity !== 'unknown';
    this.element.replaceChildren(...[
      h('h2', {}, 'Verdict'), h('div', { class: 'name' }, `${signs[v.severity]} ${v.verdict}`),
      h('p', { class: 'quiet' }, `${words[v.severity]}${v.rule !== v.verdict ? `; rule: ${v.rule}` : ''}${sure ? `; confidence ${v.confidence.toFixed(2)}; steps ${count(v.window.fromStep)} to ${count(v.window.toStep)} (shaded)` : ''}`),
      h('p', {}, v.sentence),
      sure && v.evidence.length ? [h('h3', {}, 'Evidence'), h('ul', {}, v.evidence.map(e => h('li', {}, e.text)))] : '',
      v.advice.length ? [h('h3', {}, 'Advice'), h('ol', {}, v.advice.map(a => h('li', {}, a)))] : '',
      v.alsoFound.length ? [h('h3', {}, 'Also found'), h('ul', {}, v.alsoFound.map(a => h('li', {}, `${a.verdict}: ${a.sentence}`)))] : '',
      h('details', {}, h('summary', {}, `${v.checksRan.length} checks ran, ${v.checksSkipped.length} could not`), h('p', { class: 'quiet' }, `Ran: ${v.checksRan.join(', ') || 'none'}.`), h('ul', {}, v.checksSkipped.map(c => h('li', {}, `${c.name}: ${c.reason}`)))),
    ].flat().filter(Boolean));
  }
}
