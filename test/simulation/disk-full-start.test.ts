/**
 * A connector that has to begin an epoch while the disk takes nothing: it waits, and says so. One whose
 * disk took nothing for too long ends, in words.
 */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createEpochFiles } from '../../connectors/runtime/epoch-files.ts';
import { nodeFiles, unsyncedFiles } from '../../connectors/runtime/log-files.ts';
import type { LogFiles } from '../../connectors/runtime/log-files.ts';
import { publishNowhere } from '../../connectors/runtime/publishing.ts';
import { SsmdError } from '../../schema/errors.ts';
import { msFromNs } from '../../schema/time.ts';
import {
  factsOf,
  instant,
  inventories,
  readLog,
  scratchDirectory,
  startRig,
} from '../support/runtime.ts';
import type { Rig } from '../support/runtime.ts';

type Refused = 'write' | 'create' | 'makeDirectory';

/** A disk that refuses one kind of call while `full.now` is set. */
function fillable(full: { now: boolean }, refused: Refused): LogFiles {
  const unless = <A extends readonly unknown[], R>(name: Refused, run: (...args: A) => R) => {
    return (...args: A): R => {
      if (!full.now || name !== refused) return run(...args);
      throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    };
  };
  return {
    ...unsyncedFiles,
    write: unless('write', nodeFiles.write),
    create: unless('create', nodeFiles.create),
    makeDirectory: unless('makeDirectory', nodeFiles.makeDirectory),
  };
}

/** Second by second, with what was promised in between. */
async function pass(rig: Rig, seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second++) {
    await rig.pass(1);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

const AT = '2026-11-20T10:00:00Z';
const FULL = ['the log cannot be written: ENOSPC'];

for (const refused of ['write', 'create', 'makeDirectory'] as const) {
  test(`a full disk at the start (${refused}): ERROR until space returns, then it captures`, async (t) => {
    const full = { now: true };
    const dir = scratchDirectory(t);
    const rig = startRig({ dir, at: AT, deps: { files: fillable(full, refused) } });
    await pass(rig, 5);
    const { state, reasons, epoch } = rig.connector.status();
    assert.deepEqual({ state, reasons, epoch }, { state: 'ERROR', reasons: FULL, epoch: null });
    assert.equal(rig.connector.ready(), false);
    const told = rig.events.filter((it) => it.event === 'epoch.open_failed');
    assert.deepEqual(
      told.map(({ level }) => level),
      ['error'],
      'told once',
    );
    full.now = false;
    await pass(rig, 10);
    assert.equal(rig.connector.status().state, 'READY');
    assert.deepEqual(readdirSync(join(dir, 'kraken', 'tier1')), [
      `${rig.connector.status().epoch}`,
    ]);
    await rig.finish();
    const lines = await readLog(rig.store);
    assert.equal(lines.filter((it) => it.type === 'frame').length, rig.heard.frames.length);
    assert.equal(factsOf(lines, '_take').length, 1);
    assert.deepEqual(
      (await inventories(rig.store)).map(({ end }) => end),
      ['shutdown'],
    );
  });
}

test('stopped while the disk is full, a connector that never began ends in good order', async (t) => {
  const files = fillable({ now: true }, 'write');
  const rig = startRig({ dir: scratchDirectory(t), at: AT, deps: { files } });
  await pass(rig, 3);
  await rig.finish();
  assert.equal(rig.connector.status().phase, 'stopped');
  assert.deepEqual(await inventories(rig.store), []);
});

test('a connector fenced on a full disk begins its standby epoch when space returns', async (t) => {
  const full = { now: false };
  const fenced = Promise.withResolvers<undefined>();
  let published = 0;
  const publish = () => {
    published += 1;
    return { ...publishNowhere(), ...(published === 1 ? { fenced: fenced.promise } : {}) };
  };
  const deps = { files: fillable(full, 'create'), publish };
  const rig = startRig({ dir: scratchDirectory(t), at: AT, deps });
  await pass(rig, 10);
  const first = rig.connector.status().epoch ?? 0;
  full.now = true;
  fenced.resolve(undefined);
  await pass(rig, 10);
  assert.deepEqual(rig.connector.status().reasons, FULL);
  full.now = false;
  await pass(rig, 10);
  assert.ok((rig.connector.status().epoch ?? 0) > first);
  await rig.finish();
  assert.equal((await inventories(rig.store)).length, 2);
});

test('an epoch is numbered above all that lie on this host, however far the clock is behind', async (t) => {
  const dir = scratchDirectory(t);
  const older = msFromNs(instant('2026-11-20T11:00:00Z'));
  const of = { feed: 'kraken', shard: 'tier1', origin: 'simulator', host: 'rig' } as const;
  createEpochFiles(dir, { ...of, epoch: older }, { files: unsyncedFiles });
  const rig = startRig({ dir, at: AT });
  await pass(rig, 5);
  assert.equal(rig.connector.status().epoch, older + 1);
  await rig.finish();
});

test('what the handler of a socket throws ends the connector, with that very error', async (t) => {
  const error = new SsmdError('SSMD_DISK_FULL', 'the log could not be written for so long');
  const publish = () =>
    publishNowhere(() => {
      throw error;
    });
  const rig = startRig({ dir: scratchDirectory(t), at: AT, deps: { publish } });
  await pass(rig, 10);
  await assert.rejects(rig.running, error);
  assert.equal(rig.connector.status().state, 'OFFLINE');
});
