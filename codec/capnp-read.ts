/**
 * Reads Cap'n Proto messages of one segment, ours or another writer's, older (shorter structs: what is
 * missing reads as zero) or newer (longer ones: what is unknown is passed over). Every pointer is
 * checked before it is followed.
 */
import { SsmdError } from '../schema/errors.ts';
import { i64, u64 } from './halves.ts';

/** Longest message that is read: a frame's header that claims more is corrupt. */
export const MESSAGE_BYTES_MAX = 64 * 1024 * 1024;
/** The segment table of a message of one segment. */
export const TABLE_BYTES = 8;

/** Length of the framed message at `at`. @throws SSMD_CORRUPT where it is not whole */
export function wholeLength(bytes: Uint8Array, at: number): number {
  if (at + TABLE_BYTES > bytes.length) throw corrupt(at, 'a message is cut in its first word');
  const segments = int32(bytes, at) + 1;
  if (segments !== 1) {
    throw corrupt(at, `a message of ${segments} segments, where ours have 1`);
  }
  const length = TABLE_BYTES + (int32(bytes, at + 4) >>> 0) * 8;
  if (length > MESSAGE_BYTES_MAX) throw corrupt(at, `a message claims ${length} bytes`);
  if (at + length > bytes.length) {
    throw corrupt(at, `a message claims ${length} bytes where ${bytes.length - at} are left`);
  }
  return length;
}

/** The root struct of the message at `at`. */
export function openMessage(bytes: Uint8Array, at: number): StructReader {
  const end = at + wholeLength(bytes, at);
  const start = at + TABLE_BYTES;
  if (start === end) throw corrupt(at, 'a message without a root');
  return structAt({ bytes, start, end }, start);
}

/** One segment: `bytes[start, end)`, both of them offsets. */
type Segment = { readonly bytes: Uint8Array; readonly start: number; readonly end: number };

const view = new DataView(new ArrayBuffer(8));
const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

/** A struct's sections; what lies beyond them reads as zero, and a pointer as null. */
export class StructReader {
  readonly #segment: Segment;
  /** Offset of the data section. */
  readonly at: number;
  readonly #data_end: number;
  readonly #pointers: number;

  constructor(segment: Segment, data: number, data_words: number, pointers: number) {
    this.#segment = segment;
    this.at = data;
    this.#data_end = data + data_words * 8;
    this.#pointers = pointers;
  }

  u64(at: number): bigint {
    return u64(this.#int32(at * 8 + 4), this.#int32(at * 8));
  }

  i64(at: number): bigint {
    return i64(this.#int32(at * 8 + 4), this.#int32(at * 8));
  }

  u32(at: number): number {
    return this.#int32(at * 4) >>> 0;
  }

  u16(at: number): number {
    return this.#byte(at * 2) | (this.#byte(at * 2 + 1) << 8);
  }

  f64(at: number): number {
    view.setInt32(0, this.#int32(at * 8), true);
    view.setInt32(4, this.#int32(at * 8 + 4), true);
    return view.getFloat64(0, true);
  }

  bit(at: number): boolean {
    return ((this.#byte(at >> 3) >> (at & 7)) & 1) === 1;
  }

  /** A signed byte whose default in the schema is `otherwise`: stored as their difference in bits. */
  i8(at: number, otherwise: number): number {
    return ((this.#byte(at) ^ otherwise) << 24) >> 24;
  }

  text(pointer: number): string | null {
    const at = this.#pointer(pointer);
    if (at < 0) return null;
    const { bytes } = this.#segment;
    const list = listAt(this.#segment, at);
    if (list.size !== 2) throw corrupt(at, 'a text is not a list of bytes');
    const end = list.at + list.count - 1;
    if (list.count === 0 || list.at + list.count > this.#segment.end || bytes[end] !== 0) {
      throw corrupt(at, 'a text does not end with its zero byte inside the message');
    }
    return utf8.decode(bytes.subarray(list.at, end));
  }

  struct(pointer: number): StructReader {
    const at = this.#pointer(pointer);
    return at < 0 ? new StructReader(this.#segment, 0, 0, 0) : structAt(this.#segment, at);
  }

  /** The structs of a list, in order. */
  structs(pointer: number): readonly StructReader[] {
    const at = this.#pointer(pointer);
    if (at < 0) return [];
    const { bytes, end } = this.#segment;
    const list = listAt(this.#segment, at);
    if (list.size !== 7) throw corrupt(at, 'a list that is not one of structs');
    const words = list.count;
    if (list.at + 8 + words * 8 > end) throw corrupt(at, 'a list reaches beyond the message');
    const tag = int32(bytes, list.at);
    const data = int32(bytes, list.at + 4) & 0xffff;
    const pointers = int32(bytes, list.at + 4) >>> 16;
    const size = data + pointers;
    const count = tag >>> 2;
    if ((tag & 3) !== 0 || count * size > words || (size === 0 && count > 0)) {
      throw corrupt(list.at, 'a list claims more than it holds');
    }
    const found: StructReader[] = [];
    for (let index = 0; index < count; index++) {
      const from = list.at + 8 + index * size * 8;
      found.push(new StructReader(this.#segment, from, data, pointers));
    }
    return found;
  }

  /** Offset of a pointer that is there, or -1. */
  #pointer(index: number): number {
    if (index >= this.#pointers) return -1;
    const at = this.#data_end + index * 8;
    const { bytes } = this.#segment;
    return int32(bytes, at) === 0 && int32(bytes, at + 4) === 0 ? -1 : at;
  }

  #byte(offset: number): number {
    const at = this.at + offset;
    return at < this.#data_end ? (this.#segment.bytes[at] as number) : 0;
  }

  #int32(offset: number): number {
    const at = this.at + offset;
    return at < this.#data_end ? int32(this.#segment.bytes, at) : 0;
  }
}

/** The struct that the pointer at `at` points to. */
function structAt(segment: Segment, at: number): StructReader {
  const { bytes } = segment;
  const low = int32(bytes, at);
  const high = int32(bytes, at + 4);
  if (low === 0 && high === 0) return new StructReader(segment, 0, 0, 0);
  if ((low & 3) !== 0) throw corrupt(at, 'a pointer that is not one to a struct');
  const data = high & 0xffff;
  const pointers = high >>> 16;
  const target = at + 8 + (low >> 2) * 8;
  if (target < segment.start || target + (data + pointers) * 8 > segment.end) {
    throw corrupt(at, 'a struct reaches beyond the message');
  }
  return new StructReader(segment, target, data, pointers);
}

/** The list that the pointer at `at` points to; `count` is in words for a list of structs. */
function listAt(
  segment: Segment,
  at: number,
): { readonly at: number; readonly size: number; readonly count: number } {
  const low = int32(segment.bytes, at);
  const high = int32(segment.bytes, at + 4);
  if ((low & 3) !== 1) throw corrupt(at, 'a pointer that is not one to a list');
  const target = at + 8 + (low >> 2) * 8;
  if (target < segment.start || target > segment.end) {
    throw corrupt(at, 'a list lies beyond the message');
  }
  return { at: target, size: high & 7, count: high >>> 3 };
}

function int32(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] as number) |
    ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) |
    ((bytes[at + 3] as number) << 24)
  );
}

export function corrupt(at: number, what: string): SsmdError {
  return new SsmdError('SSMD_CORRUPT', `not a stream of whole messages: at byte ${at}, ${what}`, {
    facts: { at },
  });
}
