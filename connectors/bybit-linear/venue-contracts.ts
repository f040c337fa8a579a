/** Markets the simulated Bybit can list, with their numbers as printed on the wire. */
import { guessedPrice, type MarketSpec } from '../simulator/market.ts';
import { hash32 } from '../simulator/random.ts';

export type Contract = MarketSpec & {
  /** Of a price in ticks; the wire prints two decimals at least. */
  readonly price_decimals: number;
  readonly size_decimals: number;
};

type Known = Omit<Contract, 'symbol' | 'trade_id'>;

const KNOWN: Readonly<Record<string, Known>> = {
  BTCUSDT: { price_decimals: 1, size_decimals: 3, start_tick: 837_259, gap: 3, size: 250 },
  ETHUSDT: { price_decimals: 2, size_decimals: 2, start_tick: 272_440, gap: 6, size: 400 },
};

/** The numbers of a market by its name; one we have none for gets plausible ones. */
export function contractOf(symbol: string): Contract {
  const known = KNOWN[symbol] ?? {
    price_decimals: 4,
    size_decimals: 0,
    start_tick: guessedPrice(symbol),
    gap: 4,
    size: 900,
  };
  return { ...known, symbol, trade_id: hash32(symbol) };
}
