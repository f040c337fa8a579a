/** Kraken frames, as text, through the decoder and the book. */
import { createSymbolTable } from '../../codec/symbol-table.ts';
import { decode } from '../../connectors/kraken/decode.ts';
import { framesOf } from './frames.ts';

export const SYMBOLS = createSymbolTable([
  { symbol: 'BTCUSD', external: 'BTC/USD', depth: 'l2' },
  { symbol: 'ETHUSDT', external: 'ETH/USDT', depth: 'l2' },
]);

export const { decodeInto, decodeFrame, runBook } = framesOf(decode, SYMBOLS);
