import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { test } from 'node:test';
import { zstdDecompressSync } from 'node:zlib';
import { systemClock } from '../../connectors/runtime/clock.ts';
import type { Clock } from '../../connectors/runtime/clock.ts';
import { buildInventory, segmentKey } from '../../connectors/runtime/inventory.ts';
import { unsyncedFiles } from '../../connectors/runtime/log-files.ts';
import { openLog } from '../../connectors/runtime/log-writer.ts';
import type { ClosedSegment } from '../../connectors/runtime/log-writer.ts';
import { createShipper } from '../../connectors/runtime/shipper.ts';
import type { ShipperReport } from '../../connectors/runtime/shipper.ts';
import { NS_PER_MINUTE } from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';
import { createMemoryObjectStore } from '../../storage/memory.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { sampleCapture } from '../support/log.ts';
import { instant, scratchDirectory } from '../support/runtime.ts';

const { format: _f, segment: _s, previous_sha256: _p, ...capture } = sampleCapture;
const START = instant('2025-11-20T23:58:00Z');
const OF = { ...capture, host: 'h' };

/** Four minutes over a midnight: connection 1 opens on the first day, 2 on the second. */
function segments(dir: string): ClosedSegment[] {
  const log = openLog({ dir, capture: () => capture, files: unsyncedFiles });
  const closed: ClosedSegment[] = [];
  log.onSegmentClosed((segment) => closed.push(segment));
  for (let minute = 0n; minute < 4n; minute++) {
    const t = START + minute * NS_PER_MINUTE;
    if (minute === 0n) log.fact(t, '_open', { c: 1, url: 'u', day: '2025-11-20' });
    if (minute === 2n) log.fact(t, '_open', { c: 2, url: 'u', day: '2025-11-21' });
    const frame = Buffer.from(`{"minute":${minute}}\n`);
    log.frame(t + 1n, minute < 2n ? 1 : 2, frame, 0, frame.length - 1);
    if (minute === 2n) log.fact(t + 2n, '_close', { c: 1, code: null, reason: '', by: 'us' });
  }
  log.close();
  return closed;
}

/** Waits are over at once. */
const hasty: Clock = { ...systemClock(), setTimeout: (run) => systemClock().setTimeout(run, 0) };

function rig(store: ObjectStore) {
  const reports: ShipperReport[] = [];
  const report = (it: ShipperReport): void => void reports.push(it);
  return { reports, shipper: createShipper({ store, clock: hasty, random: () => 0, report }) };
}

test('a segment is one zstd frame under its key; its file goes once it is published past', async (t) => {
  const store = createMemoryObjectStore();
  const { shipper } = rig(store);
  const [first, second] = segments(scratchDirectory(t));
  if (first === undefined || second === undefined) return assert.fail();
  const plain = readFileSync(first.path);
  await shipper.ship(first);
  await shipper.ship(second);
  const object = await store.get(segmentKey(first));
  assert.deepEqual(zstdDecompressSync(object?.body ?? new Uint8Array()), plain);
  assert.ok(existsSync(first.path), 'uploaded, not published');
  assert.equal(shipper.localBytes(), first.bytes + second.bytes);
  shipper.release(BigInt(first.last));
  await shipper.idle();
  while (shipper.localBytes() > second.bytes) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(existsSync(first.path), false);
  assert.equal(existsSync(second.path), true);
  assert.equal(shipper.localBytes(), second.bytes);
});

test('there already and equal is done; there already and other is kept beside it and told', async (t) => {
  const store = createMemoryObjectStore();
  const [one] = segments(scratchDirectory(t));
  if (one === undefined) return assert.fail();
  const first = rig(store);
  await first.shipper.ship(one);
  const again = rig(store);
  await again.shipper.ship(one);
  assert.deepEqual(
    again.reports.map((it) => it.type),
    ['shipped'],
  );
  const key = segmentKey(one);
  const other = createMemoryObjectStore();
  await other.put(key, Buffer.from('something else'));
  const conflicting = rig(other);
  await conflicting.shipper.ship(one);
  const kept_as = `${key}.conflict-${one.sha256.slice(0, 8)}`;
  assert.deepEqual(conflicting.reports[0], { type: 'conflict', key, kept_as });
  assert.ok((await other.get(kept_as)) !== null);
  assert.equal(Buffer.from((await other.get(key))?.body ?? '').toString(), 'something else');
});

test('a store that is away is asked again until it answers, the record first', async (t) => {
  const memory = createMemoryObjectStore();
  let failures = 5;
  const store: ObjectStore = {
    ...memory,
    putIfAbsent(...args) {
      if (failures-- > 0) return Promise.reject(new Error('away'));
      return memory.putIfAbsent(...args);
    },
  };
  const { shipper, reports } = rig(store);
  const [one] = segments(scratchDirectory(t));
  if (one === undefined) return assert.fail();
  let recorded = 0;
  const before = (): Promise<void> => {
    recorded += 1;
    return recorded < 3 ? Promise.reject(new Error('disk full')) : Promise.resolve();
  };
  await shipper.ship(one, { before });
  const types = reports.map((it) => it.type);
  assert.equal(types.filter((type) => type === 'retry').length, 7);
  assert.equal(types.at(-1), 'shipped');
  assert.ok((await memory.get(segmentKey(one))) !== null);
});

test('a segment whose file is gone is told of once, and keeps no place from the others', async (t) => {
  const store = createMemoryObjectStore();
  const { shipper, reports } = rig(store);
  const all = segments(scratchDirectory(t));
  for (const { path } of all.slice(0, 3)) rmSync(path);
  const shipments = await Promise.all(all.map((segment) => shipper.ship(segment)));
  assert.deepEqual(shipments, ['lost', 'lost', 'lost', 'shipped']);
  assert.deepEqual(
    reports.map((it) => it.type),
    ['lost', 'lost', 'lost', 'shipped'],
  );
  assert.equal(shipper.pending(), 0);
  assert.equal(shipper.localBytes(), all.at(-1)?.bytes);
});

test('an inventory is of one day, and the same whenever it is written', (t) => {
  const all = segments(scratchDirectory(t));
  const day = '2025-11-20' as Day;
  const at_once = buildInventory(OF, all.slice(0, 2), day, 'day');
  const later = buildInventory(OF, all, day, 'day');
  assert.deepEqual(at_once, later);
  assert.deepEqual(later.connections, [{ c: 1, opened: `${START}`, closed: null, frames: 2 }]);
  assert.deepEqual(
    later.segments.map((it) => it.segment),
    [0, 1],
  );
  const next = buildInventory(OF, all, '2025-11-21' as Day, 'shutdown');
  assert.deepEqual(
    next.connections.map(({ c, closed, frames }) => ({ c, closed, frames })),
    [
      { c: 1, closed: `${START + 2n * NS_PER_MINUTE + 2n}`, frames: 0 },
      { c: 2, closed: null, frames: 2 },
    ],
  );
  assert.equal(next.connections[0]?.opened, `${START}`);
});
