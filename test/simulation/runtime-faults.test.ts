import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import type { MemoryBusControl } from '../../bus/memory.ts';
import { createMemoryBus } from '../../bus/memory.ts';
import type { Bus } from '../../bus/bus.ts';
import { parseCtl } from '../../bus/ctl.ts';
import type { Ctl } from '../../bus/ctl.ts';
import { decodeEvents } from '../../codec/md2.ts';
import type { ConnectorDeps } from '../../connectors/runtime/connector.ts';
import { nodeFiles, unsyncedFiles } from '../../connectors/runtime/log-files.ts';
import type { LogFiles } from '../../connectors/runtime/log-files.ts';
import { createPublisher } from '../../connectors/runtime/publisher.ts';
import { openWal } from '../../connectors/runtime/wal-reader.ts';
import { virtualClock } from '../../connectors/simulator/clock.ts';
import type { VirtualClock } from '../../connectors/simulator/clock.ts';
import { Random } from '../../connectors/simulator/random.ts';
import { createShardFold } from '../../fold/shard-fold.ts';
import { FEEDS } from '../../connectors/registry.ts';
import {
  factsOf,
  instant,
  inventories,
  readLog,
  scratchDirectory,
  startRig,
} from '../support/runtime.ts';
import type { ReadLine, Rig } from '../support/runtime.ts';

const framesOf = (lines: readonly ReadLine[]): readonly string[] =>
  lines.flatMap((line) => (line.type === 'frame' ? [line.frame] : []));

/** A process that dies at its `fatal`th line, `torn` bytes of it written. */
function mortal(fatal: number, torn: number): LogFiles & { readonly lines: () => number } {
  let lines = 0;
  let dead = false;
  const die = (): never => {
    throw Object.assign(new Error('killed'), { code: 'KILLED' });
  };
  return {
    ...unsyncedFiles,
    lines: () => lines,
    create: (path) => (dead ? die() : nodeFiles.create(path)),
    truncate: (fd, bytes) => (dead ? die() : nodeFiles.truncate(fd, bytes)),
    write(fd, bytes, start, end, position) {
      if (dead) die();
      if (lines + 1 >= fatal) {
        dead = true;
        const some = Math.min(torn, end - start - 1);
        nodeFiles.write(fd, bytes, start, start + some, position);
        die();
      }
      nodeFiles.write(fd, bytes, start, end, position);
      lines += 1;
    },
  };
}

test('killed at any line: what was written is repaired, shipped and listed, and the next epoch goes on', async (t) => {
  const random = new Random(Number(process.env['FC_SEED'] ?? 11), 'kills');
  for (let round = 0; round < 8; round++) {
    const dir = scratchDirectory(t);
    const fatal = 2 + random.below(1_500);
    const files = mortal(fatal, random.below(200));
    const first = startRig({ dir, at: '2026-11-20T10:00:30Z', seed: round, deps: { files } });
    while (files.lines() + 1 < fatal) await first.pass(1);
    await first.connector.shipper.idle();
    first.connector.shipper.stop();

    const at = '2026-11-20T10:30:00Z';
    const second = startRig({ dir, at, seed: round, store: first.store });
    await second.pass(30);
    await second.finish();
    const lines = await readLog(first.store);
    const of = `kill at line ${fatal}`;
    const opens = lines.findIndex((line) => line.t >= instant(at));
    const before = framesOf(lines.slice(0, opens));
    assert.deepEqual(before, first.heard.frames.slice(0, before.length), of);
    assert.deepEqual(framesOf(lines.slice(opens)), second.heard.frames, of);
    const found = await inventories(first.store);
    const crashed = found.find((it) => it.end === 'crash');
    assert.deepEqual(
      found.map((it) => it.end).sort(),
      opens === 0 ? ['shutdown'] : ['crash', 'shutdown'],
      of,
    );
    const listed = (crashed?.segments ?? []).reduce((sum, it) => sum + it.lines, 0);
    const ends = (crashed?.segments ?? []).length;
    // Every line that was written, and for the segment that was cut its new `_end`.
    if (opens > 0)
      assert.ok(
        listed - files.lines() <= 1 && listed >= files.lines(),
        `${of}: ${listed} of ${files.lines()} in ${ends}`,
      );
    const frames = (crashed?.connections ?? []).reduce((sum, it) => sum + it.frames, 0);
    assert.equal(frames, before.length, of);
  }
});

