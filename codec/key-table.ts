/**
 * The keys one kind of JSON object may have, found by their bytes: no string is made of a key.
 */
const utf8 = new TextEncoder();

/** `nextKey` results that are no key's index. */
export const KEY_END = -2;
export const KEY_UNKNOWN = -1;

/** The keys one object may have, by index. */
export type KeyTable = {
  readonly names: readonly Uint8Array[];
  readonly slots: Int16Array;
  /** Each key as venues write it, with quotes and colon. */
  readonly written: readonly Uint8Array[];
  /**
   * A venue writes an object's keys in one order: `follows[k]` is the key that came after key k the last
   * time, so that the next one is compared, not looked up. An unknown key counts as one past the last,
   * the beginning of an object as two. A wrong guess costs the look-up, nothing else.
   */
  readonly follows: Int16Array;
  /** Which one came before that one: there may be two orders. */
  readonly follows_else: Int16Array;
  /** The last key read. */
  last: number;
};

export function keyTable(...keys: readonly string[]): KeyTable {
  const names = keys.map((key) => utf8.encode(key));
  let size = 16;
  while (size < keys.length * 4) size *= 2;
  const slots = new Int16Array(size).fill(-1);
  names.forEach((name, index) => {
    let slot = keyHash(name, 0, name.length) & (size - 1);
    while (slots[slot] !== -1) slot = (slot + 1) & (size - 1);
    slots[slot] = index;
  });
  const written = keys.map((key) => utf8.encode(`"${key}":`));
  const follows = new Int16Array(keys.length + 2);
  const follows_else = new Int16Array(keys.length + 2);
  return { names, slots, written, follows, follows_else, last: keys.length };
}

function keyHash(bytes: Uint8Array, from: number, to: number): number {
  if (to === from) return 0;
  const first = bytes[from] as number;
  const middle = bytes[(from + to) >> 1] as number;
  const last = bytes[to - 1] as number;
  return first + middle * 7 + last * 31 + (to - from) * 13;
}

export function findKey(table: KeyTable, bytes: Uint8Array, from: number, to: number): number {
  const mask = table.slots.length - 1;
  let slot = keyHash(bytes, from, to) & mask;
  for (;;) {
    const index = table.slots[slot] as number;
    if (index === -1) return KEY_UNKNOWN;
    if (bytesEqual(table.names[index] as Uint8Array, bytes, from, to)) return index;
    slot = (slot + 1) & mask;
  }
}

export function bytesEqual(name: Uint8Array, bytes: Uint8Array, from: number, to: number): boolean {
  if (name.length !== to - from) return false;
  for (let at = 0; at < name.length; at++) {
    if (name[at] !== bytes[from + at]) return false;
  }
  return true;
}
