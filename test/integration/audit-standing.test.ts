/**
 * The audit of all that stands, on real servers: days without manifests, inventories and objects against
 * the buckets, runs that ended badly, what lies around; each tampering is named, and nothing else.
 */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { sampleOf } from '../../activities/audit.ts';
import { auditRange } from '../../activities/audit-range.ts';
import { auditRuns } from '../../activities/audit-runs.ts';
import { readManifest } from '../../activities/datasets.ts';
import { plainContext } from '../../activities/deps.ts';
import { findLeftovers } from '../../activities/leftovers.ts';
import { LAST_AUDIT_KEY, manifestKey } from '../../dataset/keys.ts';
import { NS_PER_HOUR, addDays, dayOf, formatIso, nsFromMs } from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';
import { jobRunsOf } from '../../workers/job-runs.ts';
import type { AuditReport } from '../../workflows/audit.ts';
import { archiveDay } from '../support/archive-run.ts';
import { ssmd } from '../support/command-line.ts';
import { keepHistory } from '../support/histories.ts';
import { openS3Jobs } from '../support/s3-jobs.ts';
import { startTestServers } from '../support/servers.ts';
import { writeTinyDay } from '../support/tiny-day.ts';
import { startWorkflowJobs } from '../support/workflow-jobs.ts';
import { seen } from '../support/until.ts';

const feed = 'tiny';
/** A day ahead: runs of jobs end by the server's clock, and were before what looks at them. */
const NOW = nsFromMs(Date.now() + 86_400_000);
const DAY = addDays(dayOf(NOW), -2);
const RANGE = { feed, from: addDays(DAY, -1), to: addDays(DAY, 1) };
const context = plainContext();

const servers = await startTestServers({ s3: true, temporal: true });
const store = await openS3Jobs(servers.s3, formatIso(NOW));
const { deps } = store;
const jobs = await startWorkflowJobs(servers.temporal.address, deps);
// Its epoch begins the evening before, and goes on after midnight: three days of RAW.
await writeTinyDay(deps.raw, { day: DAY, step_ns: NS_PER_HOUR });
for (const day of [RANGE.from, DAY, RANGE.to]) await archiveDay(deps, { feed, day });

after(async () => {
  await jobs[Symbol.asyncDispose]();
  await store[Symbol.asyncDispose]();
  await servers[Symbol.asyncDispose]();
});

function slashed(day: Day): string {
  return day.replaceAll('-', '/');
}

async function found(): Promise<[string, string][]> {
  const { findings } = await auditRange(deps, RANGE, context);
  return findings.map(({ kind, key }) => [kind, key]);
}

/** Takes an object away, or changes it, looks, and puts it back. */
async function tampered(
  bucket: 'raw' | 'normalized',
  key: string,
  change: (body: Uint8Array) => Uint8Array | null,
): Promise<[string, string][]> {
  const before = await deps[bucket].get(key);
  assert.ok(before !== null, key);
  const changed = change(before.body.slice());
  if (changed === null) await deps[bucket].delete(key);
  else await deps[bucket].put(key, changed);
  try {
    return await found();
  } finally {
    await deps[bucket].put(key, before.body);
  }
}

async function dayManifest() {
  const manifest = await readManifest(deps, { version: 'v1', feed, day: DAY });
  assert.ok(manifest !== null);
  return manifest;
}

test('days that hold pass: the newest and one more rebuilt, the report at a key of its own', async () => {
  const input = { feed, from: RANGE.from, to: RANGE.to };
  const report = await jobs.run<AuditReport>('audit', 'passes', input);
  assert.equal(report.outcome, 'passed', JSON.stringify(report, null, 1));
  assert.equal(report.days_rebuilt, 2);
  assert.equal(report.days.at(-1)?.day, RANGE.to);
  assert.deepEqual(
    report.ranges.map((it) => [it.feed, it.days, it.manifests]),
    [[feed, 3, 3]],
  );
  assert.match(report.json, new RegExp(`^audit/${slashed(RANGE.to)}/tiny-[0-9a-f]+\\.json$`));
  const json = JSON.parse(new TextDecoder().decode((await deps.normalized.get(report.json))?.body));
  assert.equal((json as AuditReport).outcome, 'passed');
  const html = new TextDecoder().decode((await deps.normalized.get(report.html))?.body);
  const title = `Audit of tiny, ${RANGE.from} to ${RANGE.to}`;
  assert.ok(html.startsWith('<!doctype html>') && html.includes(title));
  await keepHistory(jobs.client, 'audit', 'passes', 'standing');
});

test('deep rebuilds every committed day', async () => {
  const report = await jobs.run<AuditReport>('audit', 'deep', { feed, deep: true });
  assert.equal(report.days_rebuilt, 3);
  assert.deepEqual(report.days.map((it) => it.day).sort(), [RANGE.from, DAY, RANGE.to]);
});

test('a day of RAW without a manifest is named, and a pointer that leads nowhere', async () => {
  const pointer = `normalized/_current/${feed}.json`;
  const [first] = await tampered('normalized', pointer, () => null);
  assert.equal(first?.[0], 'manifest_missing');
  const key = manifestKey({ version: 'v1', feed, day: DAY });
  assert.deepEqual(await tampered('normalized', key, () => null), [['manifest_missing', key]]);
  const cut = await tampered('normalized', key, (body) => body.subarray(0, body.length >> 1));
  assert.deepEqual(cut, [['manifest_edited', key]]);
  assert.deepEqual(await found(), []);
});

