import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Hole } from '../../qa/check.ts';
import { CHECKS } from '../../qa/registry.ts';
import type { CheckCall } from '../../qa/registry.ts';
import { FLAG } from '../../schema/events.ts';
import type { MarketEvent } from '../../schema/events.ts';
import { unixNs } from '../../schema/time.ts';
import {
  at,
  BTC,
  DAY_MS,
  ETH,
  event,
  gap,
  HOUR_MS,
  levels,
  only,
  quote,
  runCheck as run,
  steadyTrades,
  trade,
} from '../support/qa-events.ts';

const SEQUENCE: CheckCall = { type: 'sequence', config: { max_gap_seconds: 60 } };
const IDS: CheckCall = { type: 'sequence', config: { dataset: 'trade', rule: 'trade_id' } };
const RANGE: CheckCall = { type: 'range', config: { field: 'price', min: 0, max: 1000 } };
const PRESENCE: CheckCall = { type: 'presence', config: { min_records_per_hour: 10 } };
const MONOTONIC: CheckCall = { type: 'monotonic', config: { field: 'timestamp' } };
const CHECKSUM: CheckCall = { type: 'checksum', config: {} };
const CROSSED: CheckCall = { type: 'crossed', config: {} };

const EVERY_30_S = steadyTrades(30_000);
const BOOK = { bids: levels(['100', '1'], ['99', '1']), asks: levels(['101', '1']) };

/** Passing fixture, the change that makes exactly one row fail. */
const CASES: readonly (readonly [CheckCall, readonly MarketEvent[], readonly MarketEvent[]])[] = [
  [SEQUENCE, EVERY_30_S, EVERY_30_S.filter((_, index) => index < 100 || index > 102)],
  [IDS, EVERY_30_S, EVERY_30_S.filter((_, index) => index !== 100)],
  [RANGE, EVERY_30_S, EVERY_30_S.with(7, trade(210_001, 8, { price: '1000.01' }))],
  [
    PRESENCE,
    EVERY_30_S,
    EVERY_30_S.filter(({ t }) => t < at(5 * HOUR_MS) || t >= at(6 * HOUR_MS - 270_000)),
  ],
  [MONOTONIC, EVERY_30_S, EVERY_30_S.with(7, trade(210_001, 8, { ts_event: at(1) }))],
  [
    CHECKSUM,
    [event('book', 1, { ...BOOK, flags: FLAG.SNAPSHOT | FLAG.LAST }), event('book', 2)],
    [
      event('book', 1, { ...BOOK, flags: FLAG.SNAPSHOT | FLAG.LAST }),
      gap('gap_opened', 2, { cause: 'checksum', expected: '1', received: '2' }),
      event('book', 3),
    ],
  ],
  [
    CROSSED,
    [quote(1, '100', '101'), quote(2, '100', '100.5'), quote(3, '100', '101')],
    [quote(1, '100', '101'), quote(2, '100', '99.5'), quote(3, '100', '101')],
  ],
];

for (const [call, passing, failing] of CASES) {
  const rule =
    'rule' in call.config && call.config.rule !== undefined ? ` ${call.config.rule}` : '';
  test(`${call.type}${rule}: passes, fails by one row, does not judge nothing`, () => {
    const passed = only(run(call, passing));
    assert.equal(passed.status, 'passed', JSON.stringify(passed));
    assert.equal(passed.failed_rows, 0);
    assert.deepEqual(passed.group, { symbol: 'BTCUSD' });
    const failed = only(run(call, failing));
    assert.equal(failed.status, 'failed', JSON.stringify(failed));
    assert.equal(failed.failed_rows, 1, JSON.stringify(failed));
    assert.equal(failed.samples.length, 1);
    // Presence judges that nothing is there; the others have nothing to judge.
    const empty = only(run(call, []));
    assert.equal(empty.status, call.type === 'presence' ? 'failed' : 'not_evaluated');
    const nothingExpected = run(call, [], { symbols: [] });
    assert.equal(only(nothingExpected).status, 'not_evaluated');
  });
}

test('every check in the folder is registered and has its cases above', () => {
  const files = readdirSync(join(import.meta.dirname, '..', '..', 'qa', 'checks'));
  const types = files.map((name) => name.replace(/\.ts$/, '')).toSorted();
  assert.deepEqual(Object.keys(CHECKS).toSorted(), types);
  assert.deepEqual([...new Set(CASES.map(([call]) => call.type))].toSorted(), types);
  for (const [type, check] of Object.entries(CHECKS)) assert.equal(check.type, type);
});

function manifestHole(from_ms: number, to_ms: number): Hole {
  return {
    source: 'manifest',
    symbol: null,
    shard: 'tier1',
    about: null,
    cause: 'segment_missing',
    from: unixNs(at(from_ms)),
    to: unixNs(at(to_ms)),
    detail: '',
    ...{ expected: null, received: null, event: null },
    repaired: false,
  };
}

