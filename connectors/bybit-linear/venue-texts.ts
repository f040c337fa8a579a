/**
 * The texts of Bybit's public topics as the venue prints them: numbers quoted with all their decimals, a
 * deleted level's size as `"0"`, times in bare milliseconds. Key order is that of the documentation.
 */
import { daySums, type Candle } from '../simulator/candles.ts';
import { fixed, shortest } from '../simulator/format.ts';
import type { Fill, Market } from '../simulator/market.ts';
import { hash32 } from '../simulator/random.ts';
import type { Contract } from './venue-contracts.ts';

/** One side as it was told: best first. */
export type Side = { readonly ticks: readonly number[]; readonly lots: readonly number[] };

const DECIMALS_MIN = 2;
const FUNDING_MS = 8 * 3600 * 1000;
const MINUTE_MS = 60_000;

/** `16578.50`: one decimal is printed as two. */
export function price({ price_decimals }: Contract, tick: number): string {
  const missing = Math.max(0, DECIMALS_MIN - price_decimals);
  return fixed(tick * 10 ** missing, price_decimals + missing);
}

export function size({ size_decimals }: Contract, lots: number): string {
  return lots === 0 ? '0' : fixed(lots, size_decimals);
}

function level(contract: Contract, tick: number, lots: number): string {
  return `["${price(contract, tick)}","${size(contract, lots)}"]`;
}

export function levels(contract: Contract, { ticks, lots }: Side): string {
  return ticks.map((tick, at) => level(contract, tick, lots[at] as number)).join(',');
}

/** What became of one side: levels that changed, came, or left (size 0), by place. */
export function changes(contract: Contract, before: Side, after: Side, sign: 1 | -1): string {
  const found: string[] = [];
  let old = 0;
  for (let at = 0; at < after.ticks.length || old < before.ticks.length;) {
    const key = sign * (after.ticks[at] ?? sign * Infinity);
    const old_key = sign * (before.ticks[old] ?? sign * Infinity);
    if (old_key < key) found.push(level(contract, before.ticks[old++] as number, 0));
    else {
      const lots = after.lots[at] as number;
      const same = old_key === key && before.lots[old] === lots;
      if (!same) found.push(level(contract, after.ticks[at] as number, lots));
      if (old_key === key) old++;
      at++;
    }
  }
  return found.join(',');
}

/** Where a book's message stands: its times in ms, and its ids. */
export type BookPlace = {
  readonly depth: number;
  readonly ms: number;
  readonly cts: number;
  readonly u: number;
  readonly seq: number;
};

export function bookText(
  { symbol }: Contract,
  type: 'snapshot' | 'delta',
  bids: string,
  asks: string,
  { depth, ms, cts, u, seq }: BookPlace,
): string {
  const data = `{"s":"${symbol}","b":[${bids}],"a":[${asks}],"u":${u},"seq":${seq}}`;
  return `{"topic":"orderbook.${depth}.${symbol}","type":"${type}","ts":${ms},"data":${data},"cts":${cts}}`;
}

/** A taker's executions, `before` the price of the trade before them. */
export function tradesText(
  contract: Contract,
  fills: readonly Fill[],
  { ms, seq, before }: { readonly ms: number; readonly seq: number; readonly before: number },
): string {
  const { symbol } = contract;
  let last = before;
  let direction = 'ZeroPlusTick';
  const rows = fills.map(({ id, us, tick, lots, buy }) => {
    if (tick !== last) direction = tick > last ? 'PlusTick' : 'MinusTick';
    else if (!direction.startsWith('Zero')) direction = `Zero${direction}`;
    last = tick;
    const time = Math.floor(us / 1000);
    return `{"T":${time},"s":"${symbol}","S":"${buy ? 'Buy' : 'Sell'}","v":"${size(contract, lots)}","p":"${price(contract, tick)}","L":"${direction}","i":"${tradeUuid(symbol, id)}","BT":false,"seq":${seq}}`;
  });
  return `{"topic":"publicTrade.${symbol}","type":"snapshot","ts":${ms},"data":[${rows.join(',')}]}`;
}

