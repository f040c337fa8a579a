/** Reads the layout that `capnp compile -ocapnp` notes beside each field. */

export type CompiledStruct = {
  readonly data_bytes: number;
  readonly pointers: number;
  /** Path of a field to where it lies: `price.mantissa` -> `bits[0, 64)`, `union` -> the tag's. */
  readonly fields: Map<string, string>;
};

/** Structs by name. */
export function parseLayout(text: string): Map<string, CompiledStruct> {
  const structs = new Map<string, CompiledStruct>();
  let struct: CompiledStruct | null = null;
  const path: string[] = [];
  for (const line of text.split('\n')) {
    const header = /^struct (\w+) @0x[0-9a-f]+ \{ {2}# (\d+) bytes, (\d+) ptrs/.exec(line);
    const group = /^\s+(\w+) :group \{/.exec(line);
    const union = /^\s+union \{ {2}# tag (bits ?\[.*\))/.exec(line);
    const field = /^\s+(\w+) @\d+ :[^;]+; {2}# (.*)$/.exec(line);
    if (header !== null) {
      struct = { data_bytes: Number(header[2]), pointers: Number(header[3]), fields: new Map() };
      structs.set(header[1] ?? '', struct);
    } else if (group !== null) {
      path.push(group[1] ?? '');
    } else if (union !== null) {
      struct?.fields.set('union', (union[1] ?? '').replace(' ', ''));
      path.push('');
    } else if (/^\s+\}/.test(line)) {
      path.pop();
    } else if (/^\}/.test(line)) {
      struct = null;
    } else if (field !== null && struct !== null) {
      const name = [...path, field[1]].filter((part) => part !== '').join('.');
      struct.fields.set(name, field[2] ?? '');
    }
  }
  return structs;
}
