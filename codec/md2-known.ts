/**
 * Finds messages that are laid out as our own writer does it: all that stands before the body is, word
 * for word, the prefix of a market and type that was read before (`md2-prefix.ts`). Comparing proves every
 * pointer there at once, and the names need no decoding. Whatever else there is, of another writer or
 * another release, is for the plain reader (`md2-read.ts`), and the twin of all that builds on this.
 */
import { MESSAGE_BYTES_MAX } from './capnp-read.ts';
import { BODY, EVENT, FRAME_WORDS, LEVEL } from './md2-layout.ts';
import type { StructLayout } from './md2-layout.ts';
import type { Rows } from './md2-rows.ts';
import { BYTE_LIST, COMPOSITE_LIST, LIST, prefixOf } from './md2-prefix.ts';

/** Positions of the root's numbers in a message, as int32. */
const ROOT = (FRAME_WORDS + 1) * 2;
export const AT = {
  t: ROOT + EVENT.t_64 * 2,
  ts_event: ROOT + EVENT.ts_event_64 * 2,
  sequence: ROOT + EVENT.sequence_64 * 2,
  index: ROOT + EVENT.index_32,
  flags: ROOT + EVENT.flags_32,
  /** Holds whether the sequence is known, and beside it the type. */
  known: ROOT + (EVENT.sequence_known_bit >> 5),
} as const;
export const KNOWN_MASK = 1 << (EVENT.sequence_known_bit & 31);
const TYPE_WORD = ROOT + (EVENT.type_16 >> 1);
const TYPE_SHIFT = (EVENT.type_16 & 1) * 16;
const BODY_POINTER = ROOT + (EVENT.data_words + EVENT.body) * 2;
/** No message is shorter: in int32, the root with its pointers. */
const SHORTEST = ROOT + (EVENT.data_words + EVENT.pointers) * 2;
/** Nor longer than the plain reader takes. */
const LONGEST = MESSAGE_BYTES_MAX >> 2;

/** What a pointer leads to: nothing; what it should; something the plain reader has to judge. */
export const NONE = 0;
export const FOUND = 1;
export const ODD = 2;
export type Found = typeof NONE | typeof FOUND | typeof ODD;

/** Whose events they are. */
export type Market = { readonly shard: string; readonly feed: string; readonly symbol: string };

export type KnownPrefix = {
  readonly market: Market;
  readonly type: number;
  readonly words: Int32Array;
  /** Of the body: where its data and its pointers begin, in int32 from the message's start. */
  readonly data: number;
  readonly pointers: number;
};

/** Prefixes kept, each at the place that its hash says: a power of 2. */
const TABLE = 8192;
const table: (KnownPrefix | undefined)[] = new Array<KnownPrefix | undefined>(TABLE);
/** Words a hash is made of, at most. */
const HASHED_MAX = 64;

export class KnownMessages {
  /** The stream, aligned, and two views of it. */
  bytes: Uint8Array;
  ints: Int32Array;
  longs: BigInt64Array;
  naturals: BigUint64Array;
  /** Of the message found: where it begins and ends, in int32, and what it begins with. */
  at = 0;
  end = 0;
  prefix: KnownPrefix = NOTHING;
  /** What `text` and `levels` found: bytes of a text, int32 of the first level and after the last. */
  from = 0;
  to = 0;
  /** By type code, the prefix met last. */
  readonly #last: (KnownPrefix | undefined)[] = BODY.map(() => undefined);
  /** Messages since the last that was learnt from. */
  #unknown = 0;

  constructor(stream: Uint8Array) {
    // Not `slice`: of a `Buffer` that is the same bytes again.
    const bytes = stream.byteOffset % 8 === 0 ? stream : new Uint8Array(stream);
    const { buffer, byteOffset, length } = bytes;
    this.bytes = bytes;
    this.ints = new Int32Array(buffer, byteOffset, length >> 2);
    this.longs = new BigInt64Array(buffer, byteOffset, length >> 3);
    this.naturals = new BigUint64Array(buffer, byteOffset, length >> 3);
  }

  /**
   * Whether the message at byte `offset`, a multiple of 8, is a known one; `at`, `end` and `prefix` are
   * its then. Only its body's texts and lists are still to be checked.
   */
  find(offset: number): boolean {
    const { ints } = this;
    const at = offset >> 2;
    if (at + SHORTEST > ints.length || ints[at] !== 0) return false;
    const length = 2 + (ints[at + 1] as number) * 2;
    if (length < SHORTEST || length > LONGEST || at + length > ints.length) return false;
    const type = ((ints[at + TYPE_WORD] as number) >>> TYPE_SHIFT) & 0xffff;
    let prefix = this.#last[type];
    if (prefix === undefined || !this.#begins(at, length, prefix)) {
      prefix = this.#lookUp(at, length, type);
      if (prefix === undefined) return false;
      this.#last[type] = prefix;
    }
    this.at = at;
    this.end = at + length;
    this.prefix = prefix;
    return true;
  }

