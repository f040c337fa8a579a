/** Frames of all five venues: recordings, and what the simulated venues send on every channel. */
import type { SymbolTable } from '../codec/symbol-table.ts';
import { decodeGeneric as binance } from '../connectors/binance-usdm/decode.ts';
import { decodeGeneric as bybit } from '../connectors/bybit-linear/decode.ts';
import { decodeGeneric as coinbase } from '../connectors/coinbase/decode.ts';
import { decoderOf } from '../connectors/feed.ts';
import type { Decode } from '../connectors/feed.ts';
import { decodeGeneric as kraken } from '../connectors/kraken/decode.ts';
import { decodeGeneric as okx } from '../connectors/okx/decode.ts';
import { feedOf, marketsOf, recorded, simulated } from './frames.ts';

export type VenueFrames = {
  readonly feed: string;
  /** Where they come from. */
  readonly source: string;
  readonly texts: readonly string[];
  readonly symbols: SymbolTable;
  readonly decode: Decode;
  /** Its plain twin, which reads any order of keys. */
  readonly plain: Decode;
};

const PER_VENUE = 10_000;
const RATE = 50;
const TODAY = '2026-11-21';

const VENUES: readonly (readonly [
  feed: string,
  markets: readonly string[],
  recordings: readonly string[],
  plain: Decode,
])[] = [
  ['binance-usdm', ['BTCUSDT', 'ETHUSDT'], ['binance-usdm/btcusdt-20240808.jsonl.gz'], binance],
  ['bybit-linear', ['BTCUSDT', 'ETHUSDT'], [], bybit],
  ['coinbase', ['BTC-USD', 'ETH-USD'], [], coinbase],
  ['kraken', ['BTC/USD', 'ETH/USD'], ['kraken-v2/book-btcusd-d10-20230730.jsonl'], kraken],
  ['okx', ['BTC-USDT', 'BTC-USDT-SWAP'], [], okx],
];

/** The recordings of today's wire format where there are any, filled up from the simulated venue. */
export function allVenues(): VenueFrames[] {
  return VENUES.map(([feed, markets, recordings, plain]) => {
    const real = recordings
      .flatMap(recorded)
      .filter((text) => !text.startsWith('{"lastUpdateId"'))
      .slice(0, PER_VENUE / 2);
    const frames = PER_VENUE - real.length;
    const texts = interleave([real, simulated(feed, markets, { frames, rate: RATE })]);
    const source = real.length > 0 ? `${real.length} recorded, ${frames} simulated` : 'simulated';
    const decode = decoderOf(feedOf(feed), TODAY);
    return { feed, source: `${feed} ${source}`, texts, symbols: marketsOf(markets), decode, plain };
  });
}

/** One of each in turn, the longer ones going on alone: as frames of many sockets come. */
export function interleave<T>(lists: readonly (readonly T[])[]): T[] {
  const longest = Math.max(...lists.map((list) => list.length));
  return Array.from({ length: longest }, (_, at) =>
    lists.flatMap((list) => list.slice(at, at + 1)),
  ).flat();
}
