/**
 * What stands before an event's body, as words to copy: of a message, shard, feed, symbol and type decide
 * all of it but the header's numbers and the length. So a writer fills in those, and never lays out names.
 */
import type { EncodeHeader } from './event-object.ts';
import { BODY, EVENT, FRAME_WORDS } from './md2-layout.ts';
import type { StructLayout } from './md2-layout.ts';

/** Longest text in an event; what is longer is cut at a character's boundary. */
export const TEXT_BYTES_MAX = 64 * 1024;

/** Low bits of a list's pointer, and of its second half. */
export const LIST = 1;
export const BYTE_LIST = 2;
export const COMPOSITE_LIST = 7;

/** Prefixes kept; past them all are made anew. */
export const PREFIXES_MAX = 16_384;

/** Words of a text of so many bytes: with its zero byte, padded. */
export function textWords(bytes: number): number {
  return (bytes >> 3) + 1;
}

/** How much of `bytes[from, to)` is stored: at most the limit, ending at a character's boundary. */
export function textLength(bytes: Uint8Array, from: number, to: number): number {
  if (to - from <= TEXT_BYTES_MAX) return to - from;
  let length = TEXT_BYTES_MAX;
  while (length > 0 && ((bytes[from + length] as number) & 0xc0) === 0x80) length--;
  return length;
}

/** By type code. */
type Prefixes = (Int32Array | undefined)[];

/** The prefixes of the markets a writer meets. */
export class PrefixCache {
  #shard = '';
  #feed = '';
  #symbol = '';
  #now: Prefixes = [];
  /** By shard and feed, by symbol. */
  readonly #sources = new Map<string, Map<string, Prefixes>>();
  #count = 0;

  /**
   * The message of such an event as int32, its numbers zero, up to and with an empty body, whose
   * texts and levels follow. The same array each time: not to be changed.
   */
  get(header: EncodeHeader, type: number): Int32Array {
    const { shard, feed, symbol } = header;
    if (symbol !== this.#symbol || shard !== this.#shard || feed !== this.#feed) {
      this.#find(shard, feed, symbol);
    }
    return this.#now[type] ?? this.#make(type);
  }

  #find(shard: string, feed: string, symbol: string): void {
    // With a length, since a name may hold any character.
    const key = `${shard.length}:${shard}${feed}`;
    let source = this.#sources.get(key);
    if (source === undefined) this.#sources.set(key, (source = new Map<string, Prefixes>()));
    let found = source.get(symbol);
    if (found === undefined) source.set(symbol, (found = BODY.map(() => undefined)));
    this.#shard = shard;
    this.#feed = feed;
    this.#symbol = symbol;
    this.#now = found;
  }

  #make(type: number): Int32Array {
    if (this.#count === PREFIXES_MAX) {
      this.#count = 0;
      this.#sources.clear();
    }
    this.#count++;
    const made = prefixOf([this.#shard, this.#feed, this.#symbol], type);
    this.#now[type] = made;
    return made;
  }
}

const utf8 = new TextEncoder();

/** The words of a message up to and with its empty body; `names` are shard, feed and symbol. */
export function prefixOf(names: readonly string[], type: number): Int32Array {
  const body = BODY[type] as StructLayout;
  const texts = names.map((name) => {
    const bytes = utf8.encode(name);
    return bytes.subarray(0, textLength(bytes, 0, bytes.length));
  });
  const root = FRAME_WORDS + 1;
  const pointers = root + EVENT.data_words;
  const first = pointers + EVENT.pointers;
  const target = texts.reduce((at, text) => at + textWords(text.length), first);
  const words = new Int32Array((target + body.data_words + body.pointers) * 2);
  const bytes = new Uint8Array(words.buffer);
  const point = (pointer: number, at: number, low: number, high: number): void => {
    words[pointer * 2] = ((at - pointer - 1) << 2) | low;
    words[pointer * 2 + 1] = high;
  };
  point(FRAME_WORDS, root, 0, EVENT.data_words | (EVENT.pointers << 16));
  bytes[root * 8 + EVENT.type_16 * 2] = type;
  let at = first;
  [EVENT.shard, EVENT.feed, EVENT.symbol].forEach((pointer, index) => {
    const text = texts[index] as Uint8Array;
    point(pointers + pointer, at, LIST, ((text.length + 1) << 3) | BYTE_LIST);
    bytes.set(text, at * 8);
    at += textWords(text.length);
  });
  point(pointers + EVENT.body, target, 0, body.data_words | (body.pointers << 16));
  return words;
}
