/** Columns told event by event: what `decodeEvents` should say of the same bytes. */
import type { ColumnMemory } from '../../codec/column-memory.ts';
import { asEvent } from '../../codec/event-object.ts';
import { readColumns } from '../../codec/md2-columns.ts';
import type { ColumnsOf, EventColumns } from '../../codec/md2-columns.ts';
import { textAt } from '../../codec/md2-fields.ts';
import type {
  DecimalColumn,
  LevelColumns,
  TextColumn,
  U32Column,
  U64Column,
} from '../../codec/md2-fields.ts';
import { EVENT_FIELDS, EVENT_TYPES } from '../../schema/events.ts';
import type { BookLevel, EventType, FieldKind, MarketEvent } from '../../schema/events.ts';
import type { Decimal } from '../../schema/decimal.ts';

/** Every event of a stream, by way of columns, in memory of their own or in `memory`. */
export function eventsByColumns(bytes: Uint8Array, memory?: ColumnMemory): MarketEvent[] {
  const columns = readColumns(bytes, memory);
  const events: MarketEvent[] = new Array<MarketEvent>(columns.count);
  for (const type of EVENT_TYPES) {
    const of = columns[type];
    if (of === undefined) continue;
    for (let row = 0; row < of.count; row++) {
      events[of.place[row] ?? -1] = eventAt(columns, type, of, row);
    }
  }
  return events;
}

function eventAt(
  { markets }: EventColumns,
  type: EventType,
  of: ColumnsOf<EventType>,
  row: number,
): MarketEvent {
  const market = markets[of.market[row] ?? -1];
  if (market === undefined) throw new Error(`no market of row ${row}`);
  const ts_event = at(of.ts_event, row);
  const columns: Readonly<Record<string, unknown>> = of;
  const fields = Object.entries<FieldKind>(EVENT_FIELDS[type]).map(([name, kind]) => [
    name,
    valueAt(kind, columns[name], row),
  ]);
  return asEvent({
    type,
    t: at(of.t, row),
    ts_event: ts_event === 0n ? null : ts_event,
    index: at(of.index, row),
    ...market,
    sequence: numberAt(of.sequence, row),
    flags: at(of.flags, row),
    ...Object.fromEntries(fields),
    ...(type === 'book'
      ? {
          bids: levelsAt(columns['bids'] as LevelColumns, row),
          asks: levelsAt(columns['asks'] as LevelColumns, row),
        }
      : {}),
  });
}

function valueAt(kind: FieldKind, column: unknown, row: number): unknown {
  switch (kind) {
    case 'decimal':
      return decimalAt(column as DecimalColumn, row);
    case 'u64':
    case 'instant':
    case 'u32':
      return numberAt(column as U64Column | U32Column, row);
    case 'side':
      return [null, 'buy', 'sell'][at(column as Uint8Array, row)];
    case 'text':
      return textAt(column as TextColumn, row);
    default:
      return kind satisfies never;
  }
}

function numberAt({ value, known }: U64Column | U32Column, row: number): bigint | number | null {
  return at(known, row) === 1 ? at<bigint | number>(value, row) : null;
}

function decimalAt({ mantissa, exponent }: DecimalColumn, row: number): Decimal | null {
  return at(exponent, row) === 127
    ? null
    : { mantissa: at(mantissa, row), exponent: at(exponent, row) };
}

function levelsAt({ offset, price, size }: LevelColumns, row: number): BookLevel[] {
  const levels: BookLevel[] = [];
  for (let level = at(offset, row); level < at(offset, row + 1); level++) {
    const [one, other] = [decimalAt(price, level), decimalAt(size, level)];
    if (one === null || other === null) throw new Error(`level ${level} lacks something`);
    levels.push({ price: one, size: other });
  }
  return levels;
}

function at<T extends bigint | number>(column: ArrayLike<T>, index: number): T {
  const value = column[index];
  if (value === undefined) throw new RangeError(`no index ${index} in a column`);
  return value;
}
