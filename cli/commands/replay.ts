/** `ssmd replay`: past spans over the bus again, started and steered; the job `replay`. */
import { randomUUID } from 'node:crypto';
import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import { SsmdError } from '../../schema/errors.ts';
import { EVENT_TYPES } from '../../schema/events.ts';
import { isReplaySpeed, speedWords } from '../../schema/replay.ts';
import type { ReplayPosition, ReplaySpeed } from '../../schema/replay.ts';
import type { ReplayReport } from '../../workflows/replay.ts';
import type { CliContext } from '../command.ts';
import { GROUPS, parseEnvName } from '../command.ts';
import { givenOf, listOf, numberOrText } from '../flag-input.ts';
import { ENV_HELP, resolveEnvironment } from '../resolve-environment.ts';
import { withClient } from '../temporal-client.ts';

type Common = { readonly env?: string; readonly json?: boolean };
type StartFlags = Common & {
  readonly feed?: string;
  readonly date?: string;
  readonly from?: string;
  readonly to?: string;
  readonly symbols?: string;
  readonly types?: string;
  readonly speed: ReplaySpeed | string;
  readonly id?: string;
  readonly keep?: boolean;
  readonly detach?: boolean;
};

const EXAMPLE =
  'npx ssmd replay start --feed kraken --from 2026-11-20T14:00:00Z --to 2026-11-20T14:01:00Z --speed 10';
const LISTED_DEFAULT = 20;
const LISTED_MAX = 1_000;

export function register(program: Command, context: CliContext): void {
  const replay = program
    .command('replay')
    .helpGroup(GROUPS.data)
    .summary('a past span over the bus again, at any speed')
    .description(
      'Sends what was captured again, on subjects of its own (replay.{id}.{feed}.{type}.{symbol}), ' +
        'never on live ones: the same events as the archive, in order, at 0.1 to 10000 times their ' +
        'spacing or as fast as the bus takes them. A worker has to run (npx ssmd worker).',
    );
  registerStart(replay, context);
  const word = (name: string, description: string): void => {
    common(replay.command(name).description(description)).action((id: string, flags: Common) =>
      tell({ id, name, arg: {} }, flags, context),
    );
  };
  word('pause', 'Holds it where it is.');
  word('resume', 'Goes on from where it was paused.');
  common(replay.command('speed').description('Another speed, from the next event on.'))
    .argument('<speed>', 'times the original spacing, 0.1 to 10000, or max', parseSpeed)
    .action((id: string, speed: ReplaySpeed, flags: Common) =>
      tell({ id, name: 'setSpeed', arg: { speed } }, flags, context),
    );
  common(
    replay
      .command('seek')
      .description(
        'To an instant of its span. Backward, its day is folded again from its beginning.',
      ),
  )
    .argument('<instant>', 'such as 2026-11-20T14:00:00Z')
    .action((id: string, to: string, flags: Common) =>
      tell({ id, name: 'seek', arg: { to } }, flags, context),
    );
  common(replay.command('stop').description('Ends it; its stream goes, unless it is kept.')).action(
    (id: string, flags: Common) => stop(id, flags, context),
  );
  common(replay.command('status').description('Where it is, or what it came to.')).action(
    (id: string, flags: Common) => status(id, flags, context),
  );
  replay
    .command('list')
    .description('Replays: what runs, then what ended, the latest first.')
    .option('--env <name>', ENV_HELP, parseEnvName)
    .option('--limit <count>', 'at most so many', parseLimit, LISTED_DEFAULT)
    .option('--json', 'print one JSON array')
    .action((flags: Common & { readonly limit: number }) => list(flags, context));
}

function registerStart(replay: Command, context: CliContext): void {
  replay
    .command('start')
    .description(
      'Starts one and follows it; Ctrl-C stops following it, the replay goes on. Prints first what to ' +
        'subscribe to.',
    )
    .option('--feed <feed>', 'whose data, such as kraken (needed)')
    .option('--date <day>', 'one UTC day: YYYY-MM-DD (default: yesterday)')
    .option('--from <instant>', 'the first instant of a span, or its day')
    .option('--to <instant>', 'its end, not included (default: the end of the day)')
    .option('--symbols <list>', 'such as BTCUSD,ETHUSD (default: all there are)')
    .option('--types <list>', `of ${EVENT_TYPES.join(', ')} (default: all there are)`)
    .option('--speed <speed>', 'times the original spacing, 0.1 to 10000, or max', speedOrText, 1)
    .option('--id <id>', 'its name on the bus (default: one is made up)')
    .option('--keep', 'its stream stays for a week, also after a stop')
    .option('--detach', 'do not follow it')
    .option('--env <name>', ENV_HELP, parseEnvName)
    .option('--json', 'print one JSON object')
    .addHelpText('after', `\nExample:\n  ${EXAMPLE}`)
    .action((flags: StartFlags) => start(flags, context));
}

