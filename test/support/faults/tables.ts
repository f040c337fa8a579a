/** Every table of `docs/faults.md` that is about a venue. */
import { BINANCE_TABLES } from './binance-usdm.ts';
import { BYBIT_TABLES } from './bybit-linear.ts';
import type { FaultTable } from './cell.ts';
import { COINBASE_TABLES } from './coinbase.ts';
import { KRAKEN_TABLES } from './kraken.ts';
import { OKX_TABLES } from './okx.ts';

export const FAULT_TABLES: readonly FaultTable[] = [
  ...KRAKEN_TABLES,
  ...BINANCE_TABLES,
  ...OKX_TABLES,
  ...COINBASE_TABLES,
  ...BYBIT_TABLES,
];
