/** What Coinbase's frames need beyond quoted numbers. */
import type { QuotedReader } from '../../codec/quoted-reader.ts';

/**
 * Why a frame is rejected, beside `ReadFault`:
 *
 * - `bad_type` an event of a channel that is neither `snapshot` nor `update`
 */
export type OwnFault = 'bad_type';

const QUOTE = 0x22;
const utf8 = new TextEncoder();

export type FrameReader = QuotedReader<OwnFault>;

/** A number of a connection or market, exact in a double: below 2^53. Returns it, -1 on a fault. */
export function readCount(reader: FrameReader): number {
  const { at } = reader;
  if (!reader.integer()) return -1;
  const value = reader.hi * 4294967296 + (reader.lo >>> 0);
  if (value <= Number.MAX_SAFE_INTEGER) return value;
  reader.refuse('bad_integer', at);
  return -1;
}

/** An RFC 3339 time in UTC into the reader's `ts_hi`, `ts_lo`. */
export function readInstant(reader: FrameReader): boolean {
  if (reader.failed) return false;
  if (reader.peek() !== QUOTE) return reader.refuse('bad_time', reader.at);
  if (!reader.string()) return false;
  const { instants } = reader;
  const text = reader.escaped ? utf8.encode(reader.text()) : null;
  const isTime =
    text === null
      ? instants.fromIso(reader.bytes, reader.from, reader.to)
      : instants.fromIso(text, 0, text.length);
  return reader.timed(isTime, reader.from);
}

/** Whole seconds since the epoch, quoted or not, into the reader's `ts_hi`, `ts_lo`. */
export function readSeconds(reader: FrameReader): boolean {
  const { at } = reader;
  if (!reader.numeral('bad_time')) return false;
  const ms = (reader.hi * 4294967296 + (reader.lo >>> 0)) * 1000;
  const high = Math.floor(ms / 4294967296);
  const fits = reader.isPlain() && ms <= Number.MAX_SAFE_INTEGER;
  return reader.timed(fits && reader.instants.fromMs(high, ms - high * 4294967296), at);
}