test('sequence: silence is measured from midnight to midnight', () => {
  const late = EVERY_30_S.filter(({ t }) => t > at(120_000));
  assert.equal(only(run(SEQUENCE, late)).failed_rows, 1);
  const early = EVERY_30_S.filter(({ t }) => t < at(DAY_MS - 120_000));
  assert.equal(only(run(SEQUENCE, early)).failed_rows, 1);
  assert.equal(only(run(SEQUENCE, EVERY_30_S.slice(0, 1))).observed['max_gap_seconds'], 86_399.999);
});

test('sequence: 60 s is allowed, a millisecond more is not', () => {
  const around = EVERY_30_S.filter(({ t }) => t <= at(30_001) || t > at(120_001));
  const exact = [...around, trade(90_001, 0)].toSorted((a, b) => (a.t < b.t ? -1 : 1));
  assert.equal(only(run(SEQUENCE, exact)).status, 'passed');
  const over = [...around, trade(90_002, 0)].toSorted((a, b) => (a.t < b.t ? -1 : 1));
  assert.equal(only(run(SEQUENCE, over)).failed_rows, 1);
});

test('sequence: what a known hole explains is not blamed twice', () => {
  const partial = EVERY_30_S.filter(({ t }) => t > at(HOUR_MS) && t < at(2 * HOUR_MS));
  const holes = [manifestHole(0, HOUR_MS), manifestHole(2 * HOUR_MS, DAY_MS)];
  assert.equal(only(run(SEQUENCE, partial, { holes })).status, 'passed');
  assert.equal(only(run(SEQUENCE, partial, { holes: holes.slice(1) })).failed_rows, 1);
});

test('sequence: a recorded gap fails by its length, or by never closing', () => {
  const opened = gap('gap_opened', HOUR_MS);
  const closed = (after_ms: number, fields = {}): MarketEvent =>
    gap('gap_closed', HOUR_MS + after_ms, {
      from: at(HOUR_MS),
      to: at(HOUR_MS + after_ms),
      ...fields,
    });
  const during = (...extra: MarketEvent[]): MarketEvent[] =>
    [...EVERY_30_S, ...extra].toSorted((a, b) => (a.t < b.t ? -1 : a.t > b.t ? 1 : 0));
  const brief = only(run(SEQUENCE, during(opened, closed(5_000))));
  assert.equal(brief.status, 'passed');
  assert.equal(brief.observed['recorded_gaps'], 1);
  const long = only(run(SEQUENCE, during(opened, closed(300_000))));
  assert.equal(long.failed_rows, 1);
  assert.match(long.samples[0]?.reason ?? '', /recorded gap: disconnect book/);
  assert.equal(
    only(run(SEQUENCE, during(opened, closed(300_000, { repaired: 1 })))).status,
    'passed',
  );
  assert.equal(only(run(SEQUENCE, during(opened))).failed_rows, 1);
});

test('sequence: asked for both time and ids, it judges both', () => {
  const config = { dataset: 'trade', rule: 'trade_id', max_gap_seconds: 60 } as const;
  const both: CheckCall = { type: 'sequence', config };
  const silent = EVERY_30_S.filter((_, index) => index < 100 || index > 102);
  const renumbered = silent.map((it, index) => ({ ...it, trade_id: String(index + 1) }));
  const [ids, time, ...more] = run(both, renumbered as MarketEvent[]);
  assert.deepEqual([ids?.status, time?.status, more], ['passed', 'failed', []]);
  assert.deepEqual(
    [ids?.threshold, time?.threshold],
    [{ max_missing: 0 }, { max_gap_seconds: 60 }],
  );
});

test('sequence by ids: late ones fill their hole, repeats and text ids do not count', () => {
  const late = EVERY_30_S.with(100, trade(3_000_001, 102)).with(101, trade(3_030_001, 101));
  const filled = only(run(IDS, late));
  assert.equal(filled.status, 'passed', JSON.stringify(filled));
  assert.equal(only(run(IDS, [trade(1, 5), trade(2, 5), trade(3, 6)])).observed['repeated'], 1);
  assert.equal(only(run(IDS, [trade(1, 5), trade(2, 9)])).failed_rows, 3);
  const text = [trade(1, 1, { trade_id: 'T-1' }), trade(2, 1, { trade_id: 'T-9' })];
  assert.equal(only(run(IDS, text)).status, 'not_evaluated');
});

