/**
 * What nothing needs any more, on real servers: listed with a digest, taken with it, and refused where
 * something of it is needed by then; and the report of what is there.
 */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { readCurrent } from '../../activities/datasets.ts';
import { moveDays } from '../../activities/promotion.ts';
import { failureOf } from '../../cli/job-failure.ts';
import { versionOfDay } from '../../dataset/current.ts';
import { cleanupKey, manifestKey } from '../../dataset/keys.ts';
import { SsmdError } from '../../schema/errors.ts';
import { NS_PER_HOUR } from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';
import type { MonthlyAuditReport } from '../../workflows/monthly-audit.ts';
import type { CleanupReport } from '../../workflows/weekly-cleanup.ts';
import { archiveDay } from '../support/archive-run.ts';
import { keepHistory } from '../support/histories.ts';
import { openS3Jobs } from '../support/s3-jobs.ts';
import { startTestServers } from '../support/servers.ts';
import { writeTinyDay } from '../support/tiny-day.ts';
import { startWorkflowJobs } from '../support/workflow-jobs.ts';

const feed = 'tiny';
const DAY = '2026-11-18' as Day;
const OLD = 'v1';
const NEW = 'v1.1';
const STRAY = `normalized/${NEW}/tiny/trade/BTCUSD/2026/11/18/00-30.capnp.zst`;
const POLICY = { feed, keep_versions: 1, older_than_days: 20 };

const servers = await startTestServers({ s3: true, temporal: true });
// A month after everything in it was put, by the clock of the store.
const month = new Date(Date.now() + 31 * 86_400_000).toISOString();
const store = await openS3Jobs(servers.s3, month);
const { deps } = store;
const jobs = await startWorkflowJobs(servers.temporal.address, deps);
await writeTinyDay(deps.raw, { day: DAY, step_ns: NS_PER_HOUR });
// Another window is another making: a version of its own.
await archiveDay({ ...deps, window_hours: 2 }, { feed, day: DAY });
await archiveDay(deps, { feed, day: DAY });
await deps.normalized.put(STRAY, new Uint8Array(9));
// A day of so few events is nearly all records: without weight beside them they are too great a share.
await deps.normalized.put('normalized/_throughput/ballast.json', new Uint8Array(5_000_000));

after(async () => {
  await jobs[Symbol.asyncDispose]();
  await store[Symbol.asyncDispose]();
  await servers[Symbol.asyncDispose]();
});

async function keys(prefix = 'normalized/'): Promise<string[]> {
  const found: string[] = [];
  for await (const { key } of deps.normalized.list(prefix)) found.push(key);
  return found;
}

let moves = 0;

async function moveTo(version: string): Promise<void> {
  const was = versionOfDay(await readCurrent(deps, feed), DAY);
  // Each at an instant of its own: what is asked for twice at one is the same request.
  const at = `2026-01-01T00:00:0${moves++}Z`;
  const mover = { by: 'ana', reason: 'reviewed', at };
  await moveDays(deps, feed, [{ from: DAY, to: DAY, was, version }], mover);
}

function run(id: string, input: object): Promise<CleanupReport> {
  return jobs.run<CleanupReport>('weekly-cleanup', id, input);
}

async function refusal(id: string, input: object): Promise<string> {
  const failed = await run(id, input).then(
    () => null,
    (error: unknown) => failureOf(error, id),
  );
  assert.ok(failed instanceof SsmdError, String(failed));
  return `${failed.code}: ${failed.message}`;
}

test('a version that serves is not listed; what nothing refers to is', async () => {
  const before = await keys();
  const { outcome, list } = await run('serving', POLICY);
  assert.equal(outcome, 'listed');
  assert.deepEqual(list.superseded, []);
  assert.deepEqual([list.objects, list.staged], [1, list.keys - 1]);
  assert.ok(list.staged > 0);
  assert.deepEqual(await keys(), before, 'a dry run deletes nothing');
});

test('a superseded version is listed; the same list has the same digest', async () => {
  await moveTo(NEW);
  const { outcome, list } = await run('list', POLICY);
  assert.equal(outcome, 'listed');
  assert.deepEqual(
    list.superseded.map(({ version, days }) => [version, days]),
    [[OLD, 1]],
  );
  assert.ok(list.share > 0 && list.share < 0.5, String(list.share));
  const again = await run('list-again', POLICY);
  assert.equal(again.list.digest, list.digest);
  await keepHistory(jobs.client, 'weekly-cleanup', 'list');
  for (const other of [{ keep_versions: 2 }, { older_than_days: 90 }]) {
    const kept = await run(`kept-${JSON.stringify(other)}`, { ...POLICY, ...other });
    assert.deepEqual(kept.list.superseded, []);
  }
});

