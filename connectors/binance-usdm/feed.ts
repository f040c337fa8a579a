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
  // Ids of aggregates and of trades count by one per symbol. `trade` leaves out the ids of what was
  // not on the book, so over both channels they only increase.
  trade_ids: 'increasing',
  openBook: openBinanceUsdmBook,
  evidence: BINANCE_USDM_EVIDENCE,
  protocol: binanceUsdmProtocol,
};
