/** Events for people: one line each, and as plain JSON with decimals and instants as text. */
import type { BookLevel, EventOf, MarketEvent } from '../schema/events.ts';
import { formatEventId } from '../schema/event-id.ts';
import { FLAG } from '../schema/events.ts';
import type { Decimal } from '../schema/decimal.ts';
import { formatDecimal } from '../schema/decimal.ts';
import { formatIso } from '../schema/time.ts';

/** Fields every event has; the rest are shown as `name=value`. */
const HEADER = new Set([
  'type',
  't',
  'ts_event',
  'index',
  'shard',
  'feed',
  'symbol',
  'sequence',
  'flags',
]);

const FLAG_WORDS: readonly (readonly [number, string])[] = [
  [FLAG.SNAPSHOT, 'snapshot'],
  [FLAG.MAYBE_BAD_BOOK, 'maybe-bad'],
  [FLAG.BAD_TS_RECV, 'bad-ts-recv'],
  [FLAG.UNVERIFIED, 'unverified'],
  [FLAG.ID_CONFLICT, 'id-conflict'],
  [FLAG.HISTORY, 'history'],
];

/** `14:03:07.123456789  kraken  BTCUSD      trade   buy 0.5 @ 64000.1  id 7`. */
export function eventLine(event: MarketEvent): string {
  const time = formatIso(event.t).slice(11, 29);
  const flags = FLAG_WORDS.filter(([bit]) => (event.flags & bit) !== 0).map(([, word]) => word);
  const what = [textOf(event), ...(flags.length > 0 ? [`[${flags.join(' ')}]`] : [])].join('  ');
  const { feed, symbol, type } = event;
  return `${time}  ${feed.padEnd(13)} ${symbol.padEnd(14)} ${type.padEnd(11)} ${what}`;
}

function textOf(event: MarketEvent): string {
  if (event.type === 'trade') {
    const { side, size, price, trade_id } = event;
    return `${side ?? 'unknown'} ${decimal(size)} @ ${decimal(price)}  id ${trade_id ?? '-'}`;
  }
  if (event.type === 'quote') {
    const { bid_price, bid_size, ask_price, ask_size } = event;
    return (
      `${decimal(bid_size)} x ${decimal(bid_price)} | ` +
      `${decimal(ask_price)} x ${decimal(ask_size)}`
    );
  }
  if (event.type === 'book') return bookText(event);
  return Object.entries(event)
    .filter(([name, value]) => value !== null && !HEADER.has(name))
    .map(([name, value]) => `${name}=${String(shown(value))}`)
    .join(' ');
}

/** Levels that fit on a line, a side. */
const LEVELS_SHOWN = 2;

function bookText({ bids, asks, checksum }: EventOf<'book'>): string {
  const proof = checksum === null ? '' : `  crc ${checksum.toString(16)}`;
  return `${sideText('bids', bids)}  ${sideText('asks', asks)}${proof}`;
}

function sideText(name: string, levels: readonly BookLevel[]): string {
  const first = levels
    .slice(0, LEVELS_SHOWN)
    .map(({ price, size }) => `${formatDecimal(price)}:${formatDecimal(size)}`);
  const more = levels.length > LEVELS_SHOWN ? [`+${levels.length - LEVELS_SHOWN}`] : [];
  return `${name} ${[...first, ...more].join(' ') || '-'}`;
}

const decimal = (value: Decimal | null): string => (value === null ? '-' : formatDecimal(value));

/** The event under its name, decimals and 64-bit integers as text, for `JSON.stringify`. */
export function eventJson(event: MarketEvent): Readonly<Record<string, unknown>> {
  const fields = Object.entries(event).map(([name, value]) => [name, shown(value)]);
  return { id: formatEventId(event), ...Object.fromEntries(fields) };
}

function shown(value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (Array.isArray(value)) return value.map(shown);
  if (typeof value !== 'object' || value === null) return value;
  if (isDecimal(value)) return formatDecimal(value);
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, shown(field)]));
}

function isDecimal(value: object): value is Decimal {
  return 'mantissa' in value && 'exponent' in value;
}
