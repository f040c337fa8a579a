/**
 * Kraken spot over WebSocket v2. Numbers are JSON numbers whose digits matter; books have no
 * sequence number but a CRC32 on every message; trades count by one per market.
 */
import type { Day } from '../../schema/time.ts';
import type { Feed } from '../feed.ts';
import { openKrakenBook } from './book.ts';
import { decode } from './decode.ts';
import { evidence } from './evidence.ts';
import { protocol } from './protocol.ts';

/** Version 2 went into service in 2023; `decode.ts` says why one decoder reads all of it. */
const V2_BEGINS = '2023-01-01' as Day;

export const kraken: Feed = {
  id: 'kraken',
  normalizer: 1,
  decoders: [{ valid_from: V2_BEGINS, decode }],
  trade_ids: 'contiguous',
  // Snapshots of trades and candles may be empty, and then name no market.
  opens: { book: ['book'], ticker: ['quote', 'ticker'], instrument: ['instrument'] },
  openBook: openKrakenBook,
  evidence,
  protocol,
};
