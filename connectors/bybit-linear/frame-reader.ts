/** What Bybit's frames need beyond quoted numbers. */
import type { QuotedReader } from '../../codec/quoted-reader.ts';

/**
 * Why a frame is rejected, beside `ReadFault`:
 *
 * - `bad_flag` true or false is due, and something else is there
 * - `bad_type` of a book or ticker: neither `snapshot` nor `delta`
 * - `bad_interval` a candle of another length than its topic says
 * - `bad_symbol` a market other than the topic's
 */
export type OwnFault = 'bad_flag' | 'bad_type' | 'bad_interval' | 'bad_symbol';

const TRUE = 0x74;
const FALSE = 0x66;
const utf8 = new TextEncoder();
const SIDE_BUY = utf8.encode('Buy');
const SIDE_SELL = utf8.encode('Sell');

export type FrameReader = QuotedReader<OwnFault>;

/** `true` or `false`. */
export function readFlag(reader: FrameReader): boolean {
  const { at } = reader;
  const first = reader.failed ? 0 : reader.literal();
  if (first !== TRUE && first !== FALSE) reader.blame('bad_flag', at);
  return first === TRUE;
}

/** `Buy` is 1, `Sell` is 2; 0 is neither, and a fault. */
export function readSide(reader: FrameReader): 0 | 1 | 2 {
  if (!reader.words()) return 0;
  const word = reader.escaped ? reader.text() : '';
  if (reader.textIs(SIDE_BUY) || word === 'Buy') return 1;
  if (reader.textIs(SIDE_SELL) || word === 'Sell') return 2;
  reader.refuse('bad_side', reader.from);
  return 0;
}
