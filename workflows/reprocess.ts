/**
 * Rebuilds a range of days under a version of their own: plan, one child a day, compare with what is
 * served, wait for the word of an operator (or go by a limit), move the pointer. Nothing a reader sees
 * changes before the last step, and that is one compare-and-swap.
 */
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import {
  CancellationScope,
  ChildWorkflowCancellationType,
  ParentClosePolicy,
  WorkflowIdReusePolicy,
  allHandlersFinished,
  condition,
  continueAsNew,
  executeChild,
  isCancellation,
  workflowInfo,
} from '@temporalio/workflow';
import type { Moved } from '../activities/promotion.ts';
import type { DayMaking } from '../activities/reprocess-day.ts';
import type { ReprocessPlan } from '../activities/reprocess-plan.ts';
import type { MovedRange } from '../dataset/current.ts';
import type { ReprocessInput } from '../schema/jobs.ts';
import { daysBetween } from '../schema/time.ts';
import type { Day } from '../schema/time.ts';
import { admit } from './lib/admit.ts';
import { fileUnder } from './lib/attributes.ts';
import { codeOf, messageOf } from './lib/failures.ts';
import { createShow } from './lib/progress.ts';
import type { Show } from './lib/progress.ts';
import { collect, emptyTally, isWithin, tallyWords } from './lib/reprocess-tally.ts';
import type { Tally } from './lib/reprocess-tally.ts';
import { handleDecision } from './lib/promotion-updates.ts';
import type { Decision, Decisions, State } from './lib/promotion-updates.ts';
import { pooled } from './lib/pool.ts';
import { awaited, io, quick, records } from './proxies.ts';
import type { ReprocessDayReport } from './reprocess-day.ts';

/** Days a run handles before it goes on as a new one, with a history of its own. */
export const DAYS_A_RUN = 100;
const CONCURRENCY = 2;
/** How long a comparison waits for somebody to look at it; it is never promoted by itself. */
const DECISION_DAYS = '7 days';
const STAGES = ['plan', 'build', 'decision', 'promote'];

export type ReprocessReport = {
  readonly outcome:
    | 'planned'
    | 'unchanged'
    | 'promoted'
    | 'rejected'
    | 'not_promoted'
    | 'expired'
    | 'partial'
    | 'failed';
  readonly feed: string;
  readonly from: string;
  readonly to: string;
  readonly version: string;
  readonly plan: ReprocessPlan | null;
  readonly days: Tally;
  /** The same in words. */
  readonly words: string;
  readonly moved: Moved | null;
  /** Of who decided; null where nobody did. */
  readonly decision: Decision | null;
};

/** What goes on from run to run of a long range. */
type Carried = {
  readonly version: string;
  readonly next: number;
  readonly tally: Tally;
};

