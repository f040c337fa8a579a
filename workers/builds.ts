/**
 * Builds of the connector as child processes: this checkout's own, and those the environment registers
 * under `spec.connectors`.
 */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { WorkerOptions } from '@temporalio/worker';
import type { BuildFacts, Builds, PartDone, PartTask } from '../activities/builds.ts';
import type { JobContext } from '../activities/deps.ts';
import type { Endpoints } from '../environments/endpoints.ts';
import type { Environment } from '../environments/env.ts';
import { invalidInput } from '../schema/errors.ts';
import { suggestion } from '../schema/near-miss.ts';
import { createPartActivities } from '../activities/reprocess.ts';
import { PARTS_QUEUE } from '../workflows/lib/queues.ts';
import { runConnectorChild } from './connector-child.ts';
import { describeBuild } from './reprocessor.ts';
import type { ReprocessTask } from './reprocessor.ts';

const MODE = ['connector', '--mode', 'reprocess'] as const;
/** A build that does not say what it is by then never will. */
const DESCRIBE_MS_MAX = 30_000;

export function childBuilds(of: {
  readonly environment: Environment;
  readonly endpoints: Endpoints;
  readonly root: string;
}): Builds {
  const { environment, endpoints, root } = of;
  const { version: own_version } = describeBuild(root);
  const commandOf = (name: string | null): readonly string[] => {
    if (name === null || name === own_version) return [process.execPath, join(root, 'cli/main.ts')];
    const registered = environment.spec.connectors[name]?.command;
    if (registered !== undefined) return registered;
    const names = [own_version, ...Object.keys(environment.spec.connectors)];
    const what = `'${name}' is not registered`;
    const fault = { where: 'connector_version', what, hint: suggestion(name, names) };
    const example = { feed: 'kraken', connector_version: own_version };
    throw invalidInput('the input of reprocess', [fault], example);
  };
  const ask = async (command: readonly string[]): Promise<BuildFacts> => {
    const found: BuildFacts[] = [];
    await runConnectorChild({
      ...{ command, root, input: null },
      args: [...MODE, '--describe'],
      signal: AbortSignal.timeout(DESCRIBE_MS_MAX),
      onMessage: (message) => {
        if (message['event'] === 'build') found.push(message['build'] as BuildFacts);
      },
    });
    const [facts] = found;
    if (facts !== undefined) return facts;
    const what = `${command.join(' ')} does not say what it is`;
    throw invalidInput('spec.connectors', [{ where: 'command', what }]);
  };
  return {
    // Asked anew each time: a deploy beside a running worker changes what its children are.
    describe: async (name) => {
      const command = commandOf(name);
      return name === null || name === own_version ? describeBuild(root) : ask(command);
    },
    runPart: (name, part, context) => runPart(commandOf(name), part, context),
  };

  async function runPart(
    command: readonly string[],
    part: PartTask,
    context: JobContext,
  ): Promise<PartDone> {
    const { raw, normalized } = environment.spec.storage;
    const task: ReprocessTask = {
      ...{ format: 1, s3: endpoints.s3, part },
      buckets: { raw: raw.bucket, normalized: normalized.bucket },
    };
    let done: PartDone | null = null;
    await runConnectorChild({
      ...{ command, root, input: task, signal: context.signal },
      args: MODE,
      onMessage: (message) => {
        if (message['event'] === 'done') done = message['done'] as PartDone;
        if (message['event'] !== 'progress') return;
        const { stage, records, bytes } = message as Record<string, unknown>;
        const at = { records: Number(records), bytes: Number(bytes) };
        context.beat({ v: 1, stage: String(stage), done: [], ...at });
      },
    });
    if (done === null) throw new Error('the connector ended well and did not say what it built');
    return done;
  }
}

/** The worker of the parts' queue. */
export function partWorker(builds: Builds): Omit<WorkerOptions, 'connection'> {
  return {
    taskQueue: PARTS_QUEUE,
    activities: createPartActivities({ builds }),
    maxConcurrentActivityTaskExecutions: availableParallelism(),
    maxHeartbeatThrottleInterval: '1 second',
    defaultHeartbeatThrottleInterval: '1 second',
    shutdownGraceTime: '1 second',
    shutdownForceTime: '25 seconds',
  };
}
