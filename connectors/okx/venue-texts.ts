/**
 * The texts of OKX's public channels as the venue prints them: every number a string, as short as it
 * goes; times in whole milliseconds; ids bare. Key order is that of recorded frames.
 */
import { daySums, type Candle } from '../simulator/candles.ts';
import { shortest } from '../simulator/format.ts';
import type { Fill, Market } from '../simulator/market.ts';
import { hash32 } from '../simulator/random.ts';
import type { Instrument } from './venue-instruments.ts';

type Side = { readonly ticks: readonly number[]; readonly lots: readonly number[] };

const CHECKSUM_LEVELS = 25;
const FUNDING_MS = 8 * 3600 * 1000;

function price(instrument: Instrument, tick: number): string {
  return shortest(tick, instrument.price_decimals);
}

function size(instrument: Instrument, lots: number): string {
  return shortest(lots, instrument.size_decimals);
}

/** `["83725.8","7.69","0","5"]`: the last is the number of orders, 0 where the level is gone. */
function level(instrument: Instrument, tick: number, lots: number): string {
  const orders = lots === 0 ? 0 : 1 + ((tick * 31 + lots) % 9);
  return `["${price(instrument, tick)}","${size(instrument, lots)}","0","${orders}"]`;
}

/** The best `count` levels, best first. */
export function bestLevels(instrument: Instrument, side: Side, count: number): string {
  const levels = side.ticks.slice(0, count);
  return levels.map((tick, at) => level(instrument, tick, side.lots[at] as number)).join(',');
}

/** Changed levels by tick, best first. */
export function changedLevels(
  instrument: Instrument,
  changes: ReadonlyMap<number, number>,
  sign: 1 | -1,
): string {
  const ticks = [...changes.keys()].sort((a, b) => (a - b) * sign);
  return ticks.map((tick) => level(instrument, tick, changes.get(tick) as number)).join(',');
}

/** What a message says of its place: time, checksum and ids. */
export type BookPlace = {
  readonly ms: number;
  readonly checksum: number;
  readonly id: number;
  readonly previous: number;
};

export function bookText(
  { symbol }: Instrument,
  action: 'snapshot' | 'update',
  asks: string,
  bids: string,
  { ms, checksum, id, previous }: BookPlace,
): string {
  return `{"arg":{"channel":"books","instId":"${symbol}"},"action":"${action}","data":[{"asks":[${asks}],"bids":[${bids}],"ts":"${ms}","checksum":${checksum},"seqId":${id},"prevSeqId":${previous}}]}`;
}

/** The venue's checksum of a market's top 25, signed. */
export function checksumOf(instrument: Instrument, { bids, asks }: Market): number {
  const parts: string[] = [];
  const add = ({ ticks, lots }: Side, at: number): void => {
    const tick = ticks[at];
    if (tick === undefined) return;
    parts.push(price(instrument, tick), size(instrument, lots[at] as number));
  };
  for (let at = 0; at < CHECKSUM_LEVELS; at++) {
    add(bids, at);
    add(asks, at);
  }
  return signedCrc(parts.join(':'));
}

const CRC_TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});

function signedCrc(text: string): number {
  let crc = -1;
  for (let at = 0; at < text.length; at++) {
    crc = (crc >>> 8) ^ (CRC_TABLE[(crc ^ text.charCodeAt(at)) & 0xff] as number);
  }
  return ~crc;
}

export function bboText(instrument: Instrument, market: Market, ms: number, id: number): string {
  const asks = bestLevels(instrument, market.asks, 1);
  const bids = bestLevels(instrument, market.bids, 1);
  return `{"arg":{"channel":"bbo-tbt","instId":"${instrument.symbol}"},"data":[{"asks":[${asks}],"bids":[${bids}],"ts":"${ms}","seqId":${id}}]}`;
}

