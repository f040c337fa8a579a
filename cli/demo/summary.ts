/** What the demo did, as a short table or one JSON object, and where to look next. */
import { formatIso } from '../../schema/time.ts';
import { dailyArchiveId } from '../../workflows/lib/ids.ts';
import { TASK_QUEUE } from '../../workflows/lib/queues.ts';
import { formatBytes, formatCount } from '../format.ts';
import type { Output } from '../output.ts';
import type { Hole } from './archived.ts';
import type { DayJobs } from './jobs.ts';
import type { VersionsResult } from './versions.ts';
import type { LiveResult } from './live.ts';

/** How a day's RAW came to be. */
export type RawDay = {
  readonly feed: string;
  readonly day: string;
  readonly source: 'simulator' | 'import';
  readonly frames: number;
  /** Compressed; null for a recording. */
  readonly raw_bytes: number | null;
  readonly faults: number;
};

export type DemoReport = {
  readonly held: boolean;
  /** Why not, one sentence each. */
  readonly faults: readonly string[];
  readonly seconds: number;
  readonly live: readonly LiveResult[];
  readonly days: readonly (RawDay &
    Omit<DayJobs, 'feed' | 'day'> & { readonly holes: readonly Hole[] })[];
  /** What was shown of versions; null where the day was empty. */
  readonly versions: VersionsResult | null;
  readonly temporal_ui: string;
  /** Where the demo's NATS is. */
  readonly nats: string;
  readonly reports: readonly string[];
  /** An archived object as a file, to be looked into. */
  readonly object: string | null;
};

/** What has to hold for the demo to have succeeded. */
export function faultsOf(
  live: readonly LiveResult[],
  raw: readonly RawDay[],
  jobs: readonly DayJobs[],
): string[] {
  const faults: string[] = [];
  for (const it of live) {
    if (it.frames === 0) faults.push(`the live connector of ${it.feed} received no frame`);
  }
  for (const job of jobs) {
    const of = `${job.feed} ${job.day}`;
    const simulated = raw.some((it) => it.feed === job.feed && it.source === 'simulator');
    if (job.audit['outcome'] !== 'passed') faults.push(`the audit of ${of} failed`);
    // A capture is part of a day and is said to be; a simulated day has to be whole.
    if (simulated && !job.archive.complete) faults.push(`the archive of ${of} is incomplete`);
    if (simulated && job.qa['outcome'] !== 'available') {
      faults.push(`the quality checks call ${of} ${String(job.qa['outcome'])}`);
    }
  }
  return faults;
}

export type SummaryPlace = {
  /** The data's folder, as the reader would type it. */
  readonly data: string;
  /** The servers are left up. */
  readonly stays: boolean;
};

export function printSummary(report: DemoReport, output: Output, place: SummaryPlace): void {
  const { color } = output;
  output.line();
  if (report.live.length > 0) {
    output.table(
      ['live', 'source', 'frames', 'msg/s', 'events', 'gaps', 'state'],
      report.live.map((it) => [
        it.feed,
        it.source,
        formatCount(it.frames),
        formatCount(it.frames_per_second),
        formatCount(it.events),
        formatCount(it.gaps),
        it.state,
      ]),
    );
    output.line();
  }
  for (let from = 0; from < report.days.length; from += DAYS_BESIDE) {
    printDays(report.days.slice(from, from + DAYS_BESIDE), output);
    output.line();
  }
  for (const day of report.days) printHoles(day, output);
  if (report.versions !== null) printVersions(report.versions, output);
  for (const fault of report.faults) output.line(color.red(`did not hold: ${fault}`));
  const verdict = report.held ? color.green('all of it held') : color.red('not all of it held');
  output.line(`${verdict}, in ${report.seconds.toFixed(1)} s`);
  output.line();
  printNext(report, output, place);
}

type ArchivedDay = DemoReport['days'][number];

/** Archived days beside each other in 80 columns. */
const DAYS_BESIDE = 3;

/** One column a day: it fits where one row a day does not. */
function printDays(days: readonly ArchivedDay[], output: Output): void {
  const row = (title: string, of: (day: ArchivedDay) => string): string[] => [
    title,
    ...days.map(of),
  ];
  output.table(
    row('archived', (it) => it.feed),
    [
      row('day', (it) => it.day),
      row('frames', (it) => formatCount(it.frames)),
      row('raw', (it) => (it.raw_bytes === null ? '-' : formatBytes(it.raw_bytes))),
      row('events', (it) => formatCount(it.archive.records)),
      ...typesOf(days).map((type) =>
        row(`  ${type}`, (it) => formatCount(it.archive.records_by_type[type] ?? 0)),
      ),
      row(
        'objects',
        (it) => `${formatCount(it.archive.objects)}, ${formatBytes(it.archive.bytes)}`,
      ),
      row('holes', (it) => (it.holes.length === 0 ? 'none' : formatCount(it.holes.length))),
      row('checks', (it) => checksOf(it.qa)),
      row('audit', (it) => String(it.audit['outcome'])),
      row('seconds', (it) => it.seconds.toFixed(1)),
    ],
  );
}

