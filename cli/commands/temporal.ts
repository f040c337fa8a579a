/** `ssmd temporal ...`: the Temporal CLI that the stack uses, pointed at an environment's stack. */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { Command } from 'commander';
import { SsmdError } from '../../schema/errors.ts';
import { ensureBinary } from '../../stack/binaries.ts';
import { environmentName } from '../../environments/files.ts';
import { readStackState } from '../../stack/state.ts';
import type { CliContext } from '../command.ts';
import { ExitWith, GROUPS, parseEnvName } from '../command.ts';
import { refuseWrongStart, startsJob, withSummary, withTaskQueue } from '../job-start.ts';
import { TASK_QUEUE } from '../../workflows/lib/queues.ts';
import { knownIn } from '../judged-input.ts';
import { chooseEnvironment } from '../resolve-environment.ts';

export function register(program: Command, context: CliContext): void {
  program
    .command('temporal')
    .helpGroup(GROUPS.jobs)
    .summary("the Temporal CLI, on an environment's stack")
    .usage('[--env NAME] ...')
    .description(
      "Passes its arguments on to the Temporal CLI, pointed at an environment's stack. The start of " +
        'one of our jobs is judged first; nothing is started with a wrong input.',
    )
    .argument('[arguments...]')
    .allowUnknownOption()
    .passThroughOptions()
    .helpOption(false)
    .action((args: readonly string[]) => passOn(args, context));
}

async function passOn(given: readonly string[], context: CliContext): Promise<void> {
  const { env, root, output } = context;
  const { named, args: words } = withoutEnv(given);
  const queued = withTaskQueue(words);
  const args = withSummary(queued);
  if (queued.length > words.length)
    output.note(`added --task-queue ${TASK_QUEUE}: our workers poll no other`);
  const addressed = args.some(namesAddress) || (named === undefined && env['TEMPORAL_ADDRESS']);
  const picked = addressed || asksNoServer(args) ? null : await environmentOf(named, context);
  // Of a server named by its address we do not know whose environment it is; its worker judges.
  if (picked !== null && startsJob(args)) {
    await refuseWrongStart(args, await knownIn(picked, context));
  }
  const address = picked === null ? undefined : await addressOf(picked, root);
  const binary = await ensureBinary('temporal', env, output.report(), context.interrupted);
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
  if (code !== 0) throw new ExitWith(code);
}

/** By the rule of all commands; one whose file is gone may still be up. */
async function environmentOf(named: string | undefined, context: CliContext): Promise<string> {
  const picked = await chooseEnvironment(named, context);
  const stack = await readStackState(environmentName(picked), context.root);
  return stack === null ? parseEnvName(picked) : picked;
}

/** Never the usual port: another environment's server may be there. @throws SSMD_UNAVAILABLE */
async function addressOf(picked: string, root: string): Promise<string> {
  const stack = await readStackState(environmentName(picked), root);
  const address = stack?.temporal?.address;
  if (address !== undefined) return address;
  const message =
    `no Temporal server of ${picked} is running here; start it: npx ssmd up --env ${picked}, or name ` +
    'another with --address or TEMPORAL_ADDRESS';
  throw new SsmdError('SSMD_UNAVAILABLE', message, { facts: { environment: picked } });
}

/** `--env` is ours wherever it stands, but for the Temporal CLI's own command of that name. */
function withoutEnv(args: readonly string[]): {
  readonly named?: string;
  readonly args: readonly string[];
} {
  const at = args.findIndex((it) => it === '--env' || it.startsWith('--env='));
  if (at < 0 || args[0] === 'env') return { args };
  const joined = args[at] !== '--env';
  const named = joined ? args[at]?.slice('--env='.length) : args[at + 1];
  return { named: parseEnvName(named ?? ''), args: args.toSpliced(at, joined ? 1 : 2) };
}

/** Commands of the Temporal CLI that speak with no server, or bring their own. */
const SERVERLESS = ['help', 'completion', 'config', 'env', 'server'];

function asksNoServer(args: readonly string[]): boolean {
  const [word = 'help'] = args;
  return SERVERLESS.includes(word) || args.some((it) => HELP.includes(it));
}

const HELP = ['-h', '--help', '-v', '--version'];

function namesAddress(arg: string): boolean {
  return arg === '--address' || arg.startsWith('--address=');
}
