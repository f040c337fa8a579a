/** What a decoder put into an `EventBuffer`, as plain objects: decimals and numbers as text. */
import { ABSENT, TEXT_IN_FRAME } from '../../codec/event-buffer.ts';
import type { EventBuffer } from '../../codec/event-buffer.ts';
import type { SymbolTable } from '../../codec/symbol-table.ts';
import { formatDecimal } from '../../schema/decimal.ts';
import { EVENT_FIELDS, EVENT_TYPES } from '../../schema/events.ts';
import type { FieldKind } from '../../schema/events.ts';

/** `price size` of each level, in the message's order. */
export type PlainEvent = {
  readonly type: string;
  readonly symbol: string;
  readonly flags: number;
  readonly ts_event: string | null;
  readonly sequence: string | null;
  readonly bids?: readonly string[];
  readonly asks?: readonly string[];
  readonly [field: string]: unknown;
};

const utf8 = new TextDecoder('utf-8', { fatal: true });

export function bufferEvents(buffer: EventBuffer, symbols: SymbolTable): PlainEvent[] {
  return Array.from({ length: buffer.count }, (_, event) => bufferEvent(buffer, event, symbols));
}

export function bufferEvent(buffer: EventBuffer, event: number, symbols: SymbolTable): PlainEvent {
  const type = EVENT_TYPES[buffer.type[event] ?? -1];
  if (type === undefined) throw new Error(`event ${event} has no type`);
  const fields: Record<string, unknown> = {};
  Object.entries<FieldKind>(EVENT_FIELDS[type]).forEach(([name, kind], index) => {
    fields[name] = fieldValue(buffer, at(buffer.slot, event) + index, kind);
  });
  const ts_event = u64(at(buffer.ts_hi, event), at(buffer.ts_lo, event));
  const known = buffer.seq_known[event] === 1;
  return {
    type,
    symbol: symbols.symbols[at(buffer.symbol, event)]?.symbol ?? 'none',
    flags: at(buffer.flags, event),
    ts_event: ts_event === 0n ? null : ts_event.toString(),
    sequence: known ? u64(at(buffer.seq_hi, event), at(buffer.seq_lo, event)).toString() : null,
    ...fields,
    ...(type === 'book'
      ? {
          bids: levelTexts(buffer, at(buffer.bid_from, event), at(buffer.bid_to, event)),
          asks: levelTexts(buffer, at(buffer.ask_from, event), at(buffer.ask_to, event)),
        }
      : {}),
  };
}

function fieldValue(buffer: EventBuffer, slot: number, kind: FieldKind): unknown {
  const hi = at(buffer.hi, slot);
  const lo = at(buffer.lo, slot);
  const aux = at(buffer.aux, slot);
  if (aux === ABSENT) return null;
  switch (kind) {
    case 'decimal':
      return decimalText(hi, lo, aux);
    case 'u64':
    case 'instant':
      return u64(hi, lo).toString();
    case 'u32':
      return lo >>> 0;
    case 'side':
      return lo === 1 ? 'buy' : lo === 2 ? 'sell' : `side ${lo}`;
    case 'text':
      if (aux === TEXT_IN_FRAME) return utf8.decode(buffer.source.subarray(hi, lo));
      return buffer.strings[lo];
    default:
      return kind satisfies never;
  }
}

function levelTexts(buffer: EventBuffer, from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, index) => {
    const level = from + index;
    const { price_hi, price_lo, price_exp, size_hi, size_lo, size_exp } = buffer;
    const price = decimalText(at(price_hi, level), at(price_lo, level), at(price_exp, level));
    return `${price} ${decimalText(at(size_hi, level), at(size_lo, level), at(size_exp, level))}`;
  });
}

/** Exact: the exponent is shown where plain digits could not tell it (`1e2`). */
function decimalText(hi: number, lo: number, exponent: number): string {
  const mantissa = (BigInt(hi) << 32n) | BigInt(lo >>> 0);
  return exponent > 0 ? `${mantissa}e${exponent}` : formatDecimal({ mantissa, exponent });
}

function u64(hi: number, lo: number): bigint {
  return (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);
}

function at(column: ArrayLike<number>, index: number): number {
  const value = column[index];
  if (value === undefined) throw new RangeError(`no index ${index} in a column`);
  return value;
}
