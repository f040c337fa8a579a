/**
 * The writer behind `md2.ts`: int32 stores into the arena, one message at a time.
 */
import type { EventArena } from './event-arena.ts';
import { ABSENT, TEXT_IN_FRAME, TYPE_BOOK } from './event-buffer.ts';
import type { EventBuffer } from './event-buffer.ts';
import type { EncodeHeader } from './event-object.ts';
import { ASKS, BIDS, BODY, EVENT, FRAME_WORDS, KIND, LEVEL, LEVEL_BYTES } from './md2-layout.ts';
import type { StructLayout } from './md2-layout.ts';

/** Longest text in an event; what is longer is cut at a character's boundary. */
export const TEXT_BYTES_MAX = 64 * 1024;

/** Pointer words before their offset: kind, and sizes. */
const BYTE_LIST = 2;
const COMPOSITE_LIST = 7;
const ABSENT_MARK = ABSENT;

const utf8 = new TextEncoder();

/** UTF-8 of names that come with every event (shards, feeds, symbols). */
class NameCache {
  readonly #names = new Map<string, Uint8Array>();
  readonly #max = 8192;

  get(name: string): Uint8Array {
    const known = this.#names.get(name);
    if (known !== undefined) return known;
    if (this.#names.size >= this.#max) this.#names.clear();
    const bytes = utf8.encode(name);
    this.#names.set(name, bytes);
    return bytes;
  }
}

const names = new NameCache();

function textWords(bytes: number): number {
  return (bytes >> 3) + 1;
}

/** Bytes a book event takes beside its levels, part numbers included. */
export function overheadBytes(buffer: EventBuffer, event: number, header: EncodeHeader): number {
  const body = BODY[buffer.type[event] as number] as StructLayout;
  const fixed =
    FRAME_WORDS + 1 + EVENT.data_words + EVENT.pointers + body.data_words + body.pointers;
  const texts = [header.shard, header.feed, header.symbol];
  const words = texts.reduce((sum, text) => sum + textWords(names.get(text).length), fixed);
  return (words + 2) * 8;
}

/** One message at a time; positions are int32 indexes in `words`, which aliases the arena's bytes. */
export class Md2Writer {
  #bytes: Uint8Array = new Uint8Array(0);
  #words: Int32Array = new Int32Array(0);
  /** Where the next object goes. */
  #at = 0;
  #t = 0n;
  #t_hi = 0;
  #t_lo = 0;

