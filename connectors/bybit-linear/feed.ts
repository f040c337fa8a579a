/**
 * Bybit v5 public market data of linear contracts: perpetuals and futures settled in USDT or USDC.
 * Numbers are quoted; a book's messages count by one; tickers tell what changed; trade ids are UUIDs.
 */
import type { Day } from '../../schema/time.ts';
import type { Feed } from '../feed.ts';
import { openBybitBook } from './book.ts';
import { decodeBybitLinear } from './decode.ts';
import { BYBIT_LINEAR_EVIDENCE } from './evidence.ts';
import { bybitLinearProtocol } from './protocol.ts';

/** Version 5 went into service at the end of 2022. */
const V5_BEGINS = '2022-12-01' as Day;

export const bybitLinear: Feed = {
  id: 'bybit-linear',
  normalizer: 1,
  decoders: [{ valid_from: V5_BEGINS, decode: decodeBybitLinear }],
  // UUIDs: they tell a trade from another, and nothing of what lies between.
  trade_ids: 'increasing',
  opens: { orderbook: ['book'], 'orderbook.1': ['quote'], tickers: ['ticker', 'mark'] },
  // A ticker's delta leaves out what did not change.
  changes: ['ticker', 'mark'],
  openBook: openBybitBook,
  evidence: BYBIT_LINEAR_EVIDENCE,
  protocol: bybitLinearProtocol,
};
