/** `ssmd clock`: how the clocks of captures are kept, here and where else, now and as recorded. */
import type { Command } from 'commander';
import type { Environment } from '../../environments/env.ts';
import type { Locations } from '../../environments/locations.ts';
import type { Location } from '../../schema/clock.ts';
import { invalidInput } from '../../schema/errors.ts';
import { suggestion } from '../../schema/near-miss.ts';
import type { CliContext } from '../command.ts';
import { ExitWith, GROUPS, parseEnvName } from '../command.ts';
import { archivedSpan, spanOf } from '../clock/span.ts';
import type { SpanFlags } from '../clock/span.ts';
import { feedFault } from '../flag-faults.ts';
import {
  ENV_HELP,
  resolveEnvironment,
  resolveLocation,
  resolveLocations,
} from '../resolve-environment.ts';

type Flags = { readonly env?: string; readonly json?: boolean };
type StatusFlags = Flags & { readonly status?: readonly string[]; readonly hours?: string };
type RawFlags = Flags & SpanFlags & { readonly location?: string; readonly feed?: string };
type SkewFlags = Flags &
  SpanFlags & {
    readonly feed?: string;
    readonly exchange?: boolean;
    readonly against?: string;
    readonly prometheus?: boolean;
  };

const SKEW_EXAMPLE = 'npx ssmd clock skew --exchange --feed kraken --start 2026-11-20';
const HISTORY_EXAMPLE = 'npx ssmd clock history --feed kraken --start 2026-11-20 --end 2026-11-20';

export function register(program: Command, context: CliContext): void {
  const clock = program
    .command('clock')
    .helpGroup(GROUPS.capture)
    .summary('how the clocks of captures are kept, now and as recorded')
    .description(
      'Reads what the machine, running connectors and RAW say of clocks. Nothing is guessed: what ' +
        'nobody says is - here and null in JSON. docs/clocks.md says what the words mean.',
    );
  const add = (name: string, words: string): Command =>
    clock
      .command(name)
      .description(words)
      .option('--env <name>', ENV_HELP, parseEnvName)
      .option('--json', 'print one JSON object');
  add(
    'status',
    'This machine, running connectors, and what RAW of the last hours says of each shard.',
  )
    .option('--status <url...>', 'status pages of running connectors, as they print them')
    .option('--hours <n>', 'RAW of so many hours before now (default: 2)')
    .action((flags: StatusFlags) => runStatus(flags, context));
  add(
    'check',
    'Whether the clock of a location is well; exit code 1 and what to do where it is not.',
  )
    .argument('[location]', 'of config/locations.yaml (default: where this machine is)')
    .action((name: string | undefined, flags: Flags) => runCheck(name, flags, context));
  add('sync', 'Asks chrony or systemd-timesyncd to set the clock right at once; nothing else.')
    .argument('[location]', 'where this machine is: no other can be asked from here')
    .action((name: string | undefined, flags: Flags) => runSync(name, flags, context));
  ranged(add('history', 'How the clock was kept, span by span, as the headers of RAW say.'))
    .argument('[location]', 'of this one alone')
    .addHelpText('after', `\nExample:\n  ${HISTORY_EXAMPLE}`)
    .action((name: string | undefined, flags: RawFlags) => runHistory(name, flags, context));
  ranged(add('jumps', 'Where a clock jumped against the monotonic clock, as RAW says.'))
    .option('--location <location>', 'of this one alone')
    .action((flags: RawFlags) => runJumps(flags, context));
  ranged(
    add('skew', 'Archived trades: receive times against the venue, or against other captures.'),
  )
    .option('--exchange', "against the venue's own times")
    .option(
      '--against <env>',
      'against those of another environment, captured elsewhere',
      parseEnvName,
    )
    .option('--prometheus', 'with --against: print it as a metric')
    .addHelpText('after', `\nExample:\n  ${SKEW_EXAMPLE}`)
    .action((flags: SkewFlags) => runSkew(flags, context));
  ranged(add('skew-history', "Archived trades against the venue's own times, hour by hour."))
    .argument('[location]', 'of this one alone')
    .action((name: string | undefined, flags: SkewFlags) => runSkewHistory(name, flags, context));
}

function ranged(command: Command): Command {
  return command
    .option('--feed <feed>', 'such as kraken')
    .option('--start <day>', 'the first UTC day: YYYY-MM-DD')
    .option('--end <day>', 'the last one, included (default: today)')
    .option('--hours <n>', 'so many hours before now, in place of days')
    .option('--days <n>', 'so many days before now');
}

