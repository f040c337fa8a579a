/**
 * The one text that names an event: `{feed}/{shard}/{t}/{type}/{symbol}/{index}`, such as
 * `kraken/tier1/1763712000000000000/trade/BTCUSD/0`. Its first three parts name a line of the log.
 */
import { EVENT_TYPES, feedSymbol } from './events.ts';
import type { EventType, MarketEvent } from './events.ts';
import { NAME_PATTERN, SYMBOL_PATTERN } from './symbols.ts';
import { parseUnixNs } from './time.ts';
import type { UnixNs } from './time.ts';

/** A line of a shard's log. */
export type LineId = { readonly feed: string; readonly shard: string; readonly t: UnixNs };

/** An event: the line it comes from, its type and symbol, and its index among those of them. */
export type EventId = LineId & {
  readonly type: EventType;
  readonly symbol: string;
  readonly index: number;
};

export function formatEventId(
  of: Pick<MarketEvent, 'feed' | 'shard' | 't' | 'type' | 'symbol' | 'index'>,
): string {
  return `${of.feed}/${of.shard}/${of.t}/${of.type}/${of.symbol}/${of.index}`;
}

/** The parts as texts or numbers, as a row of JSON has them. */
export type IdParts = { readonly [K in keyof EventId]?: unknown };

export type IdFault = {
  readonly part: keyof EventId;
  readonly expected: string;
  readonly received: string;
};

/**
 * The line, and the event unless `type`, `symbol` and `index` are all left out; both null where a part
 * is not what it should be. Total.
 */
export function readIdParts(parts: IdParts): {
  readonly line: LineId | null;
  readonly event: EventId | null;
  readonly faults: readonly IdFault[];
} {
  const faults: IdFault[] = [];
  const text = (part: keyof EventId, pattern: RegExp, expected: string): string => {
    const value = parts[part];
    if (typeof value === 'string' && pattern.test(value)) return value;
    faults.push({ part, expected, received: shown(value) });
    return '';
  };
  const feed = text('feed', NAME_PATTERN, 'a feed such as kraken');
  const shard = text('shard', NAME_PATTERN, 'a shard such as tier1');
  const t = parseUnixNs(shown(parts.t));
  if (t === null) {
    const expected = 'ns since 1970 as a decimal number, such as 1763712000000000000';
    faults.push({ part: 't', expected, received: shown(parts.t) });
  }
  const names_line = [parts.type, parts.symbol, parts.index].every((it) => it === undefined);
  if (names_line) {
    const line = t === null || faults.length > 0 ? null : { feed, shard, t };
    return { line, event: null, faults };
  }
  const type = EVENT_TYPES.find((known) => known === parts.type);
  if (type === undefined) {
    const expected = `one of ${EVENT_TYPES.join(', ')}`;
    faults.push({ part: 'type', expected, received: shown(parts.type) });
  }
  const symbol = shown(parts.symbol);
  if (!SYMBOL_PATTERN.test(symbol) && symbol !== feedSymbol(shard)) {
    const expected = 'one of our symbols such as BTCUSD';
    faults.push({ part: 'symbol', expected, received: symbol });
  }
  const index = /^\d{1,9}$/.test(shown(parts.index)) ? Number(shown(parts.index)) : -1;
  if (index < 0) {
    const expected = 'a whole number from 0';
    faults.push({ part: 'index', expected, received: shown(parts.index) });
  }
  if (faults.length > 0 || t === null || type === undefined) {
    return { line: null, event: null, faults };
  }
  const line = { feed, shard, t };
  return { line, event: { ...line, type, symbol, index }, faults };
}

/** The parts of an identity's text, unchecked: those it has, in order. */
export function splitEventId(text: string): IdParts & { readonly rest: string | undefined } {
  const [feed, shard, t, type, symbol, index, ...more] = text.split('/');
  const rest = more.length === 0 ? undefined : more.join('/');
  return { feed, shard, t, type, symbol, index, rest };
}

function shown(value: unknown): string {
  if (value === undefined || value === null) return 'nothing';
  if (typeof value === 'object') return JSON.stringify(value);
  return typeof value === 'string' ? value : String(value as number | bigint | boolean);
}
