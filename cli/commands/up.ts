/** `ssmd up` and `ssmd down`: the servers of one environment. */
import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import { stopCompanions } from '../../stack/companions.ts';
import { recordEnvironmentFile, stackDir } from '../../stack/state.ts';
import type { StackPorts } from '../../stack/ports.ts';
import { usualPorts } from '../../stack/ports.ts';
import { PART_NAMES } from '../../stack/server.ts';
import type { PartName } from '../../stack/server.ts';
import { SsmdError } from '../../schema/errors.ts';
import { NAME_PATTERN } from '../../schema/symbols.ts';
import type { Stack } from '../../stack/stack.ts';
import { startStack, stopStack } from '../../stack/stack.ts';
import type { CliContext } from '../command.ts';
import { GROUPS, parseEnvName } from '../command.ts';
import { environmentName } from '../../environments/files.ts';
import {
  ENV_HELP,
  chooseEnvironment,
  namedEnvironment,
  resolveEnvironment,
} from '../resolve-environment.ts';

type UpOptions = {
  readonly env?: string;
  readonly only?: readonly PartName[];
  readonly detach?: boolean;
  readonly json?: boolean;
  readonly natsPort?: number;
  readonly s3Port?: number;
  readonly temporalPort?: number;
  readonly uiPort?: number;
};

export function register(program: Command, context: CliContext): void {
  const up = program
    .command('up')
    .helpGroup(GROUPS.stack)
    .summary('start the servers that are not running; Ctrl-C stops them')
    .description(
      'Starts NATS, S3 and Temporal on this machine for one environment: each server that is not ' +
        'running already. A missing server is built first (Go; minutes, once). Data, logs and the ' +
        'state that other commands read stay in .ssmd/ENVIRONMENT. Ctrl-C stops what was started.',
    )
    .option('--env <name>', 'environment (default: SSMD_ENV, else dev)', parseEnvName)
    .option(
      '--only <parts>',
      `only these, comma-separated, of ${PART_NAMES.join(', ')}`,
      parseParts,
    )
    .option('--detach', 'return at once and leave them running, until `ssmd down`')
    .option('--json', 'print where each part is as one JSON object');
  addPort(up, '--nats-port', 'nats', 'NATS');
  addPort(up, '--s3-port', 's3', 'S3');
  addPort(up, '--temporal-port', 'temporal', 'Temporal');
  addPort(up, '--ui-port', 'temporal_ui', "Temporal's UI");
  up.action((options: UpOptions) => runUp(options, context));

  program
    .command('down')
    .helpGroup(GROUPS.stack)
    .summary('stop the servers of an environment')
    .description('Stops the servers of one environment, whoever started them. Their data stays.')
    .option('--env <name>', ENV_HELP)
    .action(async (options: { readonly env?: string }) => {
      const chosen = await chooseEnvironment(options.env, context);
      const name = leftoverName(chosen, context.root);
      const dir = stackDir(name, context.root);
      const stopped = [...(await stopCompanions(dir)), ...(await stopStack(dir))];
      const what = stopped.length === 0 ? 'nothing was running' : `stopped ${stopped.join(', ')}`;
      context.output.note(`${name}: ${what}`);
    });
}

/** An environment whose file is gone may still have servers that run: they can be stopped. */
function leftoverName(nameOrPath: string, root: string): string {
  const name = environmentName(nameOrPath);
  const left = NAME_PATTERN.test(name) && existsSync(stackDir(name, root));
  if (!left) parseEnvName(nameOrPath);
  return name;
}

async function runUp(options: UpOptions, context: CliContext): Promise<void> {
  const { output, interrupted, root, env } = context;
  const wanted = namedEnvironment(options.env, 'dev', context);
  const { environment } = await resolveEnvironment(wanted, context, 'none');
  const { name } = environment;
  const dataDir = stackDir(name, root);
  const log = output.report();
  const usual = usualPorts(name);
  const ports: StackPorts = {
    nats: options.natsPort ?? usual.nats,
    s3: options.s3Port ?? usual.s3,
    temporal: options.temporalPort ?? usual.temporal,
    temporal_ui: options.uiPort ?? usual.temporal_ui,
  };
  const stack = await startStack({
    dataDir,
    ports,
    env,
    log,
    outlive_us: options.detach === true,
    signal: interrupted,
    ...(options.only === undefined ? {} : { only: options.only }),
  });
  await recordEnvironmentFile(dataDir, environment.file);
  if (options.json === true) output.json(describe(stack, options.only ?? PART_NAMES));
  if (options.detach === true) {
    log.line(`left running; stop with: npx ssmd down --env ${wanted}`);
    return;
  }
  if (stack.started.length === 0) {
    log.line('everything is running already, nothing to watch here');
    return;
  }
  log.line(`data and logs: ${dataDir}; Ctrl-C stops ${stack.started.join(', ')}`);
  const end = await firstOf(interrupted, stack.failed);
  await stack.stop();
  if (end === null) {
    log.line(`stopped ${stack.started.join(', ')}`);
    return;
  }
  throw new SsmdError('SSMD_UNAVAILABLE', `${end}; the other parts were stopped too`, {
    facts: { env: name },
  });
}

/** Null when the signal aborts first, else what failed; keeps the process alive until then. */
async function firstOf(signal: AbortSignal, failed: Promise<string>): Promise<string | null> {
  const alive = setInterval(() => undefined, 60_000);
  const stopped = new Promise<null>((settle) => {
    if (signal.aborted) settle(null);
    signal.addEventListener('abort', () => settle(null), { once: true });
  });
  try {
    return await Promise.race([stopped, failed]);
  } finally {
    clearInterval(alive);
  }
}

/** Where the parts are, without the secret. */
function describe(stack: Stack, parts: readonly PartName[]): Record<string, unknown> {
  const of: Record<PartName, () => unknown> = {
    nats: () => stack.nats,
    s3: () => ({ endpoint: stack.s3.endpoint, region: stack.s3.region }),
    temporal: () => stack.temporal,
  };
  return {
    started: stack.started,
    ...Object.fromEntries(parts.map((name) => [name, of[name]()])),
  };
}

function addPort(command: Command, flag: string, part: keyof StackPorts, what: string): void {
  const usual = usualPorts('dev')[part];
  const words = `port of ${what}, another if it is taken (usual: ${usual}, demo ${usualPorts('demo')[part]})`;
  command.option(`${flag} <port>`, words, parsePort);
}

function parsePort(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port;
  throw new InvalidArgumentError(`expected a port from 1 to 65535, received '${text}'`);
}

function parseParts(text: string): readonly PartName[] {
  const names = text.split(',').map((name) => name.trim());
  const unknown = names.filter((name) => !PART_NAMES.some((part) => part === name));
  if (unknown.length === 0) return PART_NAMES.filter((part) => names.includes(part));
  throw new InvalidArgumentError(
    `unknown: ${unknown.join(', ')}; expected some of ${PART_NAMES.join(', ')}`,
  );
}
