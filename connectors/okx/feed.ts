/**
 * OKX v5 public market data, spot and swaps. Numbers are quoted; books chain by `prevSeqId` and had a
 * signed CRC32 until 2026; trades come as one taker's at one price, with ids that only grow.
 */
import type { Day } from '../../schema/time.ts';
import type { Feed } from '../feed.ts';
import { openOkxBook } from './book.ts';
import { decodeOkx } from './decode.ts';
import { OKX_EVIDENCE } from './evidence.ts';
import { okxProtocol } from './protocol.ts';

/** Version 5 went into service in 2021; `decode.ts` says why one decoder reads all of it. */
const V5_BEGINS = '2021-01-01' as Day;

export const okx: Feed = {
  id: 'okx',
  normalizer: 1,
  decoders: [{ valid_from: V5_BEGINS, decode: decodeOkx }],
  // A trade message stands for several trades and has the last one's id.
  trade_ids: 'increasing',
  // A swap's funding rate comes at once, too, but a spot market has none.
  opens: { books: ['book'], 'bbo-tbt': ['quote'], tickers: ['ticker'] },
  openBook: openOkxBook,
  evidence: OKX_EVIDENCE,
  protocol: okxProtocol,
};