function common(command: Command): Command {
  return command
    .argument('<id>', 'as `ssmd replay list` prints it')
    .option('--env <name>', ENV_HELP, parseEnvName)
    .option('--json', 'print one JSON object');
}

/** What is no speed stays text, for the job's judge to tell of among the other fields. */
function speedOrText(text: string): number | string {
  return numberOrText(text === 'max' ? text : text.replace(/x$/, ''));
}

function parseSpeed(text: string): ReplaySpeed {
  const speed = speedOrText(text);
  if (isReplaySpeed(speed)) return speed;
  throw new InvalidArgumentError(`expected 0.1 to 10000, or max, received '${text}'`);
}

function parseLimit(text: string): number {
  const limit = Number(text);
  if (Number.isInteger(limit) && limit > 0 && limit <= LISTED_MAX) return limit;
  throw new InvalidArgumentError(`expected 1 to ${LISTED_MAX}, received '${text}'`);
}

async function start(flags: StartFlags, context: CliContext): Promise<void> {
  const { output } = context;
  const id = flags.id ?? randomUUID().slice(0, 8);
  const input = inputOf({ ...flags, id });
  const { judged } = await import('../judged-input.ts');
  const shown = { flagOf: FLAG_OF, example: EXAMPLE };
  await judged({ type: 'replay', input }, flags.env, context, shown);
  const [{ replayId }, { startReplay, followReplay }] = await Promise.all([
    import('../../workflows/lib/ids.ts'),
    import('../follow-replay.ts'),
  ]);
  const { feed = '', date: day, from, to } = flags;
  const begins = from ?? day ?? 'yesterday';
  const workflow_id = replayId({ feed, from: begins, to: to ?? 'end', id });
  await withClient(flags.env, context, async (client) => {
    const handle = await startReplay(client, workflow_id, input);
    const env = flags.env === undefined ? '' : ` --env ${flags.env}`;
    const listen = `npx ssmd sub 'replay.${id}.>'${env}`;
    const started = { id, workflow_id, subject: `replay.${id}.>`, listen };
    if (flags.detach === true) {
      if (flags.json === true) output.json(started);
      else output.line(`started ${id} (${workflow_id}); it sends to replay.${id}.>\n  ${listen}`);
      return;
    }
    output.note(`started ${id} (${workflow_id}); it sends to replay.${id}.>\n  ${listen}`);
    const report = await followReplay(client, handle, id, context);
    if (flags.json === true) output.json({ ...report, workflow_id });
    else printReport(report, context);
    refuseNothing(report, from ?? day);
  });
}

/** Symbols that are nowhere in the span are a fault of the command where nothing else was replayed. */
function refuseNothing({ id, feed, events, unseen_symbols }: ReplayReport, day?: string): void {
  if (events > 0 || unseen_symbols.length === 0) return;
  const message =
    `nothing of ${unseen_symbols.join(', ')} is in this span of ${feed}: nothing was replayed; the ` +
    `symbols of a day: npx ssmd dataset show --feed ${feed} --date ${day?.slice(0, 10) ?? 'DAY'}`;
  throw new SsmdError('SSMD_NOT_FOUND', message, { facts: { id, symbols: unseen_symbols } });
}

/** What the job is given. */
function inputOf(flags: StartFlags): Readonly<Record<string, unknown>> {
  const { feed, date: day, from, to, symbols, types, speed, id, keep } = flags;
  const lists = { symbols: listOf(symbols), types: listOf(types) };
  return givenOf({ feed, day, from, to, ...lists, speed, id, keep });
}

const FLAG_OF: Readonly<Record<string, string>> = {
  ...{ feed: '--feed', day: '--date', from: '--from', to: '--to', symbols: '--symbols' },
  ...{ types: '--types', speed: '--speed', id: '--id', keep: '--keep' },
};

