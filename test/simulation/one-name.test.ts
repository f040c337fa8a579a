/**
 * Two hosts start a connector of one shard in the same millisecond: both epochs have one name, and one
 * place in the bucket. The claim decides whose it is; nothing of that one is altered by the other.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { zstdDecompressSync } from 'node:zlib';
import { createMemoryBus } from '../../bus/memory.ts';
import { FEEDS } from '../../connectors/registry.ts';
import { createPublisher } from '../../connectors/runtime/publisher.ts';
import { openWal } from '../../connectors/runtime/wal-reader.ts';
import { captureTemplate } from '../../connectors/runtime/provenance.ts';
import { virtualClock } from '../../connectors/simulator/clock.ts';
import { parseRawConflictKey, parseRawSegmentKey } from '../../dataset/keys.ts';
import { UNSYNCED } from '../../schema/clock.ts';
import type { Capture, Inventory } from '../../schema/log.ts';
import type { Day } from '../../schema/time.ts';
import { createMemoryObjectStore } from '../../storage/memory.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { memoryJobs } from '../support/memory-jobs.ts';
import { instant, inventories, scratchDirectory, startRig } from '../support/runtime.ts';
import type { Rig } from '../support/runtime.ts';
import { surveyDay } from '../support/survey-day.ts';

const kraken = FEEDS.get('kraken') ?? assert.fail();
const of = { shard: 'tier1', feed: 'kraken', normalizer: 'kraken@1' } as const;
const DAY = '2026-11-20' as Day;
const quiet = (): void => undefined;

/** Two hosts on one clock, one bus and one bucket. `claim_s`: how long a question to the bus takes. */
function startBoth(t: TestContext, at: string, claim_s: number) {
  const clock = virtualClock(instant(at));
  const hop = { ms: claim_s * 1000 };
  const bus = createMemoryBus({ schedule: (run) => void clock.setTimeout(run, hop.ms) });
  const store = createMemoryObjectStore();
  const start = (host: string): Rig =>
    startRig({
      ...{ dir: scratchDirectory(t), at, clock, store },
      deps: {
        publish: ({ epoch, fold, dir, watermark }) =>
          createPublisher({
            ...{ ...of, bus, epoch, clock, watermark, writer: host },
            log: { info: quiet, warn: quiet, error: quiet },
            fold: () => fold,
            openWal: (after) => openWal(dir, after),
          }),
        capture: (epoch) =>
          captureTemplate({
            ...{ feed: kraken, shard: of.shard, epoch, host, config_sha256: '0'.repeat(64) },
            ...{ origin: 'simulator', source: 'test', clock: UNSYNCED },
            software: { connector_version: '0', connector_commit: 't', connector_build: 't' },
          }),
      },
    });
  return { store, hop, rigs: [start('one'), start('two')] as const };
}

/** The host that wrote each object of an epoch, by what its first line says. */
async function hostsOf(store: ObjectStore, epoch: number) {
  const own: string[] = [];
  const kept: string[] = [];
  for await (const { key } of store.list('raw/kraken/2026/')) {
    const id = parseRawSegmentKey(key) ?? parseRawConflictKey(key);
    if (id?.epoch !== epoch) continue;
    const plain = zstdDecompressSync((await store.get(key))?.body ?? new Uint8Array(0));
    const line = plain.subarray(0, plain.indexOf(10)).toString();
    const { host } = (JSON.parse(line) as { _capture: Capture })._capture;
    (parseRawSegmentKey(key) === null ? kept : own).push(host);
  }
  return { own, kept };
}

// At once, and with a minute's end between the start and the claim.
for (const claim_s of [0.01, 1]) {
  test(`two hosts with one epoch, claimed ${claim_s} s after: the loser is kept beside`, async (t) => {
    const { store, hop, rigs } = startBoth(t, `${DAY}T10:00:58.500Z`, claim_s);
    const [one, two] = rigs;
    for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve));
    const epoch = one.connector.status().epoch;
    assert.ok(epoch !== null);
    assert.equal(two.connector.status().epoch, epoch, 'they have one name');
    const refused = (): Rig | undefined =>
      rigs.find(({ events }) => events.some((it) => it.event === 'epoch.closed'));
    for (let tries = 0; refused() === undefined; tries++) {
      assert.ok(tries < 20_000, 'none of them gave way');
      await one.pass(0.01);
    }
    hop.ms = 10;
    const loser = refused();
    const winner = loser === one ? two : one;
    for (let second = 0; second < 70; second++) await one.pass(1);
    assert.equal(winner.connector.status().epoch, epoch);
    await Promise.all(rigs.map((it) => it.connector.shipper.idle()));
    for (const it of rigs) it.stop.abort();
    const stopped = (it: Rig): boolean => it.events.some((e) => e.event === 'connector.stopped');
    while (!rigs.every(stopped)) await one.pass(1);

    const name = winner === one ? 'one' : 'two';
    const { own, kept } = await hostsOf(store, epoch);
    assert.deepEqual([...new Set(own)], [name], 'what has the name is all of one host');
    assert.ok(own.length >= 2);
    assert.deepEqual([...new Set(kept)], [name === 'one' ? 'two' : 'one']);
    const listed = (await inventories(store)).filter((it: Inventory) => it.epoch === epoch);
    assert.deepEqual(
      listed.map((it) => [it.host, it.segments.length]),
      [[name, own.length]],
    );
    const jobs = memoryJobs('2026-11-22T00:00:00Z', {
      raw: store,
      feeds: FEEDS,
    });
    const { plans, conflicts } = await surveyDay(jobs, {
      feed: 'kraken',
      day: DAY,
      shards: ['tier1'],
    });
    assert.equal(conflicts.length, kept.length, 'the loser is named');
    const causes = plans.flatMap((it) => it.gaps).map((it) => it.cause);
    assert.deepEqual(
      causes,
      ['before_first_take', 'epoch_ended'],
      'nothing of the winner is missing',
    );
  });
}
