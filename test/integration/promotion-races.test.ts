/**
 * Many who move the same days at once, on a real S3 server: one wins, the others are told, and no reader
 * ever finds some of the days moved and others not.
 */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { readCurrent } from '../../activities/datasets.ts';
import { moveDays, undoMove } from '../../activities/promotion.ts';
import type { Moved } from '../../activities/promotion.ts';
import { jsonDocument } from '../../dataset/canonical.ts';
import { versionOfDay } from '../../dataset/current.ts';
import type { Current, MovedRange } from '../../dataset/current.ts';
import { currentKey, manifestKey } from '../../dataset/keys.ts';
import type { SsmdError } from '../../schema/errors.ts';
import { daysBetween } from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { createS3ObjectStore } from '../../storage/s3.ts';
import { openForgetfulProxy } from '../support/forgetful-proxy.ts';
import { startTestServers } from '../support/servers.ts';

const ATTEMPTS = 20;
const [FIRST, LAST] = ['2026-11-11', '2026-11-30'] as [Day, Day];
const DAYS = daysBetween(FIRST, LAST);

const servers = await startTestServers({ s3: true });
after(() => servers[Symbol.asyncDispose]());

type Opened = ObjectStore & AsyncDisposable & { ensureBucket: () => Promise<unknown> };

function open(bucket: string, endpoint = servers.s3.endpoint): Opened {
  const { region, accessKey: access_key_id, secretKey: secret_access_key } = servers.s3;
  return createS3ObjectStore({ endpoint, region, access_key_id, secret_access_key, bucket });
}

/** Twenty days that v1 serves and v2 and v3 have as well; each attempt has a connection of its own. */
async function prepared(feed: string) {
  const stores = Array.from({ length: ATTEMPTS }, () => open('races'));
  const [normalized] = stores;
  assert.ok(normalized !== undefined);
  await normalized.ensureBucket();
  for (const version of ['v1', 'v2', 'v3']) {
    for (const day of DAYS) {
      await normalized.put(manifestKey({ version, feed, day }), new TextEncoder().encode('{}'));
    }
  }
  const current: Current = {
    ...{ format: 1, revision: 1, live: 'v1', moves: [] },
    ranges: [{ from: FIRST, to: LAST, version: 'v1' }],
  };
  await normalized.put(currentKey(feed), jsonDocument(current));
  return {
    normalized,
    /** What became of `attempt`, made by all at once; and what a reader found meanwhile. */
    async all(attempt: (deps: { normalized: ObjectStore }, at: number) => Promise<Moved>) {
      let is_over = false;
      const seen = new Set<string>();
      const reader = (async () => {
        while (!is_over) seen.add((await served(normalized, feed)).join());
      })();
      const ended = await Promise.allSettled(
        stores.map((store, at) => attempt({ normalized: store }, at)),
      );
      is_over = true;
      await reader;
      const won = ended.flatMap((it) => (it.status === 'fulfilled' ? [it.value] : []));
      const codes = ended.flatMap((it) =>
        it.status === 'rejected' ? [(it.reason as SsmdError).code] : [],
      );
      return { won, codes: new Set(codes), seen };
    },
    [Symbol.asyncDispose]: async () => {
      for (const store of stores) await store[Symbol.asyncDispose]();
    },
  };
}

async function served(normalized: ObjectStore, feed: string): Promise<(string | null)[]> {
  const current = await readCurrent({ normalized }, feed);
  return DAYS.map((day) => versionOfDay(current, day));
}

/** All days from `was` to `version`, asked for as days of their own: moved together all the same. */
function moves(was: string, version: string): MovedRange[] {
  return DAYS.map((day) => ({ from: day, to: day, was, version }));
}

function mover(at: number) {
  const second = String(at).padStart(2, '0');
  return { by: `ana${at}`, reason: 'diff reviewed', at: `2026-11-21T00:00:${second}Z` };
}