type Here = {
  readonly environment: Environment;
  readonly here: Location;
  readonly locations: Locations;
};

async function hereOf(env: string | undefined, context: CliContext): Promise<Here> {
  const { environment } = await resolveEnvironment(env, context, 'none');
  const locations = await resolveLocations(context);
  return { environment, locations, here: await resolveLocation(environment, context) };
}

/** @throws SSMD_INVALID_INPUT for a location that is not registered */
function namedIn({ locations, here }: Here, name: string | undefined): Location {
  if (name === undefined) return here;
  const found = locations.get(name);
  if (found !== undefined) return found;
  const what = `config/locations.yaml has no '${name}'`;
  const fault = { where: 'LOCATION', what, hint: suggestion(name, [...locations.keys()]) };
  throw invalidInput('the command line', [fault], `npx ssmd clock check ${here.location_id}`);
}

const HOURS_USUAL = 2;
const HISTORY_HOURS = 24;

async function runStatus(flags: StatusFlags, context: CliContext): Promise<void> {
  const { from, to } = spanOf(
    flags.hours === undefined ? {} : { hours: flags.hours },
    HOURS_USUAL,
    'npx ssmd clock status --hours 2',
  );
  const hours = Math.ceil(Number((to - from) / 3_600_000_000_000n));
  const { here } = await hereOf(flags.env, context);
  const { clockRows, printRows } = await import('../clock/status.ts');
  const wanted = { env: flags.env, pages: flags.status ?? [], hours };
  const rows = await clockRows(wanted, here, context);
  if (flags.json === true) context.output.json({ clocks: rows });
  else printRows(rows, context);
}

async function runCheck(
  name: string | undefined,
  flags: Flags,
  context: CliContext,
): Promise<void> {
  const at = await hereOf(flags.env, context);
  const { checkClock, printCheck } = await import('../clock/check.ts');
  const check = await checkClock(namedIn(at, name), at.here, flags.env, context);
  if (flags.json === true) context.output.json(check);
  else printCheck(check, context);
  if (!check.healthy) throw new ExitWith(1);
}

async function runSync(name: string | undefined, flags: Flags, context: CliContext): Promise<void> {
  const at = await hereOf(flags.env, context);
  const { location_id } = namedIn(at, name);
  if (location_id !== at.here.location_id) {
    const what = `this machine is at ${at.here.location_id}, and no other clock can be set from here`;
    const fault = {
      where: 'LOCATION',
      what,
      hint: `run it there, with SSMD_LOCATION=${location_id}`,
    };
    throw invalidInput('the command line', [fault], `npx ssmd clock sync ${at.here.location_id}`);
  }
  const { syncClock } = await import('../clock/sync.ts');
  const told = await syncClock(at.here, context.env);
  const { output } = context;
  if (flags.json === true) output.json(told);
  else {
    output.line(`${location_id}: ${told.what}`);
    if (told.command !== null) output.line(`  ${told.done ? 'ran' : 'run'}: ${told.command}`);
    const { clock_source, clock_sync_status } = told.reading;
    output.line(`  it is ${clock_source}, ${clock_sync_status} now`);
  }
  if (!told.done) throw new ExitWith(1);
}

/** What RAW of the span says, of one location or of all. @throws SSMD_INVALID_INPUT where nobody knows it */
async function readRaw(
  flags: RawFlags,
  { steps, location }: { readonly steps: boolean; readonly location: string | undefined },
  context: CliContext,
) {
  const { from, to } = spanOf(timesOf(flags), HISTORY_HOURS, HISTORY_EXAMPLE);
  const { FEEDS } = await import('../../connectors/registry.ts');
  const wrong = flags.feed === undefined ? null : feedFault(flags.feed, [...FEEDS.keys()]);
  if (wrong !== null) throw invalidInput('the command line', [wrong], HISTORY_EXAMPLE);
  const { readClockSegments } = await import('../clock/raw.ts');
  const span = { from, to, steps, newest: false, feed: flags.feed ?? null };
  const read = await readClockSegments({ ...span, env: flags.env }, context);
  if (read.length === 0) context.output.note('there is no RAW of that span');
  const places = read.map(({ capture }) => capture.location_id);
  await knownLocation(location, places, context);
  return read.filter(({ capture }) => location === undefined || capture.location_id === location);
}

