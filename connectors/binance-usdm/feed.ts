/** Binance USD-M futures as ssmd knows it: decoders by date, book rule, evidence, protocol. */
import type { Day } from '../../schema/time.ts';
import type { Feed } from '../feed.ts';
import { openBinanceUsdmBook } from './book.ts';
import { decodeBinanceUsdm } from './decode.ts';
import { BINANCE_USDM_EVIDENCE } from './evidence.ts';
import { binanceUsdmProtocol } from './protocol.ts';

export const binanceUsdm: Feed = {
  id: 'binance-usdm',
  normalizer: 1,
  // The first capture this decoder was held to is of 2021; the launch was in 2019.
  decoders: [{ valid_from: '2019-09-01' as Day, decode: decodeBinanceUsdm }],
  // Of aggregates and of single trades alike, in both captures. On `trade` an execution that never
  // met the book uses an id and is left out: a hole of its own, seen as a gap that closes at once.
  trade_ids: 'contiguous',
  // The partial book comes every 100 ms and the mark price every second, whatever the market does.
  opens: { depth: ['book'], markPrice: ['mark'] },
  openBook: openBinanceUsdmBook,
  // The next partial book, within 100 ms; between an unsubscribe and a subscribe a diff would be
  // lost.
  book_cure: 'stream',
  evidence: BINANCE_USDM_EVIDENCE,
  protocol: binanceUsdmProtocol,
};
