/** What a question's measurement is written as: a table to read, and JSON with all that was measured. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { arch, cpus, loadavg, platform, release, totalmem } from 'node:os';
import { join } from 'node:path';
import Table from 'cli-table3';
import type { CaseResult, Spread, TrialResult } from './measure.ts';
import type { Question } from './question.ts';

const ROOT = join(import.meta.dirname, '..');

/** Where, when and with what it was measured. */
export type Surroundings = {
  readonly measured_at: string;
  readonly processor: string;
  readonly processors: number;
  readonly memory_bytes: number;
  readonly system: string;
  readonly load: readonly number[];
  readonly versions: Readonly<Record<string, string>>;
  readonly commit: string;
};

export type Report = {
  readonly question: string;
  readonly asks: string;
  readonly clock: Question['clock'];
  readonly surroundings: Surroundings;
  readonly cases: readonly CaseResult[];
  readonly trials: readonly TrialResult[];
};

export function surroundings(peers: Readonly<Record<string, string>>): Surroundings {
  const { node, v8, zstd = 'unknown', zlib } = process.versions;
  const own = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
  return {
    measured_at: new Date().toISOString(),
    processor: cpus()[0]?.model ?? 'unknown',
    processors: cpus().length,
    memory_bytes: totalmem(),
    system: `${platform()} ${release()} ${arch()}`,
    load: loadavg().map((load) => Math.round(load * 100) / 100),
    versions: { ssmd: own.version, node, v8, zstd, zlib, ...peers },
    commit: commitOf(),
  };
}

function commitOf(): string {
  const git = (...args: string[]): string =>
    execFileSync('git', args, { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  try {
    const dirty = git('status', '--porcelain', '-uno').trim() !== '';
    return `${git('rev-parse', '--short=12', 'HEAD').trim()}${dirty ? '-dirty' : ''}`;
  } catch {
    return 'unknown';
  }
}

/** What a report was measured with. */
export function footOf(report: Report): string {
  const { processor, processors, system, load, versions, commit } = report.surroundings;
  const named = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const clock = CLOCKS[report.clock];
  return [
    `\n${processors} x ${processor}, ${system}, load ${load.join(' ')}; commit ${commit}`,
    `${named.join(', ')}; time is ${clock}`,
  ].join('\n');
}

const CLOCKS: Readonly<Record<Question['clock'], string>> = {
  thread: "this thread's processor time",
  busiest: "this thread's processor time or a server's, whichever is more",
  wall: 'wall time',
};

/** A case as a table, and how it stands to its goals. */
export function caseTable({ name, input, rounds, contestants, goals }: CaseResult): string {
  const table = new Table({
    head: [
      'contestant',
      'ns a message',
      'low .. high',
      'messages/s',
      'MB/s',
      'thread',
      'server',
      'wall',
    ],
    style: { head: [], border: [] },
    colAligns: ['left', ...Array<'right'>(7).fill('right')],
  });
  for (const it of contestants) {
    const { median, low, high } = it.ns_per_message;
    table.push([
      it.name,
      median.toFixed(0),
      `${low.toFixed(0)} .. ${high.toFixed(0)}`,
      Math.round(it.messages_per_second).toLocaleString('en'),
      it.megabytes_per_second.toFixed(0),
      ...[it.clocks.thread, it.clocks.server, it.clocks.wall].map((ns) => ns.toFixed(0)),
    ]);
  }
  const verdicts = goals.map(
    ({ of, against, ratio, at_least, reached }) =>
      `  ${reached ? 'reached' : 'SHORT  '} ${of} against ${against}: ${ratioText(ratio)}, goal ${at_least}x`,
  );
  return [`\n${name}: ${input}, ${rounds} rounds`, table.toString(), ...verdicts].join('\n');
}

function ratioText({ median, low, high }: Spread): string {
  return `${median.toFixed(2)}x (${low.toFixed(2)} .. ${high.toFixed(2)})`;
}

/** What a trial found, and how it stands to its goals. */
export function trialTable({ name, input, figures }: TrialResult): string {
  const table = new Table({
    head: ['figure', 'value', '', 'goal'],
    style: { head: [], border: [] },
    colAligns: ['left', 'right', 'left', 'left'],
  });
  for (const { name, value, unit, at_most } of figures) {
    const verdict = at_most === null ? '' : value <= at_most ? 'reached' : 'SHORT';
    const goal = at_most === null ? '' : `at most ${at_most}: ${verdict}`;
    table.push([name, Number(value.toPrecision(4)).toLocaleString('en'), unit, goal]);
  }
  return [`\n${name}: ${input}`, table.toString()].join('\n');
}
