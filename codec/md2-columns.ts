/**
 * A stream of md2 as typed arrays: of each type of event one array a field, no object an event. For
 * whoever computes over many events; `decodeEvents` says the same event by event, and is the twin.
 *
 * Messages as our own writer lays them out (`md2-known.ts`) are read where they lie, field by field;
 * a stream with any other is written anew in that form first, through the plain reader.
 */
import { invariant } from '../schema/errors.ts';
import { EVENT_TYPES, TYPE_CODE } from '../schema/events.ts';
import type { EVENT_FIELDS, EventType, FieldKind, MarketEvent } from '../schema/events.ts';
import { wholeLength } from './capnp-read.ts';
import { ColumnMemory, uint32Of } from './column-memory.ts';
import { EventArena } from './event-arena.ts';
import { EventBuffer } from './event-buffer.ts';
import { appendEvent } from './event-object.ts';
import {
  copyDecimals,
  copyHeads,
  copyInt32,
  copyInt64,
  copyLevels,
  copyMarks,
  copySides,
  copyTexts,
} from './md2-fields.ts';
import type {
  DecimalColumn,
  LevelColumns,
  TextColumn,
  U32Column,
  U64Column,
} from './md2-fields.ts';
import { KnownMessages } from './md2-known.ts';
import type { KnownPrefix, Market } from './md2-known.ts';
import { ASKS, BIDS, BODY } from './md2-layout.ts';
import type { StructLayout } from './md2-layout.ts';
import { readEvent } from './md2-read.ts';
import { Md2Writer } from './md2-write.ts';
import { Rows } from './md2-rows.ts';

type ColumnOf<K> = K extends 'decimal'
  ? DecimalColumn
  : K extends 'u64' | 'instant'
    ? U64Column
    : K extends 'u32'
      ? U32Column
      : K extends 'side'
        ? Uint8Array
        : TextColumn;

/** Of a type's events: an entry each, in the order of the stream. */
export type ColumnsOf<T extends EventType> = {
  readonly count: number;
  /** Which event of the stream it is, over all types. */
  readonly place: Uint32Array;
  /** Whose it is: position in `markets`. */
  readonly market: Uint32Array;
  readonly t: BigUint64Array;
  /** 0 where the venue says none. */
  readonly ts_event: BigUint64Array;
  readonly index: Uint32Array;
  readonly flags: Uint32Array;
  readonly sequence: U64Column;
} & {
  /** As `EVENT_FIELDS` names them; of a side 0 is absent, 1 buy, 2 sell. */
  readonly [F in keyof (typeof EVENT_FIELDS)[T]]: ColumnOf<(typeof EVENT_FIELDS)[T][F]>;
} & (T extends 'book' ? { readonly bids: LevelColumns; readonly asks: LevelColumns } : unknown);

/** Types of which there is no event are left out. */
export type EventColumns = {
  /** Events of all types. */
  readonly count: number;
  readonly markets: readonly Market[];
} & { readonly [T in EventType]?: ColumnsOf<T> };

/**
 * The events of a stream of messages, an object's plain bytes for one, as columns. They hold nothing of
 * `bytes`, and are the caller's; where `memory` is given, until the next reading into it.
 * @throws SSMD_CORRUPT where the bytes are not whole messages of `md2.capnp`
 */
export function readColumns(bytes: Uint8Array, memory = new ColumnMemory(false)): EventColumns {
  const columns = columnsOf(bytes, memory) ?? columnsOf(written(bytes), memory);
  invariant(columns !== null, 'what our own writer wrote is not laid out as it writes');
  return columns;
}

/** Null where a message is laid out in another way, or damaged. */
function columnsOf(bytes: Uint8Array, memory: ColumnMemory): EventColumns | null {
  memory.clear();
  const known = new KnownMessages(bytes);
  const markets = new Markets();
  const rows = rowsOfTypes();
  let count = 0;
  for (let at = 0; at < bytes.length; at = known.end * 4) {
    if (!known.find(at) && !learnt(known, at)) return null;
    const of = rows[known.prefix.type] as Rows;
    const before = of.count;
    known.run(of, markets.numberOf(known.prefix), count);
    count += of.count - before;
  }
  const found: Record<string, unknown> = { count, markets: markets.all };
  for (const [code, type] of EVENT_TYPES.entries()) {
    const of = rows[code] as Rows;
    if (of.count === 0) continue;
    const columns = columnsOfType(memory, known, of, code);
    if (columns === null) return null;
    found[type] = columns;
  }
  return found as EventColumns;
}