  /**
   * Gives `take` the message found and all that follow it and begin as it does; `end` is the last one's
   * then. Most streams are one such run.
   */
  run(take: Rows, market: number, place: number): void {
    const { ints, prefix } = this;
    let { at, end } = this;
    for (let next = place; ; next++) {
      take.push(at, at + prefix.data, market, next);
      if (end + SHORTEST > ints.length || ints[end] !== 0) break;
      const length = this.endOf(end) - end;
      if (length > LONGEST || end + length > ints.length) break;
      if (!this.#begins(end, length, prefix)) break;
      at = end;
      end += length;
    }
    this.at = at;
    this.end = end;
  }

  /** Where the message that begins at int32 `at` ends. */
  endOf(at: number): number {
    return at + 2 + (this.ints[at + 1] as number) * 2;
  }

  /** The text that the pointer at int32 `pointer` of a message leads to, which ends at `end`. */
  text(pointer: number, end: number): Found {
    const low = this.ints[pointer] as number;
    const high = this.ints[pointer + 1] as number;
    if (low === 0 && high === 0) return NONE;
    const from = (pointer + 2 + (low >> 2) * 2) * 4;
    const to = from + (high >>> 3) - 1;
    if ((low & 3) !== LIST || (high & 7) !== BYTE_LIST) return ODD;
    if (from < pointer * 4 || to < from || to >= end * 4 || this.bytes[to] !== 0) return ODD;
    this.from = from;
    this.to = to;
    return FOUND;
  }

  /** The list of levels a pointer leads to, likewise. What is in them is still to be checked. */
  levels(pointer: number, end: number): Found {
    const low = this.ints[pointer] as number;
    const high = this.ints[pointer + 1] as number;
    if (low === 0 && high === 0) return NONE;
    const tag = pointer + 2 + (low >> 2) * 2;
    const from = tag + 2;
    const to = from + (high >>> 3) * 2;
    if ((low & 3) !== LIST || (high & 7) !== COMPOSITE_LIST) return ODD;
    if (tag < pointer || to > end || this.ints[tag + 1] !== LEVEL.data_words) return ODD;
    const count = this.ints[tag] as number;
    if ((count & 3) !== 0 || (count >>> 2) * LEVEL.data_words * 2 !== to - from) return ODD;
    this.from = from;
    this.to = to;
    return FOUND;
  }

  /** Whether the message begins with these words, but for length and the root's numbers. */
  #begins(at: number, length: number, { words, data }: KnownPrefix): boolean {
    const { ints } = this;
    if (words.length > length) return false;
    if (ints[at + 2] !== words[2] || ints[at + 3] !== words[3]) return false;
    const known = (ints[at + AT.known] as number) & ~KNOWN_MASK;
    if (known !== words[AT.known]) return false;
    for (let next = AT.known + 1; next < data; next++) {
      if (ints[at + next] !== words[next]) return false;
    }
    return true;
  }

  #lookUp(at: number, length: number, type: number): KnownPrefix | undefined {
    const found = table[this.#place(at, length, type)];
    if (found?.type === type && this.#begins(at, length, found)) return found;
    return undefined;
  }

  /**
   * Learns from a message that was not found but is sound, whose it is. Where others are never laid out as
   * ours, it is tried less and less often.
   */
  learn(offset: number, type: number, { shard, feed, symbol }: Market): void {
    const unknown = ++this.#unknown;
    if ((unknown & (unknown - 1)) !== 0) return;
    const words = prefixOf([shard, feed, symbol], type);
    const body = BODY[type] as StructLayout;
    const pointers = words.length - body.pointers * 2;
    const data = pointers - body.data_words * 2;
    const prefix = { market: { shard, feed, symbol }, type, words, data, pointers };
    const at = offset >> 2;
    const length = this.endOf(at) - at;
    if (length < SHORTEST || !this.#begins(at, length, prefix)) return;
    table[this.#place(at, length, type)] = prefix;
    this.#unknown = 0;
  }

  /** A hash of the words of the names, where they lie in a known message. */
  #place(at: number, length: number, type: number): number {
    const body = BODY_POINTER + 2 + ((this.ints[at + BODY_POINTER] as number) >> 2) * 2;
    const to = at + Math.min(body, length, SHORTEST + HASHED_MAX);
    let hash = type;
    for (let next = at + SHORTEST; next < to; next++) {
      hash = Math.imul(hash ^ (this.ints[next] as number), 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    return hash & (TABLE - 1);
  }
}

const NOTHING: KnownPrefix = {
  market: { shard: '', feed: '', symbol: '' },
  type: -1,
  words: new Int32Array(0),
  data: 0,
  pointers: 0,
};
