/** A connector whose clock is watched: on a virtual clock that steps, with a keeper that changes its mind. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { promisify } from 'node:util';
import { zstdDecompress } from 'node:zlib';
import { FEEDS } from '../../connectors/registry.ts';
import {
  CLOCK_READ_MS,
  JUMP_SHOWN_MS,
  startClockWatch,
} from '../../connectors/runtime/clock-watch.ts';
import type { ClockWatch } from '../../connectors/runtime/clock-watch.ts';
import type { ClockReading } from '../../connectors/runtime/clock-health.ts';
import { captureTemplate, placeOf } from '../../connectors/runtime/provenance.ts';
import { virtualClock } from '../../connectors/simulator/clock.ts';
import type { Location } from '../../schema/clock.ts';
import { LOCAL, UNSYNCED } from '../../schema/clock.ts';
import type { Capture } from '../../schema/log.ts';
import { createMemoryObjectStore } from '../../storage/memory.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { factsOf, instant, readLog, scratchDirectory, startRig } from '../support/runtime.ts';

const AT = '2026-11-20T10:00:00Z';
const NY5: Location = {
  ...LOCAL,
  ...{ location_id: 'ny5', datacenter: 'equinix-ny5', proximity: { kraken: 'same-metro' } },
};
const GOOD: ClockReading = {
  clock_source: 'ptp',
  clock_sync_status: 'synced',
  clock_offset_us: -12,
  clock_last_sync: '2026-11-20T09:59:58.000Z',
  ...{ by: 'chronyc', notes: [] },
};

const unpack = promisify(zstdDecompress);

/** Every segment's `_capture`, in order. */
async function headersOf(store: ObjectStore): Promise<Capture[]> {
  const found: Capture[] = [];
  for await (const { key } of store.list('raw/')) {
    if (!key.endsWith('.zst')) continue;
    const object = await store.get(key);
    const [first = ''] = (await unpack(object?.body ?? new Uint8Array())).toString().split('\n');
    found.push((JSON.parse(first) as { readonly _capture: Capture })._capture);
  }
  return found.sort((a, b) => a.segment - b.segment);
}

type Said = { readonly level: string; readonly event: string; readonly facts: object };

async function watchedRig(t: TestContext, read: () => ClockReading, asked?: () => void) {
  const clock = virtualClock(instant(AT));
  const feed = FEEDS.get('kraken');
  assert.ok(feed);
  const said: Said[] = [];
  const watch: ClockWatch = await startClockWatch({
    ...{ clock, location: NY5, feed: 'kraken' },
    read: () => {
      asked?.();
      return Promise.resolve(read());
    },
    logger: (level, event, facts) => void said.push({ level, event, facts }),
  });
  t.after(() => watch.stop());
  const store = createMemoryObjectStore();
  const rig = startRig({
    ...{ dir: scratchDirectory(t), at: AT, clock, store },
    deps: {
      clocks: watch,
      capture: (epoch) =>
        captureTemplate({
          ...{
            feed,
            shard: 'tier1',
            epoch,
            config_sha256: '0'.repeat(64),
            origin: 'simulator',
            source: 'test',
          },
          software: { connector_version: '0', connector_commit: 'test', connector_build: 'test' },
          clock: watch.health(),
          place: placeOf(NY5, 'kraken'),
          host: 'rig',
        }),
    },
  });
  return { rig, watch, said, store };
}

/** A metric's value by its name and labels; null where it is absent. */
async function valueOf(watch: ClockWatch, name: string): Promise<number | null> {
  const text = await watch.metrics();
  const line = text.split('\n').find((it) => it.startsWith(`${name} `));
  return line === undefined ? null : Number(line.slice(name.length + 1));
}

