/** The one place that knows how the objects of a schema are read: their records as rows. */
import { decodeMd1 } from '../codec/md1.ts';
import type { Md1Record } from '../codec/md1.ts';
import { decodeEvents } from '../codec/md2.ts';
import type { EventType } from '../schema/events.ts';
import type { ExportRow } from './export-columns.ts';
import type { Schema } from './version.ts';

/** An object's plain bytes, record by record. @throws SSMD_CORRUPT */
export function rowsOf(schema: Schema, type: EventType, plain: Uint8Array): Iterable<ExportRow> {
  return schema === 'md1' ? md1Rows(type, plain) : decodeEvents(plain);
}

const STRUCTS: Readonly<Partial<Record<EventType, Md1Record['type']>>> = {
  trade: 'Trade',
  quote: 'Quote',
  book: 'OrderBookSnapshot',
};

function* md1Rows(type: EventType, plain: Uint8Array): Generator<ExportRow> {
  const struct = STRUCTS[type];
  if (struct === undefined) throw new RangeError(`md1 has no records of type ${type}`);
  for (const record of decodeMd1(struct, plain)) yield Object.fromEntries(absent(record));
}

/** md1 says 0 for a time that is not known, and NaN for a price. */
function absent(record: Md1Record): [string, unknown][] {
  return Object.entries(record).map(([name, value]) => {
    const unknown = value === 0n || Number.isNaN(value);
    return [name, unknown ? null : value];
  });
}
