/** `ssmd simulate`: venues that are not there, live over a WebSocket or as a whole past day. */
import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import type { FaultKind, FaultPlan } from '../../connectors/simulator/faults.ts';
import { FAULT_KINDS } from '../../connectors/simulator/faults.ts';
import { SsmdError, invalidInput } from '../../schema/errors.ts';
import { dayEnd, msFromNs, parseDay } from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';
import type { CliContext } from '../command.ts';
import { GROUPS, parseEnvName } from '../command.ts';
import { feedFault } from '../flag-faults.ts';
import { countOf, formatBytes } from '../format.ts';
import { namedEnvironment, resolveEnvironment } from '../resolve-environment.ts';
import type { Needs } from '../resolve-environment.ts';

type Flags = {
  readonly env?: string;
  readonly feed: string;
  readonly shard: string;
  readonly seed: number;
  readonly rate: number;
  readonly faults?: FaultPlan;
};
type ServeFlags = Flags & { readonly port: number };
type DayFlags = Flags & {
  readonly date?: string;
  readonly json?: boolean;
  readonly progressJson?: boolean;
};

const SERVE = 'npx ssmd simulate serve --feed kraken --faults close=2,drop=5 --port 9001';
const CONNECT =
  'npx ssmd connector --feed kraken --shard tier1 --env demo --url ws://127.0.0.1:9001/v2';

export function register(program: Command, context: CliContext): void {
  const simulate = program
    .command('simulate')
    .helpGroup(GROUPS.capture)
    .summary('a venue that is not there: live, or a whole past day')
    .description(
      'Simulated venues speak the real protocols, with valid checksums and sequences, from a seed, ' +
        'and have faults on demand.',
    );
  const serve = simulate
    .command('serve')
    .description(
      'Serves a venue over a real WebSocket on loopback until Ctrl-C. Prints its URL, and the command ' +
        'that captures it, in the same environment.',
    )
    .option('--port <port>', '0 takes a free one', parsePort, 0)
    .addHelpText('after', `\nExample:\n  ${SERVE}\n  ${CONNECT}`);
  addCommon(serve).action((flags: ServeFlags) => runServe(flags, context));
  const day = simulate
    .command('day')
    .description(
      'Runs a past day of a venue through the real connector on a virtual clock, to the bucket and the ' +
        'bus of an environment.',
    )
    .option('--date <day>', 'YYYY-MM-DD, over by now (default: yesterday)')
    .option('--json', 'print one JSON object')
    .option('--progress-json', 'print progress as JSON lines, on standard error');
  addCommon(day).action((flags: DayFlags) => runDay(flags, context));
}

function addCommon(command: Command): Command {
  return command
    .requiredOption('--feed <feed>', 'which venue, such as kraken')
    .option('--shard <shard>', 'shard of the environment', 'tier1')
    .option('--env <name>', 'environment (default: SSMD_ENV, else demo)', parseEnvName)
    .option('--seed <number>', 'same seed, same market', parseWhole, 1)
    .option('--rate <number>', 'market events a second and symbol', parseRate, 5)
    .option(
      '--faults <list>',
      `faults an hour, such as close=2,drop=5 (none if left out); kinds: ${FAULT_KINDS.join(', ')}`,
      parseFaults,
    );
}

async function runServe(flags: ServeFlags, context: CliContext): Promise<void> {
  const { output } = context;
  const [{ serveVenue }, { environment, env }] = await Promise.all([
    import('../../workers/simulator.ts'),
    simulatedEnvironment(flags, context, 'none'),
  ]);
  const venue = await serveVenue({ ...flags, faults: flags.faults ?? {}, environment });
  output.line(venue.url);
  output.note(`${flags.feed}, seed ${flags.seed}; Ctrl-C stops it. To capture it, elsewhere:`);
  output.note(
    `  npx ssmd connector --feed ${flags.feed} --shard ${flags.shard} --env ${env} \\\n` +
      `    --url ${venue.url}\n(servers it needs: npx ssmd up --env ${env})`,
  );
  await aborted(context.interrupted);
  await venue.stop();
}