test('a full disk: ERROR, then exactly what was lost is recorded, and capture goes on', async (t) => {
  let full = false;
  const files: LogFiles = {
    ...unsyncedFiles,
    write(...args) {
      if (full) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
      nodeFiles.write(...args);
    },
  };
  const rig = startRig({ dir: scratchDirectory(t), at: '2026-11-20T10:00:00Z', deps: { files } });
  await rig.pass(30);
  const heard_before = rig.heard.frames.length;
  full = true;
  await rig.pass(65);
  assert.equal(rig.connector.status().state, 'ERROR');
  assert.equal(rig.connector.ready(), false);
  full = false;
  await rig.pass(5);
  assert.equal(rig.connector.status().state, 'DEGRADED');
  await rig.pass(90);
  assert.equal(rig.connector.status().state, 'READY');
  await rig.finish();
  const lines = await readLog(rig.store);
  const [drop, ...more] = factsOf(lines, '_drop');
  assert.deepEqual(more, []);
  assert.equal(drop?.reason, 'ENOSPC');
  const written = framesOf(lines);
  assert.equal(written.length + (drop?.frames ?? 0), rig.heard.frames.length);
  const lost = drop?.frames ?? 0;
  assert.ok(lost > 100, `${lost} frames`);
  assert.deepEqual(written.slice(0, heard_before), rig.heard.frames.slice(0, heard_before));
  assert.deepEqual(written.slice(heard_before), rig.heard.frames.slice(heard_before + lost));
});

test('a disk full over midnight: the day still begins exactly', async (t) => {
  let full = false;
  const files: LogFiles = {
    ...unsyncedFiles,
    write(...args) {
      if (full) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
      nodeFiles.write(...args);
    },
  };
  const rig = startRig({ dir: scratchDirectory(t), at: '2026-11-19T23:48:00Z', deps: { files } });
  await rig.pass(11 * 60);
  full = true;
  await rig.pass(120);
  full = false;
  await rig.pass(60);
  await rig.finish();
  const lines = await readLog(rig.store);
  const midnight = instant('2026-11-20T00:00:00Z');
  assert.deepEqual(
    factsOf(lines, '_midnight').map(({ at }) => at),
    [midnight],
  );
  assert.ok(lines.every((line, index) => index === 0 || line.t > (lines[index - 1]?.t ?? 0n)));
});

const kraken = FEEDS.get('kraken');

function overBus(bus: Bus, clock: VirtualClock, writer: string): Partial<ConnectorDeps> {
  const quiet = (): void => undefined;
  return {
    publish: (epoch) =>
      createPublisher({
        bus,
        shard: 'tier1',
        feed: 'kraken',
        epoch: epoch.epoch,
        normalizer: `kraken@${kraken?.normalizer}`,
        writer,
        clock,
        log: { info: quiet, warn: quiet, error: quiet },
        fold: () => epoch.fold,
        openWal: (after) => openWal(epoch.dir, after),
        watermark: epoch.watermark,
      }),
  };
}

/** Identity of every event on the bus, repeats once, by epoch. */
function onBus(bus: MemoryBusControl): ReadonlyMap<string, readonly string[]> {
  const seen = new Map<string, Set<string>>();
  for (const message of bus.stored()) {
    if (!message.subject.startsWith('internal.')) continue;
    const epoch = message.header('epoch') ?? '';
    const events = seen.get(epoch) ?? new Set();
    seen.set(epoch, events);
    for (const it of decodeEvents(message.data))
      events.add(`${it.t} ${it.type} ${it.symbol} ${it.index}`);
  }
  return new Map([...seen].map(([epoch, events]) => [epoch, [...events].sort()]));
}

/** The same from the log alone. */
function refold(lines: readonly ReadLine[]): readonly string[] {
  if (kraken === undefined) throw new Error('no kraken');
  const fold = createShardFold(kraken, 'tier1');
  const events: string[] = [];
  for (const line of lines) {
    if (line.type === 'fact') fold.fact(line.t, line.key, line.fact);
    else {
      const bytes = Buffer.from(`${line.frame}\0`, 'latin1');
      fold.frame(line.t, line.c, bytes, 0, bytes.length - 1);
    }
    const { out } = fold;
    for (let at = 0; at < out.count; at++) {
      for (const it of decodeEvents(out.view(at)))
        events.push(`${it.t} ${it.type} ${it.symbol} ${it.index}`);
    }
    out.clear();
  }
  return events.sort();
}

/** Virtual seconds a condition may take; files and compression are real and run beside them. */
const CONDITION_SECONDS_MAX = 900;