async function tell(
  of: { readonly id: string; readonly name: string; readonly arg: object },
  flags: Common,
  context: CliContext,
): Promise<void> {
  const { findReplay, tellReplay } = await import('../replay-runs.ts');
  const position = await withClient(flags.env, context, async (client) =>
    tellReplay(await findReplay(client, of.id), of.name, of.arg),
  );
  if (flags.json === true) context.output.json(position);
  else printPosition(of.id, position, context);
}

/** One that is over leaves at most its stream. */
async function stop(id: string, flags: Common, context: CliContext): Promise<void> {
  const { findReplay } = await import('../replay-runs.ts');
  const found = await withClient(flags.env, context, (client) => findReplay(client, id));
  if (found.status === 'RUNNING') return tell({ id, name: 'stop', arg: {} }, flags, context);
  const { environment, endpoints } = await resolveEnvironment(flags.env, context, 'bus');
  const { openReplayControl } = await import('../../bus/nats-replay.ts');
  await using control = await openReplayControl({
    servers: endpoints.nats_url,
    environment: environment.name,
    subject_prefix: environment.spec.transport.subject_prefix,
    name: 'ssmd-replay',
    wait: false,
  });
  const removed = await control.remove(found.id, found.workflow_id);
  if (flags.json === true) context.output.json({ id, status: found.status, removed });
  else
    context.output.line(`${id} was over; ${removed ? 'its stream is gone' : 'nothing was left'}`);
}

async function status(id: string, flags: Common, context: CliContext): Promise<void> {
  const { output } = context;
  const [{ findReplay, whereIs }, { resultOf }] = await Promise.all([
    import('../replay-runs.ts'),
    import('../follow-replay.ts'),
  ]);
  await withClient(flags.env, context, async (client) => {
    const { handle, ...found } = await findReplay(client, id);
    if (found.status === 'RUNNING') {
      const where = await whereIs(handle);
      if (flags.json === true) output.json({ ...found, ...where, id: found.id });
      else if (where.position === null) output.line(`${id}: it begins; its day is being read`);
      else printPosition(id, where.position, context);
      return;
    }
    const report = await resultOf(handle, id);
    if (flags.json === true) output.json({ ...found, ...report });
    else printReport(report, context);
  });
}

async function list(
  flags: Common & { readonly limit: number },
  context: CliContext,
): Promise<void> {
  const { output } = context;
  const { listReplays } = await import('../replay-runs.ts');
  const rows = await withClient(flags.env, context, (client) => listReplays(client, flags.limit));
  if (flags.json === true) return output.json(rows);
  if (rows.length === 0) return output.line(`no replays yet; start one with:\n  ${EXAMPLE}`);
  output.table(
    ['id', 'status', 'started', 'workflow'],
    rows.map(({ id, status: is, started, workflow_id }) => [
      ...[id, is, started.slice(0, 16).replace('T', ' '), workflow_id],
    ]),
    { optional: ['started', 'workflow'] },
  );
}

function printPosition(id: string, position: ReplayPosition, { output }: CliContext): void {
  const { state, at, speed, share, events, late_ms } = position;
  const late = late_ms > 1_000 ? output.color.red(`, ${Math.round(late_ms / 1000)} s late`) : '';
  const where = `${(share * 100).toFixed(1)} % of the span, ${events} events`;
  output.line(`${output.color.bold(id)}: ${state} at ${at}, ${speedWords(speed)}${late}; ${where}`);
}

function printReport(report: ReplayReport, { output }: CliContext): void {
  const { id, feed, outcome, position, events, events_per_second, spacing } = report;
  output.line(
    `${output.color.bold(id)}: ${feed} ${outcome} at ${position.at}, ${events} events, ` +
      `${events_per_second} a second`,
  );
  for (const { speed, messages, p50_us, p90_us, p99_us, max_us } of spacing) {
    output.line(
      `  at ${speedWords(speed)}: ${messages} messages, sent late by ${p50_us} us (p50), ` +
        `${p90_us} us (p90), ${p99_us} us (p99), ${max_us} us at most`,
    );
  }
  const unseen = report.unseen_symbols;
  if (unseen.length > 0) output.line(`  nothing of ${unseen.join(', ')} is in this span`);
}
