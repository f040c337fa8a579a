/**
 * Every cause of a gap, from the fault to the four places it has to show in: the bus, the archive, the
 * report of the day's checks, and `ssmd gaps list` (`holesOf` is what that prints). Each through the
 * production connector, archiver and checks, with what was expected, what came, from when to when, and
 * whether it was repaired.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { plainContext } from '../../activities/deps.ts';
import { eventsOf } from '../../activities/object-events.ts';
import { runQa } from '../../activities/qa.ts';
import { readManifest } from '../../activities/datasets.ts';
import { decodeEvents } from '../../codec/md2.ts';
import { FEEDS } from '../../connectors/registry.ts';
import { publishNowhere } from '../../connectors/runtime/publishing.ts';
import type { Fault } from '../../connectors/simulator/faults.ts';
import { VENUES } from '../../connectors/simulator/registry.ts';
import { virtualClock } from '../../connectors/simulator/clock.ts';
import { openHarness } from '../../connectors/simulator/harness.ts';
import { memoryVenue } from '../../connectors/simulator/memory-socket.ts';
import { parseObjectKey } from '../../dataset/keys.ts';
import { parseSuite } from '../../environments/qa-suite.ts';
import type { EventOf } from '../../schema/events.ts';
import type { Day } from '../../schema/time.ts';
import { createMemoryObjectStore } from '../../storage/memory.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { holesOf } from '../../workers/day-holes.ts';
import { renderReport } from '../../qa/report.ts';
import { archiveDay } from '../support/archive-run.ts';
import { memoryJobs } from '../support/memory-jobs.ts';
import { readProjectFile } from '../support/project.ts';
import { SYMBOLS, instant, scratchDirectory, startRig } from '../support/runtime.ts';

const DAY = '2026-11-20' as Day;
const AT = '2026-11-20T10:00:00Z';
const LATER = instant('2026-11-20T10:01:10Z');
const NOW = '2026-12-01T06:00:00Z';
const VERSION = 'v1';
const signal = new AbortController().signal;

type Case = {
  readonly cause: string;
  readonly feed: string;
  readonly symbol: RegExp;
  readonly about: string;
  readonly faults?: readonly Fault[];
  /** A frame of so many bytes, on the first socket, after a minute. */
  readonly frame_bytes?: number;
  /** What a gap of this cause says it compared; null: there is nothing to compare. */
  readonly expected: RegExp | null;
  readonly received: RegExp | null;
  readonly repaired: boolean;
};

const CASES: readonly Case[] = [
  {
    ...{ cause: 'disconnect', feed: 'kraken', symbol: /^BTCUSD$/, about: 'trade' },
    faults: [{ kind: 'close', at_ns: LATER }],
    ...{ expected: null, received: null, repaired: true },
  },
  {
    ...{ cause: 'checksum', feed: 'kraken', symbol: /^ETHUSD$/, about: 'book' },
    faults: [{ kind: 'drop', channel: 'book', symbol: 'ETH/USD', at_ns: LATER }],
    ...{ expected: /^\d+$/, received: /^\d+$/, repaired: false },
  },
  {
    ...{ cause: 'sequence', feed: 'kraken', symbol: /^ETHUSD$/, about: 'trade' },
    faults: [{ kind: 'drop', channel: 'trade', symbol: 'ETH/USD', at_ns: LATER }],
    ...{ expected: /^\d+$/, received: /^\d+$/, repaired: false },
  },
  {
    ...{ cause: 'sequence', feed: 'okx', symbol: /^BTCUSDT$/, about: 'book' },
    faults: [{ kind: 'drop', channel: 'books', symbol: 'BTC-USDT', at_ns: LATER }],
    ...{ expected: /^prevSeqId \d+$/, received: /^prevSeqId \d+, seqId \d+$/, repaired: false },
  },
  {
    ...{ cause: 'refused', feed: 'kraken', symbol: /^ETHUSD$/, about: 'ohlc' },
    faults: [{ kind: 'refuse', channel: 'ohlc', symbol: 'ETH/USD' }],
    ...{ expected: /subscribed to ohlc/, received: /\w/, repaired: false },
  },
  {
    ...{ cause: 'opening', feed: 'kraken', symbol: /^ETHUSD$/, about: 'book' },
    faults: [{ kind: 'silence', channel: 'book', symbol: 'ETH/USD', duration_ms: 5_000 }],
    ...{ expected: null, received: null, repaired: false },
  },
  {
    ...{ cause: 'drop', feed: 'kraken', symbol: /^BTCUSD$/, about: 'book' },
    frame_bytes: 64 * 1024 * 1024,
    ...{ expected: null, received: null, repaired: false },
  },
];

/** A stretch of the day through the connector: its events as the bus gets them, and its RAW. */
async function capture(t: TestContext, of: Case, store: ObjectStore) {
  const create = VENUES.get(of.feed) ?? assert.fail();
  const start_ns = instant(AT);
  const clock = virtualClock(start_ns);
  const symbols = (SYMBOLS[of.feed] ?? []).map(({ external }) => external);
  const faults = { list: of.faults ?? [] };
  const harness = openHarness({ create, seed: 7, rate: 4, symbols, start_ns, faults });
  const venue = memoryVenue({ harness, clock, seed: 7 });
  const heard: ((bytes: Uint8Array) => void)[] = [];
  const told: EventOf<'status'>[] = [];
  const rig = startRig({
    ...{ dir: scratchDirectory(t), at: AT, feed: of.feed, clock, harness, store },
    deps: {
      openSocket: (url, handlers) => {
        heard.push(handlers.onFrame);
        return venue(url, handlers);
      },
      publish: () =>
        publishNowhere((out) => {
          for (const event of decodeEvents(out.bytes.subarray(0, out.used))) {
            if (event.type === 'status') told.push(event);
          }
        }),
    },
  });
  await rig.pass(70);
  if (of.frame_bytes !== undefined) heard[0]?.(new Uint8Array(of.frame_bytes));
  await rig.pass(110);
  await rig.finish();
  return told;
}