/** One taker's executions at one price: `fills` are neighbours with one tick. */
export function tradeText(instrument: Instrument, fills: readonly Fill[], id: number): string {
  const { symbol } = instrument;
  const last = fills[fills.length - 1] as Fill;
  const lots = fills.reduce((sum, fill) => sum + fill.lots, 0);
  const ms = Math.floor(last.us / 1000);
  return `{"arg":{"channel":"trades","instId":"${symbol}"},"data":[{"instId":"${symbol}","tradeId":"${last.id}","px":"${price(instrument, last.tick)}","sz":"${size(instrument, lots)}","side":"${last.buy ? 'buy' : 'sell'}","ts":"${ms}","count":"${fills.length}","source":"0","seqId":${id}}]}`;
}

/** Ticks times lots in the quote currency. */
function value(instrument: Instrument, sum: bigint): string {
  const { price_decimals, size_decimals, contract_decimals } = instrument;
  return shortest(sum, price_decimals + size_decimals + contract_decimals);
}

/** Lots in the base currency. */
function baseSize({ size_decimals, contract_decimals }: Instrument, lots: number): string {
  return shortest(lots, size_decimals + contract_decimals);
}

export function tickerText(instrument: Instrument, market: Market, ms: number): string {
  const { symbol, swap } = instrument;
  const { bids, asks } = market;
  const day = daySums(market.hours);
  const last = market.history[market.history.length - 1] as Fill;
  const currency = swap ? baseSize(instrument, day.lots) : value(instrument, day.value);
  const open = price(instrument, day.open);
  const fields = [
    `"instType":"${swap ? 'SWAP' : 'SPOT'}","instId":"${symbol}"`,
    `"last":"${price(instrument, last.tick)}","lastSz":"${size(instrument, last.lots)}"`,
    `"askPx":"${price(instrument, asks.ticks[0] as number)}"`,
    `"askSz":"${size(instrument, asks.lots[0] as number)}"`,
    `"bidPx":"${price(instrument, bids.ticks[0] as number)}"`,
    `"bidSz":"${size(instrument, bids.lots[0] as number)}"`,
    `"open24h":"${open}","high24h":"${price(instrument, day.high)}"`,
    `"low24h":"${price(instrument, day.low)}","sodUtc0":"${open}","sodUtc8":"${open}"`,
    `"volCcy24h":"${currency}","vol24h":"${size(instrument, day.lots)}","ts":"${ms}"`,
  ];
  return `{"arg":{"channel":"tickers","instId":"${symbol}"},"data":[{${fields.join(',')}}]}`;
}

export function candleText(instrument: Instrument, candle: Candle, closed: boolean): string {
  const prices = [candle.open, candle.high, candle.low, candle.close].map(
    (tick) => `"${price(instrument, tick)}"`,
  );
  const volumes = [
    size(instrument, candle.lots),
    baseSize(instrument, candle.lots),
    value(instrument, candle.value),
  ].map((volume) => `"${volume}"`);
  const row = [`"${candle.begin_us / 1000}"`, ...prices, ...volumes, closed ? '"1"' : '"0"'];
  return `{"arg":{"channel":"candle1m","instId":"${instrument.symbol}"},"data":[[${row.join(',')}]]}`;
}

/** The rate moves slowly; it is settled every eight hours. */
export function fundingText({ symbol }: Instrument, ms: number): string {
  const next = ms - (ms % FUNDING_MS) + FUNDING_MS;
  const rate = shortest(Math.round(1e12 * (1 + Math.sin(ms / 7e6) * 1.4)), 16);
  const settled = shortest(1e9 + (hash32(`${symbol} ${next}`) % 1e9), 13);
  const fields = [
    `"fundingRate":"${rate}","fundingTime":"${next}","instId":"${symbol}","instType":"SWAP"`,
    '"method":"current_period","maxFundingRate":"0.00375","minFundingRate":"-0.00375"',
    `"nextFundingRate":"","nextFundingTime":"${next + FUNDING_MS}","premium":"${settled}"`,
    `"settFundingRate":"${settled}","settState":"settled","ts":"${ms}"`,
  ];
  return `{"arg":{"channel":"funding-rate","instId":"${symbol}"},"data":[{${fields.join(',')}}]}`;
}
