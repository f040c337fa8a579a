/**
 * Builds the days of a range that have no manifest from RAW, and lets them be served. A committed day is
 * left as it is; a day that cannot be built is named, with the reason.
 */
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import {
  ChildWorkflowCancellationType,
  ParentClosePolicy,
  WorkflowIdReusePolicy,
  continueAsNew,
  executeChild,
  isCancellation,
  workflowInfo,
} from '@temporalio/workflow';
import type { BackfillDay } from '../activities/backfill.ts';
import type { DayMaking } from '../activities/reprocess-day.ts';
import type { BackfillInput } from '../schema/jobs.ts';
import { daysBetween } from '../schema/time.ts';
import type { Day } from '../schema/time.ts';
import { admit } from './lib/admit.ts';
import { fileUnder } from './lib/attributes.ts';
import { messageOf } from './lib/failures.ts';
import { pooled } from './lib/pool.ts';
import { createShow } from './lib/progress.ts';
import type { Show } from './lib/progress.ts';
import { io, records } from './proxies.ts';
import type { ReprocessDayReport } from './reprocess-day.ts';

/** Days a run handles before it goes on as a new one, with a history of its own. */
const DAYS_A_RUN = 100;
const CONCURRENCY = 2;
const WHY_CHARS_MAX = 200;
const STAGES = ['plan', 'build'];

export type BackfilledDay = {
  readonly day: string;
  /** `to_build`: a dry run; `waiting`: what is missing may still come. */
  readonly state: BackfillDay['state'] | 'built' | 'waiting' | 'failed';
  readonly version: string | null;
  /** Of a built day: it has no known holes. */
  readonly complete: boolean | null;
  /** Events; of a built day only. */
  readonly records: number | null;
  readonly why: string;
};

export type BackfillReport = {
  readonly outcome: 'planned' | 'built' | 'nothing_to_build' | 'partial' | 'failed';
  readonly feed: string;
  readonly from: string;
  readonly to: string;
  readonly days: readonly BackfilledDay[];
  /** Days by state. */
  readonly counts: Readonly<Record<string, number>>;
  /** RAW that was, or would be, read. */
  readonly raw_bytes: number;
};

/** What goes on from run to run of a long range. */
type Carried = { readonly days: readonly BackfilledDay[]; readonly raw_bytes: number };

export async function backfill(
  input: BackfillInput,
  carried: Carried | null = null,
): Promise<BackfillReport> {
  const { wanted, day, search_attributes: known } = await admit('backfill', input);
  const { feed } = wanted;
  const [from, to] = [wanted.from ?? day, wanted.to ?? day];
  const mode = wanted.dry_run === true ? 'dry-run' : 'build';
  fileUnder(known, { SsmdFeed: feed, SsmdDay: from, SsmdStage: 'plan', SsmdMode: mode });
  const show = createShow(`backfill ${feed} ${from === to ? from : `${from} to ${to}`}`, STAGES);
  const all = daysBetween(from as Day, to as Day);
  const done = [...(carried?.days ?? [])];
  const page = all.slice(done.length, done.length + DAYS_A_RUN);
  show('plan', `${done.length} of ${all.length} days are done`);
  const range = { feed, from: page[0] ?? from, to: page.at(-1) ?? to };
  const summary = `${feed} ${range.from}..${range.to}`;
  const plan = await io.planBackfill.executeWithOptions({ summary }, [range]);
  const to_build = plan.filter((it) => it.state === 'to_build');
  const raw_bytes = to_build.reduce((sum, it) => sum + it.bytes, carried?.raw_bytes ?? 0);
  const found = new Map(plan.map((it) => [it.day, asPlanned(it)]));
  if (wanted.dry_run !== true) {
    fileUnder(known, { SsmdStage: 'build' });
    await buildAll(feed, to_build, found, show);
  }
  done.push(...found.values());
  if (done.length < all.length)
    return continueAsNew<typeof backfill>(input, { days: done, raw_bytes });
  const counts = countsOf(done);
  const outcome = wanted.dry_run === true ? 'planned' : outcomeOf(counts);
  fileUnder(known, { SsmdStage: 'done', SsmdOutcome: outcome });
  show(null, `${outcome}: ${wordsOf(counts)}`);
  return { outcome, feed, from, to, days: done, counts, raw_bytes };
}

async function buildAll(
  feed: string,
  days: readonly BackfillDay[],
  found: Map<string, BackfilledDay>,
  show: Show,
): Promise<void> {
  let built = 0;
  await pooled(days, CONCURRENCY, async (of) => {
    show('build', `${built} of ${days.length} days; now ${of.day}`);
    found.set(of.day, await buildDay(feed, of));
    show('build', `${++built} of ${days.length} days`);
  });
}

/** A day that fails is listed and stops no other. */
async function buildDay(feed: string, of: BackfillDay): Promise<BackfilledDay> {
  const { day, bytes } = of;
  const base = { day, version: of.version, complete: null, records: null };
  try {
    const summary = `${feed} ${day}`;
    const step = await io.prepareBackfillDay.executeWithOptions({ summary }, [
      { feed, day, bytes },
    ]);
    if (step.next === 'wait') return { ...base, state: 'waiting', why: step.why };
    const { version } = step.next === 'build' ? step.making : step;
    if (step.next === 'committed') return { ...base, version, state: 'already_committed', why: '' };
    const report = await rebuild(step.making);
    if (report.outcome === 'failed') {
      return { ...base, version, state: 'failed', why: report.why.slice(0, WHY_CHARS_MAX) };
    }
    await records.serveBackfilledDay({ feed, day, version });
    const { complete, records: count } = report;
    const state = report.outcome === 'built' ? 'built' : 'already_committed';
    return { day, version, state, complete, records: count, why: '' };
  } catch (error) {
    if (isCancellation(error)) throw error;
    const busy = error instanceof WorkflowExecutionAlreadyStartedError;
    const why = busy ? 'another job builds this very day' : messageOf(error);
    return { ...base, state: 'failed', why: why.slice(0, WHY_CHARS_MAX) };
  }
}

async function rebuild(making: DayMaking): Promise<ReprocessDayReport> {
  return (await executeChild('reprocess-day', {
    workflowId: `${workflowInfo().workflowId}/${making.day}`,
    args: [making],
    parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
    cancellationType: ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
    workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
  })) as ReprocessDayReport;
}

function asPlanned({ day, state, version, why }: BackfillDay): BackfilledDay {
  return { day, state, version, complete: null, records: null, why };
}

function countsOf(days: readonly BackfilledDay[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { state } of days) counts[state] = (counts[state] ?? 0) + 1;
  return counts;
}

function outcomeOf({ built = 0, failed = 0 }: Readonly<Record<string, number>>) {
  if (failed > 0) return built > 0 ? 'partial' : 'failed';
  return built > 0 ? 'built' : 'nothing_to_build';
}

function wordsOf(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .map(([state, days]) => `${days} ${state.replaceAll('_', ' ')}`)
    .join(', ');
}
