/** Events of a small day, for the tests of quality checks. */
import assert from 'node:assert/strict';
import { parseDecimal } from '../../schema/decimal.ts';
import type { Decimal } from '../../schema/decimal.ts';
import { EVENT_FIELDS, FLAG } from '../../schema/events.ts';
import type { BookLevel, EventType, MarketEvent } from '../../schema/events.ts';
import { dayStart, NS_PER_MS } from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';
import { asEvent } from '../../codec/event-object.ts';
import type { ExpectedSymbol } from '../../qa/check.ts';
import type { CheckCall } from '../../qa/registry.ts';
import type { CheckResult } from '../../qa/results.ts';
import { runSuite } from '../../qa/suite.ts';
import type { DayFacts } from '../../qa/suite.ts';

export const DAY = '2026-11-20' as Day;
export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;
export const BTC: ExpectedSymbol = { symbol: 'BTCUSD', external: 'BTC/USD', shard: 'tier1' };
export const ETH: ExpectedSymbol = { symbol: 'ETHUSD', external: 'ETH/USD', shard: 'tier1' };

/** Instant `ms` after the day began. */
export function at(ms: number): bigint {
  return dayStart(DAY) + BigInt(Math.round(ms * 1000)) * (NS_PER_MS / 1000n);
}

export function decimal(text: string): Decimal {
  const value = parseDecimal(text);
  if (value === null) throw new Error(`not a decimal: ${text}`);
  return value;
}

type Overrides = Readonly<Record<string, unknown>>;

/** An event `ms` into the day; fields not given are null, texts of decimals become decimals. */
export function event(type: EventType, ms: number, fields: Overrides = {}): MarketEvent {
  const record: Record<string, unknown> = {
    type,
    t: at(ms),
    ts_event: at(ms - 5),
    index: 0,
    shard: 'tier1',
    feed: 'kraken',
    symbol: 'BTCUSD',
    sequence: null,
    flags: FLAG.LAST,
  };
  for (const name of Object.keys(EVENT_FIELDS[type])) record[name] = null;
  if (type === 'book') Object.assign(record, { bids: [], asks: [] });
  const kinds: Readonly<Record<string, string>> = EVENT_FIELDS[type];
  for (const [name, value] of Object.entries(fields)) {
    record[name] = kinds[name] === 'decimal' && typeof value === 'string' ? decimal(value) : value;
  }
  return asEvent(record);
}

export function trade(ms: number, id: number, fields: Overrides = {}): MarketEvent {
  const plain = { price: '100.5', size: '0.1', side: 'buy', trade_id: String(id) };
  return event('trade', ms, { ...plain, ...fields });
}

export function quote(ms: number, bid: string, ask: string, fields: Overrides = {}): MarketEvent {
  const plain = { bid_price: bid, bid_size: '1', ask_price: ask, ask_size: '1' };
  return event('quote', ms, { ...plain, ...fields });
}

export function levels(...pairs: readonly (readonly [string, string])[]): BookLevel[] {
  return pairs.map(([price, size]) => ({ price: decimal(price), size: decimal(size) }));
}

export function gap(
  kind: 'gap_opened' | 'gap_closed',
  ms: number,
  fields: Overrides = {},
): MarketEvent {
  return event('status', ms, { kind, cause: 'disconnect', about: 'book', from: at(ms), ...fields });
}

export function facts(fields: Partial<DayFacts> = {}): DayFacts {
  return {
    run_id: 'run-1',
    day: DAY,
    symbols: [BTC],
    holes: [],
    complete: true,
    pending: false,
    version: 'v1',
    normalizer: 'kraken@1',
    origin: 'live',
    engine: 'ssmd 0.1.0',
    inputs: [],
    ...fields,
  };
}

export const TIMES = {
  started_at: '2026-11-21T00:10:00.000Z',
  finished_at: '2026-11-21T00:10:04.000Z',
};

/** One trade every `every_ms` over the whole day, ids counting by one. */
export function steadyTrades(every_ms: number, fields: Overrides = {}): MarketEvent[] {
  const count = Math.floor(DAY_MS / every_ms);
  return Array.from({ length: count }, (_, index) =>
    trade(index * every_ms + 1, index + 1, fields),
  );
}

/** Results of one check over a day, as `fail` where it does not hold. */
export function runCheck(
  call: CheckCall,
  events: readonly MarketEvent[],
  known: Partial<DayFacts> = {},
): readonly CheckResult[] {
  const check = {
    ...call,
    name: 'it',
    severity: 'fail' as const,
    enabled: true,
    source: { file: 'qa/test.yaml', line: 3 },
  };
  const suite = {
    feed: 'kraken',
    file: 'qa/test.yaml',
    sha256: null,
    sample_rows: 20,
    checks: [check],
  };
  return runSuite(suite, facts(known), events, TIMES).results;
}

/** The one there is. */
export function only(results: readonly CheckResult[]): CheckResult {
  assert.equal(results.length, 1);
  return results[0] as CheckResult;
}
