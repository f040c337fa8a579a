/**
 * Updates of tickers and trades exactly as Kraken writes them:
 *
 * {"channel":"ticker","type":"update","data":[{"symbol":"BTC/USD","bid":62800.5,"bid_qty":0.056,"ask":62802.3,
 * "ask_qty":0.13966792,"last":62802.3,"volume":8.28,"vwap":62802.1,"low":62797.6,"high":62806.6,"change":-2.2,
 * "change_pct":0.1,"trades":199,"timestamp":"2026-11-21T00:00:00.018841Z"}]}
 * {"channel":"trade","type":"update","data":[{"symbol":"ETH/USD","side":"buy","price":3450.29,"qty":0.22835669,
 * "ord_type":"limit","trade_id":85973620,"timestamp":"2026-11-21T00:00:00.078343Z"}]}
 *
 * A ticker's last two are not in all years. Anything else is left to `decodeGeneric`, which would read the
 * same out of these.
 */
import { FIELD } from '../../codec/event-buffer.ts';
import type { EventBuffer } from '../../codec/event-buffer.ts';
import { RigidReader, literal } from '../../codec/rigid-reader.ts';
import type { SymbolTable } from '../../codec/symbol-table.ts';
import { TYPE_CODE } from '../../schema/events.ts';
import { finishTicker } from './ticker.ts';

const HEAD = literal('{"channel":"t');
const TICKER = literal('icker","type":"update","data":[{"symbol":"');
const TRADE = literal('rade","type":"update","data":[{"symbol":"');

const VALUES = [
  [literal('","bid":'), FIELD.ticker.bid_price, true],
  [literal(',"bid_qty":'), FIELD.ticker.bid_size, false],
  [literal(',"ask":'), FIELD.ticker.ask_price, true],
  [literal(',"ask_qty":'), FIELD.ticker.ask_size, false],
  [literal(',"last":'), FIELD.ticker.last_price, true],
  [literal(',"volume":'), FIELD.ticker.volume, false],
  [literal(',"vwap":'), FIELD.ticker.vwap, true],
  [literal(',"low":'), FIELD.ticker.low, true],
  [literal(',"high":'), FIELD.ticker.high, true],
] as const;
/** In the order they are written. A price of 0 is none. */
const TICKER_VALUES = VALUES.map(([name, field, isPrice]) => ({ name, field, isPrice }));
const CHANGE = literal(',"change":');
const CHANGE_PERCENT = literal(',"change_pct":');
const TRADES = literal(',"trades":');

const BUY = literal('","side":"buy","price":');
const SELL = literal('","side":"sell","price":');
const QTY = literal(',"qty":');
const ORDER_TYPE = literal(',"ord_type":"');
const LIMIT = literal('limit","trade_id":');
const MARKET = literal('market","trade_id":');
const ORDER_TYPE_END = '","trade_id":'.length;
const NEXT = literal(',{"symbol":"');

/** Times of this century: what is refused of others is the generic reader's to say. */
const TIMESTAMP = literal(',"timestamp":"20');
const ELEMENT_END = literal('}');
const TAIL = literal(']}');
const QUOTE = 0x22;
const MICROS_LENGTH = 27;

const reader = new RigidReader();

/** False where the frame is not written so: then `out` holds nothing that counts. */
export function decodeRigid(
  bytes: Uint8Array,
  start: number,
  end: number,
  symbols: SymbolTable,
  out: EventBuffer,
): boolean {
  reader.open(bytes, start);
  if (!reader.is(HEAD)) return false;
  const isTicker = reader.is(TICKER);
  if (!isTicker && !reader.is(TRADE)) return false;
  const market_at = reader.at;
  const market = reader.market(symbols);
  if (market < 0) return false;
  out.reset(bytes);
  const read = isTicker ? readTicker(out, market) : readTrades(out, market, market_at);
  if (!read || !reader.is(TAIL) || reader.at !== end) return false;
  out.kind = 'data';
  out.channel = isTicker ? 'ticker' : 'trade';
  out.frame_symbol = market;
  return true;
}

function readTicker(out: EventBuffer, market: number): boolean {
  const event = out.begin(TYPE_CODE.ticker, market, 0);
  for (let at = 0; at < TICKER_VALUES.length; at++) {
    const { name, field, isPrice } = TICKER_VALUES[at] as (typeof TICKER_VALUES)[number];
    if (!reader.is(name) || !reader.amount()) return false;
    const { hi, lo, exp } = reader;
    if (!isPrice || hi !== 0 || lo !== 0) out.set(event, field, hi, lo, exp);
  }
  if (!reader.is(CHANGE) || !reader.signed()) return false;
  out.set(event, FIELD.ticker.change, reader.hi, reader.lo, reader.exp);
  if (!reader.is(CHANGE_PERCENT) || !reader.signed()) return false;
  out.set(event, FIELD.ticker.change_percent, reader.hi, reader.lo, reader.exp);
  if (reader.is(TRADES)) {
    if (!reader.id()) return false;
    out.set(event, FIELD.ticker.trades, reader.hi, reader.lo, 1);
  }
  if (reader.is(TIMESTAMP) && !readTime(out, event)) return false;
  finishTicker(out, event, true, 0);
  out.symbol[event + 1] = market;
  return reader.is(ELEMENT_END);
}

function readTime(out: EventBuffer, event: number): boolean {
  const { bytes, instant } = reader;
  const from = reader.at - 2;
  const usual = from + MICROS_LENGTH;
  const to = bytes[usual] === QUOTE ? usual : reader.quoteAt();
  if (to < 0 || !instant.fromIso(bytes, from, to)) return false;
  out.setTsEvent(event, instant.hi, instant.lo);
  reader.at = to + 1;
  return true;
}

function readTrades(out: EventBuffer, market: number, market_at: number): boolean {
  for (;;) {
    const event = out.begin(TYPE_CODE.trade, market, 0);
    if (!readTrade(out, event)) return false;
    if (!reader.is(NEXT)) return true;
    if (!reader.again(market_at)) return false;
  }
}

function readTrade(out: EventBuffer, event: number): boolean {
  const bought = reader.is(BUY);
  if ((!bought && !reader.is(SELL)) || !reader.amount()) return false;
  out.setSide(event, FIELD.trade.side, bought ? 1 : 2);
  out.set(event, FIELD.trade.price, reader.hi, reader.lo, reader.exp);
  if (!reader.is(QTY) || !reader.amount()) return false;
  out.set(event, FIELD.trade.size, reader.hi, reader.lo, reader.exp);
  if (!reader.is(ORDER_TYPE)) return false;
  const type_from = reader.at;
  if (!reader.is(LIMIT) && !reader.is(MARKET)) return false;
  out.setTextRange(event, FIELD.trade.order_type, type_from, reader.at - ORDER_TYPE_END);
  const id_from = reader.at;
  if (!reader.id()) return false;
  out.setTextRange(event, FIELD.trade.trade_id, id_from, reader.at);
  return reader.is(TIMESTAMP) && readTime(out, event) && reader.is(ELEMENT_END);
}