/** Lets virtual time pass, and real work go on beside it, until something holds. */
async function until(rig: Rig, holds: () => boolean, what: string): Promise<void> {
  for (let step = 0; step < CONDITION_SECONDS_MAX * 2; step++) {
    if (holds()) return;
    await rig.pass(0.5);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  assert.fail(`${what} did not come about in ${CONDITION_SECONDS_MAX} virtual seconds`);
}

/** Stops a connector while virtual time goes on, as its drain needs it. */
async function stopped(rig: Rig): Promise<void> {
  rig.stop.abort();
  let over = false;
  const running = rig.running.finally(() => (over = true));
  await until(rig, () => over, 'the connector has stopped');
  await running;
}

/** A test that fails must not leave connectors behind: they would keep the process alive. */
function stopAfter(t: TestContext, rig: Rig): Rig {
  t.after(() => rig.stop.abort());
  return rig;
}

test('the bus away at the start and again later: all of the log is on it in the end', async (t) => {
  const bus = createMemoryBus();
  bus.kill();
  const clock = virtualClock(instant('2026-11-20T10:00:00Z'));
  const dir = scratchDirectory(t);
  const at = '2026-11-20T10:00:00Z';
  const rig = stopAfter(t, startRig({ dir, at, clock, deps: overBus(bus, clock, 'a') }));
  const connected = (): boolean => rig.connector.status().publishing['connected'] === true;
  const speaking = (): boolean => rig.connector.status().phase === 'speaking';
  await until(rig, speaking, 'it takes the shard without the bus');
  await rig.pass(20);
  assert.equal(bus.stored().length, 0);
  bus.restart();
  await until(rig, connected, 'it finds the bus');
  await rig.pass(20);
  bus.kill();
  await until(rig, () => !connected(), 'it notices that the bus is gone');
  await rig.pass(20);
  bus.restart();
  await until(rig, connected, 'it finds the bus again');
  await rig.pass(20);
  await stopped(rig);
  await rig.running;
  const lines = await readLog(rig.store);
  assert.deepEqual(
    factsOf(lines, '_take').map(({ prev }) => prev),
    [null],
  );
  const [events = []] = [...onBus(bus).values()];
  const expected = refold(lines);
  assert.ok(expected.length > 200, `${expected.length} events`);
  // The lines that close the connections come after the last event that was offered before the end.
  assert.deepEqual(events, expected.slice(0, events.length));
  assert.ok(expected.length - events.length <= 20, `${expected.length - events.length} missing`);
});

test('two connectors of one shard: one speaks at any time, and the other waits its turn', async (t) => {
  const bus = createMemoryBus();
  const clock = virtualClock(instant('2026-11-20T10:00:00Z'));
  const at = '2026-11-20T10:00:00Z';
  const dir = scratchDirectory(t);
  const one = stopAfter(t, startRig({ dir, at, clock, deps: overBus(bus, clock, 'one') }));
  const phase = (rig: Rig): string => rig.connector.status().phase;
  await until(one, () => phase(one) === 'speaking', 'the first speaks');
  const { harness, store } = one;
  const two = stopAfter(
    t,
    startRig({
      ...{ dir: scratchDirectory(t), at, clock, harness, store },
      deps: overBus(bus, clock, 'two'),
    }),
  );
  await until(two, () => phase(two) === 'speaking', 'a planned take-over, once warm');
  await until(one, () => phase(one) === 'standby', 'the first is fenced');
  const heir = two.connector.status().epoch;
  await stopped(two);
  const heirs = ctlOf(bus).filter((it) => it.epoch === heir);
  await until(one, () => phase(one) === 'speaking', 'the standby takes the shard back');
  const back = ctlOf(bus).find((it) => it.epoch > (heir ?? 0) && it.at > (heirs.at(-1)?.at ?? 0n));
  assert.ok(
    back !== undefined && back.at - (heirs.at(-1)?.at ?? 0n) >= 10_000_000_000n,
    'no hurry',
  );
  await stopped(one);
  const lines = await readLog(store);
  const takes = factsOf(lines, '_take');
  assert.equal(takes.length, 3);
  assert.equal(takes[2]?.prev?.epoch, heir);
  for (const take of takes.slice(1)) assert.ok(take.at > BigInt(take.prev?.t ?? '0'));
  const owners = ctlOf(bus).map(({ epoch }) => epoch);
  const changes = owners.filter((epoch, index) => epoch !== owners[index - 1]);
  assert.equal(changes.length, 3, `the shard changed hands: ${changes.join(', ')}`);
});

function ctlOf(bus: MemoryBusControl): Ctl[] {
  return bus.stored().flatMap(({ subject, data }) => {
    const record = subject.startsWith('ctl.') ? parseCtl(data) : null;
    return record === null ? [] : [record];
  });
}
