import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  factsOf,
  instant,
  inventories,
  readLog,
  scratchDirectory,
  startRig,
} from '../support/runtime.ts';
import type { ReadLine } from '../support/runtime.ts';

const framesOf = (lines: readonly ReadLine[]): readonly string[] =>
  lines.flatMap((line) => (line.type === 'frame' ? [line.frame] : []));

function increasing(lines: readonly ReadLine[]): void {
  lines.reduce((last, line) => {
    assert.ok(line.t > last, `${line.t} after ${last}`);
    return line.t;
  }, 0n);
}

test('what the venue sent is what the log holds, byte for byte and in order', async (t) => {
  const rig = startRig({ dir: scratchDirectory(t), at: '2026-11-20T10:00:00Z' });
  await rig.pass(200);
  assert.equal(rig.connector.status().state, 'READY');
  assert.equal(rig.connector.ready(), true);
  await rig.finish();
  const lines = await readLog(rig.store);
  increasing(lines);
  assert.deepEqual(framesOf(lines), rig.heard.frames);
  assert.ok(rig.heard.frames.length > 500, `${rig.heard.frames.length} frames`);
  const facts = lines.flatMap((line) => (line.type === 'fact' ? [line.key] : []));
  assert.deepEqual(facts.slice(0, 2), ['_day', '_config']);
  assert.equal(facts.filter((key) => key === '_take').length, 1);
  const [inventory, ...more] = await inventories(rig.store);
  assert.deepEqual(more, []);
  assert.equal(inventory?.end, 'shutdown');
  assert.equal(inventory?.segments.length, 4);
  assert.deepEqual(
    inventory?.connections.map(({ c, frames }) => ({ c, frames })),
    [{ c: 1, frames: rig.heard.frames.length }],
  );
});

test('a broken connection is opened again, with the cause in the log', async (t) => {
  const rig = startRig({
    dir: scratchDirectory(t),
    at: '2026-11-20T10:00:00Z',
    faults: [
      { kind: 'close', at_ns: instant('2026-11-20T10:00:30Z'), code: null },
      { kind: 'close', at_ns: instant('2026-11-20T10:01:30Z'), code: 1012 },
    ],
  });
  await rig.pass(120);
  assert.equal(rig.connector.status().reconnects, 2);
  assert.equal(rig.connector.status().state, 'READY');
  await rig.finish();
  const lines = await readLog(rig.store);
  assert.deepEqual(framesOf(lines), rig.heard.frames);
  const closes = factsOf(lines, '_close');
  assert.deepEqual(
    closes.map(({ c, code, by }) => ({ c, code, by })),
    [
      { c: 1, code: null, by: 'network' },
      { c: 2, code: 1012, by: 'venue' },
      { c: 3, code: null, by: 'us' },
    ],
  );
  const opens = factsOf(lines, '_open');
  assert.deepEqual(
    opens.map(({ c }) => c),
    [1, 2, 3],
  );
  const waited_ms = Number((opens[1]?.at ?? 0n) - (closes[0]?.at ?? 0n)) / 1e6;
  assert.ok(waited_ms >= 750 && waited_ms < 1_200, `${waited_ms} ms`);
});

test('a silent connection is cut and replaced, by an alarm that is in the log first', async (t) => {
  const silence = { kind: 'silence' as const, connection: 1, duration_ms: 600_000 };
  const rig = startRig({
    dir: scratchDirectory(t),
    at: '2026-11-20T10:00:00Z',
    faults: [{ ...silence, at_ns: instant('2026-11-20T10:00:30Z') }],
  });
  await rig.pass(120);
  await rig.finish();
  const lines = await readLog(rig.store);
  const [alarm] = factsOf(lines, '_alarm');
  assert.equal(alarm?.kind, 'stale');
  const [close] = factsOf(lines, '_close');
  assert.deepEqual([close?.c, close?.by, close?.reason], [1, 'network', 'silent']);
  assert.ok((close?.at ?? 0n) > (alarm?.at ?? 0n));
  const { silence_ms } = rig.feed.protocol.limits;
  const silent_ms = Number((alarm?.at ?? 0n) - instant('2026-11-20T10:00:30Z')) / 1e6;
  assert.ok(silent_ms >= silence_ms - 1_100 && silent_ms <= silence_ms + 2_100, `${silent_ms} ms`);
  assert.equal(factsOf(lines, '_open').length, 2);
});

test('429 is honoured', async (t) => {
  const rig = startRig({
    dir: scratchDirectory(t),
    at: '2026-11-20T10:00:00Z',
    faults: [{ kind: '429', duration_ms: 20_000 }],
  });
  await rig.pass(40);
  await rig.finish();
  const waits = rig.events.filter((it) => it.event === 'connection.waiting');
  assert.equal(waits.length, 1, 'asked once, then waited as told');
  const [open] = factsOf(await readLog(rig.store), '_open');
  const waited_s = Number((open?.at ?? 0n) - instant('2026-11-20T10:00:00Z')) / 1e9;
  assert.ok(waited_s >= 20 && waited_s < 22, `${waited_s} s`);
});

