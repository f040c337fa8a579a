/** Markets the simulated OKX can list, with their numbers as printed on the wire. */
import { guessedPrice, type MarketSpec } from '../simulator/market.ts';
import { hash32 } from '../simulator/random.ts';

export type Instrument = MarketSpec & {
  /** Perpetual swaps end in `-SWAP`; their sizes count contracts. */
  readonly swap: boolean;
  readonly price_decimals: number;
  /** Of a size, which on a swap counts contracts. */
  readonly size_decimals: number;
  /** A contract is `10^-contract_decimals` of the base currency; 0 on spot. */
  readonly contract_decimals: number;
};

type Known = Omit<Instrument, 'symbol' | 'trade_id' | 'swap'>;

const KNOWN: Readonly<Record<string, Known>> = {
  'BTC-USDT': {
    price_decimals: 1,
    size_decimals: 8,
    contract_decimals: 0,
    start_tick: 837_258,
    gap: 4,
    size: 5_000_000,
  },
  'ETH-USDT': {
    price_decimals: 2,
    size_decimals: 6,
    contract_decimals: 0,
    start_tick: 272_431,
    gap: 9,
    size: 900_000,
  },
  'BTC-USDT-SWAP': {
    price_decimals: 1,
    size_decimals: 2,
    contract_decimals: 2,
    start_tick: 837_259,
    gap: 3,
    size: 2500,
  },
  'ETH-USDT-SWAP': {
    price_decimals: 2,
    size_decimals: 2,
    contract_decimals: 1,
    start_tick: 272_440,
    gap: 6,
    size: 3000,
  },
};

/** The numbers of a market by its id; one we have none for gets plausible ones. */
export function instrumentOf(id: string): Instrument {
  const swap = id.endsWith('-SWAP');
  const known = KNOWN[id] ?? {
    price_decimals: 3,
    size_decimals: swap ? 1 : 4,
    contract_decimals: 0,
    start_tick: guessedPrice(id),
    gap: 4,
    size: swap ? 900 : 400_000,
  };
  return { ...known, symbol: id, swap, trade_id: 300_000_000 + (hash32(id) % 600_000_000) };
}
