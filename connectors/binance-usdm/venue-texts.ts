/**
 * The payloads of Binance USD-M streams as the venue prints them: prices and quantities as strings
 * with all the contract's decimals, times in whole milliseconds. Key order is that of recorded frames.
 */
import type { Candle } from '../simulator/candles.ts';
import { fixed } from '../simulator/format.ts';
import { guessedPrice, type Fill, type Market, type MarketSpec } from '../simulator/market.ts';
import { hash32 } from '../simulator/random.ts';

/** A contract with its numbers as printed on the wire. */
export type Contract = MarketSpec & {
  readonly price_decimals: number;
  /** Units of the last decimal in a tick: BTCUSDT moves by 0.10 and prints two decimals. */
  readonly tick_units: number;
  readonly qty_decimals: number;
};

type Known = Omit<Contract, 'symbol' | 'trade_id'>;

const KNOWN: Readonly<Record<string, Known>> = {
  BTCUSDT: {
    price_decimals: 2,
    tick_units: 10,
    qty_decimals: 3,
    start_tick: 618_003,
    gap: 4,
    size: 90,
  },
  ETHUSDT: {
    price_decimals: 2,
    tick_units: 1,
    qty_decimals: 3,
    start_tick: 344_871,
    gap: 9,
    size: 1500,
  },
  SOLUSDT: {
    price_decimals: 4,
    tick_units: 100,
    qty_decimals: 0,
    start_tick: 15_229,
    gap: 2,
    size: 40,
  },
  XRPUSDT: {
    price_decimals: 4,
    tick_units: 1,
    qty_decimals: 1,
    start_tick: 6131,
    gap: 2,
    size: 9000,
  },
};

/** The numbers of a contract by its name (`BTCUSDT`); one we have none for gets plausible ones. */
export function contractOf(symbol: string): Contract {
  const known = KNOWN[symbol] ?? {
    price_decimals: 4,
    tick_units: 1,
    qty_decimals: 1,
    start_tick: guessedPrice(symbol),
    gap: 3,
    size: 500,
  };
  return { ...known, symbol, trade_id: 5_000_000_000 + (hash32(symbol) % 900_000_000) };
}

function price(contract: Contract, tick: number): string {
  return fixed(tick * contract.tick_units, contract.price_decimals);
}

function level(contract: Contract, tick: number, lots: number): string {
  return `["${price(contract, tick)}","${fixed(lots, contract.qty_decimals)}"]`;
}

/** Update ids of one `depth` message: first, last, and the last of the message before. */
export type Ids = { readonly first: number; readonly last: number; readonly previous: number };

/** Changed levels by tick, in rising order of price. */
export function changedLevels(contract: Contract, changes: ReadonlyMap<number, number>): string {
  const ticks = [...changes.keys()].sort((a, b) => a - b);
  return ticks.map((tick) => level(contract, tick, changes.get(tick) as number)).join(',');
}

/** The best `count` levels, best first. */
export function bestLevels(
  contract: Contract,
  side: { readonly ticks: readonly number[]; readonly lots: readonly number[] },
  count: number,
): string {
  const levels = side.ticks.slice(0, count);
  return levels.map((tick, at) => level(contract, tick, side.lots[at] as number)).join(',');
}

export function depthText(
  contract: Contract,
  ids: Ids,
  bids: string,
  asks: string,
  at: { readonly sent_ms: number; readonly last_ms: number },
): string {
  return `{"e":"depthUpdate","E":${at.sent_ms},"T":${at.last_ms},"s":"${contract.symbol}","U":${ids.first},"u":${ids.last},"pu":${ids.previous},"b":[${bids}],"a":[${asks}]}`;
}

export function bookTickerText(contract: Contract, market: Market, id: number, ms: number): string {
  const { bids, asks } = market;
  const bid = price(contract, bids.ticks[0] as number);
  const ask = price(contract, asks.ticks[0] as number);
  const bid_qty = fixed(bids.lots[0] as number, contract.qty_decimals);
  const ask_qty = fixed(asks.lots[0] as number, contract.qty_decimals);
  return `{"e":"bookTicker","u":${id},"s":"${contract.symbol}","b":"${bid}","B":"${bid_qty}","a":"${ask}","A":"${ask_qty}","T":${ms},"E":${ms}}`;
}

