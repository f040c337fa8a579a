/**
 * Updates of books exactly as Kraken writes them, the bulk of what it sends:
 *
 * {"channel":"book","type":"update","data":[{"symbol":"BTC/USD","bids":[{"price":29423.0,"qty":2.5}],
 * "asks":[],"checksum":434883881,"timestamp":"2023-07-30T15:30:01.581227Z"}]}
 *
 * Anything else is left to `decodeGeneric`, which would read the same out of these.
 */
import { FIELD, TYPE_BOOK } from '../../codec/event-buffer.ts';
import type { EventBuffer } from '../../codec/event-buffer.ts';
import { RigidReader, literal } from '../../codec/rigid-reader.ts';
import type { SymbolTable } from '../../codec/symbol-table.ts';

const HEAD = literal('{"channel":"book","type":"update","data":[{"symbol":"');
const BIDS = literal('","bids":[');
const ASKS = literal('],"asks":[');
const PRICE = literal('{"price":');
const QTY = literal(',"qty":');
const CHECKSUM = literal('],"checksum":');
/** Times of this century: what is refused of others is the generic reader's to say. */
const TIMESTAMP = literal(',"timestamp":"20');
const TAIL = literal('"}]}');
const COMMA = 0x2c;
const BRACE_END = 0x7d;
const BRACKET_END = 0x5d;
const TIME_LENGTH = 27;

const reader = new RigidReader();

/** False where the frame is not written so: then `out` holds nothing that counts. */
export function decodeBookUpdate(
  bytes: Uint8Array,
  start: number,
  end: number,
  symbols: SymbolTable,
  out: EventBuffer,
): boolean {
  reader.open(bytes, start);
  if (!reader.is(HEAD)) return false;
  const market = reader.market(symbols);
  if (market < 0 || !reader.is(BIDS)) return false;
  out.reset(bytes);
  const event = out.begin(TYPE_BOOK, market, 0);
  if (!readLevels(out)) return false;
  out.bid_to[event] = out.levels;
  if (!reader.is(ASKS)) return false;
  out.ask_from[event] = out.levels;
  if (!readLevels(out)) return false;
  out.ask_to[event] = out.levels;
  if (!reader.is(CHECKSUM) || !reader.u32()) return false;
  if (reader.lo !== 0) out.setU32(event, FIELD.book.checksum, reader.lo);
  if (!reader.is(TIMESTAMP)) return false;
  const time_start = reader.at - 2;
  const time_end = time_start + TIME_LENGTH;
  if (!reader.instant.fromIso(bytes, time_start, time_end)) return false;
  out.setTsEvent(event, reader.instant.hi, reader.instant.lo);
  reader.at = time_end;
  if (!reader.is(TAIL) || reader.at !== end) return false;
  out.kind = 'data';
  out.channel = 'book';
  out.frame_symbol = market;
  return true;
}

function readLevels(out: EventBuffer): boolean {
  const { bytes } = reader;
  if (bytes[reader.at] === BRACKET_END) return true;
  for (;;) {
    if (!reader.is(PRICE) || !reader.amount()) return false;
    const { hi, lo, exp } = reader;
    if (!reader.is(QTY) || !reader.amount()) return false;
    if (bytes[reader.at] !== BRACE_END) return false;
    out.level(hi, lo, exp, reader.hi, reader.lo, reader.exp);
    const next = bytes[reader.at + 1];
    if (next === BRACKET_END) {
      reader.at += 1;
      return true;
    }
    if (next !== COMMA) return false;
    reader.at += 2;
  }
}
