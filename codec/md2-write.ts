/**
 * The writer behind `md2.ts`: int32 stores into the arena, one message at a time. What shard, feed,
 * symbol and type decide is copied (`md2-prefix.ts`), the rest filled in. Its plain twin is
 * `test/support/plain-md2.ts`.
 */
import type { EventArena } from './event-arena.ts';
import { ABSENT, TEXT_IN_FRAME, TYPE_BOOK } from './event-buffer.ts';
import type { EventBuffer } from './event-buffer.ts';
import type { EncodeHeader } from './event-object.ts';
import { ASKS, BIDS, BODY, EVENT, FRAME_WORDS, KIND, LEVEL, LEVEL_BYTES } from './md2-layout.ts';
import type { StructLayout } from './md2-layout.ts';
import {
  BYTE_LIST,
  COMPOSITE_LIST,
  LIST,
  PrefixCache,
  TEXT_BYTES_MAX,
  textLength,
  textWords,
} from './md2-prefix.ts';

/** Positions of the root's numbers in a message, as int32. */
const ROOT = (FRAME_WORDS + 1) * 2;
const T = ROOT + EVENT.t_64 * 2;
const TS_EVENT = ROOT + EVENT.ts_event_64 * 2;
const SEQUENCE = ROOT + EVENT.sequence_64 * 2;
const INDEX = ROOT + EVENT.index_32;
const FLAGS = ROOT + EVENT.flags_32;
const KNOWN = ROOT + (EVENT.sequence_known_bit >> 5);
const KNOWN_MASK = 1 << (EVENT.sequence_known_bit & 31);

/** Fields that are texts, by type code. */
const TEXT_FIELDS = BODY.map(({ kind }) =>
  Array.from(kind.keys()).filter((field) => kind[field] === KIND.text),
);

const utf8 = new TextEncoder();
const prefixes = new PrefixCache();

/** Bytes a book event takes beside its levels, part numbers included. */
export function overheadBytes(buffer: EventBuffer, event: number, header: EncodeHeader): number {
  return prefixes.get(header, buffer.type[event] as number).length * 4 + 2 * 8;
}

/** One message at a time; positions are int32 indexes in `words`, which aliases the arena's bytes. */
export class Md2Writer {
  #bytes: Uint8Array = new Uint8Array(0);
  #words: Int32Array = new Int32Array(0);
  /** Where the next object goes. */
  #at = 0;
  /** A line's instant, and its halves: 2 ns, where arithmetic of bigints takes 30. */
  readonly #t = new BigInt64Array(1);
  readonly #t_halves = new Int32Array(this.#t.buffer);

  encode(buffer: EventBuffer, event: number, header: EncodeHeader, arena: EventArena): void {
    const type = buffer.type[event] as number;
    const prefix = prefixes.get(header, type);
    const size = prefix.length;
    const start = arena.reserve(size * 4 + beyondPrefixMax(buffer, event, type));
    if (this.#bytes !== arena.bytes) this.#bind(arena.bytes);
    this.#t[0] = header.t;
    const words = this.#words;
    const base = start >> 2;
    words.set(prefix, base);
    words[base + T] = this.#t_halves[0] as number;
    words[base + T + 1] = this.#t_halves[1] as number;
    words[base + TS_EVENT] = buffer.ts_lo[event] as number;
    words[base + TS_EVENT + 1] = buffer.ts_hi[event] as number;
    words[base + INDEX] = header.index;
    words[base + FLAGS] = buffer.flags[event] as number;
    if (buffer.seq_known[event] === 1) {
      words[base + SEQUENCE] = buffer.seq_lo[event] as number;
      words[base + SEQUENCE + 1] = buffer.seq_hi[event] as number;
      words[base + KNOWN] = (words[base + KNOWN] as number) | KNOWN_MASK;
    }
    this.#at = base + size;
    this.#body(buffer, event, type);
    const length = (this.#at - base) * 4;
    words[base + 1] = (length >> 3) - FRAME_WORDS;
    arena.commit(length, type, header.symbol, header.t, header.index);
  }

  #bind(bytes: Uint8Array): void {
    this.#bytes = bytes;
    this.#words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
  }

  /** Fills in the body that ends at `#at`, and appends its texts and levels. */
  #body(buffer: EventBuffer, event: number, type: number): void {
    const { kind, value, mark, data_words, pointers: count } = BODY[type] as StructLayout;
    const pointers = this.#at - count * 2;
    const data = pointers - data_words * 2;
    const words = this.#words;
    const bytes = this.#bytes;
    const { hi, lo, aux } = buffer;
    let slot = buffer.slot[event] as number;
    for (let field = 0; field < kind.length; field++, slot++) {
      const how = aux[slot] as number;
      if (how === ABSENT) continue;
      const where = value[field] as number;
      switch (kind[field]) {
        case KIND.decimal:
          words[data + where * 2] = lo[slot] as number;
          words[data + where * 2 + 1] = hi[slot] as number;
          bytes[data * 4 + (mark[field] as number)] = how ^ ABSENT;
          break;
        case KIND.u64:
          words[data + where * 2] = lo[slot] as number;
          words[data + where * 2 + 1] = hi[slot] as number;
          this.#bit(data, mark[field] as number);
          break;
        case KIND.u32:
          words[data + where] = lo[slot] as number;
          this.#bit(data, mark[field] as number);
          break;
        case KIND.side:
          bytes[data * 4 + where * 2] = lo[slot] as number;
          break;
        default:
          this.#text(pointers + where * 2, buffer, slot);
      }
    }
    if (type === TYPE_BOOK) {
      const { bid_from, bid_to, ask_from, ask_to } = buffer;
      this.#levels(pointers + BIDS * 2, buffer, bid_from[event] as number, bid_to[event] as number);
      this.#levels(pointers + ASKS * 2, buffer, ask_from[event] as number, ask_to[event] as number);
    }
  }

