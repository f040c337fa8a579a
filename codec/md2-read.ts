/**
 * The reader behind `md2.ts`. It takes any single-segment message of `md2.capnp`, ours or another
 * writer's, older (shorter structs: what is missing is absent) or newer (longer ones: what is unknown
 * is passed over), and checks every pointer before it follows it.
 */
import { SsmdError } from '../schema/errors.ts';
import { EVENT_FIELDS, EVENT_TYPES } from '../schema/events.ts';
import type { BookLevel, EventType, FieldKind, MarketEvent } from '../schema/events.ts';
import { ABSENT, TYPE_BOOK } from './event-buffer.ts';
import { asEvent, i64, u64 } from './event-object.ts';
import { ASKS, BIDS, BODY, EVENT, FRAME_WORDS, LEVEL } from './md2-layout.ts';
import type { StructLayout } from './md2-layout.ts';

/** What a merge or a publisher needs of an event. */
export type EventHead = {
  /** Bytes of the whole message, framing included. */
  readonly length: number;
  readonly type: EventType;
  readonly t: bigint;
  readonly index: number;
  readonly flags: number;
};

/** Longest message that is read: a frame's header that claims more is corrupt. */
export const MESSAGE_BYTES_MAX = 64 * 1024 * 1024;

export function wholeLength(bytes: Uint8Array, at: number): number {
  if (at + FRAME_WORDS * 8 > bytes.length) throw corrupt(at, 'a message is cut in its first word');
  const segments = int32(bytes, at) + 1;
  if (segments !== 1) {
    throw corrupt(at, `a message of ${segments} segments, where ours have 1`);
  }
  const length = (FRAME_WORDS + (int32(bytes, at + 4) >>> 0)) * 8;
  if (length > MESSAGE_BYTES_MAX) throw corrupt(at, `a message claims ${length} bytes`);
  if (at + length > bytes.length) {
    throw corrupt(at, `a message claims ${length} bytes where ${bytes.length - at} are left`);
  }
  return length;
}

export function readHead(bytes: Uint8Array, at: number): EventHead {
  const length = wholeLength(bytes, at);
  const { root, type } = openRoot(bytes, at, length);
  return {
    length,
    type,
    t: root.u64(EVENT.t_64),
    index: root.u32(EVENT.index_32),
    flags: root.u32(EVENT.flags_32),
  };
}

export function readEvent(bytes: Uint8Array, at: number): MarketEvent {
  const { root, type, code } = openRoot(bytes, at, wholeLength(bytes, at));
  const ts_event = root.u64(EVENT.ts_event_64);
  const record: Record<string, unknown> = {
    type,
    t: root.u64(EVENT.t_64),
    ts_event: ts_event === 0n ? null : ts_event,
    index: root.u32(EVENT.index_32),
    shard: root.text(EVENT.shard) ?? '',
    feed: root.text(EVENT.feed) ?? '',
    symbol: root.text(EVENT.symbol) ?? '',
    sequence: root.bit(EVENT.sequence_known_bit) ? root.u64(EVENT.sequence_64) : null,
    flags: root.u32(EVENT.flags_32),
  };
  const body = root.struct(EVENT.body);
  const layout = BODY[code] as StructLayout;
  Object.entries<FieldKind>(EVENT_FIELDS[type]).forEach(([name, kind], field) => {
    record[name] = readField(body, kind, layout.value[field] ?? 0, layout.mark[field] ?? 0);
  });
  if (code === TYPE_BOOK) {
    record['bids'] = body.levels(BIDS);
    record['asks'] = body.levels(ASKS);
  }
  return asEvent(record);
}

function openRoot(
  bytes: Uint8Array,
  at: number,
  length: number,
): { readonly root: StructReader; readonly type: EventType; readonly code: number } {
  const start = at + FRAME_WORDS * 8;
  if (start === at + length) throw corrupt(at, 'a message without a root');
  const root = structAt({ bytes, start, end: at + length }, start);
  const code = root.u16(EVENT.type_16);
  const type = EVENT_TYPES[code];
  if (type === undefined) {
    throw corrupt(at, `an event of type ${code}, written by a newer version: upgrade to read it`);
  }
  return { root, type, code };
}

