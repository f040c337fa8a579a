/**
 * What a client may ask of Coinbase's Advanced Trade WebSocket, and how the venue words its answers.
 * Source: docs.cdp.coinbase.com "Advanced Trade WebSocket Overview", read 2026-11. The words of errors
 * are those of the Exchange feed as clients logged them: none of Advanced Trade's is recorded.
 */

/** Channels of the simulated venue, by the names they are asked for. */
export const CHANNELS = [
  'level2',
  'market_trades',
  'ticker',
  'ticker_batch',
  'candles',
  'status',
] as const;
export type ChannelName = (typeof CHANNELS)[number];
export const HEARTBEATS = 'heartbeats';

export function channelNamed(name: string): ChannelName | null {
  return CHANNELS.find((it) => it === name) ?? null;
}

export type Request =
  | {
      readonly type: 'subscribe' | 'unsubscribe';
      readonly channel: ChannelName | typeof HEARTBEATS;
      readonly products: readonly string[];
    }
  | { readonly type: 'error'; readonly message: string; readonly reason: string };

/** Reads a client's text; what is wrong with it comes back in the venue's words. */
export function readRequest(text: string): Request {
  const message = asObject(parseJson(text));
  if (message === null) return error('Malformed JSON', 'no JSON object');
  const { type, channel, product_ids = [] } = message;
  if (type !== 'subscribe' && type !== 'unsubscribe') {
    return error('Type has to be either subscribe or unsubscribe', String(type));
  }
  const refused = (reason: string): Request => error(`Failed to ${type}`, reason);
  if (!Array.isArray(product_ids)) return refused('product_ids is no list');
  const products = product_ids.map(String);
  if (channel === HEARTBEATS) return { type, channel, products: [] };
  const named = channelNamed(String(channel));
  if (named === null) return refused(`${String(channel)} is not a valid channel`);
  if (products.length === 0) return refused('You need to specify at least one product ID');
  return { type, channel: named, products };
}

function error(message: string, reason: string): Request {
  return { type: 'error', message, reason };
}

export function errorText(message: string, reason: string): string {
  return JSON.stringify({ type: 'error', message, reason });
}

export function unknownProduct(product: string): string {
  return `${product} is not a valid product`;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function asObject(value: unknown): Readonly<Record<string, unknown>> | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : null;
}
