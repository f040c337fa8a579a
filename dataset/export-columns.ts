/**
 * Records as rows: the columns of each type, in order. One row a record, nothing left out. Of md2: what
 * every event has, then the type's fields as `EVENT_FIELDS` names them, then a book's levels. Of md1: the
 * fields of its structs.
 */
import { EVENT_FIELDS } from '../schema/events.ts';
import type { EventType, FieldKind } from '../schema/events.ts';
import type { Schema } from './version.ts';

/**
 * `flags` are a bit field, `levels` one side of a book, of exact decimals; `double` and `double_levels`
 * are md1's. Else as `EVENT_FIELDS` has it.
 */
export type ExportKind = FieldKind | 'flags' | 'levels' | 'double' | 'double_levels';

export type ExportColumn = {
  readonly name: string;
  readonly kind: ExportKind;
  readonly nullable: boolean;
};

/** A record by the names of its columns. */
export type ExportRow = Readonly<Record<string, unknown>>;

const MD2_HEAD: readonly ExportColumn[] = [
  { name: 't', kind: 'instant', nullable: false },
  { name: 'ts_event', kind: 'instant', nullable: true },
  { name: 'feed', kind: 'text', nullable: false },
  { name: 'symbol', kind: 'text', nullable: false },
  { name: 'shard', kind: 'text', nullable: false },
  { name: 'index', kind: 'u32', nullable: false },
  { name: 'sequence', kind: 'u64', nullable: true },
  { name: 'flags', kind: 'flags', nullable: false },
];
const MD2_LEVELS: readonly ExportColumn[] = [
  { name: 'bids', kind: 'levels', nullable: false },
  { name: 'asks', kind: 'levels', nullable: false },
];
const MD1_HEAD: readonly ExportColumn[] = [
  { name: 'timestamp', kind: 'instant', nullable: true },
  { name: 'exchange', kind: 'text', nullable: false },
  { name: 'symbol', kind: 'text', nullable: false },
];
const double = (name: string): ExportColumn => ({ name, kind: 'double', nullable: true });
const MD1: Readonly<Partial<Record<EventType, readonly ExportColumn[]>>> = {
  trade: [
    ...['price', 'size'].map(double),
    { name: 'side', kind: 'side', nullable: false },
    { name: 'trade_id', kind: 'text', nullable: false },
  ],
  quote: ['bid_price', 'bid_size', 'ask_price', 'ask_size'].map(double),
  book: [
    { name: 'bids', kind: 'double_levels', nullable: false },
    { name: 'asks', kind: 'double_levels', nullable: false },
  ],
};

/** The columns of a type's files. */
export function exportColumns(type: EventType, schema: Schema): readonly ExportColumn[] {
  if (schema === 'md1') return [...MD1_HEAD, ...(MD1[type] ?? [])];
  const own = Object.entries<FieldKind>(EVENT_FIELDS[type]).map(([name, kind]): ExportColumn => ({
    name,
    kind,
    nullable: true,
  }));
  return [...MD2_HEAD, ...own, ...(type === 'book' ? MD2_LEVELS : [])];
}