test('range: bounds are exact, levels of books have prices too', () => {
  const value = (price: string): MarketEvent[] => [trade(1, 1, { price })];
  assert.equal(only(run(RANGE, value('1000.000'))).status, 'passed');
  assert.equal(only(run(RANGE, value('1000.0000000000001'))).status, 'failed');
  assert.equal(only(run(RANGE, value('0'))).status, 'passed');
  assert.equal(only(run(RANGE, value('-0.0000000000000001'))).status, 'failed');
  const above: CheckCall = {
    type: 'range',
    config: { field: 'price', min: 0, exclusive_min: true },
  };
  assert.equal(only(run(above, value('0.00'))).status, 'failed');
  const book = event('book', 1, { ...BOOK, asks: levels(['1001', '0']) });
  const found = only(run(RANGE, [book]));
  assert.equal(found.failed_rows, 1);
  assert.equal(found.evaluated, 3);
  const candle = event('ohlc', 1, { trades: 12n });
  const counts: CheckCall = { type: 'range', config: { field: 'trades', max: 11 } };
  assert.equal(only(run(counts, [candle])).failed_rows, 1);
});

test('presence: hours with a hole are not judged, an absent symbol is found', () => {
  const partial = EVERY_30_S.filter(({ t }) => t > at(HOUR_MS / 2) && t < at(2.5 * HOUR_MS));
  const holes = [manifestHole(0, HOUR_MS / 2), manifestHole(2.5 * HOUR_MS, DAY_MS)];
  const judged = only(run(PRESENCE, partial, { holes }));
  assert.equal(judged.status, 'passed');
  assert.equal(judged.observed['hours_judged'], 1);
  const both = run(PRESENCE, partial, { holes, symbols: [BTC, ETH] });
  assert.deepEqual(
    both.map((result) => [result.group['symbol'], result.status]),
    [
      ['BTCUSD', 'passed'],
      ['ETHUSD', 'failed'],
    ],
  );
  const minutes = [manifestHole(0, HOUR_MS / 2), manifestHole(HOUR_MS * 0.6, DAY_MS)];
  assert.equal(only(run(PRESENCE, partial, { holes: minutes })).status, 'not_evaluated');
  const all = [manifestHole(0, DAY_MS)];
  assert.equal(only(run(PRESENCE, [], { holes: all })).status, 'not_evaluated');
});

test('presence: a symbol is found in any spelling', () => {
  const call: CheckCall = {
    type: 'presence',
    config: { symbols: ['btc-usd', 'BTC/USD', 'DOGEUSD'] },
  };
  assert.deepEqual(
    run(call, EVERY_30_S).map((result) => [result.group['symbol'], result.status]),
    [
      ['BTCUSD', 'passed'],
      ['BTCUSD', 'passed'],
      ['DOGEUSD', 'failed'],
    ],
  );
});

test('monotonic: by type, in arrival order, equal times allowed, replays apart', () => {
  const mixed = [
    trade(10, 1, { ts_event: at(10) }),
    quote(11, '1', '2', { ts_event: at(5) }),
    trade(12, 2, { ts_event: at(10) }),
    trade(13, 3, { ts_event: at(1), flags: FLAG.HISTORY }),
    trade(14, 4, { ts_event: null }),
    trade(15, 5, { ts_event: at(11) }),
  ];
  const result = only(run(MONOTONIC, mixed));
  assert.equal(result.status, 'passed');
  assert.equal(result.observed['replayed'], 1);
  assert.equal(result.evaluated, 4);
  const strict: CheckCall = { type: 'monotonic', config: { field: 'timestamp', strict: true } };
  assert.equal(only(run(strict, mixed)).failed_rows, 1);
});

test('monotonic: a value that leaps ahead is one reversal, not all that follow', () => {
  const leap = EVERY_30_S.with(7, trade(210_001, 8, { ts_event: at(10 * 86_400_000) }));
  const result = only(run(MONOTONIC, leap));
  assert.equal(result.failed_rows, 1);
  assert.match(result.samples[0]?.reason ?? '', /after 2026-11-30/);
});

test('checksum: what nothing proves is neither right nor wrong', () => {
  const blind = [
    event('book', 1, { flags: FLAG.UNVERIFIED }),
    event('book', 2, { flags: FLAG.UNVERIFIED }),
  ];
  assert.equal(only(run(CHECKSUM, blind)).status, 'not_evaluated');
  const bounded: CheckCall = { type: 'checksum', config: { max_unverified_ratio: 0.5 } };
  assert.equal(only(run(bounded, blind)).status, 'failed');
  assert.equal(only(run(bounded, [event('book', 0), ...blind.slice(1)])).status, 'passed');
  const suspect = [event('book', 1), event('book', 2, { flags: FLAG.MAYBE_BAD_BOOK })];
  assert.equal(only(run(CHECKSUM, suspect)).failed_rows, 1);
  const lenient: CheckCall = { type: 'checksum', config: { min_verified_ratio: 0.5 } };
  assert.equal(only(run(lenient, suspect)).status, 'passed');
  const disconnect = [event('book', 1), gap('gap_opened', 2)];
  assert.equal(
    only(run(CHECKSUM, disconnect)).status,
    'passed',
    'a disconnect proves nothing wrong',
  );
});

