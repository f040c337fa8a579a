/** How a day was captured: in its manifest, whoever built it, and what an export by it lets through. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { admit } from '../../activities/admission.ts';
import { plainContext } from '../../activities/deps.ts';
import { readManifest } from '../../activities/datasets.ts';
import { planExport } from '../../activities/export-plan.ts';
import { createMemoryBus } from '../../bus/memory.ts';
import { captureLookup, captureSpans, passesClock } from '../../dataset/captures.ts';
import { jsonDocument } from '../../dataset/canonical.ts';
import { manifestKey } from '../../dataset/keys.ts';
import { buildManifest } from '../../dataset/manifest.ts';
import type { SsmdError } from '../../schema/errors.ts';
import {
  NS_PER_HOUR,
  NS_PER_MINUTE,
  NS_PER_SECOND,
  dayEnd,
  dayStart,
  unixNs,
} from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';
import type { Capture } from '../../schema/log.ts';
import { sha256 } from '../../storage/zstd.ts';
import { archiveDay } from '../support/archive-run.ts';
import { publishDay } from '../support/bus-day.ts';
import {
  exportDeps,
  readExport,
  runExport,
  scratchFolder,
  wantedOf,
} from '../support/export-run.ts';
import { sampleCapture } from '../support/log.ts';
import { memoryJobs } from '../support/memory-jobs.ts';
import { TINY_SHARD, writeTinyDay } from '../support/tiny-day.ts';

const DAY = '2026-11-20' as Day;
const OF = { feed: 'tiny', day: DAY, version: 'v1' } as const;
const NOW = '2026-11-24T06:00:00Z';
const NOON = dayStart(DAY) + 12n * NS_PER_HOUR;
const TAKE = NOON + 10n * NS_PER_SECOND;
/** Kept by PTP until noon, by nobody from then on. */
const captures: readonly Partial<Capture>[] = [
  { location_id: 'ny5', clock_source: 'ptp', clock_offset_us: -3 },
  {
    location_id: 'ny5',
    clock_source: 'unsynced',
    clock_sync_status: 'unsynced',
    clock_offset_us: null,
  },
];

const jobs = memoryJobs(NOW);
const tiny = await writeTinyDay(jobs.raw, { day: DAY, restarts: [NOON], captures });
await archiveDay(jobs, { feed: 'tiny', day: DAY });
const manifest = await readManifest(jobs, OF);
assert.ok(manifest?.captures);
const deps = exportDeps(jobs);
const scratch = await scratchFolder();
after(() => scratch[Symbol.asyncDispose]());
const PTP = { sources: ['ptp'], statuses: ['synced'] } as const;

test('a manifest says by epoch how its lines were captured, and no more than its lines', () => {
  const said = manifest.captures?.map(({ from, to, ...it }) => ({
    ...it,
    from: BigInt(from),
    to: BigInt(to),
  }));
  const [first, second] = tiny.epochs;
  assert.ok(first && second && said);
  assert.deepEqual(
    said.map((it) => [it.location_id, it.clock_source, it.clock_sync_status]),
    [
      ['ny5', 'ptp', 'synced'],
      ['ny5', 'unsynced', 'unsynced'],
    ],
  );
  assert.deepEqual(
    said.map((it) => [it.clock_offset_us_min, it.clock_offset_us_max]),
    [
      [-3, -3],
      [null, null],
    ],
  );
  assert.equal(said[0]?.from, dayStart(DAY));
  assert.ok(
    (said[0]?.to ?? 0n) <= TAKE && said[1]?.from === TAKE,
    'the second speaks from its take',
  );
  assert.ok((said[1]?.to ?? 0n) <= dayEnd(DAY));
});

test('every event of the day has a span, and it is that of its epoch', () => {
  const spanOf = captureLookup(manifest.captures ?? []);
  for (const { t } of tiny.live) {
    assert.equal(spanOf(TINY_SHARD, t)?.clock_source, t < TAKE ? 'ptp' : 'unsynced', `${t}`);
  }
  assert.equal(spanOf(TINY_SHARD, dayEnd(DAY)), null);
  assert.equal(spanOf('other', NOON), null);
});

test('it is the same whether the day came from the bus or from RAW, and no part of any id', async () => {
  const bus = createMemoryBus();
  const other = memoryJobs(NOW, { bus });
  const day = await writeTinyDay(other.raw, { day: DAY, restarts: [NOON], captures });
  const epoch = Number((dayStart(DAY) - 2n * NS_PER_HOUR) / 1_000_000n);
  await publishDay(
    bus,
    day.live.filter(({ t }) => t < NOON),
    { ...OF, epoch, repeat: () => false },
  );
  await archiveDay(other, { feed: 'tiny', day: DAY });
  const found = await readManifest(other, OF);
  assert.ok(found);
  assert.ok(
    found.objects.some(({ source }) => source === 'bus'),
    'some of it is from the bus',
  );
  assert.deepEqual(found.captures, manifest.captures);
  assert.equal(found.content_id, manifest.content_id);
  const { captures: _, ...without } = manifest;
  assert.equal(buildManifest(without, sha256).content_id, manifest.content_id);
});

