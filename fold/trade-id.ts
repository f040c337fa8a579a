/**
 * Which trade an event is: its id as a key, and what two trades of one id must share. Both are made for
 * every trade, so neither goes through text where it need not.
 */
import { ABSENT, FIELD, TEXT_IN_FRAME } from '../codec/event-buffer.ts';
import type { EventBuffer } from '../codec/event-buffer.ts';

/**
 * A venue's id of a trade: a number where it is one in plain digits that a double holds, else its text.
 * Two ids are the same trade's where these are; '' is none.
 */
export type TradeId = number | string;

const NUMBER_DIGITS_MAX = 15;
const NUMBER_MAX = 999_999_999_999_999n;
const latin1 = new TextDecoder('latin1');

export function tradeIdOf(text: string): TradeId {
  const number = Number(text);
  return text.length <= NUMBER_DIGITS_MAX && /^(0|[1-9]\d*)$/.test(text) ? number : text;
}

/** Ids that count are plain integers; others (UUIDs) have no order and yield null. */
export function countOf(id: TradeId): bigint | null {
  if (typeof id === 'number') return BigInt(id);
  return /^\d{1,38}$/.test(id) ? BigInt(id) : null;
}

/** The id of a count, as venues write it. */
export function idOfCount(count: bigint): TradeId {
  return count <= NUMBER_MAX ? Number(count) : count.toString();
}

/** The id of a decoded trade. */
export function tradeIdAt(buffer: EventBuffer, event: number): TradeId {
  const slot = (buffer.slot[event] as number) + FIELD.trade.trade_id;
  const aux = buffer.aux[slot];
  if (aux === ABSENT) return '';
  const to = buffer.lo[slot] as number;
  if (aux !== TEXT_IN_FRAME) return tradeIdOf(buffer.strings[to] ?? '');
  const from = buffer.hi[slot] as number;
  const { source } = buffer;
  const digits = to - from;
  if (digits > 0 && digits <= NUMBER_DIGITS_MAX && (source[from] !== 0x30 || digits === 1)) {
    let number = 0;
    let at = from;
    for (; at < to; at++) {
      const digit = (source[at] as number) - 0x30;
      if (digit < 0 || digit > 9) break;
      number = number * 10 + digit;
    }
    if (at === to) return number;
  }
  return latin1.decode(source.subarray(from, to));
}

/** Length of `tradeContent`: contents one after the other can be told apart. */
export const CONTENT_LENGTH = 15;

/** Price, size, side and venue time of a decoded trade, one code unit for every 16 bits. */
export function tradeContent(buffer: EventBuffer, event: number): string {
  const { hi, lo, aux, ts_hi, ts_lo } = buffer;
  const first = buffer.slot[event] as number;
  const price = first + FIELD.trade.price;
  const size = first + FIELD.trade.size;
  const side = first + FIELD.trade.side;
  const price_hi = hi[price] as number;
  const price_lo = lo[price] as number;
  const size_hi = hi[size] as number;
  const size_lo = lo[size] as number;
  const time_hi = ts_hi[event] as number;
  const time_lo = ts_lo[event] as number;
  // `fromCharCode` takes the lower 16 bits of each.
  return String.fromCharCode(
    price_hi >>> 16,
    price_hi,
    price_lo >>> 16,
    price_lo,
    aux[price] as number,
    size_hi >>> 16,
    size_hi,
    size_lo >>> 16,
    size_lo,
    aux[size] as number,
    time_hi >>> 16,
    time_hi,
    time_lo >>> 16,
    time_lo,
    aux[side] === ABSENT ? 0 : (lo[side] as number),
  );
}
