/**
 * A run that is late says so once and goes on: in its Current Details, its stage, its log, and to whoever
 * is told of failed runs. When the day is committed after all, that trouble is over too.
 */
import {
  CancellationScope,
  isCancellation,
  log,
  patched,
  proxyLocalActivities,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import { runFingerprint } from '../../schema/notice.ts';
import { dayEnd, formatIso, nsFromMs } from '../../schema/time.ts';
import type { Day, UnixNs } from '../../schema/time.ts';
import type { NoticeActivities } from '../../activities/notices.ts';
import { fileUnder, filedUnder } from './attributes.ts';
import { runTimeMs } from './clock.ts';
import { nominalMs } from './nominal.ts';
import { showWarning } from './progress.ts';

const PATCH = 'deadline';
const NS_PER_MS = 1_000_000n;
/** After its close a day's last segments are still on their way. */
export const SETTLE_MS = 3_600_000;
/** What archiving a day may take before somebody should look. */
export const LATE_AFTER_MS = 2 * 3_600_000;

/** A run that begins after its deadline (a backfill, a server that was away) may find its day done already. */
export const BEGUN_LATE_MS = 600_000;

const desk = proxyLocalActivities<NoticeActivities>({
  startToCloseTimeout: '15 seconds',
  scheduleToCloseTimeout: '1 minute',
});

/** max(close + settle, scheduled start) + 2 h. `close_ns`: of the day's last session; of 24/7 feeds midnight. */
export function deadlineOf(of: {
  readonly day: Day;
  readonly close_ns?: UnixNs;
  /** The nominal time of the schedule, else the start of the run. */
  readonly due_ms: number;
}): number {
  const close_ms = Number((of.close_ns ?? dayEnd(of.day)) / NS_PER_MS);
  return Math.max(close_ms + SETTLE_MS, of.due_ms) + LATE_AFTER_MS;
}

/** How long a run that is at `now_ms` goes on before it warns; ms. */
export function untilWarned(deadline_ms: number, now_ms: number): number {
  return deadline_ms > now_ms ? deadline_ms - now_ms : BEGUN_LATE_MS;
}

/** When this run was to start: by its schedule, or by whoever started it. */
export function dueMs(): number {
  return nominalMs() ?? workflowInfo().startTime.getTime();
}

/** Runs `work`; warns once where it is not done by `deadline_ms` (Unix), and lets it go on. */
export async function warnedIfLate<T>(
  of: { readonly title: string; readonly deadline_ms: number; readonly known: readonly string[] },
  work: () => Promise<T>,
): Promise<T> {
  if (!patched(PATCH)) return work();
  const alarm = new CancellationScope();
  void alarm.run(() => warnAt(of)).catch(told);
  try {
    return await work();
  } finally {
    alarm.cancel();
  }
}

function told(error: unknown): void {
  if (!isCancellation(error)) log.error('nobody could be told', { error: String(error) });
}

async function warnAt(of: Parameters<typeof warnedIfLate>[0]): Promise<void> {
  const { title, deadline_ms, known } = of;
  // To the minute: nobody looks at more.
  const by = `${formatIso(nsFromMs(deadline_ms)).slice(0, 16)}Z`;
  const summary = `warns if it is not done by ${by}`;
  await sleep(untilWarned(deadline_ms, runTimeMs()), { summary });
  const words = `${title} is late: not done by ${by}. It goes on; see what it waits for`;
  log.warn('a run is late', { deadline: by });
  fileUnder(known, { SsmdStage: 'late' });
  showWarning(title, words);
  const { workflowType: type, workflowId: id, runId: run_id } = workflowInfo();
  const { SsmdFeed: feed = null, SsmdDay: day = null, SsmdVersion: version = null } = filedUnder();
  const fingerprint = runFingerprint({ type, id, feed, day });
  await desk.tellNotices({
    well: [],
    told: [
      {
        ...{ fingerprint, kind: 'run', priority: 'medium', team: null, event: `late ${run_id}` },
        ...{ title: `${title} is late`, feed, day, version, manifest: null, report: null },
        run: { type, id, run_id, activity: null, attempt: null, running: true },
        causes: [words, `npx ssmd job status ${id}`],
        text: null,
      },
    ],
  });
}
