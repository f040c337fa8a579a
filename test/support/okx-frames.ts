/** OKX frames, as text, through the decoder and the book. */
import { createSymbolTable } from '../../codec/symbol-table.ts';
import { decodeOkx } from '../../connectors/okx/decode.ts';
import { framesOf } from './frames.ts';
import type { Level } from './frames.ts';

export const SYMBOLS = createSymbolTable([
  { symbol: 'BTCUSDT', external: 'BTC-USDT', depth: 'l2' },
  { symbol: 'BTCUSDT-PERP', external: 'BTC-USDT-SWAP', depth: 'l2' },
]);

export const { decodeInto, decodeFrame, runBook } = framesOf(decodeOkx, SYMBOLS);

/** A frame of `books`; ids and checksum only where they are given. */
export function bookFrame(
  action: 'snapshot' | 'update',
  {
    bids = [],
    asks = [],
    ids,
    checksum,
    ts = 1_763_683_200_000,
    market = 'BTC-USDT',
  }: {
    readonly bids?: readonly Level[];
    readonly asks?: readonly Level[];
    /** `prevSeqId` and `seqId`. */
    readonly ids?: readonly [previous: number, id: number];
    readonly checksum?: number;
    readonly ts?: number;
    readonly market?: string;
  },
): string {
  const wire = (levels: readonly Level[]) => levels.map(([price, size]) => [price, size, '0', '1']);
  return JSON.stringify({
    arg: { channel: 'books', instId: market },
    action,
    data: [
      {
        asks: wire(asks),
        bids: wire(bids),
        ts: String(ts),
        ...(checksum === undefined ? {} : { checksum }),
        ...(ids === undefined ? {} : { seqId: ids[1], prevSeqId: ids[0] }),
      },
    ],
  });
}
