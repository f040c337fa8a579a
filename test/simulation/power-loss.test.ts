/**
 * Power goes: the log of a running connector is what the disk has of it, cut anywhere. The next start
 * keeps every whole line and nothing else, RAW and inventory agree with it, and the archive says where
 * the hole is. What is expected is worked out here from the bytes alone.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { zstdDecompressSync } from 'node:zlib';
import { systemClock } from '../../connectors/runtime/clock.ts';
import { epochDirectory } from '../../connectors/runtime/epoch-files.ts';
import { recover } from '../../connectors/runtime/recovery.ts';
import type { RecoveryReport } from '../../connectors/runtime/recovery.ts';
import { createShipper } from '../../connectors/runtime/shipper.ts';
import { FEEDS } from '../../connectors/registry.ts';
import { Random } from '../../connectors/simulator/random.ts';
import type { ManifestGap } from '../../dataset/manifest.ts';
import type { Inventory } from '../../schema/log.ts';
import { dayEnd } from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';
import { createMemoryObjectStore } from '../../storage/memory.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { archiveDay } from '../support/archive-run.ts';
import {
  assertArchiveIsSpoken,
  eventsArchived,
  feedOf,
  foldLines,
  manifestOf,
  readEpochs,
  takeOf,
} from '../support/e2e.ts';
import type { Events } from '../support/e2e.ts';
import { memoryJobs } from '../support/memory-jobs.ts';
import { startRig } from '../support/runtime.ts';
import { surveyDay } from '../support/survey-day.ts';

const DAY = '2026-11-20' as Day;
const FEED = 'kraken';
const SHARD = 'tier1';
const SEED = Number(process.env['E2E_SEED'] ?? 11);
console.log(`# seed ${SEED} (E2E_SEED)`);
const random = new Random(SEED, 'power loss');

/** Thousands of repairs, each made durable: in memory where the machine has a place for that. */
const MEMORY = '/dev/shm';
const root = mkdtempSync(join(existsSync(MEMORY) ? MEMORY : tmpdir(), 'ssmd-power-'));
after(() => rmSync(root, { recursive: true, force: true }));

/** What a machine leaves when its power goes: the files of one epoch, and what had been shipped. */
type Left = {
  readonly epoch: number;
  /** By name: `00000002.jsonl` and the like, and the epoch's records. */
  readonly files: ReadonlyMap<string, Buffer>;
  readonly shipped: ReadonlyMap<string, Uint8Array>;
};

/** Captures for a while and takes the disk as it is at that moment. */
async function powerOff(seconds: number, store: 'there' | 'away'): Promise<Left> {
  const dir = mkdtempSync(join(root, 'run-'));
  const memory = createMemoryObjectStore();
  const away = (): Promise<never> => Promise.reject(new Error('the store is away'));
  const rig = startRig({
    ...{ dir, rate: 0.5, seed: SEED, at: `${DAY}T10:00:00Z` },
    store: store === 'there' ? memory : { ...memory, putIfAbsent: away, put: away },
  });
  await rig.pass(seconds);
  if (store === 'there') await rig.connector.shipper.idle();
  await rig.pass(1);
  const epoch = Number(readdirSync(join(dir, FEED, SHARD))[0]);
  const from = epochDirectory(dir, { feed: FEED, shard: SHARD, epoch });
  const files = new Map(readdirSync(from).map((name) => [name, readFileSync(join(from, name))]));
  const shipped = new Map<string, Uint8Array>();
  for await (const { key } of memory.list('')) {
    shipped.set(key, (await memory.get(key))?.body ?? new Uint8Array(0));
  }
  rig.connector.shipper.stop();
  return { epoch, files, shipped };
}

type Found = {
  readonly store: ObjectStore;
  readonly dir: string;
  readonly report: RecoveryReport;
  readonly inventory: Inventory | null;
  /** Holes of the day as the archive would list them, before the first word left out. */
  readonly gaps: readonly ManifestGap[];
};