test('a list is refused once something of it is needed, and nothing is deleted', async () => {
  const { list } = await run('stale', POLICY);
  const before = await keys();
  await moveTo(OLD);
  assert.match(
    await refusal('moved-back', { confirm: list.digest }),
    /SSMD_MOVED: .* tiny v1: it serves 2026-11-18 to 2026-11-18; make a new dry run/,
  );
  await moveTo(NEW);
  assert.match(
    await refusal('unknown', { confirm: '0123456789abcdef' }),
    /SSMD_NOT_FOUND: no list/,
  );
  assert.match(
    await refusal('both', { confirm: list.digest, dry_run: true, keep_versions: 1 }),
    /SSMD_INVALID_INPUT: [^]*2 faults[^]*keep_versions: stands beside "confirm"[^]*dry_run: stands/,
  );
  assert.match(await refusal('neither', { dry_run: false }), /dry_run: is false without "confirm"/);
  assert.deepEqual(await keys(), before);
  const key = cleanupKey(list.digest, 'list');
  const stored = await deps.normalized.get(key);
  assert.ok(stored !== null);
  const text = new TextDecoder().decode(stored.body);
  const manifest = manifestKey({ version: NEW, feed, day: DAY });
  await deps.normalized.put(key, new TextEncoder().encode(text.replace(STRAY, manifest)));
  assert.match(await refusal('edited', { confirm: list.digest }), /SSMD_CORRUPT/);
  await deps.normalized.put(key, stored.body);
});

test('what was listed is deleted, nothing else, and a record stays', async () => {
  const { list } = await run('before', POLICY);
  const before = await keys();
  const { outcome, done } = await run('delete', { confirm: list.digest });
  assert.equal(outcome, 'deleted');
  assert.deepEqual([done?.deleted, done?.gone, done?.changed], [list.keys, 0, 0]);
  await keepHistory(jobs.client, 'weekly-cleanup', 'delete', 'confirmed');
  const left = await keys();
  assert.equal(left.length, before.length - list.keys);
  assert.deepEqual(
    left.filter((key) => key.startsWith(`normalized/${OLD}/`) || key === STRAY),
    [],
  );
  const tombstone = await deps.normalized.get(done?.tombstone ?? '');
  const record = JSON.parse(new TextDecoder().decode(tombstone?.body)) as {
    readonly state: string;
    readonly keys: readonly { readonly key: string }[];
  };
  assert.deepEqual([record.state, record.keys.length], ['deleted', list.keys]);
  const again = await run('delete-again', { confirm: list.digest });
  assert.deepEqual([again.done?.deleted, again.done?.gone], [0, list.keys]);
  const audit = await jobs.run<{ outcome: string; days: unknown[] }>('audit', 'after', {
    feed,
    day: DAY,
  });
  assert.equal(audit.outcome, 'passed', JSON.stringify(audit.days));
  assert.equal((await run('nothing', POLICY)).outcome, 'nothing_to_delete');
});

test('the monthly report counts what is there, and what is kept longer than said', async () => {
  const report = await jobs.run<MonthlyAuditReport>('monthly-audit', 'usage', {});
  const raw: number[] = [];
  for await (const { bytes } of deps.raw.list('')) raw.push(bytes);
  assert.deepEqual(report.raw, {
    objects: raw.length,
    bytes: raw.reduce((sum, it) => sum + it, 0),
  });
  const [of_raw, normalized] = report.retention;
  assert.deepEqual([of_raw?.retention_days, of_raw?.days_over], [-1, 0]);
  assert.deepEqual([normalized?.days, normalized?.days_over], [1, 1]);
  const json = await deps.normalized.get(report.json);
  const document = JSON.parse(new TextDecoder().decode(json?.body)) as {
    readonly raw: readonly { readonly what: string }[];
    readonly normalized: readonly { readonly version: string; readonly what: string }[];
  };
  assert.ok(document.raw.some((it) => it.what === '2026-11'));
  assert.ok(document.normalized.some((it) => it.version === NEW && it.what === 'trade'));
  const html = new TextDecoder().decode((await deps.normalized.get(report.html))?.body);
  assert.match(html, /^<!doctype html>[^]*Usage of all feeds[^]*kept longer/);
  await keepHistory(jobs.client, 'monthly-audit', 'usage');
});
