// What happened, newest first, with a search over all of it; the words searched for are in the URL.
import { h, view, count } from './dom.js';

const mostKept = 5000, mostShown = 500;

export class Events {
  constructor() {
    this.all = [];
    this.find = h('input', { type: 'search', id: 'find', value: view.get('find'), placeholder: 'worker 3, checkpoint, error', oninput: () => { view.set({ find: this.find.value }); this.draw(); } });
    this.list = h('ul', { class: 'events', tabindex: 0, 'aria-label': 'events, newest first' });
    this.note = h('small', { class: 'quiet', role: 'status' });
    this.element = h('section', { class: 'card', 'aria-label': 'events' }, h('div', { class: 'head' }, h('h2', {}, 'Events'), h('label', { for: 'find', class: 'quiet' }, 'search ', this.find)), this.note, this.list);
  }

  add(event) {
    this.all.push(event);
    if (this.all.length > mostKept) this.all.shift();
    if (this.find.value) { this.later ??= requestAnimationFrame(() => { this.later = null; this.draw(); }); return; }
    this.list.prepend(line(event));
    while (this.list.childElementCount > mostShown) this.list.lastElementChild.remove();
  }

  draw() {
    const words = this.find.value.toLowerCase().split(/\s+/).filter(Boolean);
    const found = this.all.filter(e => { const text = `step ${e.step} ${e.kind} ${e.severity} ${e.text}`.toLowerCase(); return words.every(w => text.includes(w)); });
    this.list.replaceChildren(...found.slice(-mostShown).reverse().map(line));
    this.note.textContent = words.length ? `${count(found.length)} of ${count(this.all.length)} events` : '';
  }
}

const line = e => h('li', { class: e.severity }, h('time', { datetime: e.at, title: e.at }, new Date(e.at).toLocaleTimeString()), h('span', { class: 'step' }, `step ${count(e.step)}`), e.text);