/** What a version is for, in five lines. */
function printVersions(versions: VersionsResult, output: Output): void {
  const { feed, day, same, md1, promoted, rolled_back, replay } = versions;
  const { events } = md1.days;
  const spaced = replay.spacing.at(-1);
  output.table(
    [`versions of ${feed}`, day],
    [
      [
        `${same.version}: same logic`,
        `${formatCount(same.days.events.equal)} events, none differs`,
      ],
      [
        `${md1.version}: schema md1`,
        `keeps ${formatCount(events.new)} records, drops ${formatCount(events.dropped)} by rule`,
      ],
      ['promoted', `revision ${promoted ?? '-'}, taken back by ${rolled_back ?? '-'}`],
      [
        'a minute, 10x',
        `${formatCount(replay.events)} events` +
          (spaced === undefined ? '' : `, p99 ${(spaced.p99_us / 1000).toFixed(1)} ms off time`),
      ],
      ['seconds', versions.seconds.toFixed(1)],
    ],
  );
  output.line();
}

/** Holes listed; the others are counted. */
const HOLES_LISTED = 12;

/** What a day lacks, by name: a part of a day is not a whole one. */
function printHoles({ feed, day, holes }: ArchivedDay, output: Output): void {
  if (holes.length === 0) return;
  output.table(
    [`holes of ${feed} ${day}`, 'shard', 'from', 'to', 'detail'],
    holes
      .slice(0, HOLES_LISTED)
      .map(({ cause, shard, from, to, detail }) => [
        ...[cause, shard, timeOf(from, day), timeOf(to, day), detail],
      ]),
    { optional: ['detail'] },
  );
  const more = holes.length - HOLES_LISTED;
  const show = `npx ssmd dataset show --feed ${feed} --date ${day} --env demo`;
  if (more > 0) output.line(`and ${formatCount(more)} more: ${show}`);
  output.line();
}

/** `15:29:58.123` of the day; its end is `24:00:00.000`. */
function timeOf(ns: string, day: string): string {
  const text = formatIso(BigInt(ns));
  if (text.startsWith(day)) return text.slice(11, 23);
  return text.slice(11, 23) === '00:00:00.000' && text > day ? '24:00:00.000' : text.slice(0, 23);
}

function printNext(report: DemoReport, output: Output, { data, stays }: SummaryPlace): void {
  const [first] = report.days;
  if (first === undefined) return;
  const { feed, day } = first;
  const of = `--env ${DEMO}`;
  const input = JSON.stringify({ feed, day });
  const next = (what: string, ...lines: readonly string[]): void => printEntry(output, what, lines);
  output.line(output.color.bold('Where to look next'));
  next('reports', ...report.reports);
  next('data and logs', data);
  if (report.object !== null) {
    next('an object', `zstd -dc ${report.object} |\ncapnp decode codec/md2.capnp Event`);
  }
  if (!stays) next('servers, first', `npx ssmd up ${of} --detach`);
  next('Temporal UI', report.temporal_ui);
  next('jobs', `npx ssmd job list ${of}`);
  next('one job', `npx ssmd job status ${dailyArchiveId(first)} ${of}`);
  if (!stays) next('a worker', `npx ssmd worker ${of}`);
  next(
    'archive it again',
    `npx ssmd temporal workflow start ${of} --type daily-archive \\\n--task-queue ${TASK_QUEUE} --input '${input}'`,
  );
  if (!stays) next('a simulated venue', `npx ssmd simulate serve --feed ${feed} ${of}`);
  next('live events', liveEvents(report, feed));
  output.note(
    stays
      ? `left up: servers, workers and live connectors; stop them with: npx ssmd down ${of}`
      : 'everything was stopped: with the servers up these lines work again;\n' +
          'npm run demo -- --keep leaves all of it up',
  );
}

/** The demo's environment: other stacks may be up beside it. */
const DEMO = 'demo';

/** Of a real venue they are in an environment that has no servers of its own. */
function liveEvents({ live, nats }: DemoReport, feed: string): string {
  const listen = `npx ssmd sub 'md.${feed}.>'`;
  const real = live.some((it) => it.feed === feed && it.source === 'live');
  return real ? `SSMD_NATS_URL=${nats} ${listen} --env demo-live` : `${listen} --env ${DEMO}`;
}

const ENTRY_COLUMNS = 19;

/**
 * What is too long stands below its name, broken where a shell lets it be: as printed it can still be
 * copied. A line feed in an entry is such a place.
 */
function printEntry(output: Output, what: string, entries: readonly string[]): void {
  const lines = entries.map((entry) => entry.replaceAll(/( \\)?\n/g, ' '));
  const fits = lines.every((line) => ENTRY_COLUMNS + 2 + line.length <= output.columns);
  if (!fits) output.line(`  ${what}`);
  (fits ? lines : entries).forEach((line, index) => {
    const before = fits ? `  ${(index === 0 ? what : '').padEnd(ENTRY_COLUMNS)}` : '    ';
    output.line(`${before}${line.replaceAll('\n', '\n      ')}`);
  });
}

function checksOf(qa: Readonly<Record<string, unknown>>): string {
  const counts = (qa['checks'] ?? {}) as Readonly<Record<string, number>>;
  return `${counts['passed'] ?? 0}/${counts['checks'] ?? 0} ${String(qa['outcome'])}`;
}

function typesOf(days: readonly ArchivedDay[]): string[] {
  return [...new Set(days.flatMap((it) => Object.keys(it.archive.records_by_type)))];
}
