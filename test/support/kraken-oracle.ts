/**
 * What a Kraken frame means, written the plain way over `JSON.parse` with every number quoted
 * first: the decoder's twin in tests. It shares no code with the scanner, and says `rejected`
 * without a code.
 */
import { parseDecimal } from '../../schema/decimal.ts';
import type { Decimal } from '../../schema/decimal.ts';
import { EVENT_FIELDS, FLAG } from '../../schema/events.ts';
import type { EventType } from '../../schema/events.ts';
import { parseIso } from '../../schema/time.ts';
import type { PlainEvent } from './buffer-events.ts';

export type Meaning = {
  readonly kind: string;
  readonly reason: string;
  readonly events: readonly PlainEvent[];
};

/** Our symbol by Kraken's spelling. */
export type Markets = Readonly<Record<string, string>>;

class Wrong extends Error {}

type Json = Readonly<Record<string, unknown>>;

const TOKENS = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
/** Marks a quoted number; no text in a test begins with it. */
const NUMBER = '#';

export function meaningOf(text: string, markets: Markets): Meaning {
  try {
    JSON.parse(text);
    const quoted = text.replace(TOKENS, (token) =>
      token.startsWith('"') ? token : `"${NUMBER}${token}"`,
    );
    return frameMeaning(object(JSON.parse(quoted)), markets);
  } catch (error) {
    if (error instanceof Wrong || error instanceof SyntaxError) {
      return { kind: 'rejected', reason: '', events: [] };
    }
    throw error;
  }
}

function frameMeaning(frame: Json, markets: Markets): Meaning {
  const channel = optional(frame['channel'], words);
  const type = optional(frame['type'], words);
  const time = optional(frame['timestamp'], instant) ?? null;
  const reply = replyMeaning(frame);
  if (channel === undefined) return reply ?? wrong();
  if (!(channel in READERS)) {
    if (frame['error'] !== undefined && reply !== null) return reply;
    if (channel === 'heartbeat') return plain('heartbeat', '');
    if (channel === 'status') return plain('system', systemOf(frame['data']));
    const isName = /^[a-z][a-z0-9_]{0,31}$/.test(channel);
    return plain('ignored', `channel_not_supported:${isName ? channel : 'other'}`);
  }
  const hasData = frame['data'] !== undefined;
  if (type !== 'snapshot' && type !== 'update') wrong();
  if (!hasData) return reply?.kind === 'refused' ? reply : wrong();
  const [read, flags] = READERS[channel as keyof typeof READERS];
  const elements = channel === 'instrument' ? pairsOf(frame['data']) : list(frame['data']);
  const perElement = elements.map((element) =>
    read(object(element), markets, type === 'snapshot' ? flags : 0),
  );
  const events = perElement.flat();
  if (elements.length > 0 && events.length === 0) return plain('ignored', 'symbol_not_configured');
  if (elements.length === 0 && channel === 'instrument')
    return plain('ignored', 'instrument_assets');
  return {
    kind: 'data',
    reason: '',
    events: events.map((event) => ({ ...event, ts_event: event.ts_event ?? time })),
  };
}

function plain(kind: string, reason: string): Meaning {
  return { kind, reason, events: [] };
}

function replyMeaning(frame: Json): Meaning | null {
  const method = optional(frame['method'], words);
  const success = frame['success'];
  if (success !== undefined && success !== null && typeof success !== 'boolean') wrong();
  const error = nullable(frame['error'], words) ?? nullable(frame['Error'], words);
  const id = frame['req_id'];
  if (isNumber(id)) count(id);
  else nullable(id, words);
  optional(frame['symbol'], words);
  const result = nullable(frame['result'], object);
  optional(result?.['channel'], words);
  optional(result?.['symbol'], words);
  const warnings = nullable(result?.['warnings'], list)?.map(words).join('; ') ?? '';
  if (error !== null || success === false) return plain('refused', error ?? 'no reason given');
  if (method === 'pong') return plain('pong', '');
  if (success !== true) return null;
  return plain('ack', method === 'unsubscribe' ? method : warnings);
}

function systemOf(data: unknown): string {
  if (data === undefined) return '';
  const states = list(data).map((it) => optional(object(it)['system'], words));
  return states.findLast((state) => state !== undefined) ?? '';
}

function pairsOf(data: unknown): readonly unknown[] {
  const { pairs } = object(data);
  return pairs === undefined ? [] : list(pairs);
}

type Reader = (element: Json, markets: Markets, flags: number) => PlainEvent[];

const READERS = {
  book: [readBook, FLAG.SNAPSHOT],
  trade: [readTrade, FLAG.HISTORY],
  ticker: [readTicker, FLAG.SNAPSHOT],
  ohlc: [readOhlc, FLAG.SNAPSHOT | FLAG.HISTORY],
  instrument: [readPair, FLAG.SNAPSHOT],
} as const satisfies Readonly<Record<string, readonly [Reader, number]>>;

function readBook(element: Json, markets: Markets, flags: number): PlainEvent[] {
  const { bids, asks } = element;
  if ((flags & FLAG.SNAPSHOT) !== 0 && (bids === undefined || asks === undefined)) wrong();
  const checksum = element['checksum'] === undefined ? 0n : count(element['checksum']);
  if (checksum > 0xffffffffn) wrong();
  const ts_event = optional(element['timestamp'], instant) ?? null;
  return events(element, markets, flags, ts_event, [
    [
      'book',
      {
        checksum: checksum === 0n ? null : Number(checksum),
        bids: (bids === undefined ? [] : list(bids)).map(level),
        asks: (asks === undefined ? [] : list(asks)).map(level),
      },
    ],
  ]);
}

function level(value: unknown): string {
  const { price, qty } = object(value);
  return `${amount(price)} ${amount(qty)}`;
}

