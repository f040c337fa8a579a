import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createEpochArchive } from '../../connectors/runtime/archive.ts';
import { systemClock } from '../../connectors/runtime/clock.ts';
import { createEpochFiles } from '../../connectors/runtime/epoch-files.ts';
import { buildInventory, daysOf } from '../../connectors/runtime/inventory.ts';
import { unsyncedFiles } from '../../connectors/runtime/log-files.ts';
import { openLog } from '../../connectors/runtime/log-writer.ts';
import type { ClosedSegment } from '../../connectors/runtime/log-writer.ts';
import { createShipper } from '../../connectors/runtime/shipper.ts';
import { NS_PER_MINUTE, addDays, dayOf, dayStart } from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';
import { createMemoryObjectStore } from '../../storage/memory.ts';
import { sampleCapture } from '../support/log.ts';
import { instant, inventories, scratchDirectory } from '../support/runtime.ts';

const { format: _f, segment: _s, previous_sha256: _p, ...capture } = sampleCapture;
const FIRST = '2025-11-20' as Day;
const DAYS = 6;
const MINUTES = 3n;

test('of days whose inventory is written nothing is kept but the connections that outlived them', async (t) => {
  const dir = scratchDirectory(t);
  const { feed, shard, epoch, origin } = capture;
  const of = { feed, shard, epoch, origin, host: 'h' };
  const files = createEpochFiles(dir, of, { files: unsyncedFiles });
  const store = createMemoryObjectStore();
  const quiet = (): void => undefined;
  const clock = systemClock();
  const shipper = createShipper({ store, clock, random: () => 0, report: quiet });
  const archive = createEpochArchive({ files, store, shipper, report: quiet });
  const log = openLog({ dir: files.dir, capture: () => capture, files: unsyncedFiles });
  const all: ClosedSegment[] = [];
  log.onSegmentClosed((segment) => all.push(segment));
  log.onSegmentClosed(archive.add);
  const settle = async (): Promise<void> => {
    await shipper.idle();
    archive.settleBefore(dayOf(log.last()));
    for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
  };

  let held_max = 0;
  for (let at = 0; at < DAYS; at++) {
    const start = dayStart(addDays(FIRST, at));
    // Connection 1 lives for ever, each day has one of its own that lives into the next.
    if (at === 0) log.fact(start, '_open', { c: 1, url: 'u', day: FIRST });
    log.fact(start + 1n, '_open', { c: 2 + at, url: 'u', day: addDays(FIRST, at) });
    for (let minute = 0n; minute < MINUTES; minute++) {
      const frame = Buffer.from('{"a":1}\n');
      log.frame(start + 2n + minute * NS_PER_MINUTE, 1, frame, 0, frame.length - 1);
      if (minute === 1n && at > 0) {
        const close = { c: 1 + at, code: null, reason: '', by: 'us' as const };
        log.fact(start + 3n + minute * NS_PER_MINUTE, '_close', close);
      }
      await settle();
      held_max = Math.max(held_max, archive.segments().length);
    }
  }
  assert.ok(log.close());
  await archive.finish('shutdown');
  shipper.stop();

  assert.equal(archive.count(), DAYS * Number(MINUTES));
  assert.ok(held_max <= Number(MINUTES) + 1, `${held_max} of ${archive.count()} held`);
  const days = daysOf(all);
  const expected = days.map((day) =>
    buildInventory(of, all, day, day === days.at(-1) ? 'shutdown' : 'day'),
  );
  const found = [...(await inventories(store))].sort((a, b) => (a.day < b.day ? -1 : 1));
  assert.deepEqual(found, expected, 'as if all had been kept');
  assert.equal(found[0]?.day, dayOf(instant('2025-11-20T00:00:00Z')));
  assert.equal(found.at(-1)?.connections.find(({ c }) => c === 1)?.opened, `${dayStart(FIRST)}`);
});

test('with a segment that was not shipped, no inventory is written and nothing here is removed', async (t) => {
  const { feed, shard, epoch, origin } = capture;
  const of = { feed, shard, epoch, origin, host: 'h' };
  const files = createEpochFiles(scratchDirectory(t), of, { files: unsyncedFiles });
  const store = createMemoryObjectStore();
  const quiet = (): void => undefined;
  const options = { store, clock: systemClock(), random: () => 0, report: quiet };
  const ship = (): Promise<never> => Promise.reject(new Error('stopped'));
  const shipper = { ...createShipper(options), ship };
  const archive = createEpochArchive({ files, store, shipper, report: quiet });
  const log = openLog({ dir: files.dir, capture: () => capture, files: unsyncedFiles });
  log.onSegmentClosed(archive.add);
  log.fact(dayStart(FIRST), '_open', { c: 1, url: 'u', day: FIRST });
  assert.ok(log.close());
  await archive.finish('shutdown');
  assert.deepEqual(await inventories(store), []);
  assert.ok(unsyncedFiles.list(files.dir).includes('00000000.jsonl'));
});

test('an inventory that another host wrote under the same name stays', async (t) => {
  const { feed, shard, epoch, origin } = capture;
  const store = createMemoryObjectStore();
  const told: string[] = [];
  const finish = async (host: string): Promise<void> => {
    const files = createEpochFiles(
      scratchDirectory(t),
      { feed, shard, epoch, origin, host },
      { files: unsyncedFiles },
    );
    const options = { store, clock: systemClock(), random: () => 0, report: () => undefined };
    const report = (event: string): void => void told.push(`${host} ${event}`);
    const archive = createEpochArchive({ files, shipper: createShipper(options), store, report });
    const source = () => ({ ...capture, host });
    const log = openLog({ dir: files.dir, capture: source, files: unsyncedFiles });
    log.onSegmentClosed(archive.add);
    log.fact(dayStart(FIRST), '_open', { c: 1, url: host, day: FIRST });
    assert.ok(log.close());
    await archive.finish('shutdown');
  };
  for (const host of ['one', 'two', 'one']) await finish(host);
  const [only, ...more] = await inventories(store);
  assert.equal(only?.host, 'one');
  assert.deepEqual(more, []);
  const events = ['one inventory.written', 'two inventory.disputed', 'one inventory.written'];
  assert.deepEqual(told, events);
});