/** The next start on that disk, with `changed` files as they are (null: gone). */
async function restart(
  { epoch, files, shipped }: Left,
  changed: Readonly<Record<string, Uint8Array | null>>,
): Promise<Found> {
  const dir = mkdtempSync(join(root, 'next-'));
  const own = epochDirectory(dir, { feed: FEED, shard: SHARD, epoch });
  mkdirSync(own, { recursive: true });
  for (const [name, bytes] of [...files, ...Object.entries(changed)]) {
    if (bytes === null) rmSync(join(own, name));
    else writeFileSync(join(own, name), bytes);
  }
  const store = createMemoryObjectStore();
  for (const [key, body] of shipped) await store.put(key, body);
  const shipper = createShipper({
    ...{ store, clock: systemClock(), random: () => 0.5 },
    report: ({ type }) => assert.equal(type, 'shipped'),
  });
  const report = await recover(
    dir,
    { feed: FEED, shard: SHARD },
    { store, shipper, own: () => false, now_ms: Date.now(), report: () => undefined },
  );
  const key = `raw/${FEED}/_manifests/${DAY}/${SHARD}-${epoch}.json`;
  const stored = await store.get(key);
  const inventory =
    stored === null ? null : (JSON.parse(new TextDecoder().decode(stored.body)) as Inventory);
  const { plans } = await surveyDay(memoryJobs(NOW, { raw: store, feeds: FEEDS }), {
    feed: FEED,
    day: DAY,
    shards: [SHARD],
  });
  const gaps = plans.flatMap((plan) => plan.gaps);
  return { store, dir, report, inventory, gaps: gaps.filter((it) => it.cause !== FIRST_HOLE) };
}

