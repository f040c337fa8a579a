/** A connector at its edges: a lost opening snapshot, and other moments that are easy to overlook. */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { encodeCtl } from '../../bus/ctl.ts';
import { createMemoryBus } from '../../bus/memory.ts';
import { nodeFiles, unsyncedFiles } from '../../connectors/runtime/log-files.ts';
import type { LogFiles } from '../../connectors/runtime/log-files.ts';
import { createPublisher } from '../../connectors/runtime/publisher.ts';
import { openWal } from '../../connectors/runtime/wal-reader.ts';
import { SsmdError } from '../../schema/errors.ts';
import { unixNs } from '../../schema/time.ts';
import { publishNowhere } from '../../connectors/runtime/publishing.ts';
import { memoryVenue } from '../../connectors/simulator/memory-socket.ts';
import { virtualClock } from '../../connectors/simulator/clock.ts';
import { openHarness } from '../../connectors/simulator/harness.ts';
import { VENUES } from '../../connectors/simulator/registry.ts';
import {
  factsOf,
  instant,
  inventories,
  readLog,
  scratchDirectory,
  startRig,
} from '../support/runtime.ts';

for (const lost of [1, 2, 3]) {
  test(`${lost} opening snapshots in a row that cannot be read are asked for again`, async (t) => {
    const at = '2026-11-20T10:00:00Z';
    const create = VENUES.get('kraken');
    assert.ok(create);
    const clock = virtualClock(instant(at));
    const symbols = ['BTC/USD', 'ETH/USD'];
    const start_ns = instant(at);
    const harness = openHarness({
      create,
      seed: 7,
      rate: 4,
      symbols,
      start_ns,
      faults: { list: [] },
    });
    const open = memoryVenue({ harness, clock, seed: 7 });
    const isSnapshot = (frame: Uint8Array): boolean =>
      /^{"channel":"book","type":"snapshot".*BTC\/USD/.test(Buffer.from(frame).toString('latin1'));
    let spoilt = 0;
    const rig = startRig({
      ...{ dir: scratchDirectory(t), at, clock, harness },
      deps: {
        openSocket: (url, handlers) =>
          open(url, {
            ...handlers,
            onFrame(frame) {
              const spoil = isSnapshot(frame) && spoilt++ < lost;
              handlers.onFrame(spoil ? frame.subarray(0, 40) : frame);
            },
          }),
      },
    });
    await rig.pass(30);
    assert.equal(spoilt, lost + 1, 'the venue was asked once more for each');
    await rig.finish();
    const alarms = factsOf(await readLog(rig.store), '_alarm');
    assert.deepEqual(
      alarms.map(({ kind, symbol }) => [kind, symbol]),
      Array.from({ length: lost }, () => ['resubscribe', 'BTCUSD']),
    );
  });
}

/** A disk that is full while `full.now` is set. */
function fillable(full: { now: boolean }): LogFiles {
  return {
    ...unsyncedFiles,
    write(...args) {
      if (full.now) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
      nodeFiles.write(...args);
    },
  };
}

test('stopped the moment space returns: what the full disk lost is recorded', async (t) => {
  const full = { now: false };
  const deps = { files: fillable(full) };
  const rig = startRig({ dir: scratchDirectory(t), at: '2026-11-20T10:00:00Z', deps });
  await rig.pass(10);
  full.now = true;
  await rig.pass(10);
  full.now = false;
  await rig.finish();
  const lines = await readLog(rig.store);
  const written = lines.filter((line) => line.type === 'frame').length;
  const [drop] = factsOf(lines, '_drop');
  assert.equal(written + (drop?.frames ?? 0), rig.heard.frames.length);
  assert.equal(factsOf(lines, '_close').length, 1);
});

test('a disk full over midnight: the inventory of the day waits for its last segment', async (t) => {
  const full = { now: false };
  const deps = { files: fillable(full) };
  const rig = startRig({ dir: scratchDirectory(t), at: '2026-11-19T23:56:30Z', deps });
  const pass = async (seconds: number): Promise<void> => {
    await rig.pass(seconds);
    await rig.connector.shipper.idle();
  };
  await pass(150);
  full.now = true;
  await pass(120);
  full.now = false;
  await pass(60);
  await rig.finish();
  const inBucket: string[] = [];
  for await (const { key } of rig.store.list('raw/kraken/2026/11/19/')) inBucket.push(key);
  const inventory = (await inventories(rig.store)).find(({ day }) => day === '2026-11-19');
  assert.deepEqual(
    inventory?.segments.map(({ key }) => key),
    inBucket.sort(),
  );
});

test('while an epoch closes, nothing more is written, offered or opened', async (t) => {
  const at = '2026-11-19T23:48:00Z';
  const draining = Promise.withResolvers<undefined>();
  let after = 0;
  let closing = false;
  const publishing = publishNowhere((out) => {
    if (closing) after += out.count;
  });
  const close = (): Promise<undefined> => {
    closing = true;
    return draining.promise;
  };
  const deps = { publish: () => ({ ...publishing, close }) };
  const rig = startRig({ dir: scratchDirectory(t), at, deps });
  await rig.pass(110);
  rig.stop.abort();
  while (!closing) await new Promise((resolve) => setImmediate(resolve));
  // The next day would be opened now.
  await rig.pass(120);
  const opened = rig.events.filter(({ event }) => event === 'connection.opening').length;
  draining.resolve(undefined);
  await rig.running;
  assert.equal(opened, 1);
  assert.equal(after, 0);
});

test('an owner whose clock is far ahead is waited for, not run against', async (t) => {
  const at = '2026-11-20T10:00:00Z';
  const clock = virtualClock(instant(at));
  const bus = createMemoryBus();
  const ahead = unixNs(instant(at) + 3_600_000_000_000n);
  const owner = Number(ahead / 1_000_000n);
  const of = { shard: 'tier1', feed: 'kraken', epoch: owner, normalizer: 'kraken@1' };
  const other = await bus.openPublisher({
    ...of,
    connect_timeout_ms: 1,
    onOutcome: () => undefined,
  });
  const record = { ...of, writer: 'other:1', t: ahead, events: 0, run: 0, at: ahead };
  const message = { id: null, expected: 0, count: 0, late: false, t: null };
  other.publish({ ...message, subject: 'ctl.tier1.kraken', data: encodeCtl(record) });
  const quiet = (): void => undefined;
  const rig = startRig({
    ...{ dir: scratchDirectory(t), at, clock },
    deps: {
      publish: ({ epoch, fold, dir, watermark }) =>
        createPublisher({
          ...{ ...of, bus, epoch, clock, watermark, writer: 'rig' },
          log: { info: quiet, warn: quiet, error: quiet },
          fold: () => fold,
          openWal: (after) => openWal(dir, after),
        }),
    },
  });
  const names = (): string[] => rig.events.map(({ event }) => event);
  for (let tries = 0; !names().includes('epoch.claim_failed'); tries++) {
    assert.ok(tries < 1_000, 'the first epoch was not refused');
    await rig.pass(0.01);
  }
  // Its log is packed and put away by the machine, whatever the virtual clock says.
  while (!names().includes('epoch.closed')) await rig.pass(0.0001);
  for (let second = 0; second < 20; second++) await rig.pass(1);
  assert.equal(names().filter((it) => it === 'epoch.claim_failed').length, 1);
  assert.equal(names().filter((it) => it === 'epoch.opened').length, 2);
  assert.equal(rig.connector.status().phase, 'standby');
  const { epoch } = rig.connector.status();
  assert.ok(epoch !== null && epoch > owner && epoch <= owner + 60_000, `epoch ${epoch}`);
  rig.stop.abort();
  while (!names().includes('connector.stopped')) await rig.pass(1);
});

test('a log folder that was removed ends the connector in words, at once', async (t) => {
  const dir = scratchDirectory(t);
  const rig = startRig({ dir, at: '2026-11-20T10:00:00Z' });
  await rig.pass(90);
  rmSync(join(dir, 'kraken'), { recursive: true });
  rig.stop.abort();
  await assert.rejects(rig.running, (error: unknown) => {
    assert.ok(error instanceof SsmdError, String(error));
    assert.equal(error.code, 'SSMD_NOT_FOUND');
    assert.match(error.message, /kraken.*was removed while the connector ran/);
    return true;
  });
  assert.equal(rig.events.at(-1)?.event, 'connector.stopped');
});

test('a shutdown that cannot be recorded ships what there is', async (t) => {
  const files: LogFiles = {
    ...unsyncedFiles,
    append: (path, text) =>
      text.includes('shutdown')
        ? Promise.reject(new Error('no space left on device'))
        : unsyncedFiles.append(path, text),
  };
  const rig = startRig({ dir: scratchDirectory(t), at: '2026-11-20T10:00:00Z', deps: { files } });
  await rig.pass(90);
  await rig.finish();
  assert.ok(rig.events.some(({ event }) => event === 'epoch.record_failed'));
  const written = (await readLog(rig.store)).flatMap((line) =>
    line.type === 'frame' ? [line.frame] : [],
  );
  assert.deepEqual(written, rig.heard.frames);
  assert.equal((await inventories(rig.store))[0]?.end, 'shutdown');
});
