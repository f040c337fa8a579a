/** Markets the simulated Kraken can list, with their numbers as printed on the wire. */
import { guessedPrice, type MarketSpec } from '../simulator/market.ts';
import { hash32 } from '../simulator/random.ts';
import type { PairFormat } from './venue-book.ts';

export type Pair = PairFormat & MarketSpec & { readonly base: string; readonly quote: string };

type Known = Omit<PairFormat, 'tick_units'> & Pick<MarketSpec, 'start_tick' | 'gap' | 'size'>;

/** Price and size precisions as the venue's `instrument` channel gave them in 2026. */
const KNOWN: Readonly<Record<string, Known>> = {
  'BTC/USD': { price_decimals: 1, qty_decimals: 8, start_tick: 628_000, gap: 5, size: 6_000_000 },
  'ETH/USD': { price_decimals: 2, qty_decimals: 8, start_tick: 345_120, gap: 12, size: 90_000_000 },
  'SOL/USD': { price_decimals: 2, qty_decimals: 8, start_tick: 15_233, gap: 2, size: 4e9 },
  'XRP/USD': { price_decimals: 5, qty_decimals: 8, start_tick: 61_284, gap: 4, size: 9e10 },
  'ADA/USD': { price_decimals: 6, qty_decimals: 8, start_tick: 402_110, gap: 30, size: 2e11 },
  'DOGE/USD': { price_decimals: 7, qty_decimals: 8, start_tick: 1_204_331, gap: 90, size: 5e11 },
  'ETH/BTC': { price_decimals: 6, qty_decimals: 8, start_tick: 54_955, gap: 3, size: 40_000_000 },
};

/** The numbers of a pair by its name (`BTC/USD`); one we have none for gets plausible ones. */
export function pairOf(symbol: string): Pair {
  const [base = symbol, quote = 'USD'] = symbol.split('/');
  const known = KNOWN[symbol] ?? {
    price_decimals: 4,
    qty_decimals: 8,
    start_tick: guessedPrice(symbol) * 10,
    gap: 6,
    size: 3e9,
  };
  const trade_id = 10_000_000 + (hash32(symbol) % 80_000_000);
  return { ...known, symbol, base, quote, tick_units: 1, trade_id };
}
