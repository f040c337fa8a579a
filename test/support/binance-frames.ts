/** Texts through the decoder of Binance USD-M futures, for tests. */
import { EventBuffer } from '../../codec/event-buffer.ts';
import { createSymbolTable } from '../../codec/symbol-table.ts';
import type { SymbolTable } from '../../codec/symbol-table.ts';
import { decodeBinanceUsdm } from '../../connectors/binance-usdm/decode.ts';
import { bufferEvents } from './buffer-events.ts';
import type { PlainEvent } from './buffer-events.ts';

export type DecodedFrame = {
  readonly kind: string;
  readonly reason: string;
  readonly channel: string | null;
  readonly request_id: string | null;
  readonly frame_symbol: number;
  readonly at: number;
  readonly events: readonly PlainEvent[];
};

/** The markets of the captures and shapes. */
export const SYMBOLS: SymbolTable = createSymbolTable(
  ['BTCUSDT', 'BNBUSDT', 'SUSHIUSDT', 'AKROUSDT', 'KEEPUSDT', 'CTKUSDT'].map((external) => ({
    symbol: `${external}-PERP`,
    external,
    depth: 'l2' as const,
  })),
);

const encoder = new TextEncoder();

/** One frame decoded; it stands within other bytes, as it does in a log's segment. */
export function decodeBytes(frame: Uint8Array, symbols: SymbolTable = SYMBOLS): DecodedFrame {
  const bytes = new Uint8Array(frame.length + 8);
  bytes.fill(0x5d);
  bytes.set(frame, 4);
  bytes[4 + frame.length] = 0x0a;
  const out = new EventBuffer();
  decodeBinanceUsdm(bytes, 4, 4 + frame.length, symbols, out);
  const { kind, reason, channel, request_id, frame_symbol, at } = out;
  return {
    kind,
    reason,
    channel,
    request_id,
    frame_symbol,
    at,
    events: bufferEvents(out, symbols),
  };
}

export function decodeText(text: string, symbols?: SymbolTable): DecodedFrame {
  return decodeBytes(encoder.encode(text), symbols);
}

/** The one event of a frame that has one. */
export function decodeEvent(text: string): PlainEvent {
  const { kind, reason, events } = decodeText(text);
  const [event] = events;
  if (event === undefined || events.length !== 1) {
    throw new Error(`expected one event, received ${events.length}, ${kind} ${reason}: ${text}`);
  }
  return event;
}

/** Levels as `[price, size]`, as the wire has them. */
export type Levels = readonly (readonly [string, string])[];

export function diffFrame(
  ids: { readonly U?: bigint | number; readonly u: bigint | number; readonly pu: bigint | number },
  bids: Levels = [],
  asks: Levels = [],
): string {
  const data =
    `{"e":"depthUpdate","E":1763712000123,"T":1763712000120,"s":"BTCUSDT","U":${ids.U ?? ids.u},` +
    `"u":${ids.u},"pu":${ids.pu},"b":${JSON.stringify(bids)},"a":${JSON.stringify(asks)}}`;
  return `{"stream":"btcusdt@depth@100ms","data":${data}}`;
}

export function partialFrame(u: bigint | number, bids: Levels, asks: Levels, depth = 20): string {
  const data =
    `{"e":"depthUpdate","E":1763712000123,"T":1763712000120,"s":"BTCUSDT","U":${u},"u":${u},` +
    `"pu":${BigInt(u) - 1n},"b":${JSON.stringify(bids)},"a":${JSON.stringify(asks)}}`;
  return `{"stream":"btcusdt@depth${depth}@100ms","data":${data}}`;
}
