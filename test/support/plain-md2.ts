/**
 * The plain twin of `codec/md2-write.ts`: an event as a framed message, laid out object by object from
 * the layout's table, one byte after the other and every number by bigint.
 */
import { ABSENT } from '../../codec/event-buffer.ts';
import { ASKS, BIDS, BODY, EVENT, LEVEL } from '../../codec/md2-layout.ts';
import { EVENT_FIELDS, TYPE_CODE } from '../../schema/events.ts';
import type { BookLevel, FieldKind, MarketEvent } from '../../schema/events.ts';
import type { Decimal } from '../../schema/decimal.ts';

const TEXT_BYTES_MAX = 64 * 1024;

/**
 * `wider`: as a newer writer might lay it out, every struct so many words longer, which a reader of today
 * passes over.
 */
export function plainMd2(event: MarketEvent, wider = 0): Uint8Array {
  const message = new Message(wider);
  const code = TYPE_CODE[event.type];
  const root = message.struct(0, EVENT.data_words, EVENT.pointers);
  message.put(root, EVENT.t_64, 64, event.t);
  message.put(root, EVENT.ts_event_64, 64, event.ts_event ?? 0n);
  message.put(root, EVENT.index_32, 32, BigInt(event.index));
  message.put(root, EVENT.flags_32, 32, BigInt(event.flags));
  message.put(root, EVENT.sequence_64, 64, event.sequence ?? 0n);
  message.put(root, EVENT.sequence_known_bit, 1, event.sequence === null ? 0n : 1n);
  message.put(root, EVENT.type_16, 16, BigInt(code));
  const pointers = root + EVENT.data_words + wider;
  message.text(pointers + EVENT.shard, event.shard);
  message.text(pointers + EVENT.feed, event.feed);
  message.text(pointers + EVENT.symbol, event.symbol);
  putBody(message, pointers + EVENT.body, event);
  return message.framed();
}

function putBody(message: Message, pointer: number, event: MarketEvent): void {
  const layout = BODY[TYPE_CODE[event.type]];
  if (layout === undefined) throw new Error(`no layout of a ${event.type}`);
  const body = message.struct(pointer, layout.data_words, layout.pointers);
  const pointers = body + layout.data_words + message.wider;
  const record: Readonly<Record<string, unknown>> = event;
  Object.entries<FieldKind>(EVENT_FIELDS[event.type]).forEach(([name, kind], field) => {
    const held = record[name];
    const value = layout.value[field] ?? -1;
    const mark = layout.mark[field] ?? -1;
    if (held === null) return;
    if (kind === 'text') message.text(pointers + value, String(held));
    else if (kind === 'side') message.put(body, value, 16, held === 'buy' ? 1n : 2n);
    else if (kind === 'decimal') message.decimal(body, value, mark, held as Decimal);
    else {
      message.put(body, value, kind === 'u32' ? 32 : 64, BigInt(held as bigint | number));
      message.put(body, mark, 1, 1n);
    }
  });
  if (event.type !== 'book') return;
  message.levels(pointers + BIDS, event.bids);
  message.levels(pointers + ASKS, event.asks);
}

/** A segment that grows by whole words; places are counted in words from its start. */
class Message {
  readonly #bytes: number[] = new Array<number>(8).fill(0);
  readonly wider: number;

  constructor(wider: number) {
    this.wider = wider;
  }

  /** A struct after all that is there. */
  struct(pointer: number, least: number, pointers: number): number {
    const data = least + this.wider;
    return this.#append(pointer, data + pointers, 0, BigInt(data) | (BigInt(pointers) << 16n));
  }

  text(pointer: number, text: string): void {
    const bytes = new TextEncoder().encode(text);
    let length = Math.min(bytes.length, TEXT_BYTES_MAX);
    while (length < bytes.length && ((bytes[length] ?? 0) & 0xc0) === 0x80) length--;
    const words = Math.ceil((length + 1) / 8);
    const at = this.#append(pointer, words, 1, (BigInt(length + 1) << 3n) | 2n);
    for (let next = 0; next < length; next++) this.#bytes[at * 8 + next] = bytes[next] ?? 0;
  }

  levels(pointer: number, levels: readonly BookLevel[]): void {
    if (levels.length === 0) return;
    const stride = LEVEL.data_words + this.wider;
    const words = levels.length * stride;
    const tag = this.#append(pointer, words + 1, 1, (BigInt(words) << 3n) | 7n);
    this.put(tag, 0, 64, (BigInt(levels.length) << 2n) | (BigInt(stride) << 32n));
    levels.forEach(({ price, size }, index) => {
      const at = tag + 1 + index * stride;
      this.decimal(at, LEVEL.price_64, LEVEL.price_exponent_8, price);
      this.decimal(at, LEVEL.size_64, LEVEL.size_exponent_8, size);
    });
  }

  decimal(section: number, value: number, mark: number, { mantissa, exponent }: Decimal): void {
    this.put(section, value, 64, mantissa);
    this.put(section, mark, 8, BigInt(exponent ^ ABSENT));
  }

  /** The number at `place`, in units of `bits`, of a section. */
  put(section: number, place: number, bits: number, value: bigint): void {
    const from = section * 64 + place * bits;
    for (let bit = 0; bit < bits; bit++) {
      if (((value >> BigInt(bit)) & 1n) === 0n) continue;
      const at = (from + bit) >> 3;
      this.#bytes[at] = (this.#bytes[at] ?? 0) | (1 << ((from + bit) & 7));
    }
  }

  /** With the table of one segment before it. */
  framed(): Uint8Array {
    const table = new DataView(new ArrayBuffer(8));
    table.setUint32(4, this.#bytes.length / 8, true);
    return Uint8Array.from([...new Uint8Array(table.buffer), ...this.#bytes]);
  }

  #append(pointer: number, words: number, kind: number, high: bigint): number {
    const at = this.#bytes.length / 8;
    for (let byte = 0; byte < words * 8; byte++) this.#bytes.push(0);
    this.put(pointer, 0, 32, BigInt((at - pointer - 1) * 4 + kind));
    this.put(pointer, 1, 32, high);
    return at;
  }
}
