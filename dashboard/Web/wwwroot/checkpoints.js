// Published checkpoints; each can be saved as one tar file with all that the manifest names.
import { h, number, count, percent, bytes, real } from './dom.js';
import { getBlob } from './api.js';
import { save } from './export.js';

export class Checkpoints {
  constructor(job, path) {
    Object.assign(this, { job, path });
    this.element = h('section', { class: 'card', 'aria-label': 'checkpoints' }, h('h2', {}, 'Checkpoints'));
    this.problem = h('p', { class: 'quiet', role: 'alert' });
  }

  set(list) {
    const best = list.reduce((a, c) => c.testLoss !== null && (a === null || c.testLoss < a.testLoss) ? c : a, null);
    this.element.replaceChildren(h('h2', {}, `Checkpoints (${list.length})`), list.length === 0 ? h('p', { class: 'quiet' }, 'None yet.') : h('div', { class: 'scroll', tabindex: 0, role: 'group', 'aria-label': 'checkpoints' }, h('table', {},
      h('thead', {}, h('tr', {}, ['step', 'test loss', 'test accuracy', 'size', 'at', 'save', 'manifest'].map((t, at) => h('th', { scope: 'col', class: at < 5 ? 'num' : null }, t)))),
      h('tbody', {}, list.map(c => h('tr', {}, h('td', { class: 'num' }, count(c.step)), h('td', { class: 'num' }, c.testLoss === null ? '' : number(real(c.testLoss)), c === best ? ' (best)' : ''), h('td', { class: 'num' }, c.testAccuracy === null ? '' : percent(c.testAccuracy)),
        h('td', { class: 'num' }, bytes(c.bytes)), h('td', { class: 'num' }, new Date(c.at).toLocaleTimeString()), h('td', {}, h('button', { type: 'button', class: 'slight', 'aria-label': `save the checkpoint of step ${c.step}`, onclick: event => this.download(event.currentTarget, c.step) }, 'tar')), h('td', { class: 'path' }, c.manifest)))))), this.problem);
  }

  async download(button, step) {
    button.disabled = true;
    this.problem.textContent = '';
    try {
      save(await getBlob(`${this.path}/checkpoints/${step}/files`), `${this.job}-step-${step}.tar`);
    } catch (error) {
      this.problem.textContent = error.message;
    }
    button.disabled = false;
  }
}
