/** `ssmd temporal ...`: the Temporal CLI that the stack uses, pointed at the running stack. */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { Command } from 'commander';
import type { Known } from '../../activities/admission.ts';
import { SsmdError } from '../../schema/errors.ts';
import { nsFromMs } from '../../schema/time.ts';
import { ensureBinary } from '../../stack/binaries.ts';
import { findRunningStack } from '../../stack/state.ts';
import type { CliContext } from '../command.ts';
import { ExitWith, GROUPS } from '../command.ts';
import { refuseWrongStart, startsJob } from '../job-start.ts';
import { resolveEnvironment } from '../resolve-environment.ts';

export function register(program: Command, context: CliContext): void {
  program
    .command('temporal')
    .helpGroup(GROUPS.jobs)
    .summary('the Temporal CLI, on the running stack')
    .usage('...')
    .description(
      'Passes all its arguments on to the Temporal CLI, pointed at the running stack. The start of ' +
        'one of our jobs is judged first; nothing is started with a wrong input.',
    )
    .argument('[arguments...]')
    .allowUnknownOption()
    .passThroughOptions()
    .helpOption(false)
    .action((args: readonly string[]) => passOn(args, context));
}

async function passOn(args: readonly string[], context: CliContext): Promise<void> {
  const { env, root, output } = context;
  const chosen = env['TEMPORAL_ADDRESS'] !== undefined || args.some(namesAddress);
  // Of a server named by its address we do not know whose environment it is; its worker judges.
  if (!chosen && startsJob(args)) await refuseWrongStart(args, await knownHere(context));
  const binary = await ensureBinary('temporal', env, output.report(), context.interrupted);
  const stack = chosen ? null : await findRunningStack(root, env);
  const address = stack?.state.temporal?.address;
  const child = spawn(binary.path, args, {
    stdio: 'inherit',
    env: address === undefined ? env : { ...env, TEMPORAL_ADDRESS: address },
  });
  // From a terminal Ctrl-C reaches the child by itself; it ends, and we with it.
  const forward = (): void => void child.kill('SIGTERM');
  if (process.stdin.isTTY !== true) context.interrupted.addEventListener('abort', forward);
  const code = await new Promise<number>((settle, refuse) => {
    child.once('error', (error) => {
      const message = `${binary.path} does not start: ${error.message}`;
      refuse(new SsmdError('SSMD_TOOL_MISSING', message, { cause: error }));
    });
    child.once('exit', (status, signal) => {
      settle(signal === null ? (status ?? 1) : 128 + constants.signals[signal]);
    });
  });
  if (code !== 0 && !chosen && address === undefined) {
    output.note('no stack is running here; to start one: npx ssmd up');
  }
  if (code !== 0) throw new ExitWith(code);
}

/** What jobs of the environment that is up can be about. */
async function knownHere(context: CliContext): Promise<Known> {
  const { environment } = await resolveEnvironment(undefined, context, 'none');
  const { feedsOf, shardsOf } = await import('../../environments/env.ts');
  const feeds = feedsOf(environment);
  const shards = feeds.flatMap((feed) =>
    shardsOf(environment, feed).map((shard) => ({ feed, shard })),
  );
  return { feeds, shards, now: nsFromMs(Date.now()) };
}

function namesAddress(arg: string): boolean {
  return arg === '--address' || arg.startsWith('--address=');
}