  encode(buffer: EventBuffer, event: number, header: EncodeHeader, arena: EventArena): void {
    const type = buffer.type[event] as number;
    const body = BODY[type] as StructLayout;
    const shard = names.get(header.shard);
    const feed = names.get(header.feed);
    const symbol = names.get(header.symbol);
    const start = arena.reserve(
      512 + shard.length + feed.length + symbol.length + bodyBytesMax(buffer, event, type),
    );
    this.#bind(arena.bytes);
    const base = start >> 2;
    const root = base + (FRAME_WORDS + 1) * 2;
    const pointers = root + EVENT.data_words * 2;
    this.#at = pointers + EVENT.pointers * 2;
    const words = this.#words;
    words.fill(0, base, this.#at);
    this.#structPointer(base + FRAME_WORDS * 2, root, EVENT.data_words, EVENT.pointers);
    this.#header(root, buffer, event, header, type);
    this.#text(pointers + EVENT.shard * 2, shard, 0, shard.length);
    this.#text(pointers + EVENT.feed * 2, feed, 0, feed.length);
    this.#text(pointers + EVENT.symbol * 2, symbol, 0, symbol.length);
    this.#body(pointers + EVENT.body * 2, buffer, event, type, body);
    const length = (this.#at - base) * 4;
    words[base + 1] = (length >> 3) - FRAME_WORDS;
    arena.commit(length, type, header.symbol, header.t, header.index);
  }

  #bind(bytes: Uint8Array): void {
    if (this.#bytes === bytes) return;
    this.#bytes = bytes;
    this.#words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
  }

  #header(
    root: number,
    buffer: EventBuffer,
    event: number,
    header: EncodeHeader,
    type: number,
  ): void {
    if (this.#t !== header.t) {
      this.#t = header.t;
      this.#t_lo = Number(BigInt.asIntN(32, header.t));
      this.#t_hi = Number(BigInt.asIntN(32, header.t >> 32n));
    }
    const words = this.#words;
    words[root + EVENT.t_64 * 2] = this.#t_lo;
    words[root + EVENT.t_64 * 2 + 1] = this.#t_hi;
    words[root + EVENT.ts_event_64 * 2] = buffer.ts_lo[event] as number;
    words[root + EVENT.ts_event_64 * 2 + 1] = buffer.ts_hi[event] as number;
    words[root + EVENT.index_32] = header.index;
    words[root + EVENT.flags_32] = buffer.flags[event] as number;
    if (buffer.seq_known[event] === 1) {
      words[root + EVENT.sequence_64 * 2] = buffer.seq_lo[event] as number;
      words[root + EVENT.sequence_64 * 2 + 1] = buffer.seq_hi[event] as number;
      this.#bit(root, EVENT.sequence_known_bit);
    }
    this.#bytes[root * 4 + EVENT.type_16 * 2] = type;
  }

  #body(
    pointer: number,
    buffer: EventBuffer,
    event: number,
    type: number,
    body: StructLayout,
  ): void {
    const data = this.#at;
    const pointers = data + body.data_words * 2;
    this.#at = pointers + body.pointers * 2;
    this.#words.fill(0, data, this.#at);
    this.#structPointer(pointer, data, body.data_words, body.pointers);
    const { kind, value, mark } = body;
    const words = this.#words;
    let slot = buffer.slot[event] as number;
    for (let field = 0; field < kind.length; field++, slot++) {
      const aux = buffer.aux[slot] as number;
      if (aux === ABSENT) continue;
      const lo = buffer.lo[slot] as number;
      const hi = buffer.hi[slot] as number;
      const where = value[field] as number;
      switch (kind[field]) {
        case KIND.decimal:
          words[data + where * 2] = lo;
          words[data + where * 2 + 1] = hi;
          this.#bytes[data * 4 + (mark[field] as number)] = aux ^ ABSENT_MARK;
          break;
        case KIND.u64:
          words[data + where * 2] = lo;
          words[data + where * 2 + 1] = hi;
          this.#bit(data, mark[field] as number);
          break;
        case KIND.u32:
          words[data + where] = lo;
          this.#bit(data, mark[field] as number);
          break;
        case KIND.side:
          this.#bytes[data * 4 + where * 2] = lo;
          break;
        default:
          if (aux === TEXT_IN_FRAME) this.#text(pointers + where * 2, buffer.source, hi, lo);
          else this.#string(pointers + where * 2, buffer.strings[lo] as string);
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

  #structPointer(pointer: number, target: number, data: number, pointers: number): void {
    this.#words[pointer] = ((target - pointer - 2) >> 1) << 2;
    this.#words[pointer + 1] = data | (pointers << 16);
  }

  /** Text `bytes[from, to)` as the next object. */
  #text(pointer: number, bytes: Uint8Array, from: number, to: number): void {
    const length = to - from > TEXT_BYTES_MAX ? cutText(bytes, from) : to - from;
    const target = this.#at;
    const count = textWords(length) * 2;
    const words = this.#words;
    words[pointer] = (((target - pointer - 2) >> 1) << 2) | 1;
    words[pointer + 1] = ((length + 1) << 3) | BYTE_LIST;
    words[target + count - 2] = 0;
    words[target + count - 1] = 0;
    const out = this.#bytes;
    const at = target * 4;
    if (length > 64) out.set(bytes.subarray(from, from + length), at);
    else for (let next = 0; next < length; next++) out[at + next] = bytes[from + next] as number;
    this.#at = target + count;
  }

  #string(pointer: number, text: string): void {
    const bytes = utf8.encode(text);
    this.#text(pointer, bytes, 0, bytes.length);
  }

  #levels(pointer: number, buffer: EventBuffer, from: number, to: number): void {
    if (to === from) return;
    const { price_hi, price_lo, price_exp, size_hi, size_lo, size_exp } = buffer;
    const words = this.#words;
    const count = to - from;
    const target = this.#at;
    words[pointer] = (((target - pointer - 2) >> 1) << 2) | 1;
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
        (((price_exp[level] as number) ^ ABSENT_MARK) & 255) |
        ((((size_exp[level] as number) ^ ABSENT_MARK) & 255) << 8);
      words[at + 5] = 0;
    }
    this.#at = at;
  }
}

/** Enough for the body of an event: its struct, texts and levels. */
function bodyBytesMax(buffer: EventBuffer, event: number, type: number): number {
  const levels =
    (buffer.bid_to[event] as number) -
    (buffer.bid_from[event] as number) +
    ((buffer.ask_to[event] as number) - (buffer.ask_from[event] as number));
  const { kind } = BODY[type] as StructLayout;
  let bytes = levels * LEVEL_BYTES;
  let slot = buffer.slot[event] as number;
  for (let field = 0; field < kind.length; field++, slot++) {
    if (kind[field] !== KIND.text || buffer.aux[slot] === ABSENT) continue;
    const lo = buffer.lo[slot] as number;
    const inFrame = buffer.aux[slot] === TEXT_IN_FRAME;
    const length = inFrame
      ? lo - (buffer.hi[slot] as number)
      : (buffer.strings[lo]?.length ?? 0) * 3;
    bytes += Math.min(length, TEXT_BYTES_MAX) + 16;
  }
  return bytes;
}

/** Length of the longest prefix within the limit that ends at a character's boundary. */
function cutText(bytes: Uint8Array, from: number): number {
  let length = TEXT_BYTES_MAX;
  while (length > 0 && ((bytes[from + length] as number) & 0xc0) === 0x80) length--;
  return length;
}