test('an export by clock has the rows so captured, and counts the others', async () => {
  const out = join(scratch.path, 'ptp');
  const { published } = await runExport(deps, { out, types: ['trade'], clock: PTP });
  const trades = tiny.live.filter(({ type }) => type === 'trade');
  const kept = trades.filter(({ t }) => t < TAKE);
  assert.ok(kept.length > 0 && kept.length < trades.length);
  assert.deepEqual(
    [published.rows, published.left_out],
    [kept.length, trades.length - kept.length],
  );
  const told = await readExport(out);
  assert.deepEqual(told.selection.clock, PTP);
  assert.equal(told.totals.left_out, published.left_out);
  const texts = await Promise.all(told.files.map(({ path }) => readFile(join(out, path), 'utf8')));
  const rows = texts.flatMap((text) =>
    text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { t: string }),
  );
  assert.deepEqual(rows.map(({ t }) => BigInt(t)).toSorted(), kept.map(({ t }) => t).toSorted());
});

test('an export without such a filter says nothing of it', async () => {
  const out = join(scratch.path, 'all');
  const { published } = await runExport(deps, { out, types: ['trade'] });
  assert.equal('left_out' in published, false);
  assert.equal('clock' in (await readExport(out)).selection, false);
});

async function refusal(of: typeof deps): Promise<string> {
  const wanted = wantedOf({ out: join(scratch.path, 'none'), clock: PTP });
  return planExport(of, wanted, plainContext()).then(
    () => assert.fail('it was planned'),
    (error: SsmdError) => error.message,
  );
}

test('a day whose manifest does not say is refused, never exported as if it did', async () => {
  const { captures: _, ...without } = manifest;
  const get = jobs.normalized.get.bind(jobs.normalized);
  const normalized: typeof jobs.normalized = {
    ...jobs.normalized,
    get: async (key, options) => {
      const stored = await get(key, options);
      return stored !== null && key === manifestKey(OF)
        ? { ...stored, body: jsonDocument(without) }
        : stored;
    },
  };
  const older = exportDeps({ ...jobs, normalized });
  assert.match(
    await refusal(older),
    /clock_source: the manifest of tiny 2026-11-20 v1 does not say.*rebuild the day with reprocess/,
  );
});

test('what is not known passes no filter', () => {
  const nobody = { sources: null, statuses: null };
  assert.equal(passesClock(null, nobody), false);
  const span = manifest.captures?.[1] ?? null;
  assert.equal(passesClock(span, nobody), true);
  assert.equal(passesClock(span, { sources: ['ntp', 'unsynced'], statuses: null }), true);
  assert.equal(passesClock(span, { sources: null, statuses: ['synced', 'degraded'] }), false);
});

test('spans part where anything of a capture changes, and run through quiet minutes', () => {
  const at = (minute: bigint, of: Partial<Capture>) => ({
    id: { feed: 'tiny', shard: 'a', epoch: 1, t: unixNs(minute * NS_PER_MINUTE) },
    capture: { ...sampleCapture, clock_offset_us: Number(minute), ...of },
  });
  const segments = [
    at(0n, {}),
    at(1n, {}),
    at(5n, {}),
    at(6n, { clock_sync_status: 'degraded' }),
    { ...at(7n, {}), capture: null },
    at(8n, { location_id: 'other' }),
  ];
  const interval = {
    epoch: 1,
    from: NS_PER_MINUTE + 30n,
    until: 8n * NS_PER_MINUTE + 7n,
    segments,
  };
  const spans = captureSpans([{ shard: 'a', intervals: [interval] }]);
  assert.deepEqual(
    spans.map((it) => [
      BigInt(it.from),
      BigInt(it.to),
      it.clock_offset_us_min,
      it.clock_offset_us_max,
    ]),
    [
      [interval.from, 6n * NS_PER_MINUTE, 1, 5],
      [6n * NS_PER_MINUTE, 7n * NS_PER_MINUTE, 6, 6],
      [8n * NS_PER_MINUTE, interval.until, 8, 8],
    ],
  );
  assert.equal(captureLookup(spans)('a', 7n * NS_PER_MINUTE), null, 'of that minute nobody knows');
});

test('the words of a filter are judged with the rest of an input', () => {
  const known = { feeds: ['kraken'], shards: [], now: unixNs(dayEnd(DAY)) };
  const input = { feed: 'kraken', clock_source: ['ptp', 'gpss'], clock_status: 'synced' };
  const said = admit(known, { type: 'export', input }).refusal?.message ?? '';
  assert.match(said, /clock_source: "gpss" is not known \(did you mean "gps"\?\)/);
  assert.match(
    said,
    /clock_status: "synced" is no such list \(a list of synced, degraded, unsynced\)/,
  );
});