test('a segment that is gone, and an inventory that cannot be read, are named', async () => {
  const key = (await dayManifest()).inputs.at(-1)?.key ?? '';
  assert.deepEqual(await tampered('raw', key, () => null), [['raw_missing', key]]);
  const [inventory] = await keysBelow('raw', `raw/${feed}/_manifests/${DAY}/`);
  const cut = await tampered('raw', inventory ?? '', (body) => body.subarray(0, 9));
  assert.deepEqual(cut, [['inventory_missing', inventory]]);
});

test('an object that is gone, cut, or of the same size and changed, is named', async () => {
  const key = (await dayManifest()).objects[3]?.key ?? '';
  assert.deepEqual(await tampered('normalized', key, () => null), [['object_missing', key]]);
  const cut = await tampered('normalized', key, (body) => body.subarray(1));
  assert.deepEqual(cut, [['object_edited', key]]);
  const flipped = await tampered('normalized', key, (body) => {
    const at = body.length >> 1;
    body[at] = (body[at] as number) ^ 1;
    return body;
  });
  assert.deepEqual(flipped, [['object_edited', key]]);
  assert.deepEqual(await found(), []);
});

test('what nothing refers to is found once it is old, and a day in the making is left out', async () => {
  const strayOf = (day: Day): string =>
    `normalized/v1/tiny/trade/BTCUSD/${slashed(day)}/00-30.capnp.zst`;
  const [stray, young] = [strayOf(DAY), strayOf(addDays(DAY, 30))];
  for (const key of [stray, young]) await deps.normalized.put(key, new Uint8Array(9));
  const all = await leftovers(Date.now() + 86_400_000);
  assert.ok(all.some((it) => it.startsWith(`staged normalized/v1/_staging/tiny/${DAY}/`)));
  assert.deepEqual(
    all.filter((it) => it.startsWith('object')),
    [`object ${stray}`],
  );
  assert.deepEqual(await leftovers(Date.now() - 86_400_000), []);
  for (const key of [stray, young]) await deps.normalized.delete(key);
});

test('runs that failed, were ended or never taken are named; refusals and cured ones are not', async () => {
  const { client } = jobs;
  const start = (type: string, id: string, input: object, taskQueue = 'ssmd') =>
    client.workflow.start(type, { taskQueue, workflowId: id, args: [input] });
  const bare = { feed, day: '2020-01-01' };
  for (const [id, input] of [
    ['typo', { feed: 'tyni' }],
    ['fails', bare],
    ['cured', bare],
  ] as const) {
    await assert.rejects((await start('daily-archive', id, input)).result());
  }
  await jobs.run('daily-archive', 'cured', { feed, day: DAY, qa: false });
  const nobody = await start('audit', 'nobody', { feed }, 'elsewhere');
  const ended = await start('audit', 'ended', { feed }, 'elsewhere');
  await ended.terminate('enough');
  const runs = jobRunsOf(client.connection, 'default');
  const now = nsFromMs(Date.now());
  const of = { since: now - NS_PER_HOUR, now: now + 2n * NS_PER_HOUR, own: 'own' };
  const wanted = ['ended', 'fails', 'nobody'];
  // The server lists a run a moment after it ended.
  const findings = await seen(
    () => auditRuns(runs, of, context),
    (found) => [...new Set(found.map((it) => it.key))].sort().join() === wanted.join(),
  );
  const said = new Map(findings.map(({ kind, key, detail }) => [key, `${kind}: ${detail}`]));
  assert.deepEqual([...said.keys()].sort(), wanted);
  assert.match(said.get('fails') ?? '', /run_failed: daily-archive failed at .*SSMD_NOT_FOUND/);
  assert.match(said.get('ended') ?? '', /run_failed: audit terminated/);
  assert.match(said.get('nobody') ?? '', /run_stuck: audit was started at .* no worker took it/);
  await nobody.terminate('enough');
});

test('a run of all feeds is told of them, and remembered by the next', async () => {
  const first = await jobs.run<AuditReport>('audit', 'all', {});
  assert.equal(first.outcome, 'failed');
  const kinds = new Set(first.findings.map((it) => it.kind));
  assert.deepEqual([...kinds], ['run_failed']);
  assert.ok(first.json.startsWith(`audit/${slashed(RANGE.to)}/all-`), first.json);
  assert.ok((await deps.normalized.get(LAST_AUDIT_KEY)) !== null);
  const second = await jobs.run<AuditReport>('audit', 'all-again', {});
  assert.equal(second.outcome, 'passed', JSON.stringify(second.findings));
});

test('by the command line: exit code 1 where something is found', async () => {
  const env = { TEMPORAL_ADDRESS: servers.temporal.address };
  const options = { root: servers.dir, env };
  const wrong = await ssmd(['audit', '--start', '2026-11-18', '--deep', '--env', 'dev'], options);
  assert.equal(wrong.code, 2);
  assert.match(
    wrong.err,
    /--start: is one end of a range \(give one day, or both ends of a range\)/,
  );
});

test('the sample goes round', () => {
  const days = ['2026-11-01', '2026-11-02', '2026-11-03', '2026-11-04'] as Day[];
  const seen = new Set<string>();
  for (let turn = 0; turn < 3; turn++) {
    const [older, newest] = sampleOf(days, addDays('2026-11-10' as Day, turn));
    assert.equal(newest, '2026-11-04');
    seen.add(older ?? '');
  }
  assert.deepEqual([...seen].sort(), days.slice(0, 3));
  assert.deepEqual(sampleOf([], DAY), []);
});

async function leftovers(before_ms: number): Promise<string[]> {
  const keys: string[] = [];
  for await (const { kind, key } of findLeftovers(deps, { feeds: [feed], before_ms }, context)) {
    keys.push(`${kind} ${key}`);
  }
  return keys;
}

async function keysBelow(bucket: 'raw' | 'normalized', prefix: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of deps[bucket].list(prefix)) keys.push(key);
  return keys;
}
