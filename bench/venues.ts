/** Frames of all five venues: recordings, and what the simulated venues send on every channel. */
import type { SymbolTable } from '../codec/symbol-table.ts';
import { decoderOf } from '../connectors/feed.ts';
import type { Decode } from '../connectors/feed.ts';
import { feedOf, marketsOf, recorded, simulated } from './frames.ts';

export type VenueFrames = {
  readonly feed: string;
  /** Where they come from. */
  readonly source: string;
  readonly texts: readonly string[];
  readonly symbols: SymbolTable;
  readonly decode: Decode;
};

const PER_VENUE = 10_000;
const RATE = 50;
const TODAY = '2026-11-21';

const VENUES: readonly (readonly [
  feed: string,
  markets: readonly string[],
  recordings: readonly string[],
])[] = [
  ['binance-usdm', ['BTCUSDT', 'ETHUSDT'], ['binance-usdm/btcusdt-20240808.jsonl.gz']],
  ['bybit-linear', ['BTCUSDT', 'ETHUSDT'], []],
  ['coinbase', ['BTC-USD', 'ETH-USD'], []],
  ['kraken', ['BTC/USD', 'ETH/USD'], ['kraken-v2/book-btcusd-d10-20230730.jsonl']],
  ['okx', ['BTC-USDT', 'BTC-USDT-SWAP'], []],
];

/** The recordings of today's wire format where there are any, filled up from the simulated venue. */
export function allVenues(): VenueFrames[] {
  return VENUES.map(([feed, markets, recordings]) => {
    const real = recordings
      .flatMap(recorded)
      .filter((text) => !text.startsWith('{"lastUpdateId"'))
      .slice(0, PER_VENUE / 2);
    const frames = PER_VENUE - real.length;
    const texts = interleave([real, simulated(feed, markets, { frames, rate: RATE })]);
    const source = real.length > 0 ? `${real.length} recorded, ${frames} simulated` : 'simulated';
    const decode = decoderOf(feedOf(feed), TODAY);
    return { feed, source: `${feed} ${source}`, texts, symbols: marketsOf(markets), decode };
  });
}

/** One of each in turn, the longer ones going on alone: as frames of many sockets come. */
export function interleave<T>(lists: readonly (readonly T[])[]): T[] {
  const longest = Math.max(...lists.map((list) => list.length));
  return Array.from({ length: longest }, (_, at) =>
    lists.flatMap((list) => list.slice(at, at + 1)),
  ).flat();
}