export function tradeText(contract: Contract, fill: Fill): string {
  const ms = Math.floor(fill.us / 1000);
  return `{"e":"trade","E":${ms},"T":${ms},"s":"${contract.symbol}","t":${fill.id},"p":"${price(contract, fill.tick)}","q":"${fixed(fill.lots, contract.qty_decimals)}","X":"MARKET","m":${!fill.buy}}`;
}

/** One taker order's executions at one price: `fills` are neighbours with one tick. */
export function aggTradeText(contract: Contract, id: number, fills: readonly Fill[]): string {
  const first = fills[0] as Fill;
  const last = fills[fills.length - 1] as Fill;
  const ms = Math.floor(first.us / 1000);
  const lots = fills.reduce((sum, fill) => sum + fill.lots, 0);
  return `{"e":"aggTrade","E":${ms},"a":${id},"s":"${contract.symbol}","p":"${price(contract, first.tick)}","q":"${fixed(lots, contract.qty_decimals)}","f":${first.id},"l":${last.id},"T":${ms},"m":${!first.buy}}`;
}

export function klineText(
  contract: Contract,
  candle: Candle,
  every_us: number,
  interval: string,
  at: { readonly sent_ms: number; readonly closed: boolean },
): string {
  const { symbol, qty_decimals, price_decimals, tick_units } = contract;
  const begin_ms = candle.begin_us / 1000;
  const value = (sum: bigint): string =>
    fixed(sum * BigInt(tick_units), price_decimals + qty_decimals);
  const fields = [
    `"t":${begin_ms},"T":${begin_ms + every_us / 1000 - 1},"s":"${symbol}","i":"${interval}"`,
    `"f":${candle.first_id},"L":${candle.last_id}`,
    `"o":"${price(contract, candle.open)}","c":"${price(contract, candle.close)}"`,
    `"h":"${price(contract, candle.high)}","l":"${price(contract, candle.low)}"`,
    `"v":"${fixed(candle.lots, qty_decimals)}","n":${candle.trades},"x":${at.closed}`,
    `"q":"${value(candle.value)}","V":"${fixed(candle.buy_lots, qty_decimals)}"`,
    `"Q":"${value(candle.buy_value)}","B":"0"`,
  ];
  return `{"e":"kline","E":${at.sent_ms},"s":"${symbol}","k":{${fields.join(',')}}}`;
}

const FUNDING_MS = 8 * 3600 * 1000;
const MARK_DECIMALS = 8;

/** Mark and index hover around the middle of the book; funding moves slowly. */
export function markPriceText(contract: Contract, market: Market, ms: number): string {
  const scale = 10 ** (MARK_DECIMALS - contract.price_decimals) * contract.tick_units;
  const noise = (salt: string, reach: number): number =>
    (hash32(`${contract.symbol} ${salt} ${ms}`) / 2 ** 32 - 0.5) * 2 * reach;
  const { mid } = market;
  const mark = Math.round((mid + noise('mark', 3)) * scale);
  const index = Math.round((mid * 1.0004 + noise('index', 3)) * scale);
  const settle = Math.round((mid * 1.0003 + noise('settle', 1)) * scale);
  const rate = Math.round(10_000 * (1 + Math.sin(ms / 7e6) * 0.6));
  const next = ms - (ms % FUNDING_MS) + FUNDING_MS;
  return `{"e":"markPriceUpdate","E":${ms},"s":"${contract.symbol}","p":"${fixed(mark, 8)}","i":"${fixed(index, 8)}","P":"${fixed(settle, 8)}","r":"${fixed(rate, 8)}","T":${next}}`;
}

export function forceOrderText(contract: Contract, fill: Fill): string {
  const ms = Math.floor(fill.us / 1000);
  const at = price(contract, fill.tick);
  const qty = fixed(fill.lots, contract.qty_decimals);
  return `{"e":"forceOrder","E":${ms},"o":{"s":"${contract.symbol}","S":"${fill.buy ? 'BUY' : 'SELL'}","o":"LIMIT","f":"IOC","q":"${qty}","p":"${at}","ap":"${at}","X":"FILLED","l":"${qty}","z":"${qty}","T":${ms}}}`;
}