async function archive(feed: string, raw: ObjectStore) {
  const symbols = SYMBOLS[feed] ?? [];
  const it = FEEDS.get(feed) ?? assert.fail();
  const jobs = memoryJobs(NOW, {
    ...{ raw, feeds: FEEDS, shardsOf: () => ['tier1'], configuredFeeds: [feed] },
  });
  await archiveDay(jobs, { feed, day: DAY });
  const manifest =
    (await readManifest(jobs, { version: VERSION, feed, day: DAY })) ?? assert.fail('no manifest');
  const file = `qa/${feed}.yaml`;
  const qa = {
    ...{ ...jobs, renderReport },
    suiteOf: () => parseSuite(file, readProjectFile(file)),
    expectedSymbols: () =>
      symbols.map(({ symbol, external }) => ({
        ...{ symbol, external, shard: 'tier1' },
        types: Object.values(it.opens).flat(),
      })),
  };
  const of = { feed, day: DAY, version: VERSION, stands_for: null };
  const report = await runQa(qa, of, plainContext());
  const textOf = async (key: string): Promise<string> =>
    new TextDecoder().decode((await jobs.normalized.get(key))?.body);
  const statuses: EventOf<'status'>[] = [];
  const objects = manifest.objects.filter(({ key }) => parseObjectKey(key)?.type === 'status');
  for await (const event of eventsOf(jobs, objects, signal)) {
    if (event.type === 'status') statuses.push(event);
  }
  return {
    ...{ manifest, statuses, holes: await holesOf(jobs.normalized, manifest, signal) },
    results: JSON.parse(await textOf(report.results)) as { readonly gaps: readonly object[] },
    html: await textOf(report.report),
  };
}

for (const of of CASES) {
  const { cause, feed, symbol, about } = of;
  test(`${cause} of ${feed} ${about}: on the bus, in the archive, the report and the list`, async (t) => {
    const raw = createMemoryObjectStore();
    const told = await capture(t, of, raw);
    const opened = told.find(
      (it) =>
        it.kind === 'gap_opened' &&
        it.cause === cause &&
        it.about === about &&
        symbol.test(it.symbol),
    );
    assert.ok(opened !== undefined, told.map((it) => `${it.kind} ${it.cause} ${it.about}`).join());
    for (const field of ['expected', 'received'] as const) {
      const pattern = of[field];
      if (pattern === null) assert.equal(opened[field], null, field);
      else assert.match(opened[field] ?? '', pattern);
    }
    const { holes, statuses, results, html } = await archive(feed, raw);
    assert.deepEqual(statuses, told.toSorted(byObject), 'the archive has the same events');

    const hole = holes.find(
      (it) =>
        it.event !== null &&
        it.cause === cause &&
        symbol.test(it.symbol ?? '') &&
        (it.about as readonly string[] | null)?.includes(about),
    );
    assert.ok(hole !== undefined, 'it is in the list');
    assert.deepEqual([hole.expected, hole.received], [opened.expected, opened.received]);
    assert.equal(hole.from, opened.from ?? opened.t);
    assert.ok(hole.to >= hole.from);
    assert.equal(hole.repaired, of.repaired);

    const row = JSON.stringify(results.gaps.filter((it) => 'cause' in it && it.cause === cause));
    assert.match(row, symbol.source === '' ? /./ : new RegExp(symbol.source.slice(1, -1)));
    assert.ok(html.includes(cause), 'the page of the report names it');
  });
}

/** Objects of a day are by key, in which a slash ends the symbol, then in order. */
function byObject(a: EventOf<'status'>, b: EventOf<'status'>): number {
  if (a.symbol !== b.symbol) return `${a.symbol}/` < `${b.symbol}/` ? -1 : 1;
  return a.t < b.t ? -1 : a.t > b.t ? 1 : a.index - b.index;
}

for (const [what, cause] of [
  ['missing', 'segment_missing'],
  ['cut off', 'segment_corrupt'],
] as const) {
  test(`a segment that is ${what}: in the manifest, the report and the list`, async (t) => {
    const raw = createMemoryObjectStore();
    const clean = CASES[0] ?? assert.fail();
    await capture(t, { ...clean, faults: [] }, raw);
    const keys: string[] = [];
    for await (const { key } of raw.list('raw/')) keys.push(key);
    const key = keys.filter((it) => it.endsWith('.zst')).toSorted()[1] ?? assert.fail(keys.join());
    const body = (await raw.get(key))?.body ?? assert.fail(key);
    await raw.delete(key);
    if (what === 'cut off') await raw.put(key, body.subarray(0, body.length >> 1));
    const { manifest, holes, results, html } = await archive(clean.feed, raw);
    assert.equal(manifest.complete, false);
    const found = manifest.gaps.find((it) => it.cause === cause);
    assert.ok(found !== undefined, manifest.gaps.map((it) => it.cause).join());
    const hole = holes.find((it) => it.source === 'manifest' && it.cause === cause);
    assert.ok(hole !== undefined && hole.to > hole.from);
    assert.match(JSON.stringify(results.gaps), new RegExp(cause));
    assert.ok(html.includes(cause));
  });
}
