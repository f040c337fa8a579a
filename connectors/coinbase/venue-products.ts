/** Markets the simulated Coinbase can list, with their numbers as printed on the wire. */
import { guessedPrice, type MarketSpec } from '../simulator/market.ts';
import { hash32 } from '../simulator/random.ts';

export type Product = MarketSpec & {
  readonly base: string;
  readonly quote: string;
  readonly price_decimals: number;
  readonly size_decimals: number;
};

type Known = Pick<Product, 'price_decimals' | 'size_decimals' | 'start_tick' | 'gap' | 'size'>;

const KNOWN: Readonly<Record<string, Known>> = {
  'BTC-USD': {
    price_decimals: 2,
    size_decimals: 8,
    start_tick: 8_372_580,
    gap: 40,
    size: 4_000_000,
  },
  'ETH-USD': {
    price_decimals: 2,
    size_decimals: 8,
    start_tick: 272_431,
    gap: 5,
    size: 90_000_000,
  },
};

/** The numbers of a market by its id; one we have none for gets plausible ones. */
export function productOf(id: string): Product {
  const known = KNOWN[id] ?? {
    price_decimals: 4,
    size_decimals: 2,
    start_tick: guessedPrice(id),
    gap: 4,
    size: 40_000,
  };
  const [base = id, quote = 'USD'] = id.split('-');
  return { ...known, symbol: id, base, quote, trade_id: 20_000_000 + (hash32(id) % 900_000_000) };
}
