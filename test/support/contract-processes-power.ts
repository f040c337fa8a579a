/**
 * The scenario of lost power: what a killed connector left is cut within the last second it wrote, and
 * goes through the next start, the bucket, the bus and the archive. The bus may know more than RAW.
 */
import assert from 'node:assert/strict';
import { cpSync, readFileSync, readdirSync, rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../connectors/runtime/clock.ts';
import { recover } from '../../connectors/runtime/recovery.ts';
import { createShipper } from '../../connectors/runtime/shipper.ts';
import { Random } from '../../connectors/simulator/random.ts';
import { busSeenKey } from '../../dataset/keys.ts';
import type { Manifest } from '../../dataset/manifest.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { archiveDay } from './archive-run.ts';
import {
  DAY,
  FEED,
  LATER,
  SHARD,
  openScene,
  untilEvents,
  untilPhase,
} from './contract-processes.ts';
import { assertAudited } from './contract-processes-checks.ts';
import { endAll, epochsOf, hostOf, liveOn } from './contract-processes-steps.ts';
import type { ScenarioOptions } from './contract-processes-steps.ts';
import {
  assertArchiveIsSpoken,
  assertSameArchive,
  eventsOnBus,
  feedOf,
  foldLines,
  jobsOf,
  manifestOf,
  readEpochs,
  takeOf,
  tOf,
} from './e2e.ts';
import type { Events, Stage } from './e2e.ts';

const of = { feed: FEED, day: DAY, version: 'v1' } as const;
const SECOND_NS = 1_000_000_000n;

export type PowerOptions = ScenarioOptions & {
  /** Cuts that are archived, beside the one a next life goes on from. */
  readonly cuts: number;
};

export type PowerReport = { readonly cuts: readonly number[]; readonly behind_bus: number };

export async function powerLost(options: PowerOptions): Promise<PowerReport> {
  const { servers, name, events, rate, seed } = options;
  await using scene = await openScene(servers, name, { rate, seed });
  const { stage } = scene;
  const root = hostOf(options, 'one');
  const life = await scene.begin({ root });
  await untilPhase(life, 'speaking');
  await scene.moveTo(`${DAY}T14:00:02Z`);
  await untilEvents(life, events);
  await life.end('SIGKILL');
  const [epoch = 0] = epochsOf(life);
  const log = join('.ssmd', name, 'log');
  const dir = join(root, log, FEED, SHARD, `${epoch}`);
  const segment = readdirSync(dir).filter(isSegment).sort().at(-1) ?? assert.fail('no segment');
  const bytes = readFileSync(join(dir, segment));
  const cuts = cutsWithin(lastSecond(bytes), bytes, { count: options.cuts, seed });
  const onBus = (await eventsOnBus(stage.bus, { shard: SHARD, feed: FEED })).events;
  let behind_bus = 0;
  for (const [index, cut] of cuts.entries()) {
    const copy = join(options.dir, `cut-${index}`);
    cpSync(root, copy, { recursive: true });
    truncateSync(join(copy, log, FEED, SHARD, `${epoch}`, segment), cut);
    const raw = await stage.bucket(`raw-${index}`);
    await copyAll(stage.raw, raw);
    await restart(raw, join(copy, log));
    const found = await assertCut({ ...stage, raw }, index, { bytes, cut, onBus });
    behind_bus += found;
    rmSync(copy, { recursive: true });
  }

  // The next life goes on from one of them, over the same bus.
  truncateSync(join(dir, segment), cuts[0] ?? bytes.length);
  const next = await scene.begin({ root });
  await untilPhase(next, 'speaking');
  await untilEvents(next, events);
  await liveOn(scene, next, events);
  await endAll([next]);
  const { manifest, hours } = await archiveTwice(stage, 'next');
  const [first, second] = [...(await readEpochs(stage.raw, FEED))];
  const last = first?.[1].at(-1)?.t ?? 0n;
  assert.equal(`${last}`, lastOf(bytes, cuts[0] ?? 0), 'the log ends where it was cut');
  assert.equal(takeOf(second?.[1] ?? [])?.prev?.epoch, epoch);
  assert.deepEqual(hours, [15]);
  const seen = [...onBus.keys()].map(tOf).reduce((a, b) => (b > a ? b : a), 0n);
  assertBehind(manifest, last, seen);
  return { cuts, behind_bus };
}

/** One cut: RAW is its whole lines, the archive what they fold to, the hole told from the last of them. */
async function assertCut(
  stage: Stage,
  index: number,
  { bytes, cut, onBus }: { bytes: Buffer; cut: number; onBus: Events },
): Promise<number> {
  const [[epoch, lines] = assert.fail('an epoch')] = [...(await readEpochs(stage.raw, FEED))];
  const last = lines.at(-1)?.t ?? 0n;
  assert.equal(`${last}`, lastOf(bytes, cut), `cut at ${cut}: RAW ends with the last whole line`);
  const { live, manifest } = await archiveTwice(stage, `cut-${index}`);
  const folded = foldLines(feedOf(FEED), { shard: SHARD, epoch }, lines);
  const spoken = [...folded].map(([id, event]) => [id.slice(id.indexOf(' ') + 1), event] as const);
  await assertArchiveIsSpoken(live, of, new Map(spoken));
  await assertAudited(live);
  assert.equal(manifest.complete, false);
  const ended = manifest.gaps.find(({ cause }) => cause === 'epoch_ended');
  assert.equal(ended?.from, `${last}`, `cut at ${cut}: the hole begins there`);
  for (const [id, event] of onBus) {
    const own = folded.get(id);
    const same = own !== undefined && Buffer.compare(own, event) === 0;
    assert.ok(same || tOf(id) > last, `${id} is on the bus, RAW has other bytes`);
  }
  const seen = [...onBus.keys()].map(tOf).reduce((a, b) => (b > a ? b : a), 0n);
  return assertBehind(manifest, last, seen);
}

/** Where the bus has events that the log lost, the manifest says so, and up to where. */
function assertBehind({ gaps }: Manifest, last: bigint, seen: bigint): number {
  const behind = gaps.filter(({ cause }) => cause === 'log_behind_bus');
  assert.deepEqual(
    behind.map(({ from, to }) => [from, to]),
    seen > last ? [[`${last}`, `${seen}`]] : [],
  );
  return behind.length;
}

/** With the bus, and from RAW alone but for what is remembered of the bus. */
async function archiveTwice(
  { environment, raw, bus, bucket }: Stage,
  name: string,
): Promise<{
  live: ReturnType<typeof jobsOf>;
  manifest: Manifest;
  hours: readonly number[];
}> {
  const [one, other] = [await bucket(`${name}-live`), await bucket(`${name}-rebuilt`)];
  const live = jobsOf(environment, LATER, { raw, bus, normalized: one });
  const rebuilt = jobsOf(environment, LATER, { raw, bus: null, normalized: other });
  const { plan } = await archiveDay(live, of);
  const key = busSeenKey({ feed: FEED, shard: SHARD, day: DAY });
  await other.put(key, (await one.get(key))?.body ?? new Uint8Array(0));
  await archiveDay(rebuilt, of);
  await assertSameArchive(live, rebuilt, of);
  const windows = plan.shards.flatMap((it) => it.windows);
  const hours = windows.filter((it) => it.source === 'bus').map((it) => it.hour);
  return { live, manifest: await manifestOf(live, of), hours };
}

/** What the next start does with what is left, as far as RAW is concerned. */
async function restart(store: ObjectStore, dir: string): Promise<void> {
  const shipper = createShipper({
    ...{ store, clock: systemClock(), random: () => 0.5 },
    report: ({ type }) => assert.equal(type, 'shipped'),
  });
  const found = await recover(
    dir,
    { feed: FEED, shard: SHARD },
    { store, shipper, own: () => false, now_ms: Date.now(), report: () => undefined },
  );
  assert.equal(found.epochs, 1);
}

async function copyAll(from: ObjectStore, to: ObjectStore): Promise<void> {
  for await (const { key } of from.list('raw/')) {
    await to.put(key, (await from.get(key))?.body ?? new Uint8Array(0));
  }
}

const isSegment = (name: string): boolean => /^\d{8}\.jsonl$/.test(name);
const LINE_T = /^\{"t":"(\d+)"/;

/** `t` of the last whole line before a byte. */
function lastOf(bytes: Buffer, cut: number): string {
  const whole = bytes.subarray(0, bytes.lastIndexOf(0x0a, cut - 1) + 1).toString('latin1');
  return (
    whole
      .split('\n')
      .flatMap((line) => LINE_T.exec(line)?.[1] ?? [])
      .at(-1) ?? ''
  );
}

/** Where the lines of the last second begin. */
function lastSecond(bytes: Buffer): readonly number[] {
  const starts: { readonly at: number; readonly t: bigint }[] = [];
  for (let at = 0; at < bytes.length; at = bytes.indexOf(0x0a, at) + 1) {
    const t = LINE_T.exec(bytes.subarray(at, at + 40).toString('latin1'))?.[1];
    if (t !== undefined) starts.push({ at, t: BigInt(t) });
  }
  const last = starts.at(-1)?.t ?? 0n;
  return starts.filter(({ t }) => t > last - SECOND_NS).map(({ at }) => at);
}

/** Before, at and after the end of a line, within one, and the whole: spread over the second. */
function cutsWithin(
  starts: readonly number[],
  bytes: Buffer,
  { count, seed }: { readonly count: number; readonly seed: number },
): readonly number[] {
  const random = new Random(seed, 'cuts');
  const cuts = [bytes.length];
  while (cuts.length < count) {
    const at = starts[random.below(starts.length)] ?? 0;
    const kind = cuts.length % 4;
    const within = random.below(bytes.indexOf(0x0a, at) - at);
    cuts.push(kind === 3 ? at + within : at + kind - 1);
  }
  return cuts.sort((a, b) => a - b);
}