/** Every reader found all days under one version. */
function assertWhole(seen: ReadonlySet<string>): void {
  for (const found of seen) assert.equal(new Set(found.split(',')).size, 1, found);
}

test('of twenty promotions one wins, whatever each of them moves to', async () => {
  const feed = 'promotions';
  await using stage = await prepared(feed);
  const { won, codes, seen } = await stage.all((deps, at) =>
    moveDays(deps, feed, moves('v1', at % 2 === 0 ? 'v2' : 'v3'), mover(at)),
  );
  assert.deepEqual([won.length, [...codes]], [1, ['SSMD_MOVED']]);
  const version = won[0]?.days[0]?.version;
  assert.deepEqual(
    await served(stage.normalized, feed),
    DAYS.map(() => version),
  );
  const current = await readCurrent(stage, feed);
  assert.deepEqual([current?.revision, current?.moves.length], [2, 1]);
  assertWhole(seen);
});

test('of twenty who take a move back one does, and it is taken back once', async () => {
  const feed = 'rollbacks';
  await using stage = await prepared(feed);
  const { revision } = await moveDays(stage, feed, moves('v1', 'v2'), mover(0));
  const { won, codes, seen } = await stage.all((deps, at) =>
    undoMove(deps, feed, revision, mover(at)),
  );
  assert.deepEqual([won.length, [...codes]], [1, ['SSMD_MOVED']]);
  assert.deepEqual(
    await served(stage.normalized, feed),
    DAYS.map(() => 'v1'),
  );
  const current = await readCurrent(stage, feed);
  assert.deepEqual(
    current?.moves.map((it) => it.undoes),
    [null, revision],
  );
  assertWhole(seen);
});

test('of promotions and rollbacks at once one wins', async () => {
  const feed = 'both';
  await using stage = await prepared(feed);
  const { revision } = await moveDays(stage, feed, moves('v1', 'v2'), mover(0));
  const { won, codes, seen } = await stage.all((deps, at) =>
    at % 2 === 0
      ? undoMove(deps, feed, revision, mover(at))
      : moveDays(deps, feed, moves('v2', 'v3'), mover(at)),
  );
  assert.deepEqual([won.length, [...codes]], [1, ['SSMD_MOVED']]);
  const [version] = await served(stage.normalized, feed);
  assert.equal(version, won[0]?.days[0]?.version);
  assertWhole(seen);
});

test('moves of other days do not stand in the way: all are made, each once', async () => {
  const feed = 'beside';
  await using stage = await prepared(feed);
  const { won, codes } = await stage.all((deps, at) =>
    moveDays(deps, feed, moves('v1', at % 2 === 0 ? 'v2' : 'v3').slice(at, at + 1), mover(at)),
  );
  assert.deepEqual([won.length, codes.size], [ATTEMPTS, 0]);
  const current = await readCurrent(stage, feed);
  assert.deepEqual(
    current?.moves.map((it) => it.revision),
    won.map((it) => it.revision).sort((a, b) => a - b),
    'every move is remembered, and none was made over another',
  );
  const expected = DAYS.map((_, at) => (at % 2 === 0 ? 'v2' : 'v3'));
  assert.deepEqual(await served(stage.normalized, feed), expected);
});

test('the winner that was never told is told when it asks again', async () => {
  const feed = 'forgotten';
  await using stage = await prepared(feed);
  await using proxy = await openForgetfulProxy(servers.s3.port);
  // Only what writes the pointer goes by the proxy: its first answer is lost.
  await using lossy = open('races', `http://127.0.0.1:${proxy.port}`);
  const normalized: ObjectStore = { ...stage.normalized, replaceIf: lossy.replaceIf };
  const moved = await moveDays({ normalized }, feed, moves('v1', 'v2'), mover(1));
  assert.equal(proxy.forgotten(), 1);
  assert.deepEqual([moved.revision, moved.again], [2, true]);
  const current = await readCurrent(stage, feed);
  assert.deepEqual([current?.revision, current?.moves.length], [2, 1]);
});
