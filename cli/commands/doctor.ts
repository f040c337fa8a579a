/** `ssmd doctor`: what this machine has, what is missing, and what to do about it. */
import type { Command } from 'commander';
import type { BinaryFact, Diagnosis, PortFact, Problem } from '../../stack/doctor.ts';
import { diagnose } from '../../stack/doctor.ts';
import { readStackState, stackDir } from '../../stack/state.ts';
import type { CliContext } from '../command.ts';
import { ExitWith, GROUPS, parseEnvName } from '../command.ts';
import { environmentName } from '../../environments/files.ts';
import { SsmdError } from '../../schema/errors.ts';
import type { ClockFacts } from '../clock/facts.ts';
import {
  ENV_HELP,
  chooseEnvironment,
  resolveEnvironment,
  resolveLocation,
} from '../resolve-environment.ts';
import type { Output } from '../output.ts';
import { formatBytes } from '../format.ts';

export function register(program: Command, context: CliContext): void {
  program
    .command('doctor')
    .helpGroup(GROUPS.start)
    .summary('say what is installed and what is wrong')
    .description(
      'Looks at Node, Go, the three servers (which binary, version, where from), the environment ' +
        'file, ports, disk and the clock. Starts nothing. Exit code 1 when something is wrong, with the way to ' +
        'mend it.',
    )
    .option('--env <name>', ENV_HELP, parseEnvName)
    .option('--json', 'print one JSON object')
    .action((options: Options) => runDoctor(options, context));
}

type Options = { readonly env?: string; readonly json?: boolean };

async function runDoctor(options: Options, context: CliContext): Promise<void> {
  const env = await chooseEnvironment(options.env, context);
  const name = environmentName(env);
  const faults = await faultsOfFile(env, context);
  const seen = await diagnose(stackDir(name, context.root), context.env);
  const clock = faults.length > 0 ? null : await clockOf(env, context);
  const problems = [...faults, ...(clock?.problems ?? []), ...seen.problems];
  const found = { ...seen, problems, clock: clock?.reading ?? null };
  const stack = await readStackState(name, context.root);
  const up = {
    nats: stack?.nats?.url ?? null,
    s3: stack?.s3?.endpoint ?? null,
    temporal: stack?.temporal?.address ?? null,
    temporal_ui: stack?.temporal?.uiUrl ?? null,
  };
  if (options.json === true) context.output.json({ ...found, environment: name, stack: up });
  else print(found, env, up, clock?.lines ?? [], context.output);
  if (found.problems.length > 0) throw new ExitWith(1);
}

/** How this machine's clock is kept, and what of it is not as its location expects. */
async function clockOf(env: string, context: CliContext): Promise<ClockFacts> {
  const { environment } = await resolveEnvironment(env, context, 'none');
  try {
    const { clockFacts } = await import('../clock/facts.ts');
    return await clockFacts(await resolveLocation(environment, context), context.env);
  } catch (error) {
    if (!(error instanceof SsmdError) || error.code !== 'SSMD_INVALID_CONFIG') throw error;
    const fix = 'correct config/locations.yaml, or what names the location; docs/clocks.md';
    return { reading: null, lines: [], problems: [{ what: error.message, fix }] };
  }
}

/** What is wrong with the environment's file: one of the things to mend. */
async function faultsOfFile(env: string, context: CliContext): Promise<Problem[]> {
  try {
    await resolveEnvironment(env, context, 'none');
    return [];
  } catch (error) {
    if (!(error instanceof SsmdError) || error.code !== 'SSMD_INVALID_CONFIG') throw error;
    return [{ what: error.message, fix: 'correct the file; docs/operating.md lists its keys' }];
  }
}

function print(
  found: Diagnosis,
  env: string,
  up: Readonly<Record<string, string | null>>,
  clock: readonly string[],
  output: Output,
): void {
  const { color } = output;
  output.line(`Node  ${found.node.version}  ${found.node.path}`);
  output.line(`Go    ${found.go?.version ?? 'not found'}`);
  output.line();
  output.table(['server', 'version', 'from', 'where'], found.binaries.map(binaryRow));
  output.line();
  output.table([`port (${env})`, 'of', 'now'], found.ports.map(portRow));
  output.line();
  const running = Object.entries(up).filter(([, url]) => url !== null);
  if (running.length === 0)
    output.line(
      `stack ${env}: not running (start it: npx ssmd up${env === 'dev' ? '' : ` --env ${env}`})`,
    );
  for (const [part, url] of running) output.line(`stack ${env}: ${part} at ${url}`);
  for (const { path, free_bytes } of found.disk) {
    output.line(`disk: ${formatBytes(free_bytes)} free for ${path}`);
  }
  for (const said of clock) output.line(said);
  for (const { name, found: there } of found.test_tools) {
    if (!there) output.line(`note: ${name} is not on PATH; only tests and by-hand reading use it`);
  }
  output.line();
  if (found.problems.length === 0) output.line(color.green('nothing is wrong'));
  for (const { what, fix } of found.problems) {
    output.line(`${color.red('wrong')}: ${what}`);
    output.line(`  mend: ${fix}`);
  }
}

function binaryRow(fact: BinaryFact): string[] {
  const name = `${fact.tool}, ${fact.role}`;
  if (fact.path === null) return [name, '-', '-', fact.plan ?? 'missing'];
  return [name, fact.version ?? '-', fact.source ?? '-', fact.path];
}

function portRow(fact: PortFact): string[] {
  const owner = fact.owner ?? 'a process that may not be looked up';
  const state = fact.free ? 'free' : fact.ours ? 'this stack' : `taken by ${owner}`;
  return [
    String(fact.port),
    fact.part,
    fact.free || fact.ours ? state : `${state}; another is used`,
  ];
}
