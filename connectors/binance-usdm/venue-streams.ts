/**
 * Binance USD-M stream names, paths and requests, as the venue understands them. Source:
 * developers.binance.com "USDS-Margined Futures, WebSocket Market Streams" and its change log
 * (hosts split by path in 2026), read 2026-11.
 */

/** The part of the host a socket is on. A stream speaks on its own path only. */
export type Path = 'public' | 'market' | 'private';

export type StreamKind =
  'aggTrade' | 'trade' | 'bookTicker' | 'depth' | 'partial' | 'kline' | 'markPrice' | 'forceOrder';

export type Stream = {
  readonly name: string;
  readonly kind: StreamKind;
  /** Lower case, as in the name. */
  readonly symbol: string;
  /** What follows the symbol: `depth20@100ms`. */
  readonly channel: string;
  readonly path: Path;
  /** `partial`: levels a side. */
  readonly levels: number;
  /** `depth`, `partial`, `markPrice`: between two messages. `kline`: length of a candle. */
  readonly every_us: number;
};

const UNIT_US: Readonly<Record<string, number>> = { m: 60e6, h: 3600e6, d: 86_400e6 };
const KLINE = /^kline_(1m|3m|5m|15m|30m|1h|2h|4h|6h|8h|12h|1d)$/;
const DEPTH = /^depth(5|10|20)?(?:@(100|250|500)ms)?$/;

/** A stream by its name, or null: the venue acks names it does not know and stays silent. */
export function parseStream(name: string): Stream | null {
  const at = name.indexOf('@');
  if (at < 1 || name !== name.replace(/^[^@]+/, (symbol) => symbol.toLowerCase())) return null;
  const symbol = name.slice(0, at);
  const channel = name.slice(at + 1);
  const common = { name, symbol, channel, levels: 0, every_us: 0 };
  const depth = DEPTH.exec(channel);
  if (depth !== null) {
    const every_us = Number(depth[2] ?? 250) * 1000;
    if (depth[1] === undefined) return { ...common, kind: 'depth', path: 'public', every_us };
    return { ...common, kind: 'partial', path: 'public', every_us, levels: Number(depth[1]) };
  }
  const kline = KLINE.exec(channel);
  if (kline !== null) {
    const length = kline[1] as string;
    const every_us = parseInt(length, 10) * (UNIT_US[length.slice(-1)] as number);
    return { ...common, kind: 'kline', path: 'market', every_us };
  }
  switch (channel) {
    case 'trade':
    case 'bookTicker':
      return { ...common, kind: channel, path: 'public' };
    case 'aggTrade':
    case 'forceOrder':
      return { ...common, kind: channel, path: 'market' };
    case 'markPrice':
      return { ...common, kind: 'markPrice', path: 'market', every_us: 3e6 };
    case 'markPrice@1s':
      return { ...common, kind: 'markPrice', path: 'market', every_us: 1e6 };
    default:
      return null;
  }
}

export type Place = {
  readonly path: Path;
  /** `stream` wraps each payload in `{"stream":...,"data":...}`, `ws` does not. */
  readonly combined: boolean;
  readonly streams: readonly string[];
};

/** What a URL's path and query ask for, or null: no such path (the roots of old are gone). */
export function parsePlace(path: string): Place | null {
  const match = /^\/(public|market|private)\/(stream|ws)(?:\/([^?]+))?(?:\?(.*))?$/.exec(path);
  if (match === null) return null;
  const [, part, form, names = '', query = ''] = match;
  const asked = new URLSearchParams(query).get('streams') ?? names;
  const streams = asked === '' ? [] : asked.split('/');
  return { path: part as Path, combined: form === 'stream', streams };
}

export type Request =
  | {
      readonly method: 'SUBSCRIBE' | 'UNSUBSCRIBE' | 'LIST_SUBSCRIPTIONS';
      readonly id: string;
      readonly streams: readonly string[];
    }
  | { readonly error: string };

const METHODS = ['SUBSCRIBE', 'UNSUBSCRIBE', 'LIST_SUBSCRIPTIONS'] as const;
const STREAMS_MAX = 1024;

/** Reads a client's text; what is wrong with it comes back as the venue's whole answer. */
export function readRequest(text: string): Request {
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch {
    return { error: errorText(3, 'Invalid JSON: expected value at line 1 column 1', null) };
  }
  const { id, method, params } = (message ?? {}) as Readonly<Record<string, unknown>>;
  const whole = Number.isSafeInteger(id) && (id as number) >= 0;
  if (!whole) {
    return { error: errorText(2, 'Invalid request: request ID must be an unsigned integer', null) };
  }
  const name = METHODS.find((known) => known === method);
  const id_text = String(id);
  if (name === undefined) {
    return { error: errorText(2, `Invalid request: unknown variant ${String(method)}`, id_text) };
  }
  if (name === 'LIST_SUBSCRIPTIONS') return { method: name, id: id_text, streams: [] };
  const list = Array.isArray(params) && params.length <= STREAMS_MAX ? (params as unknown[]) : [];
  const streams = list.filter((stream) => typeof stream === 'string');
  if (streams.length === 0 || streams.length !== list.length) {
    return { error: errorText(2, 'Invalid request: invalid params', id_text) };
  }
  if (!streams.every((stream) => /^[!-~]*@[!-~]+$/.test(stream))) {
    return { error: errorText(2, 'Invalid request: invalid stream', id_text) };
  }
  return { method: name, id: id_text, streams };
}

/** `{"error":{"code":2,"msg":"..."},"id":1}` */
export function errorText(code: number, msg: string, id: string | null): string {
  const of = id === null ? '' : `,"id":${id}`;
  return `{"error":{"code":${code},"msg":${JSON.stringify(msg)}}${of}}`;
}

export function resultText(id: string, streams: Iterable<string> | null): string {
  const result = streams === null ? 'null' : JSON.stringify([...streams]);
  return `{"result":${result},"id":${id}}`;
}
