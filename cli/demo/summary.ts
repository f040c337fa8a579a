/** What the demo did, as a short table or one JSON object, and where to look next. */
import type { Output } from '../output.ts';
import { formatBytes, formatCount } from '../output.ts';
import type { DayJobs } from './jobs.ts';
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
  readonly days: readonly (RawDay & Omit<DayJobs, 'feed' | 'day'>)[];
  readonly temporal_ui: string;
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

export function printSummary(report: DemoReport, output: Output, dataDir: string): void {
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
  output.table(
    ['archived day', 'frames', 'raw', 'events', 'objects', 'archive', 'checks', 'audit', 'seconds'],
    report.days.map((it) => [
      `${it.feed} ${it.day}`,
      formatCount(it.frames),
      it.raw_bytes === null ? '-' : formatBytes(it.raw_bytes),
      formatCount(it.archive.records),
      formatCount(it.archive.objects),
      formatBytes(it.archive.bytes),
      checksOf(it.qa),
      String(it.audit['outcome']),
      it.seconds.toFixed(1),
    ]),
  );
  output.line();
  output.table(
    ['events by type', ...report.days.map((it) => it.feed)],
    typesOf(report).map((type) => [
      type,
      ...report.days.map((it) => formatCount(it.archive.records_by_type[type] ?? 0)),
    ]),
  );
  output.line();
  for (const fault of report.faults) output.line(color.red(`did not hold: ${fault}`));
  const verdict = report.held ? color.green('all of it held') : color.red('not all of it held');
  output.line(`${verdict}, in ${report.seconds.toFixed(1)} s`);
  output.line();
  printNext(report, output, dataDir);
}

function printNext(report: DemoReport, output: Output, dataDir: string): void {
  const [first] = report.days;
  if (first === undefined) return;
  const { feed, day } = first;
  const input = JSON.stringify({ feed, day });
  output.line(output.color.bold('Where to look next'));
  output.line(`  reports            ${report.reports.join('\n                     ')}`);
  output.line(`  data and logs      ${dataDir}`);
  output.line(`  Temporal UI        ${report.temporal_ui}`);
  output.line(`  live events        npx ssmd sub 'md.${feed}.>'`);
  output.line(
    `  archive it again   npx ssmd temporal workflow start --type daily-archive ` +
      `--task-queue ssmd --input '${input}'`,
  );
  if (report.object !== null) {
    output.line(
      `  an object          zstd -dc ${report.object} | capnp decode codec/md2.capnp Event`,
    );
  }
  output.line(`  jobs               npx ssmd job list`);
  output.line(`  one job            npx ssmd job status daily-archive/${feed}/${day}`);
}

function checksOf(qa: Readonly<Record<string, unknown>>): string {
  const counts = (qa['checks'] ?? {}) as Readonly<Record<string, number>>;
  return `${counts['passed'] ?? 0}/${counts['checks'] ?? 0} ${String(qa['outcome'])}`;
}

function typesOf(report: DemoReport): string[] {
  return [...new Set(report.days.flatMap((it) => Object.keys(it.archive.records_by_type)))];
}