test('where it is captured and how its clock is kept stand in every header', async (t) => {
  let reading = GOOD;
  const { rig, watch, said, store } = await watchedRig(t, () => reading);
  await rig.pass(150);
  reading = { ...GOOD, ...UNSYNCED, by: null, notes: ['nobody here says'] };
  await rig.pass(150);
  assert.equal(rig.connector.status().clock?.clock_sync_status, 'unsynced');
  await rig.finish();
  const headers = await headersOf(store);
  assert.equal(headers.length, 6);
  for (const { location_id, datacenter, proximity } of headers) {
    assert.deepEqual([location_id, datacenter, proximity], ['ny5', 'equinix-ny5', 'same-metro']);
  }
  const words = headers.map((it) => `${it.clock_source} ${it.clock_sync_status}`);
  // The minute in which it changed was begun with a good clock, and says so.
  const [good, bad] = ['ptp synced', 'unsynced unsynced'];
  assert.deepEqual(words, [good, good, good, bad, bad, bad]);
  assert.equal(headers[0]?.clock_offset_us, -12);
  assert.equal(headers[5]?.clock_offset_us, null);
  const changes = said.filter(({ event }) => event === 'clock.status');
  assert.deepEqual(
    changes.map(({ level, facts }) => [level, (facts as { from: string }).from]),
    [
      ['info', null],
      ['warn', good],
    ],
  );
  assert.equal(await valueOf(watch, 'ssmd_clock_sync_status{location="ny5"}'), 0);
});

test('the machine is asked again and again, while it runs and no longer', async (t) => {
  let asked = 0;
  const { rig, watch } = await watchedRig(
    t,
    () => GOOD,
    () => void (asked += 1),
  );
  await rig.pass((CLOCK_READ_MS / 1_000) * 4 + 1);
  assert.equal(asked, 5);
  watch.stop();
  await rig.pass((CLOCK_READ_MS / 1_000) * 4);
  assert.equal(asked, 5);
  await rig.finish();
});

test('a jump of the wall clock is in the log, on the status page and in the metrics', async (t) => {
  const { rig, watch, store } = await watchedRig(t, () => GOOD);
  await rig.pass(70);
  assert.equal(await valueOf(watch, 'ssmd_clock_jump_detected{location="ny5"}'), 0);
  assert.equal(await valueOf(watch, 'ssmd_clock_jump_magnitude_us{location="ny5"}'), null);
  rig.clock.stepWall(1_500_000_000n);
  await rig.pass(5);
  assert.equal(await valueOf(watch, 'ssmd_clock_jump_detected{location="ny5"}'), 1);
  const by_us = await valueOf(watch, 'ssmd_clock_jump_magnitude_us{location="ny5"}');
  assert.ok(Math.abs((by_us ?? 0) - 1_500_000) < 1_000, String(by_us));
  await rig.pass(JUMP_SHOWN_MS / 1_000);
  assert.equal(await valueOf(watch, 'ssmd_clock_jump_detected{location="ny5"}'), 0);
  const { jumps, last_jump } = rig.connector.status().clock ?? {};
  assert.equal(jumps, 1);
  assert.ok(Math.abs((last_jump?.by_us ?? 0) - 1_500_000) < 1_000);
  await rig.finish();
  const [jump] = factsOf(await readLog(store), '_clock');
  assert.equal(jump?.bad, true);
});

test('the skew to the venue: measured, told, and absent where there is none', async (t) => {
  const { rig, watch } = await watchedRig(t, () => GOOD);
  const mean = 'ssmd_exchange_clock_skew_us{location="ny5",feed="kraken"}';
  assert.equal(await valueOf(watch, mean), null);
  await rig.pass(120);
  const before = watch.status().exchange_skew;
  assert.ok(before && before.count > 100, `${before?.count} measured`);
  // The simulated venue is on the same clock: what is left is its way here.
  assert.ok(before.p50_us >= 0 && before.p99_us < 1_000_000, JSON.stringify(before));
  assert.equal(await valueOf(watch, mean), before.mean_us);
  const median =
    'ssmd_exchange_clock_skew_quantile_us{location="ny5",feed="kraken",quantile="0.5"}';
  assert.equal(await valueOf(watch, median), before.p50_us);
  await rig.finish();
});

test('what nobody says is absent from the metrics, never 0', async (t) => {
  const { rig, watch } = await watchedRig(t, () => ({ ...UNSYNCED, by: null, notes: [] }));
  await rig.pass(5);
  const text = await watch.metrics();
  for (const name of ['offset_us', 'last_sync_seconds', 'jump_magnitude_us']) {
    assert.doesNotMatch(text, new RegExp(`^ssmd_clock_${name}\\{`, 'm'));
  }
  assert.match(text, /^ssmd_clock_sync_status\{location="ny5"\} 0$/m);
  await rig.finish();
});