async function runDay(flags: DayFlags, context: CliContext): Promise<void> {
  const { output, interrupted, root } = context;
  const day = pastDay(flags.date);
  const [{ simulateDay }, { environment, endpoints }] = await Promise.all([
    import('../../workers/simulator.ts'),
    simulatedEnvironment(flags, context, 'capture'),
  ]);
  const bar =
    flags.progressJson === true
      ? null
      : output.progress({ label: `${flags.feed} ${day}`, total: 100 });
  const started = performance.now();
  const simulated = await simulateDay({
    ...flags,
    faults: flags.faults ?? {},
    environment,
    endpoints,
    day,
    root,
    signal: interrupted,
    onProgress(share, frames) {
      bar?.update(Math.floor(share * 100), `${countOf(frames, 'frame')}`);
      if (bar === null) process.stderr.write(`${JSON.stringify({ share, frames })}\n`);
    },
  }).finally(() => bar?.end());
  const { frames, bytes, events, segments, segment_bytes, ledger } = simulated;
  const faults = ledger.length;
  const seconds = (performance.now() - started) / 1000;
  const report = { feed: flags.feed, day, frames, bytes, events, segments, segment_bytes, faults };
  if (flags.json === true) output.json({ ...report, seconds });
  else {
    const words = [
      `${countOf(frames, 'frame')} (${formatBytes(bytes)})`,
      `${countOf(events, 'event')}`,
      `${countOf(segments, 'segment')} (${formatBytes(segment_bytes)})`,
      `${countOf(faults, 'fault')}`,
    ];
    output.line(`${flags.feed} ${day}: ${words.join(', ')} in ${seconds.toFixed(1)} s`);
  }
}

/**
 * The environment of a simulation: never one that holds live data. The feed and the shard are checked
 * before anything is asked of a server.
 */
async function simulatedEnvironment(
  flags: Flags,
  context: CliContext,
  needs: Needs,
): Promise<Awaited<ReturnType<typeof resolveEnvironment>> & { readonly env: string }> {
  const [{ FEEDS }, { foldConfig }] = await Promise.all([
    import('../../connectors/registry.ts'),
    import('../../environments/env.ts'),
  ]);
  const feed = FEEDS.get(flags.feed);
  if (feed === undefined) {
    const fault = feedFault(flags.feed, [...FEEDS.keys()]);
    throw invalidInput('the command line', fault === null ? [] : [fault], SERVE);
  }
  const env = namedEnvironment(flags.env, 'demo', context);
  const { environment } = await resolveEnvironment(env, context, 'none');
  foldConfig(environment, { id: feed.id, ...feed.protocol }, flags.shard);
  if (environment.spec.origin === 'simulator') {
    return { ...(await resolveEnvironment(env, context, needs)), env };
  }
  throw new SsmdError(
    'SSMD_INVALID_INPUT',
    `environment "${environment.name}" holds live data, and simulated data is never mixed into it: ` +
      'use an environment with spec.origin: simulator, such as demo',
    { facts: { environment: environment.name } },
  );
}

function pastDay(text: string | undefined): Day {
  const now = Date.now();
  const yesterday = new Date(now - 86_400_000).toISOString().slice(0, 10);
  const day = parseDay(text ?? yesterday);
  if (day !== null && msFromNs(dayEnd(day)) <= now) return day;
  const what = day === null ? `'${text}' is not a day` : `${day} is not over`;
  throw invalidInput(
    'the command line',
    [{ where: '--date', what }],
    `npx ssmd simulate day --feed kraken --date ${yesterday}`,
  );
}

function parseFaults(text: string): FaultPlan {
  const rates: Partial<Record<FaultKind, number>> = {};
  for (const part of text.split(',').filter((it) => it !== '')) {
    const [kind, count] = part.split('=');
    const known = FAULT_KINDS.find((it) => it === kind);
    const rate = Number(count);
    if (known === undefined || !(rate > 0)) {
      throw new InvalidArgumentError(`expected such as close=2,drop=5, received '${part}'`);
    }
    rates[known] = rate;
  }
  return { rates };
}

function parsePort(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port < 65_536) return port;
  throw new InvalidArgumentError(`expected a port from 0 to 65535, received '${text}'`);
}

function parseWhole(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff) return value;
  throw new InvalidArgumentError(`expected a whole number, received '${text}'`);
}

function parseRate(text: string): number {
  const value = Number(text);
  if (value > 0 && value <= 10_000) return value;
  throw new InvalidArgumentError(`expected a number above 0, up to 10000, received '${text}'`);
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