test('a refused subscription is an alarm, and the rest goes on', async (t) => {
  const rig = startRig({
    dir: scratchDirectory(t),
    at: '2026-11-20T10:00:00Z',
    faults: [{ kind: 'refuse', channel: 'ticker', symbol: 'ETH/USD' }],
  });
  await rig.pass(60);
  const { connections, alarms } = rig.connector.status();
  await rig.finish();
  assert.equal(alarms['refused'], 1);
  const text = JSON.stringify(connections);
  assert.match(text, /"channel":"ticker","symbol":"ETHUSD","state":"refused"/);
  assert.match(text, /"channel":"ticker","symbol":"BTCUSD","state":"live"/);
  const [line, ...more] = factsOf(await readLog(rig.store), '_alarm');
  assert.deepEqual(more, []);
  assert.deepEqual([line?.kind, line?.channel, line?.symbol], ['refused', 'ticker', 'ETHUSD']);
});

test('a broken book is asked for again alone: one symbol, the connection stays', async (t) => {
  const mutate = { kind: 'mutate' as const, channel: 'book', symbol: 'BTC/USD' };
  const rig = startRig({
    dir: scratchDirectory(t),
    at: '2026-11-20T10:00:00Z',
    faults: [{ ...mutate, at_ns: instant('2026-11-20T10:00:30Z') }],
  });
  await rig.pass(90);
  const { verified, ...others } = rig.connector.status().book_checks;
  assert.ok(verified > 100, `${verified} messages proven right`);
  assert.deepEqual(others, { mismatched: 1, not_provided: 0 });
  const said = `ssmd_connector_book_checks_total{shard="tier1",feed="kraken",result="mismatched"} 1\n`;
  assert.ok((await rig.connector.metrics()).includes(said));
  await rig.finish();
  const lines = await readLog(rig.store);
  assert.deepEqual(framesOf(lines), rig.heard.frames);
  const alarms = factsOf(lines, '_alarm').filter((it) => it.kind === 'resubscribe');
  assert.deepEqual(
    alarms.map(({ channel, symbol, detail }) => [channel, symbol, detail]),
    [['book', 'BTCUSD', 'checksum']],
  );
  assert.equal(factsOf(lines, '_open').length, 1);
  const after = factsOf(lines, '_sent').filter((it) => it.at > (alarms[0]?.at ?? 0n));
  const asked = after.slice(0, 2);
  assert.match(asked[0]?.text ?? '', /"unsubscribe".*"BTC\/USD"/);
  assert.match(asked[1]?.text ?? '', /"subscribe".*"BTC\/USD"/);
  for (const { text } of asked) assert.doesNotMatch(text, /ETH/);
});

test('a book that breaks all the time is asked for three times a minute at most', async (t) => {
  const faults = Array.from({ length: 60 }, (_, n) => ({
    kind: 'mutate' as const,
    channel: 'book',
    symbol: 'BTC/USD',
    at_ns: instant('2026-11-20T10:00:20Z') + BigInt(n) * 1_000_000_000n,
  }));
  const rig = startRig({ dir: scratchDirectory(t), at: '2026-11-20T10:00:00Z', faults });
  await rig.pass(180);
  await rig.finish();
  const lines = await readLog(rig.store);
  const asked = factsOf(lines, '_sent').filter((it) => it.text.includes('unsubscribe'));
  assert.ok(asked.length >= 4, `${asked.length} times`);
  for (const { at } of asked) {
    // A request may leave up to a second after it was decided on: the venue's own rate comes first.
    const within = asked.filter((it) => it.at >= at && it.at < at + 59_000_000_000n).length;
    assert.ok(within <= 3, `${within} within a minute`);
  }
  assert.ok(factsOf(lines, '_alarm').some((it) => it.kind === 'resubscribe_limit'));
});

