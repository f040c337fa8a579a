/** The `ssmd` command: builds the program from the registry, runs it, turns errors into words. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Command } from 'commander';
import { ExitWith } from './command.ts';
import type { CliContext } from './command.ts';
import { createOutput, exitCodeOf, printError } from './output.ts';
import { explainListenError } from './listen-error.ts';
import { gatherOptionFaults } from './option-faults.ts';
import { COMMANDS } from './registry.ts';
import { envNamed } from './same-env.ts';
import { refuseUnknownCommand, withHelpWord } from './unknown-command.ts';

const ROOT = dirname(import.meta.dirname);

const EXAMPLES = `
Examples:
  npx ssmd demo                                   frames to a checked day
  npx ssmd up                                     start NATS, S3 and Temporal
  npx ssmd connector --feed kraken --shard tier1  capture live, until Ctrl-C
  npx ssmd sub 'md.kraken.>'                      watch events as clients do
  npx ssmd import FILE --feed binance-usdm        a recording into raw
  npx ssmd worker                                 do the jobs; then start one:
  npx ssmd temporal workflow start --type daily-archive --task-queue ssmd \\
    --input '{"feed":"kraken"}'
  npx ssmd job list                               and see what came of it

Every command explains itself: npx ssmd COMMAND --help
Without --env a command means SSMD_ENV, else the environment that is up, else
  dev; where several are up it asks for --env. up starts dev, simulate uses demo
Exit codes: 0 done, 1 it did not hold or failed, 2 wrong command or input,
  3 the machine or a server, 130 interrupted`;

/** The whole command line as a commander program. */
export function buildProgram(context: CliContext): Command {
  const program = new Command('ssmd')
    .description(
      'Market data you can trust: captures exchange feeds byte for byte, streams them over NATS, ' +
        'archives them to S3 by Temporal workflows, and can rebuild any day to the byte.',
    )
    .version(version(), '-V, --version')
    .usage('COMMAND [options]')
    .helpOption('-h, --help', 'show this, or the help of a command')
    .helpCommand(false)
    .enablePositionalOptions()
    .showSuggestionAfterError()
    .configureHelp({ minWidthToWrap: 20 })
    .configureOutput({
      writeOut: (text) => context.output.line(text.trimEnd()),
      writeErr: (text) => context.output.note(text.trimEnd()),
      getOutHasColors: () => context.output.color.isColorSupported,
    })
    .addHelpText('after', EXAMPLES)
    .exitOverride();
  for (const register of COMMANDS) register(program, context);
  overrideExits(program);
  gatherOptionFaults(program);
  return program;
}

/** Commander ends the process on a usage error unless each command is told to throw. */
function overrideExits(command: Command): void {
  command.exitOverride().showHelpAfterError('(--help explains it)');
  for (const child of command.commands) overrideExits(child);
}

function version(): string {
  const text = readFileSync(join(ROOT, 'package.json'), 'utf8');
  const found: unknown = JSON.parse(text);
  return typeof found === 'object' && found !== null && 'version' in found
    ? String(found.version)
    : 'unknown';
}

const EXIT_INTERRUPTED = 130;
/** A second signal this soon is the first one again. */
const ECHO_MS = 1000;

/** Aborts at the first signal, ends the process at the second. */
function signalInterrupt(note: (text: string) => void): AbortSignal {
  const controller = new AbortController();
  let first_ms = 0;
  const hear = (signal: NodeJS.Signals): void => {
    // One signal to a whole process group comes twice: from the group, and from the launcher.
    if (controller.signal.aborted && performance.now() - first_ms < ECHO_MS) return;
    if (controller.signal.aborted) process.exit(EXIT_INTERRUPTED);
    first_ms = performance.now();
    note(`\n${signal}: stopping (again to end at once)`);
    controller.abort(signal);
  };
  process.on('SIGINT', hear);
  process.on('SIGTERM', hear);
  process.on('SIGHUP', hear);
  return controller.signal;
}

/** Runs one command line; returns its exit code. What went wrong has been printed. */
export async function runCommandLine(
  given: readonly string[],
  context: CliContext,
): Promise<number> {
  const args = withHelpWord(given);
  const own = args.includes('--') ? args.slice(0, args.indexOf('--')) : args;
  const json = own[0] !== 'temporal' && own.includes('--json');
  try {
    const program = buildProgram({ ...context, env_named: envNamed(own) });
    refuseUnknownCommand(program, args);
    if (args.length === 0) program.outputHelp();
    else await program.parseAsync(args, { from: 'user' });
    return 0;
  } catch (thrown) {
    if (thrown instanceof ExitWith) return thrown.code;
    const error = await explainListenError(thrown);
    const code = exitCodeOf(error);
    if (code !== 0) printError(error, context.output, json);
    return code;
  }
}

async function main(): Promise<number> {
  const { env, stdout, stderr } = process;
  const output = createOutput({ stdout, stderr, env });
  // A reader that goes away (`ssmd ... | head`) is no fault of the command.
  stdout.on('error', (error: NodeJS.ErrnoException) =>
    process.exit(error.code === 'EPIPE' ? 0 : 1),
  );
  const interrupted = signalInterrupt(output.note);
  return runCommandLine(process.argv.slice(2), { root: ROOT, env, output, interrupted });
}

if (import.meta.main) {
  process.exitCode = await main();
  // What was interrupted may have left work that nobody waits for any more.
  if (process.exitCode === EXIT_INTERRUPTED) process.exit();
}
