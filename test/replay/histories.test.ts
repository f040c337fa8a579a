/**
 * Recorded runs replayed through today's workflow code: a change that would break a run in flight
 * fails here, without a server. Record again with `SSMD_KEEP_HISTORIES=1` and the integration test
 * `workflow-jobs`, and say in the commit why old runs may break.
 */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { bundleWorkflows } from '../../workers/worker.ts';

type Kept = {
  readonly file: string;
  readonly workflow_id: string;
  readonly type: string;
  readonly history: { readonly events: { readonly eventType: string }[] };
};

const FOLDER = join(import.meta.dirname, 'histories');

const histories: Kept[] = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.json'))
  .map((file) => ({
    ...(JSON.parse(readFileSync(join(FOLDER, file), 'utf8')) as Omit<Kept, 'file'>),
    file,
  }));

Runtime.install({
  shutdownSignals: [],
  logger: new DefaultLogger('ERROR'),
  telemetryOptions: { logging: { filter: { core: 'ERROR', other: 'ERROR' } } },
});
const workflowBundle = await bundleWorkflows();

/** Errors of replaying, by file; undefined where it went well. */
async function replayed(kept: readonly Kept[]): Promise<Map<string, Error | undefined>> {
  const outcomes = new Map<string, Error | undefined>();
  for (const { file, workflow_id, history } of kept) {
    const runs = Worker.runReplayHistories({ workflowBundle }, [
      { workflowId: workflow_id, history },
    ]);
    for await (const { error } of runs) outcomes.set(file, error);
  }
  return outcomes;
}

test('every recorded run replays', async () => {
  for (const [file, error] of await replayed(histories)) assert.equal(error, undefined, file);
});

test('a run that took another path does not', async () => {
  const broken = histories
    .filter(({ type, history }) => {
      // One that was skipped plans nothing.
      return type === 'daily-archive' && JSON.stringify(history).includes('"planArchiveDay"');
    })
    .map((kept) => ({
      ...kept,
      history: JSON.parse(
        JSON.stringify(kept.history).replaceAll('"planArchiveDay"', '"plotArchiveDay"'),
      ) as Kept['history'],
    }));
  assert.ok(broken.length > 0);
  for (const [file, error] of await replayed(broken)) {
    assert.match(String(error), /DeterminismViolation|Nondeterminism/i, file);
  }
});

test('every exported workflow has a recorded run', () => {
  const index = readFileSync(join(import.meta.dirname, '../../workflows/index.ts'), 'utf8');
  // The default takes what has no name.
  const exported = [...index.matchAll(/export \{ (?:\w+ as )?'?([\w-]+)'? \}/g)]
    .map(([, name]) => name)
    .filter((name) => name !== 'default');
  assert.ok(exported.length >= 4);
  const recorded = new Set(histories.map(({ type }) => type));
  assert.deepEqual(
    exported.filter((name) => !recorded.has(name ?? '')),
    [],
  );
});
