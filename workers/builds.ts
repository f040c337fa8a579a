/**
 * Builds of the connector as child processes: this checkout's own, and those the environment registers
 * under `spec.connectors`. As many parts at once as the machine has cores.
 */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { BuildFacts, Builds, PartDone, PartTask } from '../activities/builds.ts';
import type { JobContext } from '../activities/deps.ts';
import type { Endpoints } from '../environments/endpoints.ts';
import type { Environment } from '../environments/env.ts';
import { invalidInput } from '../schema/errors.ts';
import { suggestion } from '../schema/near-miss.ts';
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
  const own = describeBuild(root);
  const known = new Map<string, Promise<BuildFacts>>();
  const places = createPlaces(availableParallelism());
  const commandOf = (name: string | null): readonly string[] => {
    if (name === null || name === own.version) return [process.execPath, join(root, 'cli/main.ts')];
    const registered = environment.spec.connectors[name]?.command;
    if (registered !== undefined) return registered;
    const names = [own.version, ...Object.keys(environment.spec.connectors)];
    const what = `'${name}' is not registered`;
    const fault = { where: 'connector_version', what, hint: suggestion(name, names) };
    const example = { feed: 'kraken', connector_version: own.version };
    throw invalidInput(`environment ${environment.name}`, [fault], example);
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
    describe: async (name) => {
      const command = commandOf(name);
      if (name === null || name === own.version) return own;
      const asked = known.get(name) ?? ask(command);
      known.set(name, asked);
      asked.catch(() => known.delete(name));
      return asked;
    },
    runPart: (name, part, context) =>
      places(context.signal, () => runPart(commandOf(name), part, context)),
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

/** At most `count` at once; the others wait, and leave when they are cancelled. */
function createPlaces(
  count: number,
): <T>(signal: AbortSignal, run: () => Promise<T>) => Promise<T> {
  let free = count;
  const waiting: (() => void)[] = [];
  return async (signal, run) => {
    while (free === 0) {
      signal.throwIfAborted();
      await new Promise<void>((resolve) => {
        waiting.push(resolve);
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
    }
    signal.throwIfAborted();
    free--;
    try {
      return await run();
    } finally {
      free++;
      waiting.shift()?.();
    }
  };
}
