/**
 * From the fold's events to the records of a schema: md2 as they are, md1 by its projection. What an
 * object of either holds is a stream of Cap'n Proto messages, in the order of the events.
 */
import { wholeLength } from '../codec/capnp-read.ts';
import type { EventArena } from '../codec/event-arena.ts';
import { createMd1Projection, encodeMd1 } from '../codec/md1.ts';
import { readHeader } from '../codec/md2.ts';
import { readEvent } from '../codec/md2-read.ts';
import type { Cutter } from './cutter.ts';
import type { Schema } from './version.ts';

/** Puts what a schema says of the events of one shard's day into the cutter, fed in order. */
export function projectInto(schema: Schema, cutter: Cutter): (events: EventArena) => void {
  if (schema === 'md2') {
    return (events) => {
      for (let at = 0; at < events.count; at++) cutter.appendFrom(events, at);
    };
  }
  const project = createMd1Projection();
  return (events) => {
    for (let at = 0; at < events.count; at++) {
      const record = project(readEvent(events.view(at), 0));
      if (record === null) continue;
      const [type, symbol, t] = [events.type[at], events.symbol[at], events.t[at]];
      cutter.append(type as number, symbol as string, t as bigint, encodeMd1(record));
    }
  };
}

/** Of a stream's records; instants only where the schema has the line's own. */
export type Extent = {
  readonly records: number;
  readonly first_t?: string;
  readonly last_t?: string;
};

/** Null where a stretch of the bytes is no record. */
export function extentOf(plain: Uint8Array, schema: Schema): Extent | null {
  try {
    return schema === 'md1' ? extentOfMd1(plain) : extentOfMd2(plain);
  } catch {
    return null;
  }
}

function extentOfMd1(plain: Uint8Array): Extent {
  let records = 0;
  for (let at = 0; at < plain.length; at += wholeLength(plain, at)) records++;
  return { records };
}

function extentOfMd2(plain: Uint8Array): Extent {
  let records = 0;
  let first: bigint | null = null;
  let last = 0n;
  for (let at = 0; at < plain.length; records++) {
    const { t, length } = readHeader(plain, at);
    first ??= t;
    last = t;
    at += length;
  }
  return { records, first_t: (first ?? 0n).toString(), last_t: last.toString() };
}
