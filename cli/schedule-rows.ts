/** Schedules as a server has them: what they start and when, what they started, and what they did not. */
import type { Client, ScheduleDescription } from '@temporalio/client';
import { SsmdError } from '../schema/errors.ts';
import { suggestion } from '../schema/near-miss.ts';
import { MEMO, describe } from '../workers/schedule-apply.ts';
import { rulesOf } from '../workers/schedule-client.ts';
import { ruleText } from '../workers/schedule-times.ts';

export type ScheduleRun = {
  readonly due: string;
  readonly started: string;
  readonly id: string;
  readonly run_id: string;
};

export type ScheduleRow = {
  readonly id: string;
  readonly job: string;
  readonly input: unknown;
  /** Null where it was made by hand. */
  readonly environment: string | null;
  readonly source: string | null;
  readonly paused: boolean;
  readonly note: string | null;
  readonly tz: string;
  readonly fires: readonly string[];
  readonly skips: readonly string[];
  readonly overlap: string;
  readonly catchup_s: number;
  readonly pause_on_failure: boolean;
  /** The next ten times. */
  readonly next: readonly string[];
  /** Runs it started. */
  readonly taken: number;
  /** Due while the server was away, and for longer than it makes up for: nobody started them. */
  readonly missed: number;
  /** Due while the one before still ran. */
  readonly overlap_skipped: number;
  /** Due, and waiting for the one before. */
  readonly buffered: number;
  /** Due, and more than may wait. */
  readonly buffer_dropped: number;
  readonly running: readonly string[];
  /** The latest last. */
  readonly recent: readonly ScheduleRun[];
};

export function rowOf(found: ScheduleDescription): ScheduleRow {
  const { action, info, policies, state, memo } = found;
  const { fire, skip } = rulesOf(found);
  const raw = found.raw.info;
  const text = (value: unknown): string | null => (typeof value === 'string' ? value : null);
  const tz = found.raw.schedule?.spec?.timezoneName;
  const count = (value: { toNumber: () => number } | null | undefined): number =>
    value?.toNumber() ?? 0;
  return {
    id: found.scheduleId,
    job: action.workflowType,
    input: action.args?.[0] ?? {},
    environment: text(memo?.[MEMO.environment]),
    source: text(memo?.[MEMO.source]),
    paused: state.paused,
    note: state.note === undefined || state.note === '' ? null : state.note,
    tz: tz ? tz : 'UTC',
    fires: fire.map(ruleText),
    skips: skip.map(ruleText),
    overlap: policies.overlap ?? 'SKIP',
    catchup_s: policies.catchupWindow / 1_000,
    pause_on_failure: policies.pauseOnFailure,
    next: info.nextActionTimes.map(seconds),
    taken: info.numActionsTaken,
    missed: info.numActionsMissedCatchupWindow,
    overlap_skipped: info.numActionsSkippedOverlap,
    buffered: count(raw?.bufferSize),
    buffer_dropped: count(raw?.bufferDropped),
    running: info.runningActions.map((it) => it.workflow.workflowId),
    recent: info.recentActions.map((it) => ({
      due: seconds(it.scheduledAt),
      started: seconds(it.takenAt),
      id: it.action.workflow.workflowId,
      run_id: it.action.workflow.firstExecutionRunId,
    })),
  };
}

/** Schedules fire on whole seconds. */
export function seconds(at: Date): string {
  return `${at.toISOString().slice(0, 19)}Z`;
}

/** All there are, by their ids. */
export async function listSchedules(client: Client): Promise<ScheduleDescription[]> {
  const ids = await idsOf(client);
  const found = await Promise.all(ids.map((id) => describe(client.schedule, id)));
  // One may go between the two questions.
  return found.filter((it) => it !== null);
}

/**
 * The one of that name, or all whose name begins with it: `daily-archive` is that of every feed.
 * @throws SSMD_NOT_FOUND
 */
export async function findSchedules(client: Client, name: string): Promise<ScheduleDescription[]> {
  const exact = await describe(client.schedule, name);
  if (exact !== null) return [exact];
  const known = await idsOf(client);
  const held = known.filter((it) => it.startsWith(`${name}/`));
  const found = await Promise.all(held.map((id) => describe(client.schedule, id)));
  const there = found.filter((it) => it !== null);
  if (there.length > 0) return there;
  const groups = known.map((it) => it.split('/')[0] ?? it);
  const hint =
    known.length === 0
      ? 'there are none; npx ssmd schedule apply makes those of the environment'
      : suggestion(name, [...new Set([...known, ...groups])].toSorted());
  const message = `no schedule "${name}"; ${hint}`;
  throw new SsmdError('SSMD_NOT_FOUND', message, { facts: { schedule: name, known } });
}

async function idsOf(client: Client): Promise<string[]> {
  const ids: string[] = [];
  for await (const { scheduleId } of client.schedule.list()) ids.push(scheduleId);
  return ids.toSorted();
}
