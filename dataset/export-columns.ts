/**
 * Events as rows: the columns of each type of event, in order. One row an event, nothing left out: what
 * every event has, then the type's fields as `EVENT_FIELDS` names them, then a book's levels.
 */
import { EVENT_FIELDS } from '../schema/events.ts';
import type { EventType, FieldKind, MarketEvent } from '../schema/events.ts';

/** `flags` are a bit field; `levels` one side of a book message. Else as `EVENT_FIELDS` has it. */
export type ExportKind = FieldKind | 'flags' | 'levels';

export type ExportColumn = {
  readonly name: string;
  readonly kind: ExportKind;
  readonly nullable: boolean;
};

const HEAD: readonly ExportColumn[] = [
  { name: 't', kind: 'instant', nullable: false },
  { name: 'ts_event', kind: 'instant', nullable: true },
  { name: 'feed', kind: 'text', nullable: false },
  { name: 'symbol', kind: 'text', nullable: false },
  { name: 'shard', kind: 'text', nullable: false },
  { name: 'index', kind: 'u32', nullable: false },
  { name: 'sequence', kind: 'u64', nullable: true },
  { name: 'flags', kind: 'flags', nullable: false },
];
const LEVELS: readonly ExportColumn[] = [
  { name: 'bids', kind: 'levels', nullable: false },
  { name: 'asks', kind: 'levels', nullable: false },
];

/** The columns of a type's files. */
export function exportColumns(type: EventType): readonly ExportColumn[] {
  const own = Object.entries<FieldKind>(EVENT_FIELDS[type]).map(([name, kind]): ExportColumn => ({
    name,
    kind,
    nullable: true,
  }));
  return [...HEAD, ...own, ...(type === 'book' ? LEVELS : [])];
}

/** An event by the names of its columns. */
export function cellsOf(event: MarketEvent): Readonly<Record<string, unknown>> {
  return event;
}
