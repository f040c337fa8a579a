/** Runs of jobs that need somebody: what no workflow could report of itself, as the server knows it. */
import { JOB_TYPES } from '../schema/jobs.ts';
import { BY_DAY } from '../schema/notice.ts';
import type { AuditFinding, FoundRun } from './audit-report.ts';
import type { JobContext } from './deps.ts';

/** One run, as the Temporal server lists it. */
export type RunRow = {
  readonly type: string;
  readonly id: string;
  readonly run_id: string;
  readonly status: string;
  /** ISO 8601. */
  readonly started: string;
  readonly closed: string | null;
  /** Events of its history: a run that nobody took has two. */
  readonly events: number;
  /** Its search attribute, where the server knows that one. */
  readonly stage: string | null;
  /** Two more of them. */
  readonly feed: string | null;
  readonly day: string | null;
};

/** Where runs are asked for. */
export type JobRuns = {
  /** Those a visibility query finds, newest first, at most `limit`. */
  readonly list: (query: string, limit: number) => Promise<readonly RunRow[]>;
  /** Why it failed: our code where it has one, and the words. */
  readonly failureOf: (run: RunRow) => Promise<{ readonly code: string; readonly words: string }>;
};

/** Runs one audit names; the rest is counted by the list of jobs. */
const RUNS_MAX = 50;
/** A run that has not ended by then has to be looked at. */
const LONG_HOURS = 24;
/** A run that no worker took by then. */
const TAKEN_HOURS = 1;
/** What was refused before anything was started has been told to whoever typed it. */
const REFUSALS: readonly string[] = ['SSMD_INVALID_INPUT', 'SSMD_DAY_NOT_OVER'];
/** Jobs that run for as long as they are told to. */
const LASTING: readonly string[] = ['replay'];
const WORDS_MAX = 300;

const OURS = `WorkflowType IN (${JOB_TYPES.map((type) => `"${type}"`).join(', ')})`;

/** `own` is the audit itself; instants are ns since the epoch. */
export async function auditRuns(
  runs: JobRuns,
  of: { readonly since: bigint; readonly now: bigint; readonly own: string },
  context: JobContext,
): Promise<AuditFinding[]> {
  const ended = `ExecutionStatus IN ("Failed", "TimedOut", "Terminated")`;
  const query = `${OURS} AND ${ended} AND CloseTime > "${isoOf(of.since)}"`;
  const findings: AuditFinding[] = [];
  for (const run of await runs.list(query, RUNS_MAX)) {
    context.signal.throwIfAborted();
    if (await endedWellSince(runs, run)) continue;
    const finding = await endedBadly(runs, run);
    if (finding !== null) findings.push(finding);
  }
  const before = isoOf(of.now - hours(TAKEN_HOURS));
  const running = `${OURS} AND ExecutionStatus = "Running" AND StartTime < "${before}"`;
  for (const run of await runs.list(running, RUNS_MAX)) {
    const finding = run.id === of.own ? null : stillRunning(run, of.now);
    if (finding !== null) findings.push(finding);
  }
  return findings;
}

/** A day that went well under another id went well: a schedule gives each of its runs one of its own. */
async function endedWellSince(runs: JobRuns, run: RunRow): Promise<boolean> {
  const { type, id, closed, feed, day } = run;
  const day_of = BY_DAY.includes(type) && feed !== null && day !== null;
  const same = [
    ...(id.includes('"') ? [] : [`WorkflowId = "${id}"`]),
    ...(day_of ? [`WorkflowType = "${type}" AND SsmdFeed = "${feed}" AND SsmdDay = "${day}"`] : []),
  ];
  const since = closed === null ? '' : ` AND CloseTime > "${closed}"`;
  for (const of of same) {
    const query = `${of} AND ExecutionStatus = "Completed"${since}`;
    if ((await runs.list(query, 1)).length > 0) return true;
  }
  return false;
}

async function endedBadly(runs: JobRuns, run: RunRow): Promise<AuditFinding | null> {
  const { type, id, status, closed } = run;
  const how = status.toLowerCase().replaceAll('_', ' ');
  const base = `${type} ${how} at ${closed ?? 'an unknown time'}`;
  if (status !== 'FAILED')
    return { kind: 'run_failed', key: id, detail: `${base}; start it again`, run: foundOf(run) };
  const { code, words } = await runs.failureOf(run);
  if (REFUSALS.includes(code)) return null;
  const detail = `${base}: ${code}: ${words}`.slice(0, WORDS_MAX);
  return { kind: 'run_failed', key: id, detail, run: foundOf(run) };
}

/** What a run that has not ended has to be told for; null where it is as it should be. */
function stillRunning(run: RunRow, now: bigint): AuditFinding | null {
  const { type, id, started, events, stage } = run;
  const age = now - BigInt(Date.parse(started)) * 1_000_000n;
  if (events <= 2) {
    const detail = `${type} was started at ${started} and no worker took it; npx ssmd worker`;
    return { kind: 'run_stuck', key: id, detail, run: foundOf(run) };
  }
  if (age < hours(LONG_HOURS) || LASTING.includes(type)) return null;
  if (stage === 'awaiting-promotion') {
    const detail = `its days were rebuilt and wait for promote or reject; started at ${started}`;
    return { kind: 'approval_waiting', key: id, detail, run: foundOf(run) };
  }
  const at = stage === null ? '' : ` and is at ${stage}`;
  const detail = `${type} runs since ${started}${at}; npx ssmd job status ${id}`;
  return { kind: 'run_stuck', key: id, detail, run: foundOf(run) };
}

function foundOf({ type, run_id, feed, day }: RunRow): FoundRun {
  return { type, run_id, feed, day };
}

function hours(count: number): bigint {
  return BigInt(count) * 3_600_000_000_000n;
}

function isoOf(ns: bigint): string {
  return new Date(Number(ns / 1_000_000n)).toISOString();
}
