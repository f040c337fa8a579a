/** What a client may ask of Kraken's WebSocket v2, and how the venue words its answers. */
import { isoMicros } from '../simulator/format.ts';

export const BOOK_DEPTHS: readonly number[] = [10, 25, 100, 500, 1000];
export const OHLC_MINUTES: readonly number[] = [1, 5, 15, 30, 60, 240, 1440, 10080, 21600];
export const CHANNELS = ['book', 'trade', 'ticker', 'ohlc', 'instrument'] as const;
export type Channel = (typeof CHANNELS)[number];

/** What a subscription is made of; one symbol's worth. */
export type Wanted = {
  readonly channel: Channel;
  /** Null for `instrument`. */
  readonly symbol: string | null;
  readonly snapshot: boolean;
  readonly depth: number;
  readonly interval_min: number;
  readonly event_trigger: 'trades' | 'bbo';
};

export type Request =
  | { readonly method: 'ping'; readonly req_id: string | null }
  | {
      readonly method: 'subscribe' | 'unsubscribe';
      readonly req_id: string | null;
      readonly wanted: readonly Wanted[];
    }
  | {
      readonly method: string;
      readonly req_id: string | null;
      readonly error: string;
    };

/** Reads a client's text; what is wrong with it comes back in the venue's words. */
export function readRequest(text: string): Request {
  const message = asObject(parseJson(text));
  if (message === null) return { method: '', req_id: null, error: 'Malformed request' };
  const { method, params } = message;
  const req_id = Number.isSafeInteger(message['req_id']) ? String(message['req_id']) : null;
  if (method === 'ping') return { method, req_id };
  if (method !== 'subscribe' && method !== 'unsubscribe') {
    return { method: String(method), req_id, error: 'Unsupported method' };
  }
  const wanted = readWanted(asObject(params) ?? {});
  return typeof wanted === 'string'
    ? { method, req_id, error: wanted }
    : { method, req_id, wanted };
}

function readWanted(params: Readonly<Record<string, unknown>>): readonly Wanted[] | string {
  const channel = CHANNELS.find((name) => name === params['channel']);
  if (channel === undefined) return 'Unsupported channel';
  const depth = params['depth'] ?? 10;
  const interval = params['interval'] ?? 1;
  const trigger = params['event_trigger'] ?? 'trades';
  if (channel === 'book' && !BOOK_DEPTHS.includes(depth as number)) {
    return 'Subscription depth not supported';
  }
  if (channel === 'ohlc' && !OHLC_MINUTES.includes(interval as number)) {
    return 'Subscription ohlc interval not supported';
  }
  if (trigger !== 'trades' && trigger !== 'bbo') return 'Subscription event_trigger not supported';
  const common = {
    channel,
    snapshot: params['snapshot'] !== false,
    depth: depth as number,
    interval_min: interval as number,
    event_trigger: trigger as 'trades' | 'bbo',
  };
  if (channel === 'instrument') return [{ ...common, symbol: null }];
  const symbols = params['symbol'];
  if (!Array.isArray(symbols) || symbols.length === 0) return 'Symbol(s) not found';
  return symbols.map((symbol) => ({ ...common, symbol: String(symbol) }));
}

/** `{"method":"subscribe","result":{...},"success":true,"time_in":...,"time_out":...}` */
export function ackText(
  method: 'subscribe' | 'unsubscribe',
  wanted: Wanted,
  req_id: string | null,
  us: number,
): string {
  const result = [`"channel":"${wanted.channel}"`];
  if (wanted.channel === 'book') result.push(`"depth":${wanted.depth}`);
  if (wanted.channel === 'ohlc') result.push(`"interval":${wanted.interval_min}`);
  if (wanted.channel === 'ticker') result.push(`"event_trigger":"${wanted.event_trigger}"`);
  if (method === 'subscribe') result.push(`"snapshot":${wanted.snapshot}`);
  if (wanted.symbol !== null) result.push(`"symbol":${JSON.stringify(wanted.symbol)}`);
  return `{"method":"${method}","result":{${result.join(',')}},"success":true,${times(us)}${id(req_id)}}`;
}

/** `{"error":"...","method":"subscribe","success":false,"time_in":...,"time_out":...}` */
export function errorText(
  method: string,
  error: string,
  symbol: string | null,
  req_id: string | null,
  us: number,
): string {
  const of = method === '' ? '' : `"method":${JSON.stringify(method)},`;
  const about = symbol === null ? '' : `"symbol":${JSON.stringify(symbol)},`;
  return `{"error":${JSON.stringify(error)},${of}"success":false,${about}${times(us)}${id(req_id)}}`;
}

export function pongText(req_id: string | null, us: number): string {
  return `{"method":"pong",${req_id === null ? '' : `"req_id":${req_id},`}${times(us)}}`;
}

/** The venue takes some microseconds to answer. */
function times(us: number): string {
  return `"time_in":"${isoMicros(us)}","time_out":"${isoMicros(us + 30 + (us % 29))}"`;
}

function id(req_id: string | null): string {
  return req_id === null ? '' : `,"req_id":${req_id}`;
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