/** A location that is recorded may be in no registry any more; one that is in neither is misspelt. */
async function knownLocation(
  name: string | undefined,
  recorded: readonly string[],
  context: CliContext,
): Promise<void> {
  if (name === undefined || recorded.includes(name)) return;
  const locations = await resolveLocations(context);
  if (locations.has(name)) return context.output.note(`nothing was recorded at ${name} in it`);
  const what = `neither config/locations.yaml nor what is recorded there has '${name}'`;
  const known = [...new Set([...locations.keys(), ...recorded])];
  const fault = { where: 'LOCATION', what, hint: suggestion(name, known) };
  throw invalidInput('the command line', [fault], HISTORY_EXAMPLE);
}

function timesOf({ start, end, hours, days }: SpanFlags): SpanFlags {
  return {
    ...(start === undefined ? {} : { start }),
    ...(end === undefined ? {} : { end }),
    ...(hours === undefined ? {} : { hours }),
    ...(days === undefined ? {} : { days }),
  };
}

async function runHistory(
  name: string | undefined,
  flags: RawFlags,
  context: CliContext,
): Promise<void> {
  const [{ clockHistory }, { printHistory }] = await Promise.all([
    import('../../qa/clock-history.ts'),
    import('../clock/print.ts'),
  ]);
  const spans = clockHistory(await readRaw(flags, { steps: false, location: name }, context));
  if (flags.json === true) context.output.json({ spans });
  else printHistory(spans, context);
}

async function runJumps(flags: RawFlags, context: CliContext): Promise<void> {
  const [{ clockJumps }, { printJumps }] = await Promise.all([
    import('../../qa/clock-history.ts'),
    import('../clock/print.ts'),
  ]);
  const { location } = flags;
  const jumps = clockJumps(await readRaw(flags, { steps: true, location }, context));
  if (flags.json === true) context.output.json({ jumps });
  else printJumps(jumps, context);
}

/** Of one feed, or of all that the environment captures. @throws SSMD_INVALID_INPUT with every fault */
async function skewWanted(flags: SkewFlags, context: CliContext) {
  const { feedsOf } = await import('../../environments/env.ts');
  const { environment } = await resolveEnvironment(flags.env, context, 'none');
  const feeds = flags.feed === undefined ? feedsOf(environment) : [flags.feed];
  const days = archivedSpan(timesOf(flags), SKEW_EXAMPLE);
  const env = flags.env === undefined ? {} : { env: flags.env };
  return { ...env, feeds, days, example: SKEW_EXAMPLE };
}

async function runSkew(flags: SkewFlags, context: CliContext): Promise<void> {
  const { against } = flags;
  if ((flags.exchange === true) === (against !== undefined)) {
    const what = 'give --exchange, or --against with an environment that captured elsewhere';
    throw invalidInput('the command line', [{ where: '--exchange', what }], SKEW_EXAMPLE);
  }
  if (flags.prometheus === true && against === undefined) {
    const what = 'only with --against: of the skew to a venue a connector has the metric itself';
    throw invalidInput('the command line', [{ where: '--prometheus', what }], SKEW_EXAMPLE);
  }
  const wanted = await skewWanted(flags, context);
  const [{ exchangeSkew, locationSkew }, print] = await Promise.all([
    import('../clock/skew.ts'),
    import('../clock/print.ts'),
  ]);
  if (against === undefined) {
    const skews = await exchangeSkew(wanted, context);
    if (flags.json === true) context.output.json({ skews });
    else print.printExchange(skews, context);
    return;
  }
  const skews = await locationSkew({ ...wanted, against }, context);
  if (skews.length === 0) context.output.note('no trade was captured at two locations there');
  if (flags.prometheus === true) context.output.line(print.prometheusOf(skews));
  else if (flags.json === true) context.output.json({ skews });
  else print.printLocations(skews, context);
}

async function runSkewHistory(
  name: string | undefined,
  flags: SkewFlags,
  context: CliContext,
): Promise<void> {
  const wanted = await skewWanted(flags, context);
  const [{ exchangeSkew }, { printSteps }] = await Promise.all([
    import('../clock/skew.ts'),
    import('../clock/print.ts'),
  ]);
  const all = await exchangeSkew(wanted, context);
  const places = all.map(({ location_id }) => location_id);
  await knownLocation(name, places, context);
  const skews = all.filter(({ location_id }) => name === undefined || location_id === name);
  if (flags.json === true) context.output.json({ skews });
  else printSteps(skews, context);
}