function readField(body: StructReader, kind: FieldKind, value: number, mark: number): unknown {
  switch (kind) {
    case 'decimal': {
      const exponent = body.exponent(mark);
      return exponent === ABSENT ? null : { mantissa: body.i64(value), exponent };
    }
    case 'u64':
    case 'instant':
      return body.bit(mark) ? body.u64(value) : null;
    case 'u32':
      return body.bit(mark) ? body.u32(value) : null;
    case 'side': {
      const side = body.u16(value);
      return side === 1 ? 'buy' : side === 2 ? 'sell' : null;
    }
    case 'text':
      return body.text(value);
    default:
      return kind satisfies never;
  }
}

/** One segment: `bytes[start, end)`, both of them offsets. */
type Segment = { readonly bytes: Uint8Array; readonly start: number; readonly end: number };

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

/** A struct's sections; what lies beyond them reads as zero, and a pointer as null. */
class StructReader {
  readonly #segment: Segment;
  readonly #data: number;
  readonly #data_end: number;
  readonly #pointers: number;

  constructor(segment: Segment, data: number, data_words: number, pointers: number) {
    this.#segment = segment;
    this.#data = data;
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

  bit(at: number): boolean {
    return ((this.#byte(at >> 3) >> (at & 7)) & 1) === 1;
  }

  /** The schema's default is 127, and a default is stored as zero. */
  exponent(at: number): number {
    return ((this.#byte(at) ^ ABSENT) << 24) >> 24;
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

  levels(pointer: number): BookLevel[] {
    const at = this.#pointer(pointer);
    if (at < 0) return [];
    const { bytes, end } = this.#segment;
    const list = listAt(this.#segment, at);
    if (list.size !== 7) throw corrupt(at, 'levels are not a list of structs');
    const words = list.count;
    if (list.at + 8 + words * 8 > end) throw corrupt(at, 'levels reach beyond the message');
    const tag = int32(bytes, list.at);
    const data = (int32(bytes, list.at + 4) & 0xffff) >>> 0;
    const size = data + (int32(bytes, list.at + 4) >>> 16);
    const count = tag >>> 2;
    if ((tag & 3) !== 0 || count * size > words || (size === 0 && count > 0)) {
      throw corrupt(list.at, 'a list of levels claims more than it holds');
    }
    const levels: BookLevel[] = [];
    for (let index = 0; index < count; index++) {
      const level = list.at + 8 + index * size * 8;
      levels.push(levelOf(new StructReader(this.#segment, level, data, 0), level));
    }
    return levels;
  }

  /** Offset of a pointer that is there, or -1. */
  #pointer(index: number): number {
    if (index >= this.#pointers) return -1;
    const at = this.#data_end + index * 8;
    const { bytes } = this.#segment;
    return int32(bytes, at) === 0 && int32(bytes, at + 4) === 0 ? -1 : at;
  }

  #byte(offset: number): number {
    const at = this.#data + offset;
    return at < this.#data_end ? (this.#segment.bytes[at] as number) : 0;
  }

  #int32(offset: number): number {
    const at = this.#data + offset;
    return at < this.#data_end ? int32(this.#segment.bytes, at) : 0;
  }
}

function levelOf(level: StructReader, at: number): BookLevel {
  const price = level.exponent(LEVEL.price_exponent_8);
  const size = level.exponent(LEVEL.size_exponent_8);
  if (price === ABSENT || size === ABSENT) throw corrupt(at, 'a level without price or size');
  return {
    price: { mantissa: level.i64(LEVEL.price_64), exponent: price },
    size: { mantissa: level.i64(LEVEL.size_64), exponent: size },
  };
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

function corrupt(at: number, what: string): SsmdError {
  return new SsmdError('SSMD_CORRUPT', `not a stream of md2 events: at byte ${at}, ${what}`, {
    facts: { at },
  });
}
