/**
 * Events as plain objects: between the columns of an `EventBuffer` and `MarketEvent`. For tests, tools,
 * library users and whatever must outlive its frame; the hot path does without.
 */
import { EVENT_FIELDS, EVENT_TYPES, TYPE_CODE } from '../schema/events.ts';
import type { BookLevel, FieldKind, MarketEvent } from '../schema/events.ts';
import { ABSENT, TEXT_IN_FRAME, TYPE_BOOK } from './event-buffer.ts';
import type { EventBuffer } from './event-buffer.ts';
import { hi32, i64, lo32, u64 } from './halves.ts';

/** What one event shares with its line. `symbol` is ours. */
export type EncodeHeader = {
  readonly t: bigint;
  readonly index: number;
  readonly shard: string;
  readonly feed: string;
  readonly symbol: string;
};

/** Event `event` of a buffer as an object. */
export function eventOf(buffer: EventBuffer, event: number, header: EncodeHeader): MarketEvent {
  const code = buffer.type[event] as number;
  const type = EVENT_TYPES[code] as MarketEvent['type'];
  const ts = u64(buffer.ts_hi[event] as number, buffer.ts_lo[event] as number);
  const known = buffer.seq_known[event] === 1;
  const record: Record<string, unknown> = {
    type,
    t: header.t,
    ts_event: ts === 0n ? null : ts,
    index: header.index,
    shard: header.shard,
    feed: header.feed,
    symbol: header.symbol,
    sequence: known ? u64(buffer.seq_hi[event] as number, buffer.seq_lo[event] as number) : null,
    flags: buffer.flags[event],
  };
  let slot = buffer.slot[event] as number;
  for (const [name, kind] of Object.entries<FieldKind>(EVENT_FIELDS[type])) {
    record[name] = fieldOf(buffer, slot++, kind);
  }
  if (code === TYPE_BOOK) {
    record['bids'] = levelsOf(buffer, buffer.bid_from[event] ?? 0, buffer.bid_to[event] ?? 0);
    record['asks'] = levelsOf(buffer, buffer.ask_from[event] ?? 0, buffer.ask_to[event] ?? 0);
  }
  return asEvent(record);
}

/**
 * All events of a buffer, one line's, numbered within type and symbol. `symbolOf` gives our name of
 * a market by its index in the decoder's symbol table.
 */
export function eventsOf(
  buffer: EventBuffer,
  header: {
    readonly t: bigint;
    readonly shard: string;
    readonly feed: string;
    readonly symbolOf: (index: number) => string;
  },
): MarketEvent[] {
  const counts = new Map<string, number>();
  const events: MarketEvent[] = [];
  for (let event = 0; event < buffer.count; event++) {
    const symbol = header.symbolOf(buffer.symbol[event] as number);
    const key = `${buffer.type[event]} ${symbol}`;
    const index = counts.get(key) ?? 0;
    counts.set(key, index + 1);
    const { t, shard, feed } = header;
    events.push(eventOf(buffer, event, { t, index, shard, feed, symbol }));
  }
  return events;
}

/** Appends an object to a buffer, as a decoder would; returns its index there. */
export function appendEvent(buffer: EventBuffer, event: MarketEvent, symbol: number): number {
  const at = buffer.begin(TYPE_CODE[event.type], symbol, event.flags);
  if (event.ts_event !== null) buffer.setTsEvent(at, hi32(event.ts_event), lo32(event.ts_event));
  if (event.sequence !== null) buffer.setSequence(at, hi32(event.sequence), lo32(event.sequence));
  const record: Readonly<Record<string, unknown>> = event;
  Object.entries<FieldKind>(EVENT_FIELDS[event.type]).forEach(([name, kind], field) => {
    setField(buffer, at, field, kind, record[name]);
  });
  if (event.type === 'book') {
    buffer.beginBids(at);
    appendLevels(buffer, event.bids);
    buffer.endBids(at);
    buffer.beginAsks(at);
    appendLevels(buffer, event.asks);
    buffer.endAsks(at);
  }
  return at;
}

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

/** A record built field by field from `EVENT_FIELDS`, as the type those fields define. */
export function asEvent(record: Readonly<Record<string, unknown>>): MarketEvent {
  return record as unknown as MarketEvent;
}

function fieldOf(buffer: EventBuffer, slot: number, kind: FieldKind): unknown {
  const aux = buffer.aux[slot] as number;
  if (aux === ABSENT) return null;
  const hi = buffer.hi[slot] as number;
  const lo = buffer.lo[slot] as number;
  switch (kind) {
    case 'decimal':
      return { mantissa: i64(hi, lo), exponent: aux };
    case 'u64':
    case 'instant':
      return u64(hi, lo);
    case 'u32':
      return lo >>> 0;
    case 'side':
      return lo === 1 ? 'buy' : lo === 2 ? 'sell' : null;
    case 'text':
      return aux === TEXT_IN_FRAME
        ? utf8.decode(buffer.source.subarray(hi, lo))
        : (buffer.strings[lo] as string);
    default:
      return kind satisfies never;
  }
}

function levelsOf(buffer: EventBuffer, from: number, to: number): BookLevel[] {
  const { price_hi, price_lo, price_exp, size_hi, size_lo, size_exp } = buffer;
  const levels: BookLevel[] = [];
  for (let at = from; at < to; at++) {
    levels.push({
      price: {
        mantissa: i64(price_hi[at] as number, price_lo[at] as number),
        exponent: price_exp[at] as number,
      },
      size: {
        mantissa: i64(size_hi[at] as number, size_lo[at] as number),
        exponent: size_exp[at] as number,
      },
    });
  }
  return levels;
}

type DecimalLike = { readonly mantissa: bigint; readonly exponent: number };

function setField(
  buffer: EventBuffer,
  event: number,
  field: number,
  kind: FieldKind,
  value: unknown,
): void {
  if (value === null) return;
  if (kind === 'decimal') {
    const { mantissa, exponent } = value as DecimalLike;
    buffer.set(event, field, hi32(mantissa), lo32(mantissa), exponent);
  } else if (kind === 'u64' || kind === 'instant') {
    const integer = value as bigint;
    buffer.set(event, field, hi32(integer), lo32(integer), 1);
  } else if (kind === 'u32') {
    buffer.setU32(event, field, value as number);
  } else if (kind === 'side') {
    buffer.setSide(event, field, value === 'buy' ? 1 : 2);
  } else {
    buffer.setText(event, field, value as string);
  }
}

function appendLevels(buffer: EventBuffer, levels: readonly BookLevel[]): void {
  for (const { price, size } of levels) {
    buffer.level(
      hi32(price.mantissa),
      lo32(price.mantissa),
      price.exponent,
      hi32(size.mantissa),
      lo32(size.mantissa),
      size.exponent,
    );
  }
}
