/** Replays as the worker starts them: the connector program in replay mode, a process group each. */
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { WorkerOptions } from '@temporalio/worker';
import { createReplayActivities } from '../activities/replay.ts';
import type { ReplayProcess, ReplayRequest, ReplayWord, Replays } from '../activities/replay.ts';
import { openReplayControl } from '../bus/nats-replay.ts';
import type { ReplayControl } from '../bus/replay.ts';
import { hostProcess, systemProcesses } from '../connectors/runtime/host-processes.ts';
import type { HostProcess } from '../connectors/runtime/host-processes.ts';
import type { Endpoints } from '../environments/endpoints.ts';
import { shardsOf } from '../environments/env.ts';
import type { Environment } from '../environments/env.ts';
import { REPLAY_QUEUE, REPLAY_WORDS_QUEUE } from '../workflows/lib/queues.ts';
import { endGroup, startChild } from './child-process.ts';
import type { Child } from './child-process.ts';
import type { ReplayerJob } from './replayer.ts';

export type ReplaysOptions = {
  readonly environment: Environment;
  readonly endpoints: Endpoints;
  readonly root: string;
  /** The program and its arguments; the connector's own where left out. */
  readonly command?: readonly string[];
};

/** Replays of a worker at once: a process each. */
const REPLAYS_MAX = 4;

export function createReplays(options: ReplaysOptions): Replays & AsyncDisposable {
  const { environment, endpoints, root } = options;
  let opening: Promise<ReplayControl> | null = null;
  const control = (): Promise<ReplayControl> => {
    opening ??= openReplayControl({
      servers: endpoints.nats_url,
      environment: environment.name,
      subject_prefix: environment.spec.transport.subject_prefix,
      name: 'worker-replays',
      wait: false,
    }).catch((error: unknown) => {
      opening = null;
      throw error;
    });
    return opening;
  };
  const command = options.command ?? [
    ...[process.execPath, join(root, 'cli/main.ts')],
    ...['connector', '--mode', 'replay'],
  ];
  return {
    async start(request, leftover) {
      if (leftover !== null) endLeftover(leftover);
      return startProcess(command, root, jobOf(environment, endpoints, request));
    },
    ask: async (id, told) => (await control()).ask(id, told),
    remove: async (id, owner) => (await control()).remove(id, owner),
    async [Symbol.asyncDispose]() {
      await (await opening?.catch(() => null))?.[Symbol.asyncDispose]();
    },
  };
}

/** The workers that watch them and talk to them: by the side of the one that does the other jobs. */
export function replayWorkers(replays: Replays): readonly Omit<WorkerOptions, 'connection'>[] {
  const { runReplay, ...words } = createReplayActivities(replays);
  return [
    {
      taskQueue: REPLAY_QUEUE,
      activities: { runReplay },
      maxConcurrentActivityTaskExecutions: REPLAYS_MAX,
      maxHeartbeatThrottleInterval: '1 second',
      defaultHeartbeatThrottleInterval: '1 second',
      // A replay would not end by itself: it is ended at once, and goes on in another worker.
      shutdownGraceTime: 0,
      shutdownForceTime: '25 seconds',
    },
    {
      taskQueue: REPLAY_WORDS_QUEUE,
      activities: words,
      shutdownGraceTime: '5 seconds',
      shutdownForceTime: '25 seconds',
    },
  ];
}

function jobOf(
  environment: Environment,
  endpoints: Endpoints,
  request: ReplayRequest,
): ReplayerJob {
  const { transport, storage, origin } = environment.spec;
  return {
    ...request,
    v: 1,
    environment: environment.name,
    subject_prefix: transport.subject_prefix,
    raw_bucket: storage.raw.bucket,
    normalized_bucket: storage.normalized.bucket,
    shards: shardsOf(environment, request.feed),
    origin,
    endpoints: { nats_url: endpoints.nats_url, s3: endpoints.s3 },
  };
}

async function startProcess(
  command: readonly string[],
  root: string,
  job: ReplayerJob,
): Promise<ReplayProcess> {
  const child = await startChild(command, root, job);
  return { name: nameOf(child.pid), words: wordsOf(child, job.id), stop: child.stop };
}

async function* wordsOf(child: Child, id: string): AsyncGenerator<ReplayWord> {
  let last: ReplayWord | null = null;
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      const word = wordIn(line);
      if (word === null) continue;
      last = word;
      yield word;
    }
    const { code, killed } = await child.ended;
    if (last !== null && last.event !== 'progress') return;
    const how = killed === null ? `with exit code ${code}` : `by ${killed}`;
    yield {
      event: 'failure',
      code: 'SSMD_UNAVAILABLE',
      message: `the process of replay "${id}" ended ${how}: ${child.complaint() || 'no word why'}`,
      retryable: true,
      facts: { id, code, signal: killed },
    };
  } finally {
    child.stop();
    await child.ended;
  }
}

function wordIn(line: string): ReplayWord | null {
  if (!line.startsWith('{"event":')) return null;
  const word = JSON.parse(line) as ReplayWord;
  return ['progress', 'result', 'failure'].includes(word.event) ? word : null;
}

/** Names a process of this host for a later attempt, which may run in another one. */
function nameOf(pid: number): string {
  return JSON.stringify(hostProcess(pid));
}

/** What an earlier attempt left behind on this host is ended at once: it was told to, or is orphaned. */
function endLeftover(name: string): void {
  const found = JSON.parse(name) as HostProcess;
  if (systemProcesses.look(found) === 'alive') endGroup(found.pid, 'SIGKILL');
}
