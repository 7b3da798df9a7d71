// Requests with the token, and event streams over fetch: EventSource cannot send a header.
const key = 'disttrain.token';

/** A link brings the token in its fragment, which browsers send nowhere; from there it moves into this tab's storage. */
export function takeToken() {
  if (!location.hash.startsWith('#token=')) return;
  sessionStorage.setItem(key, decodeURIComponent(location.hash.slice('#token='.length)));
  history.replaceState(null, '', location.pathname + location.search);
}

export const setToken = token => sessionStorage.setItem(key, token);

const headers = more => ({ ...(sessionStorage.getItem(key) ? { Authorization: `Bearer ${sessionStorage.getItem(key)}` } : {}), ...more });

export class Refused extends Error {
  constructor(status, problems) { super(problems.join('\n')); this.status = status; this.problems = problems; }
}

async function check(response) {
  if (response.ok) return response;
  const report = await response.json().catch(() => null);
  throw new Refused(response.status, report?.problems ?? [`The server answers ${response.status}.`]);
}

export const get = async path => (await check(await fetch(`/api/v1/${path}`, { headers: headers() }))).json();
export const getBlob = async path => (await check(await fetch(`/api/v1/${path}`, { headers: headers() }))).blob();
export const post = async path => (await check(await fetch(`/api/v1/${path}`, { method: 'POST', headers: headers() }))).json();

/**
 * Follows an event stream until its "end" or until the signal; a connection that is lost is opened again after the last event seen.
 * on(name, data) gets each event; state('live' | 'lost' | 'ended' | 'refused', error) how it stands.
 */
export async function follow(path, on, state, signal) {
  let last = '', pause = 300;
  while (!signal.aborted) {
    try {
      const response = await check(await fetch(`/api/v1/${path}`, { headers: headers({ Accept: 'text/event-stream', ...(last ? { 'Last-Event-ID': last } : {}) }), signal, cache: 'no-store' }));
      state('live');
      pause = 300;
      for await (const event of read(response.body)) {
        if (event.id) last = event.id;
        on(event.name, JSON.parse(event.data));
        if (event.name === 'end') { state('ended'); return; }
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Refused && error.status < 500) { state('refused', error); return; }
    }
    if (signal.aborted) return;
    state('lost');
    await new Promise(done => setTimeout(done, pause));
    pause = Math.min(2 * pause, 5000);
  }
}

/** text/event-stream: fields up to an empty line. */
async function* read(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '', name = '', id = '', data = [];
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const lines = (rest + value).split('\n');
    rest = lines.pop();
    for (const line of lines) {
      if (line === '') {
        if (data.length) yield { name: name || 'message', id, data: data.join('\n') };
        name = ''; data = [];
      } else if (line.startsWith('event:')) name = line.slice(6).trim();
      else if (line.startsWith('id:')) id = line.slice(3).trim();
      else if (line.startsWith('data:')) data.push(line.slice(line[5] === ' ' ? 6 : 5));
    }
  }
}
