/** What OKX's frames need beyond quoted numbers. */
import type { QuotedReader } from '../../codec/quoted-reader.ts';

/**
 * Why a frame is rejected, beside `ReadFault`:
 *
 * - `bad_flag` `confirm` of a candle that is neither `0` nor `1`
 * - `bad_action` an action of a book that is neither `snapshot` nor `update`
 */
export type OwnFault = 'bad_flag' | 'bad_action';

export type FrameReader = QuotedReader<OwnFault>;

/** `-1` is "none" here (`prevSeqId` of a snapshot): false without a fault. */
export function readIntegerOrNone(reader: FrameReader): boolean {
  const { at } = reader;
  if (!reader.numeral('bad_integer')) return false;
  if (reader.hi === -1 && reader.lo === -1 && reader.exp === 0) return false;
  return reader.isPlain() ? true : reader.refuse('bad_integer', at);
}

/** A signed 32-bit number, into the reader's `lo`. */
export function readInt32(reader: FrameReader): boolean {
  const { at } = reader;
  if (!reader.numeral('bad_integer')) return false;
  const fits = reader.exp === 0 && reader.hi === reader.lo >> 31;
  return fits ? true : reader.refuse('bad_integer', at);
}
