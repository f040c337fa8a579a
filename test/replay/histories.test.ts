/**
 * Runs recorded by each release, replayed through today's workflow code: a change that would break a run
 * in flight fails here, without a server. Record again with `SSMD_KEEP_HISTORIES=1` and the integration test
 * of the workflow, and say in the commit why old runs may break; what a release recorded stays as it is.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { bundleWorkflows } from '../../workers/worker.ts';
import { keptHistories, keptReleases, versionHere } from '../support/histories.ts';
import type { KeptHistory } from '../support/histories.ts';
import { projectRoot } from '../support/project.ts';

const RELEASES = keptReleases();
const histories = RELEASES.flatMap(keptHistories);

Runtime.install({
  shutdownSignals: [],
  logger: new DefaultLogger('ERROR'),
  telemetryOptions: { logging: { filter: { core: 'ERROR', other: 'ERROR' } } },
});
const workflowBundle = await bundleWorkflows();

/** Errors of replaying, by file; undefined where it went well. */
async function replayed(kept: readonly KeptHistory[]): Promise<Map<string, Error | undefined>> {
  const outcomes = new Map<string, Error | undefined>();
  for (const { file, workflow_id, history } of kept) {
    const runs = Worker.runReplayHistories({ workflowBundle }, [
      { workflowId: workflow_id, history },
    ]);
    for await (const { error } of runs) outcomes.set(file, error);
  }
  return outcomes;
}

for (const version of RELEASES) {
  test(`every run that ${version} recorded replays`, async () => {
    const outcomes = await replayed(keptHistories(version));
    assert.ok(outcomes.size > 0, `${version} recorded none`);
    for (const [file, error] of outcomes) assert.equal(error, undefined, file);
  });

  test(`a run of ${version} that took another path does not`, async () => {
    const broken = keptHistories(version)
      .filter(({ type, history }) => {
        // One that was skipped plans nothing.
        return type === 'daily-archive' && JSON.stringify(history).includes('"planArchiveDay"');
      })
      .map((kept) => ({
        ...kept,
        history: JSON.parse(
          JSON.stringify(kept.history).replaceAll('"planArchiveDay"', '"plotArchiveDay"'),
        ) as KeptHistory['history'],
      }));
    assert.ok(broken.length > 0);
    for (const [file, error] of await replayed(broken)) {
      assert.match(String(error), /DeterminismViolation|Nondeterminism/i, file);
    }
  });
}

test('what is recorded stands in the folder of a version the changelog knows', () => {
  const log = readFileSync(join(projectRoot, 'CHANGELOG.md'), 'utf8');
  const released = [...log.matchAll(/^## \[?v?(\d+\.\d+\.\d+)/gm)].map(([, version]) => version);
  assert.deepEqual(
    RELEASES.filter((version) => version !== versionHere() && !released.includes(version)),
    [],
  );
  // A release nobody can replay any more would be given up in silence.
  const missing = [versionHere(), ...released.slice(0, 1)].filter(
    (version) => version !== undefined && !RELEASES.includes(version),
  );
  assert.deepEqual(missing, [], 'see "A release" in CONTRIBUTING.md');
});

test('every exported workflow has a recorded run of today’s version', () => {
  const index = readFileSync(join(projectRoot, 'workflows/index.ts'), 'utf8');
  // The default takes what has no name.
  const exported = [...index.matchAll(/export \{ (?:\w+ as )?'?([\w-]+)'? \}/g)]
    .map(([, name]) => name)
    .filter((name) => name !== 'default');
  assert.ok(exported.length >= 4);
  const here = histories.filter(({ version }) => version === versionHere());
  const recorded = new Set(here.map(({ type }) => type));
  assert.deepEqual(
    exported.filter((name) => !recorded.has(name ?? '')),
    [],
  );
});