/** A UUID of version 5 in looks, the same for the same trade. */
export function tradeUuid(symbol: string, id: number): string {
  const hex = [0, 1, 2, 3]
    .map((part) => hash32(`${symbol} ${id} ${part}`).toString(16).padStart(8, '0'))
    .join('');
  const variant = '89ab'[hash32(`${id}`) % 4];
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** The fields of a ticker in their order; which of them changed is the listing's to say. */
export function tickerFields(
  contract: Contract,
  market: Market,
  ms: number,
): ReadonlyMap<string, string> {
  const { bids, asks, history } = market;
  const day = daySums(market.hours);
  const last = (history[history.length - 1] as Fill).tick;
  const drift = 1 + (Math.floor(ms / 5000) % 7);
  const change = (BigInt(last - day.open) * 1_000_000n) / BigInt(day.open);
  const interest = 68_744_761 + (Math.floor(ms / 5000) % 977);
  const value = contract.price_decimals + contract.size_decimals;
  const rate = Math.round(100 * (1 + Math.sin(ms / 7e6) * 1.4));
  return new Map([
    ['tickDirection', last >= day.open ? 'PlusTick' : 'MinusTick'],
    ['price24hPcnt', fixed(change, 6)],
    ['lastPrice', price(contract, last)],
    ['prevPrice24h', price(contract, day.open)],
    ['highPrice24h', price(contract, day.high)],
    ['lowPrice24h', price(contract, day.low)],
    ['prevPrice1h', price(contract, day.open)],
    ['markPrice', price(contract, last + drift)],
    ['indexPrice', price(contract, last + 2 * drift)],
    ['openInterest', fixed(interest, 3)],
    ['turnover24h', fixed(day.value, value)],
    ['volume24h', fixed(day.lots, contract.size_decimals)],
    ['fundingIntervalHour', '8'],
    ['nextFundingTime', String(ms - (ms % FUNDING_MS) + FUNDING_MS)],
    ['fundingRate', shortest(rate, 6)],
    ['bid1Price', price(contract, bids.ticks[0] as number)],
    ['bid1Size', size(contract, bids.lots[0] as number)],
    ['ask1Price', price(contract, asks.ticks[0] as number)],
    ['ask1Size', size(contract, asks.lots[0] as number)],
  ]);
}

export function tickerText(
  { symbol }: Contract,
  type: 'snapshot' | 'delta',
  fields: Iterable<readonly [string, string]>,
  { ms, seq }: { readonly ms: number; readonly seq: number },
): string {
  const rest = [...fields].map(([name, value]) => `,"${name}":"${value}"`).join('');
  return `{"topic":"tickers.${symbol}","type":"${type}","data":{"symbol":"${symbol}"${rest}},"cs":${seq},"ts":${ms}}`;
}

export function candleText(contract: Contract, candle: Candle, ms: number, last: number): string {
  const { symbol, size_decimals, price_decimals } = contract;
  const start = candle.begin_us / 1000;
  const fields = [
    `"start":${start},"end":${start + MINUTE_MS - 1},"interval":"1"`,
    `"open":"${price(contract, candle.open)}","close":"${price(contract, candle.close)}"`,
    `"high":"${price(contract, candle.high)}","low":"${price(contract, candle.low)}"`,
    `"volume":"${fixed(candle.lots, size_decimals)}"`,
    `"turnover":"${fixed(candle.value, price_decimals + size_decimals)}"`,
    `"confirm":${ms >= start + MINUTE_MS},"timestamp":${last}`,
  ];
  return `{"topic":"kline.1.${symbol}","data":[{${fields.join(',')}}],"ts":${ms},"type":"snapshot"}`;
}

/** Positions closed by force: a taker that sells closes a long one (`Buy`). */
export function liquidationsText(contract: Contract, fills: readonly Fill[], ms: number): string {
  const { symbol } = contract;
  const rows = fills.map(({ us, tick, lots, buy }) => {
    const time = Math.floor(us / 1000);
    return `{"T":${time},"s":"${symbol}","S":"${buy ? 'Sell' : 'Buy'}","v":"${size(contract, lots)}","p":"${price(contract, tick)}"}`;
  });
  return `{"topic":"allLiquidation.${symbol}","type":"snapshot","ts":${ms},"data":[${rows.join(',')}]}`;
}
