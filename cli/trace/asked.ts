/** Which of our requests made a connection send a frame: the last that asked for its channel. Pure. */
import { EventBuffer } from '../../codec/event-buffer.ts';
import { createSymbolTable } from '../../codec/symbol-table.ts';
import { decoderOf } from '../../connectors/feed.ts';
import type { Feed } from '../../connectors/feed.ts';
import type { FoldConfig } from '../../schema/symbols.ts';
import { dayOf } from '../../schema/time.ts';

export type FrameIs = {
  readonly kind: string;
  readonly channel: string | null;
  readonly symbol: string | null;
  readonly reason: string;
  /** Events the frame decodes to, whoever speaks. */
  readonly events: number;
};

/** What a frame is, by the decoder of its day. */
export function identifyFrame(
  feed: Feed,
  config: FoldConfig | null,
  t: bigint,
  frame: Uint8Array,
): FrameIs {
  const table = createSymbolTable(config?.symbols ?? []);
  const buffer = new EventBuffer();
  const bytes = new Uint8Array(frame.length + 1);
  bytes.set(frame);
  decoderOf(feed, dayOf(t))(bytes, 0, frame.length, table, buffer);
  const { kind, channel, reason, count } = buffer;
  const market = count > 0 ? (buffer.symbol[0] as number) : buffer.frame_symbol;
  const symbol = market >= 0 ? (table.symbols[market]?.symbol ?? null) : null;
  return { kind, channel, symbol, reason, events: count };
}

type Sent = { readonly c: number; readonly t: bigint; readonly text: string };

/** A request id nobody uses: parts of a request that hold it are not compared. */
const ANY_ID = '987654321012345';

/** The last of `sent` on the frame's connection, before it, that asks for its channel and market. */
export function requestFor<S extends Sent>(
  feed: Feed,
  config: FoldConfig,
  frame: { readonly c: number; readonly t: bigint; readonly is: FrameIs },
  sent: readonly S[],
): S | null {
  const { channel, symbol } = frame.is;
  if (channel === null) return null;
  const market = config.symbols.find((it) => it.symbol === symbol) ?? null;
  const subscription = { channel, symbol, external: market?.external ?? null };
  const wanted = parsed(subscribeText(feed, config, subscription));
  if (wanted === undefined) return null;
  const fitting = sent.filter(
    (it) => it.c === frame.c && it.t < frame.t && covers(parsed(it.text), wanted),
  );
  return fitting.at(-1) ?? null;
}

function subscribeText(
  feed: Feed,
  config: FoldConfig,
  subscription: { channel: string; symbol: string | null; external: string | null },
): string {
  try {
    return feed.protocol.subscribe([subscription], config, () => ANY_ID)[0]?.text ?? '';
  } catch {
    // A channel that nobody subscribes to: the venue sends it unasked.
    return '';
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Whether `request` asks for all that `wanted` does: lists may hold more, ids may differ. */
function covers(request: unknown, wanted: unknown): boolean {
  if (String(wanted) === ANY_ID) return true;
  if (Array.isArray(wanted)) {
    const list: readonly unknown[] = Array.isArray(request) ? request : [];
    return wanted.every((item) => list.some((other) => covers(other, item)));
  }
  if (typeof wanted !== 'object' || wanted === null) return request === wanted;
  if (typeof request !== 'object' || request === null) return false;
  const other = request as Readonly<Record<string, unknown>>;
  return Object.entries(wanted).every(([name, value]) => covers(other[name], value));
}
