/** Scenarios of puts whose acknowledgement is lost: the shipper's, and those of the archive's jobs. */
import assert from 'node:assert/strict';
import type { Committed } from '../../activities/archive-day.ts';
import type { JobDeps } from '../../activities/deps.ts';
import { parseObjectKey } from '../../dataset/keys.ts';
import { SsmdError } from '../../schema/errors.ts';
import { createS3ObjectStore } from '../../storage/s3.ts';
import { archiveDay } from './archive-run.ts';
import {
  DAY,
  FEED,
  LATER,
  countTold,
  openScene,
  untilEvents,
  untilPhase,
} from './contract-processes.ts';
import { assertAudited, assertRelayed, holdAll } from './contract-processes-checks.ts';
import type { Held } from './contract-processes-checks.ts';
import { endAll, hostOf, liveOn } from './contract-processes-steps.ts';
import type { ScenarioOptions } from './contract-processes-steps.ts';
import { forgetFirst, startStoreProxy } from './contract-processes-store.ts';
import { assertSameArchive, jobsOf, manifestOf } from './e2e.ts';
import type { Stage } from './e2e.ts';
import { inventories } from './runtime.ts';
import { until } from './until.ts';

/** Of every key that a connector puts, the first answer is lost; of every one of an archive, too. */
export async function acknowledgementsLost(options: ScenarioOptions): Promise<Held> {
  const { servers, name, events, rate, seed } = options;
  await using scene = await openScene(servers, name, { rate, seed });
  await using proxy = await startStoreProxy(servers.s3.endpoint, forgetFirst());
  const life = await scene.begin({
    root: hostOf(options, 'one'),
    variables: { ...scene.stage.variables, SSMD_S3_ENDPOINT: proxy.endpoint },
  });
  await untilPhase(life, 'speaking');
  await scene.moveTo(`${DAY}T14:00:02Z`);
  await untilEvents(life, events);
  await liveOn(scene, life, events);
  await until('what is closed is shipped', async () => (await life.status()).segments.shipped >= 3);
  await endAll([life]);

  const held = await holdAll(scene.stage);
  assertRelayed(held.epochs, life.proxy.relayed);
  const shipped = proxy.forgotten.map((key) => key.replace(/^[^/]*\//, ''));
  const lost = shipped.filter((key) => key.startsWith('raw/'));
  const stored: string[] = [];
  for await (const { key } of scene.stage.raw.list('raw/')) stored.push(key);
  assert.deepEqual(lost.sort(), stored, 'every put of RAW was answered the second time alone');
  assert.ok(lost.some((key) => key.includes('/_manifests/')) && lost.length >= 5);
  assert.equal(countTold(life, 'segment.conflict'), 0, 'none was taken for a conflict');
  assert.deepEqual(
    (await inventories(scene.stage.raw)).map(({ end }) => end),
    ['shutdown'],
  );
  await assertArchivedAlike(scene.stage, held, servers.s3.endpoint);
  return held;
}

const of = { feed: FEED, day: DAY, version: 'v1' } as const;

/** As a job does it: the client gives up at so many losses, and the step is tried again. */
async function archiveAtLast(jobs: JobDeps): Promise<Committed> {
  for (let tried = 1; ; tried++) {
    try {
      return (await archiveDay(jobs, of)).committed;
    } catch (error) {
      if (!(error instanceof SsmdError) || !error.retryable || tried === TRIES_MAX) throw error;
    }
  }
}
const TRIES_MAX = 100;

/** The day once more, over a store that loses every first answer: the same objects, none beside them. */
async function assertArchivedAlike(stage: Stage, held: Held, endpoint: string): Promise<void> {
  const { environment, endpoints, raw, bus } = stage;
  const bucket = `${environment.name}-lossy`;
  await stage.bucket('lossy');
  await using proxy = await startStoreProxy(endpoint, forgetFirst());
  await using normalized = createS3ObjectStore({
    ...endpoints.s3,
    ...{ endpoint: proxy.endpoint, bucket },
  });
  const lossy = jobsOf(environment, LATER, { raw, bus, normalized });
  const committed = await archiveAtLast(lossy);
  const before = await manifestOf(lossy, of);
  assert.equal(committed.content_id, before.content_id);
  const compared = await assertSameArchive(lossy, held.jobs, of);
  const lost = new Set(proxy.forgotten.map((key) => key.slice(bucket.length + 1)));
  for (const { key } of before.objects) assert.ok(lost.has(key), `the put of ${key} was not told`);
  assert.ok(lost.has(committed.manifest), 'nor was that of the manifest');
  assert.ok(
    [...lost].some((key) => key.startsWith('normalized/_current/')),
    'nor the pointer',
  );
  const objects: string[] = [];
  for await (const { key } of normalized.list('normalized/')) {
    if (parseObjectKey(key) !== null) objects.push(key);
  }
  assert.equal(objects.length, compared.objects, 'no object is there under a second name');
  await assertAudited(lossy);
  const again = await archiveDay(lossy, of);
  assert.equal(again.committed.outcome, 'already_committed');
  assert.deepEqual(await manifestOf(lossy, of), before);
}
