/**
 * Coinbase spot: Advanced Trade, and before it the Exchange feed, from which recordings exist. Numbers
 * are quoted; frames count by one over all channels of a connection, which proves books whole; trades
 * count by one per market, and both feeds tell the maker's side.
 */
import type { Day } from '../../schema/time.ts';
import type { Feed } from '../feed.ts';
import { openCoinbaseBook } from './book.ts';
import { decodeAdvanced } from './decode.ts';
import { COINBASE_EVIDENCE } from './evidence.ts';
import { decodeExchange } from './exchange.ts';
import { coinbaseProtocol } from './protocol.ts';

/** The Exchange feed began as GDAX's, of which nothing older than this is kept. */
const EXCHANGE_BEGINS = '2016-01-01' as Day;
/** The oldest frames of Advanced Trade that the documentation shows are of February 2023. */
const ADVANCED_BEGINS = '2023-02-01' as Day;

export const coinbase: Feed = {
  id: 'coinbase',
  normalizer: 1,
  decoders: [
    { valid_from: EXCHANGE_BEGINS, decode: decodeExchange },
    { valid_from: ADVANCED_BEGINS, decode: decodeAdvanced },
  ],
  trade_ids: 'contiguous',
  // Snapshots of trades and candles may be empty, and then name no market.
  opens: {
    level2: ['book'],
    ticker: ['ticker'],
    ticker_batch: ['ticker'],
    status: ['instrument'],
  },
  openBook: openCoinbaseBook,
  evidence: COINBASE_EVIDENCE,
  protocol: coinbaseProtocol,
};