export async function reprocess(
  input: ReprocessInput,
  carried: Carried | null = null,
): Promise<ReprocessReport> {
  // Before anything is awaited: an update that comes early is to be refused with a reason.
  const tally = carried?.tally ?? emptyTally;
  const state: State = { tally, stage: 'building', movable: [], answer: null };
  const decided = handleDecision(state);
  const { wanted, day, search_attributes: known } = await admit('reprocess', input);
  const { feed } = wanted;
  const [from, to] = [wanted.from ?? day, wanted.to ?? day];
  const mode = wanted.dry_run === true ? 'dry-run' : (wanted.promote ?? 'manual');
  fileUnder(known, { SsmdFeed: feed, SsmdDay: from, SsmdStage: 'plan', SsmdMode: mode });
  const show = createShow(`reprocess ${feed} ${from === to ? from : `${from} to ${to}`}`, STAGES);
  show('plan');
  const { promote = 'manual', connector_version = null } = wanted;
  const plan = await io.planReprocess.executeWithOptions({ summary: `${feed} ${from}..${to}` }, [
    {
      ...{ feed, from, to, connector_version },
      version: carried?.version ?? wanted.version ?? null,
      schema: wanted.schema ?? 'md2',
    },
  ]);
  const { version } = plan;
  fileUnder(known, { SsmdVersion: version });
  const base = { feed, from, to, version };
  if (wanted.dry_run === true) {
    show(null, planWords(plan));
    fileUnder(known, { SsmdStage: 'done', SsmdOutcome: 'planned' });
    const nothing = { days: emptyTally, words: '', moved: null, decision: null };
    return { ...base, outcome: 'planned', plan, ...nothing };
  }
  await records.bindReprocessVersion({ plan: bound(plan), connector_version });
  const first = carried?.next ?? 0;
  const page = plan.days.slice(first, first + DAYS_A_RUN).map((it) => it.day);
  await buildDays(page, { wanted, plan, show, state });
  if (first + DAYS_A_RUN < plan.days.length) {
    const next: Carried = { version, next: first + DAYS_A_RUN, tally: state.tally };
    return continueAsNew<typeof reprocess>(input, next);
  }
  const settled = await settle({ wanted, plan, promote, show, state, decided, known });
  // What was moved when a cancellation came stays moved, and is told.
  await CancellationScope.nonCancellable(() => condition(allHandlersFinished));
  fileUnder(known, { SsmdStage: 'done', SsmdOutcome: settled.outcome });
  const words = tallyWords(state.tally);
  show(null, `${settled.outcome}: ${words}`);
  return { ...base, plan: null, days: state.tally, words, ...settled };
}

type Run = {
  readonly wanted: ReprocessInput;
  readonly plan: ReprocessPlan;
  readonly show: Show;
  readonly state: State;
};

/** One child a day, a few at a time; a day that fails is listed and stops no other. */
async function buildDays(days: readonly string[], run: Run): Promise<void> {
  const { wanted, plan, show, state } = run;
  await pooled(days, wanted.concurrency ?? CONCURRENCY, async (day) => {
    show('build', `${tallyWords(state.tally)}, of ${plan.days.length}; now ${day}`);
    const report = await buildDay(day, run);
    state.tally = collect(state.tally, report);
    show('build', `${tallyWords(state.tally)}, of ${plan.days.length}`);
  });
}

async function buildDay(day: string, { wanted, plan }: Run): Promise<ReprocessDayReport> {
  const { feed, version, schema, normalizer } = plan;
  const { connector_version = null, parts = null } = wanted;
  const input: DayMaking = {
    ...{ feed, day, version, schema, normalizer, connector_version, parts },
    raw_bytes: plan.days.find((it) => it.day === day)?.bytes ?? 0,
  };
  try {
    return (await executeChild('reprocess-day', {
      workflowId: `${workflowInfo().workflowId}/${day}`,
      args: [input],
      parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
      cancellationType: ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
      workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
    })) as ReprocessDayReport;
  } catch (error) {
    if (isCancellation(error)) throw error;
    const why =
      error instanceof WorkflowExecutionAlreadyStartedError
        ? 'another job builds this very day; try again when it is done'
        : messageOf(error);
    return { feed, day, version, outcome: 'failed', why };
  }
}

type Settled = Pick<ReprocessReport, 'outcome' | 'moved' | 'decision'>;