/** Of each type; kept where they are no larger than an object of the archive takes, since all is read at once. */
const kept = EVENT_TYPES.map(() => new Rows());
const KEPT_ROWS_MAX = 131_072;

function rowsOfTypes(): readonly Rows[] {
  for (const [code, rows] of kept.entries()) {
    if (rows.at.length > KEPT_ROWS_MAX) kept[code] = new Rows();
    else rows.count = 0;
  }
  return kept;
}

/** Whether the message at `at` is one of a market that is new. */
function learnt(known: KnownMessages, at: number): boolean {
  try {
    const event = readEvent(known.bytes, at);
    known.learn(at, TYPE_CODE[event.type], event);
    return known.find(at);
  } catch {
    // What is wrong is said by whoever reads all of it in order: there may be worse before it.
    return false;
  }
}

function columnsOfType(
  memory: ColumnMemory,
  known: KnownMessages,
  rows: Rows,
  code: number,
): Readonly<Record<string, unknown>> | null {
  const { count, at } = rows;
  const { ints } = known;
  const layout = BODY[code] as StructLayout;
  const columns: Record<string, unknown> = {
    count,
    place: copyOf(memory, rows.place, count),
    market: copyOf(memory, rows.market, count),
    ...copyHeads(memory, ints, at, count),
  };
  for (const [field, name] of layout.names.entries()) {
    const column = columnOf(memory, known, rows, layout, field);
    if (column === null) return null;
    columns[name] = column;
  }
  if (EVENT_TYPES[code] === 'book') {
    const pointers = layout.data_words * 2;
    columns['bids'] = copyLevels(memory, known, rows, pointers + BIDS * 2);
    columns['asks'] = copyLevels(memory, known, rows, pointers + ASKS * 2);
    if (columns['bids'] === null || columns['asks'] === null) return null;
  }
  return columns;
}

function columnOf(
  memory: ColumnMemory,
  known: KnownMessages,
  rows: Rows,
  layout: StructLayout,
  field: number,
): unknown {
  const { count, data } = rows;
  const { ints } = known;
  const value = layout.value[field] as number;
  const mark = layout.mark[field] as number;
  const kind = layout.kinds[field] as FieldKind;
  switch (kind) {
    case 'decimal':
      return copyDecimals(memory, known, data, count, value * 2, mark);
    case 'u64':
    case 'instant':
      return {
        value: copyInt64(memory, ints, data, count, value * 2),
        known: copyMarks(memory, ints, data, count, mark),
      };
    case 'u32':
      return {
        value: copyInt32(memory, ints, data, count, value),
        known: copyMarks(memory, ints, data, count, mark),
      };
    case 'side':
      return copySides(memory, known.bytes, data, count, value * 2);
    case 'text':
      return copyTexts(memory, known, rows, (layout.data_words + value) * 2);
    default:
      return kind satisfies never;
  }
}

function copyOf(memory: ColumnMemory, values: Int32Array, count: number): Uint32Array {
  const copy = memory.int32(count);
  copy.set(values.subarray(0, count));
  return uint32Of(copy);
}

/** The stream anew, as our own writer lays it out. */
function written(bytes: Uint8Array): Uint8Array {
  const buffer = new EventBuffer();
  const arena = new EventArena(bytes.length);
  const writer = new Md2Writer();
  for (let at = 0; at < bytes.length; at += wholeLength(bytes, at)) {
    const event: MarketEvent = readEvent(bytes, at);
    buffer.reset(new Uint8Array(0));
    appendEvent(buffer, event, 0);
    writer.encode(buffer, 0, event, arena);
  }
  return arena.bytes.subarray(0, arena.used);
}

/** Numbers markets in the order in which they come. */
class Markets {
  readonly all: Market[] = [];
  readonly #byPrefix = new Map<KnownPrefix, number>();
  readonly #byName = new Map<string, number>();
  #prefix: KnownPrefix | null = null;
  #number = 0;

  numberOf(prefix: KnownPrefix): number {
    if (prefix !== this.#prefix) {
      this.#prefix = prefix;
      this.#number = this.#byPrefix.get(prefix) ?? this.#numberOfNew(prefix);
    }
    return this.#number;
  }

  #numberOfNew(prefix: KnownPrefix): number {
    const { shard, feed, symbol } = prefix.market;
    const name = `${shard.length}:${feed.length}:${shard}${feed}${symbol}`;
    const number = this.#byName.get(name) ?? this.all.push({ shard, feed, symbol }) - 1;
    this.#byName.set(name, number);
    this.#byPrefix.set(prefix, number);
    return number;
  }
}