test('crossed: books are rebuilt and judged at the end of each message', () => {
  const start = event('book', 1, { ...BOOK, flags: FLAG.SNAPSHOT | FLAG.LAST });
  const within = [
    start,
    event('book', 2, { bids: levels(['101.5', '1']), flags: 0 }),
    event('book', 2, { asks: levels(['101', '0'], ['102', '1']), index: 1 }),
  ];
  assert.equal(only(run(CROSSED, within)).status, 'passed', 'crossed between two parts only');
  const crossed = [
    start,
    event('book', 2, { bids: levels(['101', '1']) }),
    event('book', 12, { bids: levels(['101', '0']) }),
  ];
  const found = only(run(CROSSED, crossed));
  assert.equal(found.failed_rows, 1);
  assert.deepEqual([found.observed['locked'], found.observed['longest_ms']], [1, 10]);
  const patient: CheckCall = { type: 'crossed', config: { min_duration_ms: 11 } };
  assert.equal(only(run(patient, crossed)).status, 'passed');
  const unanchored = [event('book', 1, { bids: levels(['5', '1']), asks: levels(['4', '1']) })];
  assert.equal(only(run(CROSSED, unanchored)).status, 'not_evaluated');
  const bad = crossed.map((it, index) =>
    index === 1 ? { ...it, flags: FLAG.LAST | FLAG.MAYBE_BAD_BOOK } : it,
  );
  assert.equal(only(run(CROSSED, bad)).status, 'passed');
  const broke = event('book', 12, { flags: FLAG.LAST | FLAG.MAYBE_BAD_BOOK });
  const until = only(run(CROSSED, [...crossed.slice(0, 2), broke]));
  assert.deepEqual(
    [until.failed_rows, until.observed['longest_ms']],
    [1, 10],
    'a gap pardons none',
  );
  const last = only(run(CROSSED, crossed.slice(0, 2)));
  assert.equal(last.failed_rows, 1, 'still crossed at the end of the day');
});

test('crossed: a book cut to its depth does not cross on levels it no longer has', () => {
  const deep = { depth: 1, flags: FLAG.SNAPSHOT | FLAG.LAST };
  const events = [
    event('book', 1, { ...deep, bids: levels(['100', '1']), asks: levels(['105', '1']) }),
    event('book', 2, { depth: 1, asks: levels(['101', '1']) }),
    // 101 left the venue's window unseen; 105 is long gone.
    event('book', 3, {
      depth: 1,
      bids: levels(['104', '1']),
      asks: levels(['101', '0'], ['106', '1']),
    }),
  ];
  assert.equal(only(run(CROSSED, events)).status, 'passed');
});

test('samples: the first and the worst, bounded', () => {
  const wild = Array.from({ length: 100 }, (_, index) =>
    trade(index, index, { price: String(1001 + index) }),
  );
  const { samples, samples_truncated, failed_rows } = only(run(RANGE, wild));
  assert.equal(failed_rows, 100);
  assert.equal(samples.length, 20);
  assert.equal(samples_truncated, true);
  assert.match(samples[0]?.reason ?? '', /price 1001 is above 1000/);
  assert.ok(samples.some(({ reason }) => reason.includes('price 1100 ')));
});

test('crossed: nothing is while a gap is open', () => {
  const call: CheckCall = { type: 'crossed', config: { min_duration_ms: 1000 } };
  const events = [quote(1, '100', '101'), quote(2, '101', '100'), quote(60_000, '100', '101')];
  assert.equal(only(run(call, events)).failed_rows, 1);
  const opened = gap('gap_opened', 500, { about: 'quote', cause: 'disconnect' });
  assert.equal(only(run(call, events.toSpliced(2, 0, opened))).failed_rows, 0);
  const other = gap('gap_opened', 500, { about: 'trade', cause: 'disconnect' });
  assert.equal(only(run(call, events.toSpliced(2, 0, other))).failed_rows, 1);
});

test('a text of the venue is kept at a length a report can bear', () => {
  const long = 'x'.repeat(60_000);
  const odd = trade(1, 1, { price: '1001', order_type: long });
  const [sample] = only(run(RANGE, [odd])).samples;
  assert.match(String(sample?.row['order_type']), /^x{200}\.\.\. \(60000 characters\)$/);
  const wrong = gap('gap_opened', 2, { cause: 'checksum', expected: long, received: long });
  const [reason] = only(run(CHECKSUM, [event('book', 1), wrong])).samples;
  assert.ok((reason?.reason.length ?? 0) < 300);
});
