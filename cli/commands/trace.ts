/** `ssmd trace`: from an event to the frame it comes from. */
import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import { SsmdError, invalidInput } from '../../schema/errors.ts';
import type { Fault } from '../../schema/errors.ts';
import { readIdParts, splitEventId } from '../../schema/event-id.ts';
import type { EventId, IdParts, LineId } from '../../schema/event-id.ts';
import type { CliContext } from '../command.ts';
import { ExitWith, GROUPS, parseEnvName } from '../command.ts';
import { ENV_HELP, resolveEnvironment } from '../resolve-environment.ts';
import type { Environment } from '../../environments/env.ts';
import type { Bus } from '../../bus/bus.ts';

type Flags = {
  readonly feed?: string;
  readonly shard?: string;
  readonly t?: string;
  readonly type?: string;
  readonly symbol?: string;
  readonly index?: string;
  readonly around: number;
  readonly fold: boolean;
  readonly env?: string;
  readonly json?: boolean;
};

const EXAMPLE = 'npx ssmd trace kraken/tier1/1763640003123456789/trade/BTCUSD/0';
const AROUND_MAX = 1_000;
const EXAMPLES = `
EVENT is {feed}/{shard}/{t}/{type}/{symbol}/{index}, as docs/contract.md says;
its first three parts name a line of the log, and then all that the line says is
shown. It may also be an event as one JSON object (ssmd sub --json prints them;
- reads one from standard input), or be given by flags.

The day's log is read up to the event and folded, as the archive does it: late
in a large day this takes a while. --no-fold shows the line alone.

Examples:
  ${EXAMPLE}
  npx ssmd trace kraken/tier1/1763640003123456789 --no-fold --around 10
  npx ssmd sub md.kraken.trade.BTCUSD --json --count 1 | npx ssmd trace -`;

export function register(program: Command, context: CliContext): void {
  program
    .command('trace')
    .helpGroup(GROUPS.data)
    .summary('from an event to its frame: the exact bytes, the connection, the proof')
    .description(
      'Finds the line of the log an event comes from, in the raw bucket or in the local log: its exact ' +
        'bytes, its connection, the request that asked for it, where it was captured and by what, what ' +
        'it says by the fold, and whether archive and bus hold the same. Exit code 1 where they do not.',
    )
    .argument('[event]', 'the event, a line, a JSON object, or -')
    .option('--feed <feed>', 'such as kraken')
    .option('--shard <shard>', 'such as tier1')
    .option('--t <ns>', "the line's t")
    .option('--type <type>', 'such as trade')
    .option('--symbol <symbol>', 'such as BTCUSD')
    .option('--index <n>', 'such as 0')
    .option('--around <n>', 'lines shown before and after', parseAround, 3)
    .option('--no-fold', 'do not read the day; show the line alone')
    .option('--env <name>', ENV_HELP, parseEnvName)
    .option('--json', 'print one JSON object')
    .addHelpText('after', EXAMPLES)
    .action((event: string | undefined, flags: Flags) => runTrace(event, flags, context));
}

async function runTrace(
  given: string | undefined,
  flags: Flags,
  context: CliContext,
): Promise<void> {
  const { output, interrupted } = context;
  const { line, event } = await readEvent(given, flags);
  const [
    { FEEDS },
    { openRawPlaces },
    { traceEvent },
    { isUnequal, printTrace, traceJson },
    { lateProgress },
  ] = await Promise.all([
    import('../../connectors/registry.ts'),
    import('../log/environment.ts'),
    import('../trace/trace.ts'),
    import('../trace/print.ts'),
    import('../log/read.ts'),
  ]);
  const feed = FEEDS.get(line.feed);
  if (feed === undefined) {
    const what = `expected one of ${[...FEEDS.keys()].join(', ')}, received '${line.feed}'`;
    throw invalidInput('EVENT', [{ where: 'feed', what }], EXAMPLE);
  }
  await using places = await openRawPlaces(flags.env, context);
  const { environment, raw, normalized, log_dir } = places;
  if (raw === null)
    output.note(`S3 of "${environment.name}" is not known: only the local log is read`);
  const bus = flags.fold ? await tryBus(environment, flags.env, context) : null;
  const progress = lateProgress(output, { label: 'trace', total: 100, unit: '%' });
  try {
    const trace = await traceEvent(
      { line, event, around: flags.around, fold: flags.fold },
      {
        ...{ feed, raw, normalized, bus, log_dir, signal: interrupted, note: output.note },
        onProgress: (done, total, stage) =>
          progress.update(Math.floor((done / Math.max(total, 1)) * 100), stage),
      },
    );
    progress.end();
    const columns = process.stdout.isTTY ? process.stdout.columns : null;
    if (flags.json === true) output.json(traceJson(trace));
    else printTrace(trace, output, columns);
    if (isUnequal(trace)) throw new ExitWith(1);
  } finally {
    progress.end();
    await bus?.close();
  }
}

