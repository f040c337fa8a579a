/** Bybit frames, as text, through the decoder and the book. */
import { createSymbolTable } from '../../codec/symbol-table.ts';
import { decodeBybitLinear } from '../../connectors/bybit-linear/decode.ts';
import { framesOf } from './frames.ts';
import type { Level } from './frames.ts';

export const SYMBOLS = createSymbolTable([
  { symbol: 'BTCUSDT-PERP', external: 'BTCUSDT', depth: 'l2' },
  { symbol: 'ETHUSDT-PERP', external: 'ETHUSDT', depth: 'l2' },
]);

export const { decodeInto, decodeFrame, runBook } = framesOf(decodeBybitLinear, SYMBOLS);

/** A frame of `orderbook`. */
export function bookFrame(
  type: 'snapshot' | 'delta',
  {
    u,
    bids = [],
    asks = [],
    depth = 50,
    ts = 1_763_683_200_000,
    market = 'BTCUSDT',
  }: {
    readonly u: number;
    readonly bids?: readonly Level[];
    readonly asks?: readonly Level[];
    readonly depth?: number;
    readonly ts?: number;
    readonly market?: string;
  },
): string {
  const data = { s: market, b: bids, a: asks, u, seq: 7_961_638_724 + u };
  return JSON.stringify({ topic: `orderbook.${depth}.${market}`, type, ts, data, cts: ts - 2 });
}

/** Elements of each topic as the documentation has them, and the frame they stand in. */
export const TS = 1672304486868;
export const NS = '1672304486868000000';
export const frame = (topic: string, data: unknown, rest: object = {}): string =>
  JSON.stringify({ topic, type: 'snapshot', ts: TS, data, ...rest });
export const TRADE = {
  T: 1672304486865,
  s: 'BTCUSDT',
  S: 'Buy',
  v: '0.001',
  p: '16578.50',
  L: 'PlusTick',
  i: '20f43950-d8dd-5b31-9112-a178eb6023af',
  BT: false,
  seq: 1783284617,
};
export const CANDLE = {
  start: 1672324800000,
  end: 1672324859999,
  interval: '1',
  open: '16649.50',
  close: '16677.00',
  high: '16678.00',
  low: '16608.00',
  volume: '2.081',
  turnover: '34666.40050',
  confirm: false,
  timestamp: 1672324988882,
};
export const TICKER = {
  symbol: 'BTCUSDT',
  tickDirection: 'PlusTick',
  price24hPcnt: '-0.017103',
  lastPrice: '17216.00',
  prevPrice24h: '16926.50',
  highPrice24h: '17281.50',
  lowPrice24h: '16915.00',
  prevPrice1h: '17238.00',
  markPrice: '17217.33',
  indexPrice: '17227.36',
  openInterest: '68744.761',
  turnover24h: '1570383121.943499',
  volume24h: '91705.276',
  nextFundingTime: '1673280000000',
  fundingRate: '-0.000212',
  bid1Price: '17215.50',
  bid1Size: '84.489',
  ask1Price: '17216.00',
  ask1Size: '83.020',
};
export const LIQUIDATION = { T: 1739502302929, s: 'BTCUSDT', S: 'Sell', v: '20000', p: '0.04499' };