const NOW = '2026-12-01T00:00:00Z';
const FIRST_HOLE = 'before_first_take';
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Whole lines of a segment's bytes, and the `t` of each but the first (`_capture`). */
function wholeLines(bytes: Buffer): { readonly bytes: Buffer; readonly times: readonly string[] } {
  const good = bytes.subarray(0, bytes.lastIndexOf(0x0a) + 1);
  const lines = good.toString('latin1').split('\n').slice(1, -1);
  const times = lines.flatMap((line) => /^\{"t":"(\d+)"/.exec(line)?.[1] ?? []);
  return { bytes: good, times };
}

async function plainOf(store: ObjectStore, key: string): Promise<Buffer> {
  const stored = await store.get(key);
  assert.ok(stored, `${key} is in the bucket`);
  return zstdDecompressSync(stored.body);
}

/** RAW holds exactly the good lines of a cut segment, ended; the inventory lists exactly that. */
async function assertRepaired(
  found: Found,
  of: { readonly segment: number; readonly good: Buffer; readonly times: readonly string[] },
): Promise<void> {
  const listed = found.inventory?.segments.find((it) => it.segment === of.segment);
  assert.ok(listed, 'it is in the inventory');
  const plain = await plainOf(found.store, listed.key);
  assert.ok(plain.subarray(0, of.good.length).equals(of.good), 'every whole line, to the byte');
  const rest = plain.subarray(of.good.length).toString();
  assert.equal(rest.indexOf('\n'), rest.length - 1, 'and one line after them');
  const end = { first: of.times[0], last: of.times.at(-1) };
  const lines = of.times.length + 1;
  assert.deepEqual((JSON.parse(rest) as { _end: object })._end, {
    ...{ lines, bytes: of.good.length, ...end, sha256: sha256(of.good) },
  });
  const { key: _, segment: __, ...told } = listed;
  assert.deepEqual(told, {
    ...{ sha256: sha256(plain), bytes: plain.length, lines: lines + 1, ...end },
  });
}

/** What was lost since `last` is a hole to the day's end, and the only one. */
function assertHole({ gaps, inventory }: Found, last: string): void {
  assert.deepEqual(
    gaps.map(({ cause, from, to }) => [cause, from, to]),
    [['epoch_ended', last, `${dayEnd(DAY)}`]],
  );
  assert.match(gaps[0]?.detail ?? '', /crash/);
  assert.equal(inventory?.end, 'crash');
}

const OPEN = '00000001.jsonl';
const left = await powerOff(100, 'there');
const waiting = await powerOff(200, 'away');
const open = left.files.get(OPEN) ?? assert.fail('the open segment');
const [shipped_key = ''] = [...left.shipped.keys()];
const shipped_last =
  wholeLines(zstdDecompressSync(left.shipped.get(shipped_key) ?? new Uint8Array(0))).times.at(-1) ??
  '';

/** Everything that has to hold for the open segment cut to `bytes`. */
async function assertCut(bytes: Buffer): Promise<void> {
  const found = await restart(left, { [OPEN]: bytes });
  const { bytes: good, times } = wholeLines(bytes);
  const { epochs, repaired, cut_bytes } = found.report;
  if (times.length === 0) {
    assert.deepEqual([epochs, repaired], [1, 0]);
    assert.equal(found.inventory?.segments.length, 1, 'only what was shipped before');
    assertHole(found, shipped_last);
  } else {
    assert.deepEqual([epochs, repaired, cut_bytes], [1, 1, bytes.length - good.length]);
    assert.equal(found.inventory?.segments.length, 2);
    await assertRepaired(found, { segment: 1, good, times });
    assertHole(found, times.at(-1) ?? '');
  }
  const { frames } = tally(found.inventory);
  const lines = good.toString('latin1').split('\n');
  assert.equal(frames, shipped_frames + lines.filter((it) => /^\{"t":"\d+","c":/.test(it)).length);
  assert.deepEqual(readdirSync(join(found.dir, FEED, SHARD)), [], 'nothing is left on this host');
  rmSync(found.dir, { recursive: true });
}

const tally = (inventory: Inventory | null): { readonly frames: number } => ({
  frames: (inventory?.connections ?? []).reduce((sum, it) => sum + it.frames, 0),
});
const shipped_frames = zstdDecompressSync(left.shipped.get(shipped_key) ?? new Uint8Array(0))
  .toString('latin1')
  .split('\n')
  .filter((line) => /^\{"t":"\d+","c":/.test(line)).length;

const TAIL_BYTES = 2_048;
const PARALLEL = 8;

async function eachCut(cuts: readonly number[], check: (cut: number) => Promise<void>) {
  for (let first = 0; first < cuts.length; first += PARALLEL) {
    await Promise.all(
      cuts.slice(first, first + PARALLEL).map(async (cut) => {
        try {
          await check(cut);
        } catch (cause) {
          throw new Error(`cut at byte ${cut}`, { cause });
        }
      }),
    );
  }
}

test('the open segment cut at every byte of its last 2 KiB', async () => {
  const from = open.length - TAIL_BYTES;
  const cuts = Array.from({ length: TAIL_BYTES + 1 }, (_, at) => from + at);
  await eachCut(cuts, (cut) => assertCut(open.subarray(0, cut)));
});

test('the open segment cut anywhere earlier, to nothing at all', async () => {
  const head = open.indexOf(0x0a) + 1;
  const around = [0, 1, head - 1, head, head + 1];
  const anywhere = Array.from({ length: 120 }, () => random.below(open.length - TAIL_BYTES));
  await eachCut([...around, ...anywhere], (cut) => assertCut(open.subarray(0, cut)));
});

test('pages that never reached the disk: zeros at the end, or in the middle', async () => {
  const head = open.indexOf(0x0a) + 1;
  await eachCut(
    Array.from({ length: 24 }, () => head + random.below(open.length - head)),
    async (cut) => {
      const kept = random.below(2) === 0 ? open.length : cut + random.below(open.length - cut);
      const zeroed = Buffer.from(open);
      zeroed.fill(0, cut, kept);
      // A cut between two lines and zeros only up to the next: the file is what it was.
      const { bytes: good, times } = wholeLines(open.subarray(0, cut));
      const found = await restart(left, { [OPEN]: zeroed });
      if (kept === cut) return;
      if (times.length === 0) return assertHole(found, shipped_last);
      await assertRepaired(found, { segment: 1, good, times });
      assert.equal(
        found.report.cut_bytes,
        open.length - good.length,
        'what follows is not trusted',
      );
      assertHole(found, times.at(-1) ?? '');
    },
  );
  const lost = await restart(left, { [OPEN]: Buffer.from(open).fill(0, 0, head - 1) });
  assertHole(lost, shipped_last);
  const kept = readdirSync(join(lost.dir, FEED, SHARD, `${left.epoch}`));
  assert.ok(kept.includes(OPEN), 'what cannot be read at all is not thrown away');
});

const MIDDLE = '00000001.jsonl';
const JOBS = { feeds: FEEDS, shardsOf: () => [SHARD], configuredFeeds: [FEED] };
const ARCHIVE = { feed: FEED, day: DAY, version: 'v1' };

/** Everything the connector's log holds when no power is lost, as its fold speaks it. */
async function wholeTruth(): Promise<Events> {
  const { store } = await restart(waiting, {});
  const [[epoch, lines] = assert.fail('an epoch')] = [...(await readEpochs(store, FEED))];
  const events = [...foldLines(feedOf(FEED), { shard: SHARD, epoch }, lines)];
  return new Map(events.map(([id, bytes]) => [id.slice(id.indexOf(' ') + 1), bytes]));
}

/** Of a closed segment that neither store nor disk had whole: where it is cut, and what follows it. */
const middle = waiting.files.get(MIDDLE) ?? Buffer.alloc(0);
const middle_end = middle.lastIndexOf(0x0a, middle.length - 2) + 1;
const next_t = wholeLines(waiting.files.get('00000002.jsonl') ?? Buffer.alloc(0)).times[0] ?? '';
const middle_cuts = [
  middle_end - 1,
  ...Array.from({ length: 6 }, () => 1_000 + random.below(middle_end - 1_000)),
];

for (const recorded of [false, true]) {
  const how = recorded ? 'was recorded as closed and cannot be' : 'is repaired';
  test(`a closed segment lost in part ${how}: the hole is named, nothing is invented`, async () => {
    const truth = await wholeTruth();
    await eachCut(middle_cuts, async (cut) => {
      const { bytes: good, times } = wholeLines(middle.subarray(0, cut));
      const found = await restart(waiting, {
        [MIDDLE]: middle.subarray(0, cut),
        ...(recorded ? {} : { 'closed.jsonl': null }),
      });
      const last = times.at(-1) ?? '';
      const [hole, end, ...more] = found.gaps;
      assert.deepEqual([end?.cause, more], ['epoch_ended', []]);
      assert.ok(
        BigInt(hole?.from ?? last) <= BigInt(last),
        'from no later than the last good line',
      );
      assert.equal(hole?.to, next_t, 'to the first line after it');
      assert.equal(hole.cause, recorded ? 'segment_corrupt' : 'chain_broken');
      if (!recorded) await assertRepaired(found, { segment: 1, good, times });

      const jobs = memoryJobs(NOW, { ...JOBS, raw: found.store });
      const { committed } = await archiveDay(jobs, ARCHIVE);
      assert.equal(committed.complete, false);
      const archived = await eventsArchived(jobs, ARCHIVE);
      const lost = { from: BigInt(last), to: BigInt(next_t) };
      for (const [id, bytes] of truth) {
        const t = BigInt(id.slice(0, id.indexOf(' ')));
        if (t <= lost.from) assert.deepEqual(archived.get(id), bytes, `${id} is kept`);
        if (t > lost.from && t < lost.to) assert.ok(!archived.has(id), `${id} was lost`);
      }
      for (const [id, bytes] of archived) {
        if (!id.includes(' status ')) assert.deepEqual(bytes, truth.get(id), `${id} was said`);
        // The venue never stated the books again: none is carried across the hole.
        const after = BigInt(id.slice(0, id.indexOf(' '))) > lost.from;
        if (recorded) assert.ok(!after || !id.includes(' book '), `${id} builds on what was lost`);
      }
    });
  });
}

test('a closed segment that lost nothing but its end is what it was', async () => {
  const cut = { [MIDDLE]: middle.subarray(0, middle_end), 'closed.jsonl': null };
  const [found, whole] = [await restart(waiting, cut), await restart(waiting, {})];
  assert.deepEqual(found.inventory, whole.inventory);
  assert.deepEqual(found.gaps, whole.gaps);
});

test('a segment that is gone altogether is missing by name', async () => {
  const { gaps, inventory } = await restart(waiting, { [MIDDLE]: null });
  const [hole] = gaps;
  const key = inventory?.segments.find((it) => it.segment === 1)?.key ?? 'none';
  assert.equal(hole?.cause, 'segment_missing');
  assert.ok(hole.detail.includes(key), hole.detail);
});

test('the next life: it repairs, speaks, and the archive holds both and names what is between', async () => {
  const cuts = [
    open.length - 1,
    ...Array.from({ length: 3 }, () => 5_000 + random.below(open.length - 5_000)),
  ];
  for (const cut of cuts) {
    const { times } = wholeLines(open.subarray(0, cut));
    const dir = mkdtempSync(join(root, 'life-'));
    const own = epochDirectory(dir, { feed: FEED, shard: SHARD, epoch: left.epoch });
    mkdirSync(own, { recursive: true });
    for (const [name, bytes] of left.files) writeFileSync(join(own, name), bytes);
    writeFileSync(join(own, OPEN), open.subarray(0, cut));
    const store = createMemoryObjectStore();
    for (const [key, body] of left.shipped) await store.put(key, body);
    const rig = startRig({ dir, store, rate: 0.5, seed: SEED, at: `${DAY}T10:05:00Z` });
    await rig.pass(130);
    await rig.finish();

    const epochs = [...(await readEpochs(store, FEED))];
    assert.deepEqual(epochs.map(([epoch]) => epoch).at(0), left.epoch);
    assert.equal(epochs.length, 2);
    const spoken: Events = new Map();
    for (const [epoch, lines] of epochs) {
      for (const [id, bytes] of foldLines(feedOf(FEED), { shard: SHARD, epoch }, lines)) {
        spoken.set(id.slice(id.indexOf(' ') + 1), bytes);
      }
    }
    const jobs = memoryJobs(NOW, { ...JOBS, raw: store });
    await archiveDay(jobs, ARCHIVE);
    await assertArchiveIsSpoken(jobs, ARCHIVE, spoken);
    const { gaps, complete } = await manifestOf(jobs, ARCHIVE);
    const [, between] = gaps;
    assert.equal(complete, false);
    assert.deepEqual(
      gaps.map((it) => it.cause),
      [FIRST_HOLE, 'handover', 'epoch_ended'],
    );
    const taken = takeOf(epochs[1]?.[1] ?? [])?.at;
    assert.deepEqual([between?.from, between?.to], [times.at(-1), `${taken}`], `cut at ${cut}`);
  }
});