  #bit(section: number, bit: number): void {
    const at = section * 4 + (bit >> 3);
    this.#bytes[at] = (this.#bytes[at] as number) | (1 << (bit & 7));
  }

  /** The text of a slot as the next object. */
  #text(pointer: number, buffer: EventBuffer, slot: number): void {
    const hi = buffer.hi[slot] as number;
    const lo = buffer.lo[slot] as number;
    if (buffer.aux[slot] === TEXT_IN_FRAME) this.#textOf(pointer, buffer.source, hi, lo);
    else {
      const bytes = utf8.encode(buffer.strings[lo] as string);
      this.#textOf(pointer, bytes, 0, bytes.length);
    }
  }

  #textOf(pointer: number, bytes: Uint8Array, from: number, to: number): void {
    const length = textLength(bytes, from, to);
    const target = this.#at;
    const end = target + textWords(length) * 2;
    const words = this.#words;
    words[pointer] = (((target - pointer - 2) >> 1) << 2) | LIST;
    words[pointer + 1] = ((length + 1) << 3) | BYTE_LIST;
    words[end - 2] = 0;
    words[end - 1] = 0;
    const out = this.#bytes;
    const at = target * 4;
    if (length > 64) out.set(bytes.subarray(from, from + length), at);
    else for (let next = 0; next < length; next++) out[at + next] = bytes[from + next] as number;
    this.#at = end;
  }

  #levels(pointer: number, buffer: EventBuffer, from: number, to: number): void {
    if (to === from) return;
    const { price_hi, price_lo, price_exp, size_hi, size_lo, size_exp } = buffer;
    const words = this.#words;
    const count = to - from;
    const target = this.#at;
    words[pointer] = (((target - pointer - 2) >> 1) << 2) | LIST;
    words[pointer + 1] = ((count * LEVEL.data_words) << 3) | COMPOSITE_LIST;
    words[target] = count << 2;
    words[target + 1] = LEVEL.data_words;
    let at = target + 2;
    for (let level = from; level < to; level++, at += LEVEL.data_words * 2) {
      words[at] = price_lo[level] as number;
      words[at + 1] = price_hi[level] as number;
      words[at + 2] = size_lo[level] as number;
      words[at + 3] = size_hi[level] as number;
      words[at + 4] =
        (((price_exp[level] as number) ^ ABSENT) & 255) |
        ((((size_exp[level] as number) ^ ABSENT) & 255) << 8);
      words[at + 5] = 0;
    }
    this.#at = at;
  }
}

/** Bytes that may follow a prefix: the body's texts and levels. */
function beyondPrefixMax(buffer: EventBuffer, event: number, type: number): number {
  let bytes = 2 * 8;
  if (type === TYPE_BOOK) {
    const levels =
      (buffer.bid_to[event] as number) -
      (buffer.bid_from[event] as number) +
      ((buffer.ask_to[event] as number) - (buffer.ask_from[event] as number));
    bytes += levels * LEVEL_BYTES;
  }
  const { hi, lo, aux, strings } = buffer;
  for (const field of TEXT_FIELDS[type] as readonly number[]) {
    const slot = (buffer.slot[event] as number) + field;
    if (aux[slot] === ABSENT) continue;
    const length =
      aux[slot] === TEXT_IN_FRAME
        ? (lo[slot] as number) - (hi[slot] as number)
        : (strings[lo[slot] as number]?.length ?? 0) * 3;
    bytes += Math.min(length, TEXT_BYTES_MAX) + 8;
  }
  return bytes;
}
