/**
 * What a client may ask of OKX's public WebSocket v5, and how the venue words its answers. Source: OKX
 * v5 documentation, "WebSocket / Subscribe", error codes 60xxx, read 2026-11; errors as clients log them.
 */

export type Path = 'public' | 'business';

export const PATHS: Readonly<Record<string, Path>> = {
  '/ws/v5/public': 'public',
  '/ws/v5/business': 'business',
};

/** Channels of the simulated venue and where each is served; of the candles it keeps minutes only. */
export const CHANNELS = {
  books: 'public',
  'bbo-tbt': 'public',
  trades: 'public',
  tickers: 'public',
  'funding-rate': 'public',
  candle1m: 'business',
} as const satisfies Readonly<Record<string, Path>>;
export type ChannelName = keyof typeof CHANNELS;

export function channelNamed(name: string): ChannelName | null {
  return Object.hasOwn(CHANNELS, name) ? (name as ChannelName) : null;
}

export type Arg = { readonly channel: string; readonly instId: string };

export type Request =
  | { readonly op: 'ping' }
  | {
      readonly op: 'subscribe' | 'unsubscribe';
      readonly id: string | null;
      readonly args: readonly Arg[];
    }
  | { readonly op: 'error'; readonly code: string; readonly msg: string };

const ARGS_BYTES_MAX = 64 * 1024;

/** Reads a client's text; what is wrong with it comes back in the venue's words. */
export function readRequest(text: string): Request {
  if (text === 'ping') return { op: 'ping' };
  const illegal = { op: 'error', code: '60012', msg: `Illegal request: ${text}` } as const;
  const message = asObject(parseJson(text));
  if (message === null) return illegal;
  const { op, id, args } = message;
  if (id !== undefined && !/^[A-Za-z0-9]{1,32}$/.test(String(id))) {
    return { op: 'error', code: '60033', msg: 'Parameter id error' };
  }
  if (op !== 'subscribe' && op !== 'unsubscribe') return illegal;
  if (!Array.isArray(args) || args.length === 0 || text.length > ARGS_BYTES_MAX) return illegal;
  const read = args.map((arg: unknown) => {
    const { channel, instId } = asObject(arg) ?? {};
    return { channel: String(channel), instId: String(instId) };
  });
  return { op, id: id === undefined ? null : String(id), args: read };
}

/** `{"id":"7","event":"subscribe","arg":{"channel":"books","instId":"BTC-USDT"},"connId":"..."}` */
export function ackText(
  event: 'subscribe' | 'unsubscribe',
  { channel, instId }: Arg,
  id: string | null,
  conn: string,
): string {
  const arg = `{"channel":"${channel}","instId":"${instId}"}`;
  return `{${idText(id)}"event":"${event}","arg":${arg},"connId":"${conn}"}`;
}

export function errorText(code: string, msg: string, id: string | null, conn: string): string {
  const of = id === null ? '' : `,"id":"${id}"`;
  return `{"event":"error","msg":${JSON.stringify(msg)},"code":"${code}","connId":"${conn}"${of}}`;
}

/** How the venue says that it has no such channel here: in words only. */
export function unknownText({ channel, instId }: Arg): string {
  return (
    `Wrong URL or channel:${channel},instId:${instId} doesn't exist. ` +
    'Please use the correct URL, channel and parameters referring to API document.'
  );
}

function idText(id: string | null): string {
  return id === null ? '' : `"id":"${id}",`;
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
