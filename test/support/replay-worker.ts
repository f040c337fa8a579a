/**
 * A worker that replays the tiny venue's days, in this process or, to be killed, in one of its own:
 * `node replay-worker.ts '{"address": ..., "variables": {...}}'`.
 */
import { join } from 'node:path';
import { endpointsOf } from '../../environments/endpoints.ts';
import { createReplays } from '../../workers/replays.ts';
import { testEnvironment } from './connector-process.ts';
import { memoryJobs } from './memory-jobs.ts';
import { projectRoot } from './project.ts';
import { SEARCH_ATTRIBUTES, startWorkflowJobs } from './workflow-jobs.ts';
import type { WorkflowJobs } from './workflow-jobs.ts';

export const REPLAY_NOW = '2026-12-01T06:00:00Z';

export type ReplayWorkerOptions = {
  readonly address: string;
  /** Where NATS and S3 are. */
  readonly variables: Readonly<Record<string, string>>;
};

export async function startReplayWorker(options: ReplayWorkerOptions): Promise<WorkflowJobs> {
  const environment = testEnvironment();
  const replays = createReplays({
    environment,
    endpoints: endpointsOf(environment, options.variables),
    root: projectRoot,
    command: [process.execPath, join(import.meta.dirname, 'replay-process.ts')],
  });
  const deps = memoryJobs(REPLAY_NOW);
  const jobs = await startWorkflowJobs(options.address, deps, SEARCH_ATTRIBUTES, replays);
  return {
    ...jobs,
    async [Symbol.asyncDispose]() {
      await jobs[Symbol.asyncDispose]();
      await replays[Symbol.asyncDispose]();
    },
  };
}

if (import.meta.main) {
  await startReplayWorker(JSON.parse(process.argv[2] ?? '{}') as ReplayWorkerOptions);
  process.stdout.write('ready\n');
}