function readTrade(element: Json, markets: Markets, flags: number): PlainEvent[] {
  const side = words(element['side']);
  if (side !== 'buy' && side !== 'sell') wrong();
  const fields = {
    price: amount(element['price']),
    size: amount(element['qty']),
    side,
    trade_id: count(element['trade_id']).toString(),
    order_type: optional(element['ord_type'], words) ?? null,
  };
  return events(element, markets, flags, instant(element['timestamp']), [['trade', fields]]);
}

function readTicker(element: Json, markets: Markets, flags: number): PlainEvent[] {
  const price = (key: string): string | null => {
    const text = maybe(element[key], amount);
    return text === null || /^[0.e]+$/.test(text.replace(/e.*/, '')) ? null : text;
  };
  const bid_price = price('bid');
  const ask_price = price('ask');
  const bid_qty = maybe(element['bid_qty'], amount);
  const ask_qty = maybe(element['ask_qty'], amount);
  const quote = {
    bid_price,
    bid_size: bid_price === null ? null : bid_qty,
    ask_price,
    ask_size: ask_price === null ? null : ask_qty,
  };
  const ticker = {
    ...quote,
    last_price: price('last'),
    vwap: price('vwap'),
    low: price('low'),
    high: price('high'),
    volume: maybe(element['volume'], amount),
    change: maybe(element['change'], number),
    change_percent: maybe(element['change_pct'], number),
    trades: maybe(element['trades'], count)?.toString() ?? null,
  };
  const quotes = element['bid'] !== undefined || element['ask'] !== undefined;
  const ts_event = optional(element['timestamp'], instant) ?? null;
  return events(element, markets, flags, ts_event, [
    ['ticker', ticker],
    ...(quotes ? ([['quote', quote]] as const) : []),
  ]);
}

function readOhlc(element: Json, markets: Markets, flags: number): PlainEvent[] {
  const minutes = count(element['interval']);
  if (minutes > 21600n) wrong();
  const fields = {
    open: amount(element['open']),
    high: amount(element['high']),
    low: amount(element['low']),
    close: amount(element['close']),
    volume: maybe(element['volume'], amount),
    vwap: maybe(element['vwap'], amount),
    trades: maybe(element['trades'], count)?.toString() ?? null,
    interval_begin: instant(element['interval_begin']) ?? wrong(),
    interval_s: Number(minutes) * 60,
  };
  return events(element, markets, flags, null, [['ohlc', fields]]);
}

function readPair(element: Json, markets: Markets, flags: number): PlainEvent[] {
  const precision = (key: string): number | null => {
    const value = maybe(element[key], count);
    if (value !== null && value > 64n) wrong();
    return value === null ? null : Number(value);
  };
  const price_increment = maybe(element['price_increment'], amount);
  const tick_size = maybe(element['tick_size'], amount);
  const fields = {
    base: maybe(element['base'], words),
    quote: maybe(element['quote'], words),
    status: maybe(element['status'], words),
    price_increment: price_increment ?? tick_size,
    size_increment: maybe(element['qty_increment'], amount),
    size_min: maybe(element['qty_min'], amount),
    cost_min: maybe(element['cost_min'], amount),
    price_precision: precision('price_precision'),
    size_precision: precision('qty_precision'),
  };
  return events(element, markets, flags, null, [['instrument', fields]]);
}

function events(
  element: Json,
  markets: Markets,
  flags: number,
  ts_event: string | null,
  found: readonly (readonly [EventType, Json])[],
): PlainEvent[] {
  const symbol = markets[words(element['symbol'])];
  if (symbol === undefined) return [];
  return found.map(([type, fields]) => {
    const absent = Object.fromEntries(Object.keys(EVENT_FIELDS[type]).map((name) => [name, null]));
    return { type, symbol, flags, ts_event, sequence: null, ...absent, ...fields };
  });
}

function wrong(): never {
  throw new Wrong();
}

function optional<T>(value: unknown, read: (value: unknown) => T): T | undefined {
  return value === undefined ? undefined : read(value);
}

function nullable<T>(value: unknown, read: (value: unknown) => T): T | null {
  return value === undefined || value === null ? null : read(value);
}

const maybe = nullable;

function object(value: unknown): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) wrong();
  return value as Json;
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : wrong();
}

function isNumber(value: unknown): value is string {
  return typeof value === 'string' && value.startsWith(NUMBER);
}

function words(value: unknown): string {
  if (typeof value !== 'string' || isNumber(value)) wrong();
  return value;
}

function decimal(value: unknown): Decimal {
  const parsed = isNumber(value) ? parseDecimal(value.slice(NUMBER.length)) : null;
  return parsed ?? wrong();
}

/** As `bufferEvents` writes decimals. */
function number(value: unknown): string {
  const { mantissa, exponent } = decimal(value);
  if (exponent > 0) return `${mantissa}e${exponent}`;
  const digits = (mantissa < 0n ? -mantissa : mantissa).toString().padStart(1 - exponent, '0');
  const whole = digits.slice(0, digits.length + exponent);
  const fraction = digits.slice(digits.length + exponent);
  return `${mantissa < 0n ? '-' : ''}${whole}${fraction === '' ? '' : `.${fraction}`}`;
}

function amount(value: unknown): string {
  return decimal(value).mantissa < 0n ? wrong() : number(value);
}

function count(value: unknown): bigint {
  if (!isNumber(value) || !/^#\d+$/.test(value)) wrong();
  return decimal(value).mantissa;
}

function instant(value: unknown): string | null {
  const text = words(value);
  const isForm = /^(19|20|21)\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/.test(text);
  const ns = isForm ? parseIso(text) : null;
  if (ns === null) wrong();
  return ns === 0n ? null : ns.toString();
}