/** The bus, where it can be reached: without it the trace says less, and says so. */
async function tryBus(
  environment: Environment,
  name: string | undefined,
  context: CliContext,
): Promise<Bus | null> {
  try {
    const { endpoints } = await resolveEnvironment(name, context, 'bus');
    const { createNatsBus } = await import('../../bus/nats.ts');
    return await createNatsBus({
      servers: endpoints.nats_url,
      environment: environment.name,
      subject_prefix: environment.spec.transport.subject_prefix,
      name: 'ssmd-trace',
      wait: false,
    });
  } catch (error) {
    if (!(error instanceof SsmdError)) throw error;
    context.output.note(`the bus is not looked at: ${error.message}`);
    return null;
  }
}

/** @throws SSMD_INVALID_INPUT with every fault */
async function readEvent(
  given: string | undefined,
  flags: Flags,
): Promise<{ readonly line: LineId; readonly event: EventId | null }> {
  const named = given === '-' ? await readInput() : given?.trim();
  const { feed, shard, t, type, symbol, index } = flags;
  const of_flags = Object.entries({ feed, shard, t, type, symbol, index }).filter(
    ([, value]) => value !== undefined,
  );
  const faults: Fault[] = [];
  const row = named?.startsWith('{') === true;
  if (named !== undefined && !row && of_flags.length > 0) {
    faults.push({ where: 'EVENT', what: 'an event and flags for its parts exclude each other' });
  }
  // A row of evidence may leave out what holds for all of its page: flags say the rest.
  const parts = {
    ...Object.fromEntries(of_flags),
    ...(named === undefined ? {} : partsOf(named, faults)),
  };
  const read = readIdParts(parts);
  for (const { part, expected, received } of read.faults) {
    faults.push({ where: part, what: `expected ${expected}, received '${received}'` });
  }
  if (faults.length > 0 || read.line === null) throw invalidInput('EVENT', faults, EXAMPLE);
  return { line: read.line, event: read.event };
}

function partsOf(text: string, faults: Fault[]): IdParts {
  if (text.startsWith('{')) {
    try {
      const value: unknown = JSON.parse(text);
      if (typeof value === 'object' && value !== null) return value;
    } catch {
      faults.push({ where: 'EVENT', what: 'begins like a JSON object and is none' });
    }
    return {};
  }
  const { rest, ...parts } = splitEventId(text);
  if (rest !== undefined)
    faults.push({ where: 'EVENT', what: `has more than six parts: '${rest}'` });
  return parts;
}

/** The first line of standard input; an event is far shorter than this. */
const INPUT_BYTES_MAX = 16 * 1024 * 1024;

async function readInput(): Promise<string> {
  let text = '';
  for await (const chunk of process.stdin) {
    text += String(chunk);
    const end = text.indexOf('\n');
    if (end >= 0) return text.slice(0, end).trim();
    if (text.length > INPUT_BYTES_MAX) break;
  }
  return text.trim();
}

function parseAround(text: string): number {
  const count = Number(text);
  if (Number.isSafeInteger(count) && count >= 0 && count <= AROUND_MAX) return count;
  throw new InvalidArgumentError(`expected a number from 0 to ${AROUND_MAX}, received '${text}'`);
}
