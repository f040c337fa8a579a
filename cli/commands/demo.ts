/**
 * `ssmd demo`: the whole path on one machine. Servers up, live connectors at real rates, yesterday's
 * simulated session (or a recording) through the same connector code, then archive, checks and audit
 * as real workflows. It starts from nothing each time, in an environment of its own.
 */
import { rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import { stackVariables } from '../../environments/endpoints.ts';
import { SsmdError, invalidInput } from '../../schema/errors.ts';
import type { Fault } from '../../schema/errors.ts';
import { recordCompanions, stopCompanions } from '../../stack/companions.ts';
import type { Companion } from '../../stack/companions.ts';
import { usualPorts } from '../../stack/ports.ts';
import { processStart } from '../../stack/processes.ts';
import { startStack, stopStack } from '../../stack/stack.ts';
import type { Stack } from '../../stack/stack.ts';
import { stackDir } from '../../stack/state.ts';
import type { CliContext } from '../command.ts';
import { ExitWith, GROUPS } from '../command.ts';
import { archivedFiles, fromHere } from '../demo/archived.ts';
import type { ArchivedFiles } from '../demo/archived.ts';
import { startChild } from '../demo/child.ts';
import type { Child } from '../demo/child.ts';
import { runJobs } from '../demo/jobs.ts';
import type { DayJobs } from '../demo/jobs.ts';
import { runLive } from '../demo/live.ts';
import type { LiveResult } from '../demo/live.ts';
import { startService } from '../demo/service.ts';
import type { Service } from '../demo/service.ts';
import { faultsOf, printSummary } from '../demo/summary.ts';
import type { DemoReport, RawDay } from '../demo/summary.ts';
import { runVersions, versionFaults } from '../demo/versions.ts';
import type { VersionsResult } from '../demo/versions.ts';
import { formatCount } from '../format.ts';
import type { Output } from '../output.ts';
import { resolveEnvironment } from '../resolve-environment.ts';

type Flags = {
  readonly capture?: string;
  readonly feed?: string;
  readonly symbols?: string;
  readonly timeFrom?: string;
  readonly live?: boolean;
  readonly seconds: number;
  readonly rate: number;
  readonly json?: boolean;
  readonly keep?: boolean;
};

const ENV = 'demo';
const SHARD = 'tier1';
const FEEDS = ['kraken', 'binance-usdm'] as const;
/** One a feed: a worker folds on one thread. */
const WORKERS = FEEDS.length;

export function register(program: Command, context: CliContext): void {
  program
    .command('demo')
    .helpGroup(GROUPS.start)
    .summary('the whole path on this machine, in about 90 seconds')
    .description(
      'Starts the servers, captures live for a while, runs a whole past day of two simulated venues ' +
        'through the same connector, then archives, checks and audits it with real Temporal ' +
        'workflows. Exit code 0 only if all of it held. Its data is thrown away by the next demo.',
    )
    .option('--live', 'capture from the real venues where they can be reached')
    .option('--capture <file>', 'archive a recording instead of simulated days (with --feed)')
    .option('--feed <feed>', "the recording's venue")
    .option('--symbols <list>', 'its markets, OURS=THEIRS (see ssmd import --help)')
    .option('--time-from <rule>', 'receive times for a recording without (see ssmd import --help)')
    .option('--seconds <n>', 'how long to capture live; 0: not at all', parseSeconds, 20)
    .option('--rate <n>', 'simulated market events a second and symbol', parseRate, 0.34)
    .option('--json', 'print the result as one JSON object on the last line')
    .option('--keep', 'leave the servers and the worker up; `ssmd down --env demo` stops them')
    .addHelpText('after', '\nThrough npm, options follow two dashes: npm run demo -- --keep')
    .action((flags: Flags) => runDemo(flags, context));
}

async function runDemo(flags: Flags, context: CliContext): Promise<void> {
  const { root, output, interrupted } = context;
  await checkFlags(flags, context);
  const started = performance.now();
  const dataDir = stackDir(ENV, root);
  const stack = await freshStack(dataDir, flags, context);
  const services: Service[] = [];
  const children: Child[] = [];
  let stays = false;
  try {
    const env = { ...context.env, ...stackVariables(stack) };
    for (let number = 1; number <= WORKERS; number++) {
      const name = `worker-${number}`;
      services.push(
        await startService({ name, args: ['worker', '--env', ENV], root, dataDir, env }),
      );
      await record(dataDir, services);
    }
    const watched = watch([...services], stack, interrupted);
    const raw = await Promise.race([
      watched,
      captureDays(flags, context, { env, dataDir, services, children }),
    ]);
    output.note('live capture; beside it archive, checks and audit, as Temporal workflows:');
    const [live, jobs] = await Promise.race([
      watched,
      // As on any morning: yesterday is archived while today is captured.
      Promise.all([
        captureLive(flags, context, { env, dataDir, services, children }),
        runJobs({ address: stack.temporal.address, days: raw, output }),
      ]),
    ]);
    const report = await reportOn({ live, raw, jobs, started, stack, dataDir, output, watched });
    if (flags.keep === true) {
      await record(dataDir, services);
      stays = true;
    }
    printSummary(report, output, { data: fromHere(dataDir), stays });
    if (flags.json === true) output.json(report);
    if (!report.held) throw new ExitWith(1);
  } finally {
    if (!stays) {
      // Interrupted, their own scope still waits for them.
      await Promise.all(children.map((it) => it.stop()));
      for (const service of [...services].reverse()) await service[Symbol.asyncDispose]();
      await recordCompanions(dataDir, []);
      await stack.stop();
    }
  }
}

/** What the versions show, and everything put together. */
async function reportOn(of: {
  readonly live: readonly LiveResult[];
  readonly raw: readonly RawDay[];
  readonly jobs: readonly DayJobs[];
  readonly started: number;
  readonly stack: Stack;
  readonly dataDir: string;
  readonly output: Output;
  readonly watched: Promise<never>;
}): Promise<DemoReport> {
  const { live, raw, jobs, stack, output } = of;
  const archived = archivedFiles(of.dataDir, `ssmd-${ENV}-normalized`);
  output.note('rebuild, compare, promote, take back, replay:');
  const versions = await Promise.race([
    of.watched,
    versionsOf(jobs, archived, { address: stack.temporal.address, output }),
  ]);
  const faults = faultsOf(live, raw, jobs);
  if (versions !== null) faults.push(...versionFaults(versions));
  const holes = await Promise.all(jobs.map((it) => archived.holesOf(it.archive.manifest)));
  const [first] = jobs;
  return {
    held: faults.length === 0,
    faults,
    seconds: (performance.now() - of.started) / 1000,
    live,
    days: jobs.map((job, index) => ({
      ...{ ...(raw[index] as RawDay), ...job },
      holes: holes[index] ?? [],
    })),
    versions,
    temporal_ui: stack.temporal.uiUrl,
    nats: stack.nats.url,
    reports: jobs.map((it) => archived.pathOf(String(it.qa['report']))),
    object: first === undefined ? null : await archived.exampleOf(first.archive.manifest),
  };
}

/** Of the first day: what is shown of it holds for any. Null where it has no event. */
async function versionsOf(
  [first]: readonly DayJobs[],
  archived: ArchivedFiles,
  of: { readonly address: string; readonly output: Output },
): Promise<VersionsResult | null> {
  if (first === undefined) return null;
  const minute = await archived.busyMinuteOf(first.archive.manifest);
  if (minute === null) return null;
  return runVersions({ ...of, feed: first.feed, day: first.day, minute });
}

/** Recorded as they start: a demo that is killed leaves nothing that nobody knows of. */
async function record(dataDir: string, services: readonly Service[]): Promise<void> {
  await recordCompanions(dataDir, services.map((it) => it.companion).reverse());
}

/** All faults of the command line, before anything is stopped or started. */
async function checkFlags(flags: Flags, context: CliContext): Promise<void> {
  const faults: Fault[] = [];
  const { capture } = flags;
  if (capture === undefined) {
    for (const name of ['feed', 'symbols', 'timeFrom'] as const) {
      if (flags[name] === undefined) continue;
      const where = `--${name === 'timeFrom' ? 'time-from' : name}`;
      faults.push({ where, what: 'goes with --capture, which is not given' });
    }
  } else {
    faults.push(...(await captureFaults(capture, flags, context)));
    if (flags.live === true) faults.push({ where: '--live', what: 'does not go with --capture' });
  }
  const example = 'npm run demo -- --capture book.jsonl.gz --feed kraken --time-from venue';
  if (faults.length > 0) throw invalidInput('the command line', faults, example);
}

/** What the import would refuse. */
async function captureFaults(
  file: string,
  flags: Flags,
  context: CliContext,
): Promise<readonly Fault[]> {
  const { IMPORT_SHARD, importFaults } = await import('../import/plan.ts');
  const { environment } = await resolveEnvironment(ENV, context, 'none');
  const of = { ...flags, shard: IMPORT_SHARD, format: 'auto' };
  const { faults } = await importFaults(file, of, environment);
  return faults.map((it) => (it.where === 'FILE' ? { ...it, where: '--capture' } : it));
}

type Started = {
  readonly env: Variables;
  readonly dataDir: string;
  readonly services: Service[];
  /** Commands that end by themselves. */
  readonly children: Child[];
};

async function captureLive(
  flags: Flags,
  { root, output, interrupted }: CliContext,
  started: Started,
): Promise<LiveResult[]> {
  if (flags.seconds === 0) return [];
  return runLive({
    ...{ root, output, ...started },
    ...{ feeds: FEEDS, shard: SHARD, real: flags.live === true },
    seconds: flags.seconds,
    signal: interrupted,
    onStarted: () => record(started.dataDir, started.services),
  });
}

/** A stack with nothing in it; one that an earlier `--keep` left is stopped first. */
async function freshStack(dataDir: string, flags: Flags, context: CliContext): Promise<Stack> {
  const { env, output } = context;
  const stopped = [...(await stopCompanions(dataDir)), ...(await stopStack(dataDir))];
  if (stopped.length > 0) output.note(`demo: stopped what was left up: ${stopped.join(', ')}`);
  await rm(dataDir, { recursive: true, force: true });
  return startStack({
    dataDir,
    env,
    ports: usualPorts(ENV),
    log: output.report(),
    outlive_us: flags.keep === true,
    signal: context.interrupted,
  });
}

/** Rejects when a server or a worker ends by itself, or the demo is interrupted. */
async function watch(
  workers: readonly Service[],
  stack: Stack,
  signal: AbortSignal,
): Promise<never> {
  const interrupted = new Promise<never>((_, reject) => {
    const stop = (): void => reject(new SsmdError('SSMD_INTERRUPTED', 'the demo was interrupted'));
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
  });
  const how = await Promise.race([stack.failed, ...workers.map((it) => it.ended), interrupted]);
  throw new SsmdError('SSMD_UNAVAILABLE', how);
}

type Variables = Readonly<Record<string, string | undefined>>;

/** RAW of the days to archive: a recording's, or yesterday's of both simulated venues. */
async function captureDays(
  flags: Flags,
  context: CliContext,
  { env, dataDir, services, children }: Started,
): Promise<RawDay[]> {
  if (flags.capture !== undefined) return importCapture(flags, context, env);
  const { output, root } = context;
  output.note("yesterday's session of two simulated venues, through the connector:");
  const bar = output.progress({ label: 'simulated day', total: 100 });
  const shares = FEEDS.map(() => ({ share: 0, frames: 0 }));
  const started: Companion[] = [];
  const days = await Promise.all(
    FEEDS.map(async (feed, index): Promise<RawDay> => {
      const args = ['simulate', 'day', '--feed', feed, '--rate', String(flags.rate), '--env', ENV];
      await using child = startChild(root, [...args, '--json', '--progress-json'], env);
      children.push(child);
      started.push(await companionOf(child));
      await recordCompanions(dataDir, [...started, ...services.map((it) => it.companion)]);
      child.onLine((line) => {
        if (!line.startsWith('{"share"')) return;
        shares[index] = JSON.parse(line) as (typeof shares)[number];
        const share = shares.reduce((sum, it) => sum + it.share, 0) / shares.length;
        const frames = shares.reduce((sum, it) => sum + it.frames, 0);
        bar.update(Math.floor(share * 100), `${formatCount(frames)} frames`);
      });
      const said = JSON.parse(await child.done) as SimulatedDay;
      const { day, frames, segment_bytes, faults } = said;
      return { feed, day, source: 'simulator', frames, raw_bytes: segment_bytes, faults };
    }),
  ).finally(() => bar.end());
  for (const it of days) output.note(`  ${it.feed} ${it.day}: ${formatCount(it.frames)} frames`);
  return days;
}

async function companionOf({ name, pid }: Child): Promise<Companion> {
  return { name, pid, started: (await processStart(pid)) ?? 'unknown' };
}

type SimulatedDay = {
  readonly day: string;
  readonly frames: number;
  readonly segment_bytes: number;
  readonly faults: number;
};

/** What the import printed; null where it printed an error, or nothing. */
function importedCapture(text: string): ImportedCapture | null {
  const line = text.trim();
  return line.startsWith('{"feed"') ? (JSON.parse(line) as ImportedCapture) : null;
}

type ImportedCapture = {
  readonly problems: readonly string[];
  readonly days: readonly string[];
  readonly frames: number;
  readonly segments: { readonly bytes?: number } | number;
};

async function importCapture(
  flags: Flags,
  { output, root }: CliContext,
  env: Variables,
): Promise<RawDay[]> {
  const feed = flags.feed ?? '';
  output.note(`importing ${flags.capture ?? ''}:`);
  const args = ['import', resolve(flags.capture ?? ''), '--feed', feed, '--env', ENV, '--json'];
  args.push('--rejects', resolve(root, '.ssmd', ENV, 'rejects.jsonl'));
  if (flags.symbols !== undefined) args.push('--symbols', flags.symbols);
  if (flags.timeFrom !== undefined) args.push('--time-from', flags.timeFrom);
  await using child = startChild(root, args, env);
  const failure = await child.done.then(
    () => null,
    (error: unknown) => error,
  );
  const said = importedCapture(child.said());
  if (said !== null && said.problems.length > 0) {
    const message = `${flags.capture ?? ''} is not imported whole: ${said.problems.join('; ')}`;
    throw new SsmdError('SSMD_INVALID_INPUT', message, { cause: failure });
  }
  if (failure !== null || said === null) throw failure;
  output.note(`  ${formatCount(said.frames)} frames, days ${said.days.join(', ')}`);
  return said.days.map((day) => ({
    feed,
    day,
    source: 'import',
    frames: said.frames,
    raw_bytes: null,
    faults: 0,
  }));
}

function parseRate(text: string): number {
  const value = Number(text);
  if (value > 0) return value;
  throw new InvalidArgumentError(`expected a number above 0, received '${text}'`);
}

function parseSeconds(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 0 && value <= 3600) return value;
  throw new InvalidArgumentError(`expected seconds from 0 to 3600, received '${text}'`);
}
