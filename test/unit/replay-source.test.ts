/** The events a replay sends: those the fold spoke live, of all shards, in order of `t`. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readSources } from '../../activities/archive-plan.ts';
import { breathe, plainContext } from '../../activities/deps.ts';
import { loadSegment } from '../../activities/raw-day.ts';
import { replaySource } from '../../connectors/runtime/replay-source.ts';
import type { ReplayEvent, SourceOptions } from '../../connectors/runtime/replay-source.ts';
import { daysOfSpan, parseInstant, replaySpan } from '../../dataset/replay-span.ts';
import { SsmdError } from '../../schema/errors.ts';
import { NS_PER_HOUR, NS_PER_MINUTE, dayEnd, dayStart, unixNs } from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';
import { memoryJobs } from '../support/memory-jobs.ts';
import { writeTinyDay } from '../support/tiny-day.ts';
import type { LiveEvent } from '../support/tiny-day.ts';
import { tinyFeed } from '../support/tiny-feed.ts';

const DAY = '2026-11-18' as Day;
const SPAN = { from: dayStart(DAY), to: dayEnd(DAY) };
const deps = memoryJobs('2026-12-01T06:00:00Z');
const noon = dayStart(DAY) + 12n * NS_PER_HOUR;
// The same instants in both: one of them restarted at noon.
const first = await writeTinyDay(deps.raw, { day: DAY, shard: 'tier1', restarts: [noon] });
const second = await writeTinyDay(deps.raw, { day: DAY, shard: 'tier2' });

function source(other: Partial<SourceOptions> = {}) {
  return replaySource({
    ...{ feed: tinyFeed, span: SPAN, types: null, symbols: null, breathe },
    plan: async (day, signal) =>
      (await readSources(deps, { feed: tinyFeed, day }, plainContext(signal))).survey.plans,
    load: (segment, signal) => loadSegment(deps, segment, signal),
    ...other,
  });
}

async function all(
  start: bigint = SPAN.from,
  other: Partial<SourceOptions> = {},
  signal = new AbortController().signal,
): Promise<ReplayEvent[]> {
  const found: ReplayEvent[] = [];
  for await (const events of source(other)(start, signal)) found.push(...events);
  return found;
}

type Name = { readonly t: bigint; readonly type: string; readonly symbol: string };
const lineOf = ({ t, type, symbol, bytes }: Name & { readonly bytes: Uint8Array }): string =>
  `${t} ${type} ${symbol} ${Buffer.from(bytes).toString('base64')}`;

/** Both, in order of `t`; the first before the second where they meet. */
function both(from: bigint): string[] {
  const live = (events: readonly LiveEvent[], shard: number) =>
    events.map((event, at) => ({ event, shard, at }));
  return [...live(first.live, 1), ...live(second.live, 2)]
    .filter(({ event }) => event.t >= from)
    .sort((a, b) => Number(a.event.t - b.event.t) || a.shard - b.shard || a.at - b.at)
    .map(({ event }) => lineOf(event));
}

test('every shard as it spoke live, byte for byte, merged by t', async () => {
  const events = await all();
  assert.ok(events.length > 2_000, `${events.length} events`);
  const ties = events.filter((event, at) => {
    const before = events[at - 1];
    return before?.t === event.t && before.shard !== event.shard;
  });
  assert.ok(ties.length > 100, 'they meet');
  assert.deepEqual(events.map(lineOf), both(SPAN.from));
});

test('from an instant on it is the rest of it; a selection is that part, in order', async () => {
  for (const start of [noon + 7n * NS_PER_MINUTE, noon, SPAN.to - 1n, SPAN.to]) {
    assert.deepEqual((await all(start)).map(lineOf), both(start));
  }
  const span = { from: unixNs(noon), to: unixNs(noon + NS_PER_HOUR) };
  const hour = (await all(noon)).filter(({ t }) => t < span.to);
  assert.deepEqual((await all(noon, { span })).map(lineOf), hour.map(lineOf));
  const chosen = { types: new Set(['trade']), symbols: new Set(['BTCUSD']) };
  assert.deepEqual(
    (await all(noon, chosen)).map(lineOf),
    (await all(noon))
      .filter(({ type, symbol }) => type === 'trade' && symbol === 'BTCUSD')
      .map(lineOf),
  );
});

test('what cannot be read ends it with its error; whoever stops it is heard', async () => {
  let loads = 0;
  const broken: Partial<SourceOptions> = {
    load: (segment, signal) => {
      loads += 1;
      if (loads === 40) throw new SsmdError('SSMD_LATE_RAW', 'gone');
      return loadSegment(deps, segment, signal);
    },
  };
  await assert.rejects(all(SPAN.from, broken), { code: 'SSMD_LATE_RAW' });

  const stop = new AbortController();
  const stream = source()(SPAN.from, stop.signal);
  await stream.next();
  stop.abort(new Error('enough'));
  await assert.rejects(async () => {
    for (;;) if ((await stream.next()).done === true) return;
  }, /enough/);
});

test('a span is what was asked for: ends left out are of its day', () => {
  const at = (text: string): bigint => parseInstant(text) ?? assert.fail(text);
  for (const [asked, from, to] of [
    [{ day: '2026-11-18' }, '2026-11-18', '2026-11-19'],
    [{ from: '2026-11-18T10:00:00Z' }, '2026-11-18T10:00:00Z', '2026-11-19'],
    [{ to: '2026-11-18T10:00:00Z' }, '2026-11-18', '2026-11-18T10:00:00Z'],
    [{ to: '2026-11-19' }, '2026-11-18', '2026-11-19'],
    [{ from: '2026-11-18', to: '2026-11-20T01:00:00+01:00' }, '2026-11-18', '2026-11-20'],
  ] as const) {
    assert.deepEqual(replaySpan(asked), { from: at(from), to: at(to) });
  }
  for (const wrong of [{}, { day: 'x' }, { from: '2026-11-18T10:00:00' }, { to: '' }]) {
    assert.equal(replaySpan(wrong), null);
  }
  const span = { from: unixNs(at('2026-11-18T23:00:00Z')), to: unixNs(at('2026-11-20')) };
  assert.deepEqual(daysOfSpan(span), ['2026-11-18', '2026-11-19']);
});
