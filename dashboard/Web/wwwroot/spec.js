// A job's spec as the server writes it (YAML in blocks of two spaces, components in braces), flattened to one line for each field.

/** The entries of {a: 1, b: {c: 2}} or [x, y] as [name, text]; null where the text is neither. */
function entries(text) {
  if (!/^(\{.*\}|\[.*\])$/s.test(text)) return null;
  const parts = [];
  let depth = 0, quote = '', from = 1;
  for (let i = 1; i < text.length - 1; i++) {
    const c = text[i];
    if (quote) { if (c === '\\') i++; else if (c === quote) quote = ''; } else if (c === '"' || c === "'") quote = c; else if (c === '{' || c === '[') depth++; else if (c === '}' || c === ']') depth--;
    else if (c === ',' && depth === 0) { parts.push(text.slice(from, i)); from = i + 1; }
  }
  parts.push(text.slice(from, -1));
  return parts.map(p => p.trim()).filter(Boolean).map((part, i) => { const pair = text[0] === '{' ? /^("[^"]*"|[^:]+):\s*(.*)$/s.exec(part) : null; return pair ? [pair[1].replaceAll('"', ''), pair[2]] : [String(i), part]; });
}

function put(fields, path, text) {
  const inner = entries(text);
  if (inner?.length) for (const [name, value] of inner) put(fields, `${path}.${name}`, value); else fields.set(path, text);
}

/** Map of "training.batchSize" to its text. A list's entries are numbered. */
export function flatten(yaml) {
  const fields = new Map(), stack = [];
  for (const raw of yaml.split('\n')) {
    if (!raw.trim() || raw.trimStart().startsWith('#')) continue;
    let indent = raw.length - raw.trimStart().length, text = raw.trim();
    while (text.startsWith('- ') || text === '-') {
      while (stack.length && stack.at(-1).indent >= indent && !(stack.at(-1).list && stack.at(-1).indent === indent)) stack.pop();
      if (stack.at(-1)?.list && stack.at(-1).indent === indent) stack.at(-1).name = String(Number(stack.at(-1).name) + 1);
      else stack.push({ indent, name: '0', list: true });
      indent += 2;
      text = text.slice(2).trim();
    }
    const key = /^("[^"]*"|[^\s:{[][^:]*):(?:\s+(.*))?$/.exec(text);
    while (stack.length && stack.at(-1).indent >= indent) stack.pop();
    if (!key) { if (text) put(fields, stack.map(s => s.name).join('.'), text); continue; }
    stack.push({ indent, name: key[1].replaceAll('"', '') });
    if (key[2] !== undefined) put(fields, stack.map(s => s.name).join('.'), key[2]);
  }
  return fields;
}

/** Rows [field, value of each spec] where not all are equal; names and places differ of themselves and say nothing. */
export function differences(specs) {
  const maps = specs.map(flatten), names = [...new Set(maps.flatMap(m => [...m.keys()]))];
  return names.filter(n => n !== 'metadata.name').map(n => [n.replace(/^spec\./, ''), maps.map(m => m.get(n) ?? '')]).filter(([, values]) => new Set(values).size > 1);
}
