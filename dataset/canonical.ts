/** JSON with sorted keys and nothing between them: one value, one text, one hash. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).filter(([, field]) => field !== undefined);
    entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    const fields = entries.map(([key, field]) => `${JSON.stringify(key)}:${canonicalJson(field)}`);
    return `{${fields.join(',')}}`;
  }
  const text = JSON.stringify(value);
  if (text === undefined) throw new TypeError(`not a JSON value: ${typeof value}`);
  return text;
}

/** The same as readable UTF-8 bytes for an object store: sorted keys, indented, ends in a newline. */
export function jsonDocument(value: unknown): Uint8Array {
  const sorted: unknown = JSON.parse(canonicalJson(value));
  return new TextEncoder().encode(`${JSON.stringify(sorted, null, 1)}\n`);
}