async function settle(
  run: Run & {
    readonly promote: 'manual' | 'auto' | 'never';
    readonly decided: Decisions;
    readonly known: readonly string[];
  },
): Promise<Settled> {
  const { wanted, plan, promote, show, state, decided, known } = run;
  const nothing = { moved: null, decision: null };
  for (;;) {
    const moves = movesOf(plan, state.tally);
    const outcome = withoutMoves(state.tally, moves);
    // A day that failed may be tried again as long as somebody can be asked.
    const may_retry = state.tally.failed.length > 0 && promote === 'manual';
    if (outcome !== null && !may_retry) return { ...nothing, outcome };
    if (promote === 'never') return { ...nothing, outcome: 'not_promoted' };
    if (promote === 'auto') {
      const fit = state.tally.failed.length === 0 && isWithin(state.tally, wanted.max_changed ?? 0);
      if (!fit) return { ...nothing, outcome: 'not_promoted' };
      const decision = { by: 'auto', reason: `changed at most ${wanted.max_changed ?? 0}` };
      return await move(run, moves, { kind: 'promote', ...decision, days: null });
    }
    state.stage = 'deciding';
    state.movable = moves.flatMap((it) => daysBetween(it.from, it.to));
    fileUnder(known, { SsmdStage: 'awaiting-promotion' });
    show('decision', `${tallyWords(state.tally)}. ${askWords(plan)}`);
    if (!(await condition(() => decided.peek() !== null, DECISION_DAYS))) {
      if (decided.peek() === null) {
        state.stage = 'closed';
        return { ...nothing, outcome: 'expired' };
      }
    }
    const decision = decided.take();
    if (decision === null || decision.kind === 'reject') {
      return { moved: null, outcome: 'rejected', decision };
    }
    if (decision.kind === 'retry') {
      state.stage = 'building';
      await buildDays(decision.days, run);
      continue;
    }
    return await move(run, moves, decision);
  }
}

async function move(
  { plan, show, state }: Run,
  moves: readonly MovedRange[],
  decision: Extract<Decision, { kind: 'promote' }>,
): Promise<Settled> {
  state.stage = 'closed';
  show('promote', `${decision.by}: ${decision.reason}`);
  const { by, reason, days } = decision;
  const wanted = days === null ? moves : onlyDays(moves, days);
  const mover = { by, reason, at: await quick.askTime(null) };
  try {
    const moved = await awaited.moveDays.executeWithOptions(
      { summary: `${plan.feed} to ${plan.version}` },
      [{ feed: plan.feed, days: wanted, mover }],
    );
    const partial = state.tally.failed.length > 0 || days !== null;
    const words = `${plan.feed}: the pointer is at revision ${moved.revision}`;
    state.answer = { refused: false, words };
    return { outcome: partial ? 'partial' : 'promoted', moved, decision };
  } catch (error) {
    // What was compared is no longer what serves: nothing was moved, and nobody should be misled.
    if (codeOf(error) !== 'SSMD_MOVED') throw error;
    state.answer = { refused: true, words: messageOf(error) };
    return { outcome: 'not_promoted', moved: null, decision };
  }
}

function onlyDays(moves: readonly MovedRange[], days: readonly string[]): MovedRange[] {
  return moves.flatMap((range) =>
    days
      .filter((day) => range.from <= day && day <= range.to)
      .map((day) => ({ ...range, from: day as Day, to: day as Day })),
  );
}

/** What would move: from what each day was compared with, and from nowhere else. */
function movesOf({ version }: ReprocessPlan, { moves }: Tally): readonly MovedRange[] {
  return moves.map(({ from, to, was }) => ({ from: from as Day, to: to as Day, was, version }));
}

function withoutMoves(
  tally: Tally,
  moves: readonly MovedRange[],
): 'failed' | 'unchanged' | 'partial' | null {
  if (moves.length > 0) return null;
  if (tally.failed.length === 0) return 'unchanged';
  return tally.built + tally.unchanged > 0 ? 'partial' : 'failed';
}

function bound({ feed, version, schema, origin }: ReprocessPlan) {
  return { feed, version, schema, origin };
}

function planWords(plan: ReprocessPlan): string {
  const { segments, days, source, target, connector, seconds } = plan;
  const time = seconds === null ? 'not measured yet' : `about ${seconds} s`;
  return (
    `would reprocess ${segments} files of ${days.length} days from \`${source}\` to \`${target}\` ` +
    `with connector ${connector.version} (${connector.commit}); estimated time ${time}`
  );
}

function askWords({ version }: ReprocessPlan): string {
  const { workflowId } = workflowInfo();
  return (
    `Waiting for a decision on ${version}: \`npx ssmd reprocess promote ${workflowId} --by NAME ` +
    `--reason WHY\`, or \`reject\``
  );
}
