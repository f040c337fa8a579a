/**
 * The reader behind `md2.ts`: messages of `md2.capnp` to plain events. Older ones lack fields, which
 * read as absent.
 */
import { EVENT_FIELDS, EVENT_TYPES } from '../schema/events.ts';
import type { BookLevel, EventType, FieldKind, MarketEvent } from '../schema/events.ts';
import { corrupt, openMessage, wholeLength } from './capnp-read.ts';
import type { StructReader } from './capnp-read.ts';
import { ABSENT, TYPE_BOOK } from './event-buffer.ts';
import { asEvent } from './event-object.ts';
import { ASKS, BIDS, BODY, EVENT, LEVEL } from './md2-layout.ts';
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

export function readHead(bytes: Uint8Array, at: number): EventHead {
  const length = wholeLength(bytes, at);
  const { root, type } = openRoot(bytes, at);
  return {
    length,
    type,
    t: root.u64(EVENT.t_64),
    index: root.u32(EVENT.index_32),
    flags: root.u32(EVENT.flags_32),
  };
}

export function readEvent(bytes: Uint8Array, at: number): MarketEvent {
  const { root, type, code } = openRoot(bytes, at);
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
    record['bids'] = body.structs(BIDS).map(levelOf);
    record['asks'] = body.structs(ASKS).map(levelOf);
  }
  return asEvent(record);
}

function openRoot(
  bytes: Uint8Array,
  at: number,
): { readonly root: StructReader; readonly type: EventType; readonly code: number } {
  const root = openMessage(bytes, at);
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
      const exponent = body.i8(mark, ABSENT);
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

function levelOf(level: StructReader): BookLevel {
  const price = level.i8(LEVEL.price_exponent_8, ABSENT);
  const size = level.i8(LEVEL.size_exponent_8, ABSENT);
  if (price === ABSENT || size === ABSENT) {
    throw corrupt(level.at, 'a level without price or size');
  }
  return {
    price: { mantissa: level.i64(LEVEL.price_64), exponent: price },
    size: { mantissa: level.i64(LEVEL.size_64), exponent: size },
  };
}
