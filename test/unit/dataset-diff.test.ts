/** A day in two versions: what a diff says of it, and that it says so of the right events. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { plainContext } from '../../activities/deps.ts';
import type { JobDeps } from '../../activities/deps.ts';
import { diffDay } from '../../activities/diff.ts';
import type { DayDiff } from '../../activities/diff.ts';
import { GAPS_LISTED_MAX } from '../../dataset/diff.ts';
import type { DiffDocument } from '../../dataset/diff.ts';
import type { ManifestGap } from '../../dataset/manifest.ts';
import { formatEventId } from '../../schema/event-id.ts';
import { FLAG } from '../../schema/events.ts';
import type { MarketEvent } from '../../schema/events.ts';
import { BOOK, DIFF_DAY, TICKER, TRADE, at, layDay } from '../support/diff-day.ts';
import type { LaidDay } from '../support/diff-day.ts';
import { memoryJobs } from '../support/memory-jobs.ts';
import { tinyFeed } from '../support/tiny-feed.ts';

const NOW = '2026-11-21T00:00:00Z';

type Diffed = { readonly day: DayDiff; readonly document: DiffDocument; readonly html: string };

async function diff(
  old: Omit<LaidDay, 'version'>,
  now: Omit<LaidDay, 'version'>,
  deps: JobDeps = memoryJobs(NOW),
): Promise<Diffed> {
  await layDay(deps, { ...old, version: 'v1' });
  await layDay(deps, { ...now, version: 'v2' });
  return await diffed(deps);
}

async function diffed(deps: JobDeps): Promise<Diffed> {
  const of = { feed: tinyFeed, day: DIFF_DAY, old: 'v1', new: 'v2' };
  const day = await diffDay(deps, of, plainContext());
  const text = async (key: string): Promise<string> =>
    new TextDecoder().decode((await deps.normalized.get(key))?.body);
  const document = JSON.parse(await text(day.json)) as DiffDocument;
  return { day, document, html: await text(day.html) };
}

const trades = (count: number): MarketEvent[] =>
  Array.from({ length: count }, (_, minute) => at({ ...TRADE, trade_id: `${minute}` }, minute));

function onlyStream(document: DiffDocument): DiffDocument['streams'][number] {
  assert.equal(document.streams.length, 1);
  return document.streams[0] as DiffDocument['streams'][number];
}

test('equal days are identical without an object being read', async () => {
  const deps = memoryJobs(NOW);
  await layDay(deps, { version: 'v1', events: trades(10) });
  await layDay(deps, { version: 'v2', events: trades(10) });
  const reads: string[] = [];
  const normalized = {
    ...deps.normalized,
    get: (key: string) => {
      reads.push(key);
      return deps.normalized.get(key);
    },
  };
  const of = { feed: tinyFeed, day: DIFF_DAY, old: 'v1', new: 'v2' };
  const day = await diffDay({ ...deps, normalized }, of, plainContext());
  assert.equal(day.verdict, 'identical');
  assert.deepEqual(day.events, {
    ...{ old: 10, new: 10, equal: 10, changed: 0, added: 0, removed: 0, dropped: 0 },
  });
  assert.ok(reads.every((key) => key.includes('/_manifests/')));
});

test('equal events in other objects are identical', async () => {
  const { day, document } = await diff(
    { events: trades(20), cuts: [5, 7] },
    { events: trades(20), cuts: [6, 13, 19] },
  );
  assert.equal(day.verdict, 'identical');
  assert.equal(day.events.equal, 20);
  assert.equal(onlyStream(document).objects_read, 7);
});

test('a changed, an added and a removed event are named, with the fields', async () => {
  const before = trades(6);
  const after = trades(6).map((event, minute) =>
    minute === 2 && event.type === 'trade'
      ? { ...event, price: { mantissa: 1n, exponent: 0 }, side: null }
      : event,
  );
  const added = at({ ...TRADE, index: 1 }, 3);
  const { day, document } = await diff(
    { events: before },
    { events: [...after.slice(0, 4), added, ...after.slice(5)] },
  );
  assert.equal(day.verdict, 'differs');
  assert.deepEqual(day.events, {
    ...{ old: 6, new: 6, equal: 4, changed: 1, added: 1, removed: 1, dropped: 0 },
  });
  const stream = onlyStream(document);
  assert.deepEqual(stream.fields, { price: 1, side: 1 });
  assert.deepEqual(
    stream.samples.map(({ kind, id, fields }) => [kind, id, fields]),
    [
      ['changed', formatEventId(before[2] as MarketEvent), ['price', 'side']],
      ['added', formatEventId(added), []],
      ['removed', formatEventId(before[4] as MarketEvent), []],
    ],
  );
  const [changed] = stream.samples;
  assert.equal(changed?.old?.['price'], '64000.10');
  assert.equal(changed?.new?.['price'], '1');
});

test('a zero more at the end of a price is a change', async () => {
  const { document } = await diff(
    { events: [at(TRADE, 1)] },
    { events: [at({ ...TRADE, price: { mantissa: 64_000_100n, exponent: -3 } }, 1)] },
  );
  assert.deepEqual(onlyStream(document).fields, { price: 1 });
});

test('an event that stands out of its order is changed, though it is there', async () => {
  const [first, second, third] = trades(3) as [MarketEvent, MarketEvent, MarketEvent];
  const { day, document } = await diff(
    { events: [first, second, third] },
    { events: [second, first, third] },
  );
  assert.equal(day.verdict, 'differs');
  assert.equal(day.events.equal, 2);
  assert.deepEqual(onlyStream(document).fields, { '(order)': 1 });
  assert.equal(onlyStream(document).samples[0]?.id, formatEventId(first));
});

test('a stream that only one side has', async () => {
  const ether = { ...TRADE, symbol: 'ETHUSD' };
  const { day, document } = await diff(
    { events: trades(3) },
    { events: [...trades(3), at(ether, 1)] },
  );
  assert.equal(day.events.added, 1);
  assert.deepEqual(
    document.streams.map(({ symbol, counts }) => [symbol, counts.added]),
    [
      ['ETHUSD', 1],
      ['BTCUSD', 0],
    ],
  );
});

const gap = (detail: string, from: string): ManifestGap => ({
  ...{ shard: 'tier1', epoch: 1, cause: 'segment_missing', from, to: '20', detail },
});

test('gaps are compared by what they are, not by their words', async () => {
  const same = await diff(
    { events: trades(1), gaps: [gap('one', '1')] },
    { events: trades(1), gaps: [gap('other words', '1')] },
  );
  assert.equal(same.day.verdict, 'identical');
  const other = await diff(
    { events: trades(1), gaps: [gap('one', '1')] },
    { events: trades(1), gaps: [gap('one', '2'), gap('two', '3')] },
  );
  assert.equal(other.day.verdict, 'differs');
  assert.deepEqual(other.day.gaps, { old: 1, new: 2, equal: false, added: 2, gone: 1 });
  assert.equal(other.document.gaps.only_old.length, 1);
  assert.equal(other.document.gaps.only_new.length, 2);
  assert.match(other.html, /1 before, 2 now: 2 added, 1 gone/);
});

test('a gap that took the place of another is one added, however many there are', async () => {
  const moved = await diff(
    { events: trades(1), gaps: [gap('one', '1'), gap('two', '2')] },
    { events: trades(1), gaps: [gap('one', '1'), gap('three', '3')] },
  );
  assert.deepEqual(moved.day.gaps, { old: 2, new: 2, equal: false, added: 1, gone: 1 });
  const many = Array.from({ length: GAPS_LISTED_MAX + 5 }, (_, at) => gap('new', `${at + 1}`));
  const listed = await diff({ events: trades(1) }, { events: trades(1), gaps: many });
  assert.equal(listed.day.gaps.added, GAPS_LISTED_MAX + 5);
  assert.equal(listed.document.gaps.only_new.length, GAPS_LISTED_MAX);
  assert.match(listed.html, />5 more are in the manifests/);
});

const mixed: readonly MarketEvent[] = [
  at({ ...BOOK, flags: FLAG.LAST }, 1),
  at({ ...BOOK, flags: FLAG.SNAPSHOT, part: 1, parts: 2 }, 2),
  at({ ...BOOK, flags: FLAG.SNAPSHOT, part: 2, parts: 2 }, 3),
  at({ ...BOOK, flags: FLAG.UNVERIFIED }, 4),
  at({ ...BOOK, flags: FLAG.MAYBE_BAD_BOOK }, 5),
  at(TRADE, 6),
  at({ ...TRADE, side: null }, 7),
  at(TICKER, 8),
];

test('a projection: what it keeps is equal, what it drops has its reason', async () => {
  const { day, document, html } = await diff({ events: mixed }, { events: mixed, schema: 'md1' });
  assert.equal(day.verdict, 'projected');
  assert.deepEqual(day.events, {
    ...{ old: 8, new: 2, equal: 2, changed: 0, added: 0, removed: 0, dropped: 6 },
  });
  assert.deepEqual(document.dropped_by, {
    ...{ book_not_whole: 2, book_part: 1, book_unverified: 1, other_type: 1 },
    trade_without_side: 1,
  });
  assert.match(html, /2 of 2 md1 records are equal to the byte/);
});

test('two shards with the same market: each its own book, whichever came first', async () => {
  const twin = { ...BOOK, bids: [] };
  const events: MarketEvent[] = [
    at({ ...BOOK, flags: FLAG.SNAPSHOT }, 1),
    { ...at({ ...twin, flags: FLAG.SNAPSHOT }, 2), shard: 'tier2' },
    at(BOOK, 3),
    { ...at(twin, 4), shard: 'tier2' },
  ];
  const same = await diff({ events }, { events, cuts: [3] });
  assert.equal(same.day.verdict, 'identical');
  for (const cuts of [[], [3]]) {
    const { day } = await diff({ events, cuts }, { events, cuts, schema: 'md1' });
    assert.equal(day.verdict, 'projected', `cut at ${cuts.join(', ')}`);
    assert.equal(day.events.equal, 4);
  }
});

test('a projection that says otherwise of an event is named by the event', async () => {
  const other = mixed.map((event) =>
    event.type === 'trade' ? { ...event, trade_id: 'other' } : event,
  );
  const { day, document } = await diff({ events: mixed }, { events: other, schema: 'md1' });
  assert.equal(day.verdict, 'differs');
  assert.equal(day.events.changed, 1);
  const stream = document.streams[0];
  assert.deepEqual(stream?.fields, { trade_id: 1 });
  assert.equal(stream?.samples[0]?.id, formatEventId(mixed[5] as MarketEvent));
  assert.equal(stream?.samples[0]?.place, 0);
});

test('a projection that lacks a record, or has one too many', async () => {
  const less = await diff({ events: trades(3) }, { events: trades(2), schema: 'md1' });
  assert.deepEqual([less.day.events.removed, less.day.events.added], [1, 0]);
  const more = await diff({ events: trades(2) }, { events: trades(3), schema: 'md1' });
  assert.deepEqual([more.day.events.removed, more.day.events.added], [0, 1]);
});

test('md1 against md1 is compared by place', async () => {
  const changed = trades(4).map((event, minute) =>
    minute === 3 && event.type === 'trade' ? { ...event, side: 'sell' as const } : event,
  );
  const { day, document } = await diff(
    { events: trades(4), schema: 'md1', cuts: [2] },
    { events: changed, schema: 'md1' },
  );
  assert.deepEqual([day.events.equal, day.events.changed], [3, 1]);
  assert.deepEqual(onlyStream(document).samples[0]?.place, 3);
});

test('from md1 to md2 nothing is dropped, what md1 left out is added', async () => {
  const { day } = await diff({ events: mixed, schema: 'md1' }, { events: mixed });
  assert.equal(day.verdict, 'differs');
  assert.deepEqual(day.events, {
    ...{ old: 2, new: 8, equal: 2, changed: 0, added: 6, removed: 0, dropped: 0 },
  });
});

test('a version that has not the day is named', async () => {
  const deps = memoryJobs(NOW);
  await layDay(deps, { version: 'v1', events: trades(1) });
  await assert.rejects(diffed(deps), {
    code: 'SSMD_NOT_FOUND',
    message: /tiny 2026-11-19 is not committed in v2/,
  });
});

test('an object that is not what its manifest says is no difference but an error', async () => {
  const deps = memoryJobs(NOW);
  await layDay(deps, { version: 'v1', events: trades(3) });
  const { objects } = await layDay(deps, { version: 'v2', events: trades(2) });
  const key = objects[0]?.key ?? '';
  const other = await layDay(deps, { version: 'v3', events: trades(1) });
  const stored = await deps.normalized.get(other.objects[0]?.key ?? '');
  await deps.normalized.put(key, stored?.body ?? new Uint8Array(0));
  await assert.rejects(diffed(deps), (error: { code?: string; message?: string }) => {
    assert.equal(error.code, 'SSMD_CORRUPT');
    return /has \d+ bytes, expected \d+/.test(error.message ?? '');
  });
});

test('an object that is equal by its hash and cut short in the store is no equal one', async () => {
  const deps = memoryJobs(NOW);
  await layDay(deps, { version: 'v1', events: trades(3) });
  const { objects } = await layDay(deps, { version: 'v2', events: trades(3) });
  const key = objects[0]?.key ?? '';
  const stored = await deps.normalized.get(key);
  await deps.normalized.put(key, stored?.body.subarray(0, 40) ?? new Uint8Array(0));
  await assert.rejects(diffed(deps), (error: { code?: string; message?: string }) => {
    assert.equal(error.code, 'SSMD_CORRUPT');
    return error.message?.startsWith(`${key} has 40 bytes`) === true;
  });
});

test('what came from data is escaped in the report', async () => {
  const { html } = await diff(
    { events: [at(TRADE, 1)] },
    { events: [at({ ...TRADE, trade_id: '<script>' }, 1)] },
  );
  assert.ok(!html.includes('<script>'));
  assert.match(html, /npx ssmd trace tiny\/tier1\/\d+\/trade\/BTCUSD\/0/);
});
