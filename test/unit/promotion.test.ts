/** Moving days between versions: all or none, one winner, and the same way back. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readCurrent } from '../../activities/datasets.ts';
import { moveDays, rangesTo, undoMove } from '../../activities/promotion.ts';
import type { MovedRange } from '../../dataset/current.ts';
import { parseCurrent, versionOfDay, withMove } from '../../dataset/current.ts';
import type { Current } from '../../dataset/current.ts';
import { currentKey, manifestKey } from '../../dataset/keys.ts';
import { SsmdError } from '../../schema/errors.ts';
import { addDays } from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';
import { createMemoryObjectStore } from '../../storage/memory.ts';
import type { ObjectStore } from '../../storage/object-store.ts';

const day = (text: string): Day => text as Day;
const FIRST = day('2026-11-18');
const DAYS = [0, 1, 2].map((count) => addDays(FIRST, count));
const LAST = addDays(FIRST, 2);
const mover = (by: string) => ({ by, reason: 'test', at: '2026-11-22T00:00:00.000000000Z' });

/** Three days under v1, v2 and v3 committed; v1 serves them. */
async function prepared(): Promise<{ normalized: ObjectStore }> {
  const normalized = createMemoryObjectStore();
  for (const version of ['v1', 'v2', 'v3']) {
    for (const it of DAYS) {
      const key = manifestKey({ version, feed: 'kraken', day: it });
      await normalized.put(key, new TextEncoder().encode('{}'));
    }
  }
  const current: Current = {
    ...{ format: 1, revision: 1, live: 'v1', moves: [] },
    ranges: [{ from: FIRST, to: LAST, version: 'v1' }],
  };
  await normalized.put(currentKey('kraken'), new TextEncoder().encode(JSON.stringify(current)));
  return { normalized };
}

const toVersion = (version: string): MovedRange[] => [
  { from: FIRST, to: LAST, was: 'v1', version },
];

async function served(deps: { normalized: ObjectStore }): Promise<(string | null)[]> {
  const current = await readCurrent(deps, 'kraken');
  return DAYS.map((it) => versionOfDay(current, it));
}

test('of twenty who move the same days at once one wins, and nothing is torn', async () => {
  const deps = await prepared();
  const tries = Array.from({ length: 20 }, (_, at) =>
    moveDays(deps, 'kraken', toVersion(at % 2 === 0 ? 'v2' : 'v3'), mover(`ana${at}`)),
  );
  const outcomes = await Promise.allSettled(tries);
  const won = outcomes.filter((it) => it.status === 'fulfilled');
  assert.equal(won.length, 1);
  for (const it of outcomes) {
    if (it.status === 'rejected') assert.equal((it.reason as SsmdError).code, 'SSMD_MOVED');
  }
  const [version] = await served(deps);
  assert.ok(version === 'v2' || version === 'v3');
  assert.deepEqual(await served(deps), [version, version, version]);
  assert.equal((await readCurrent(deps, 'kraken'))?.moves.length, 1);
});

test('a move is taken back by its revision, and the taking back by its own', async () => {
  const deps = await prepared();
  const { revision } = await moveDays(deps, 'kraken', toVersion('v2'), mover('ana'));
  const back = await undoMove(deps, 'kraken', revision, mover('bo'));
  assert.deepEqual(await served(deps), ['v1', 'v1', 'v1']);
  await undoMove(deps, 'kraken', back.revision, mover('cy'));
  assert.deepEqual(await served(deps), ['v2', 'v2', 'v2']);
  await assert.rejects(
    undoMove(deps, 'kraken', 99, mover('ana')),
    /no move of revision 99.*2, 3, 4/,
  );
});

test('a day that nothing served is served by nothing again, once its move is taken back', async () => {
  const deps = await prepared();
  await deps.normalized.delete(currentKey('kraken'));
  const days: MovedRange[] = [{ from: FIRST, to: FIRST, was: null, version: 'v2' }];
  const { revision } = await moveDays(deps, 'kraken', days, mover('ana'));
  assert.deepEqual(await served(deps), ['v2', null, null]);
  await undoMove(deps, 'kraken', revision, mover('bo'));
  assert.deepEqual(await served(deps), [null, null, null]);
  assert.deepEqual((await readCurrent(deps, 'kraken'))?.ranges, []);
});

test('a move whose acknowledgement was lost is known again, and made once', async () => {
  const deps = await prepared();
  const first = await moveDays(deps, 'kraken', toVersion('v2'), mover('ana'));
  const again = await moveDays(deps, 'kraken', toVersion('v2'), mover('ana'));
  assert.deepEqual([again.again, again.revision], [true, first.revision]);
  assert.equal((await readCurrent(deps, 'kraken'))?.revision, first.revision);
});

test('days that are not committed, or were moved since, move nobody', async () => {
  const deps = await prepared();
  await assert.rejects(moveDays(deps, 'kraken', toVersion('v9'), mover('ana')), (error) => {
    assert.ok(error instanceof SsmdError);
    assert.equal(error.code, 'SSMD_NOT_FOUND');
    return /2026-11-18 v9, 2026-11-19 v9/.test(error.message);
  });
  const one: MovedRange = { from: LAST, to: LAST, was: 'v1', version: 'v3' };
  await moveDays(deps, 'kraken', [one], mover('ana'));
  await assert.rejects(
    moveDays(deps, 'kraken', toVersion('v2'), mover('bo')),
    /2026-11-20 \(expected v1, is v3\)/,
  );
  assert.deepEqual(await served(deps), ['v1', 'v1', 'v3'], 'the others stayed where they were');
});

test('what would move is told in stretches, without days that are there already', async () => {
  const deps = await prepared();
  const middle: MovedRange = {
    from: addDays(FIRST, 1),
    to: addDays(FIRST, 1),
    was: 'v1',
    version: 'v2',
  };
  await moveDays(deps, 'kraken', [middle], mover('ana'));
  const current = await readCurrent(deps, 'kraken');
  assert.deepEqual(rangesTo(current, DAYS, 'v2'), [
    { from: FIRST, to: FIRST, was: 'v1', version: 'v2' },
    { from: LAST, to: LAST, was: 'v1', version: 'v2' },
  ]);
  assert.deepEqual(
    rangesTo(current, DAYS, 'v3').map((it) => it.was),
    ['v1', 'v2', 'v1'],
  );
});

test('a pointer from before moves were kept is read, and keeps the latest hundred', () => {
  const old = parseCurrent({ format: 1, revision: 3, ranges: [], live: null });
  assert.deepEqual(old?.moves, []);
  let current = old as Current;
  for (let at = 0; at < 120; at++) {
    const was = versionOfDay(current, FIRST);
    const version = at % 2 === 0 ? 'v1' : 'v2';
    const days = [{ from: FIRST, to: FIRST, was, version }];
    const moved = withMove(current, { ...mover('ana'), days, undoes: null });
    assert.ok('next' in moved);
    current = moved.next;
  }
  assert.equal(current.moves.length, 100);
  assert.equal(current.moves.at(-1)?.revision, 123);
});