test('midnight: the next day opens before, begins exactly, and the old connections go', async (t) => {
  const rig = startRig({ dir: scratchDirectory(t), at: '2026-11-19T23:48:00Z' });
  await rig.pass(15 * 60);
  assert.equal(rig.connector.status().day, '2026-11-20');
  await rig.finish();
  const lines = await readLog(rig.store);
  increasing(lines);
  assert.deepEqual(framesOf(lines), rig.heard.frames);
  const days = factsOf(lines, '_day');
  assert.deepEqual(
    days.map(({ day, taken }) => [day, taken]),
    [
      ['2026-11-19', false],
      ['2026-11-20', true],
    ],
  );
  const opens_s = Number((days[1]?.at ?? 0n) - instant('2026-11-19T23:50:00Z')) / 1e9;
  assert.ok(opens_s >= 0 && opens_s <= 61, `${opens_s} s after 23:50`);
  const midnight = instant('2026-11-20T00:00:00Z');
  assert.deepEqual(
    factsOf(lines, '_midnight').map(({ at, day }) => [at, day]),
    [[midnight, '2026-11-20']],
  );
  const first = lines.find((line) => line.t >= midnight);
  assert.equal(first?.t, midnight, 'the first thing of the day');
  assert.deepEqual(
    factsOf(lines, '_open').map(({ c, day }) => [c, day]),
    [
      [1, '2026-11-19'],
      [2, '2026-11-20'],
    ],
  );
  const [close] = factsOf(lines, '_close');
  assert.deepEqual([close?.c, close?.by], [1, 'us']);
  const closed_s = Number((close?.at ?? 0n) - midnight) / 1e9;
  assert.ok(closed_s > 0 && closed_s < 5, `${closed_s} s after midnight`);
  const ends = (await inventories(rig.store)).map(({ day, end }) => [day, end]);
  assert.deepEqual(ends, [
    ['2026-11-19', 'day'],
    ['2026-11-20', 'shutdown'],
  ]);
});

test('started after 23:50 it opens the next day at once', async (t) => {
  const rig = startRig({ dir: scratchDirectory(t), at: '2026-11-19T23:55:00Z' });
  await rig.pass(400);
  await rig.finish();
  const lines = await readLog(rig.store);
  assert.deepEqual(
    factsOf(lines, '_day').map(({ day, taken }) => [day, taken]),
    [
      ['2026-11-19', false],
      ['2026-11-20', false],
    ],
  );
  assert.equal(factsOf(lines, '_midnight').length, 1);
});

test('a wall clock that jumps over midnight still has its day begin exactly', async (t) => {
  const rig = startRig({ dir: scratchDirectory(t), at: '2026-11-19T20:00:00Z' });
  await rig.pass(60);
  rig.clock.stepWall(5n * 3_600_000_000_000n);
  await rig.pass(120);
  await rig.finish();
  const lines = await readLog(rig.store);
  increasing(lines);
  assert.deepEqual(framesOf(lines), rig.heard.frames);
  const midnight = instant('2026-11-20T00:00:00Z');
  assert.deepEqual(
    factsOf(lines, '_midnight').map(({ at }) => at),
    [midnight],
  );
  assert.equal(lines.find((line) => line.t >= midnight)?.t, midnight);
  const [first, later] = factsOf(lines, '_clock');
  assert.equal(first?.bad, true);
  assert.equal(later?.bad, false);
  assert.deepEqual(
    factsOf(lines, '_open').map(({ day }) => day),
    ['2026-11-19', '2026-11-20'],
  );
});

test('a wall clock that jumps over days opens connections for the day it comes to alone', async (t) => {
  const rig = startRig({ dir: scratchDirectory(t), at: '2026-11-19T20:00:00Z' });
  await rig.pass(60);
  rig.clock.stepWall(30n * 24n * 3_600_000_000_000n);
  await rig.pass(120);
  assert.equal(rig.connector.status().state, 'READY');
  await rig.finish();
  const lines = await readLog(rig.store);
  assert.deepEqual(framesOf(lines), rig.heard.frames);
  assert.equal(factsOf(lines, '_midnight').length, 30);
  const opening = rig.events.filter(({ event }) => event === 'connection.opening');
  assert.deepEqual(
    opening.map(({ facts }) => (facts as { day: string }).day),
    ['2026-11-19', '2026-12-19'],
  );
});

test('Binance: two sockets, each heard whole', async (t) => {
  const dir = scratchDirectory(t);
  const rig = startRig({ dir, at: '2026-11-20T10:00:00Z', feed: 'binance-usdm' });
  await rig.pass(60);
  assert.equal(rig.connector.status().connections.length, 2);
  assert.equal(rig.connector.status().state, 'READY');
  await rig.finish();
  assert.deepEqual(framesOf(await readLog(rig.store)), rig.heard.frames);
});

test('a clock that is not trusted is not trusted by the next day either', async (t) => {
  const rig = startRig({ dir: scratchDirectory(t), at: '2026-11-19T23:48:00Z' });
  await rig.pass(30);
  rig.clock.stepWall(80_000_000_000n);
  await rig.pass(20 * 60);
  await rig.finish();
  const lines = await readLog(rig.store);
  const facts = lines.flatMap((line) => (line.type === 'fact' ? [line] : []));
  const opened = facts.findIndex(({ key, t: at }) => key === '_day' && at > (facts[0]?.t ?? 0n));
  const [, config, clock] = facts.slice(opened);
  assert.equal(config?.key, '_config');
  const good = factsOf(lines, '_clock').find(({ bad }) => !bad);
  assert.ok(
    good !== undefined && good.at > (config?.t ?? 0n),
    'it was still bad when the day opened',
  );
  assert.equal(clock?.key, '_clock');
});
