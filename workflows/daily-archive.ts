/**
 * Archives one day of one feed: plan, build what is missing, verify, commit the manifest, start QA.
 * Every step is repeatable; the manifest's put-if-absent is the only commit.
 */
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import {
  ParentClosePolicy,
  WorkflowIdReusePolicy,
  isCancellation,
  log,
  sleep,
  startChild,
} from '@temporalio/workflow';
import type { Shard } from '../activities/admission.ts';
import type { Committed } from '../activities/archive-day.ts';
import type { ArchivePlan } from '../activities/archive-plan.ts';
import type { DailyArchiveInput } from '../schema/jobs.ts';
import type { Day, UnixNs } from '../schema/time.ts';
import { admit } from './lib/admit.ts';
import { fileUnder } from './lib/attributes.ts';
import { runTimeMs } from './lib/clock.ts';
import { deadlineOf, dueMs, warnedIfLate } from './lib/deadline.ts';
import { asksForNewPlan, codeOf } from './lib/failures.ts';
import { dailyQaId } from './lib/ids.ts';
import { createShow } from './lib/progress.ts';
import type { Show } from './lib/progress.ts';
import { sessionOf, skip } from './lib/session.ts';
import type { Skipped } from './lib/session.ts';
import { awaited, cache, io, records } from './proxies.ts';

export type DailyArchiveReport = Committed & {
  readonly feed: string;
  readonly day: string;
  readonly version: string;
  /** Workflow id of the day's QA; null where none was wanted. */
  readonly qa: string | null;
};

/** Between two looks at whether an expected shard has delivered. */
const LATE_CHECK = '10 minutes';
/** RAW may move on while a day is built; after this many plans somebody should look. */
const PLANS_MAX = 4;
const STAGES = ['bus', 'plan', 'build', 'verify', 'commit', 'qa'];

export async function dailyArchive(
  input: DailyArchiveInput,
): Promise<DailyArchiveReport | Skipped> {
  const { wanted, day, shards, search_attributes: known } = await admit('daily-archive', input);
  const { feed } = wanted;
  const mode = wanted.force === true ? 'force' : 'wait';
  fileUnder(known, { SsmdFeed: feed, SsmdDay: day, SsmdStage: 'plan', SsmdMode: mode });
  const title = `daily-archive ${feed} ${day}`;
  const show = createShow(title, STAGES);
  show('bus');
  const session = await sessionOf({ feed, day });
  if (session?.expected === false && wanted.force !== true) {
    const skipped = skip({ feed, day }, session, known);
    show(null, `**${skipped.outcome}**. With \`"force": true\` it is archived all the same.`);
    return skipped;
  }
  const close = session?.close ?? null;
  const close_ns = close === null ? {} : { close_ns: BigInt(close) as UnixNs };
  const deadline_ms = deadlineOf({ day: day as Day, ...close_ns, due_ms: dueMs() });
  const { plan, done } = await warnedIfLate({ title, deadline_ms, known }, async () => {
    await takeFromBus(shards, show);
    return archive({ ...wanted, day }, show, known);
  });
  const { version } = plan;
  show('qa');
  const qa = wanted.qa === false ? null : await startQa({ feed, day, version });
  fileUnder(known, { SsmdStage: 'done', SsmdOutcome: done.complete ? 'complete' : 'incomplete' });
  show(null, nextWords(done, { feed, day, version, qa }));
  return { ...done, feed, day, version, qa };
}

/** What the bus still holds is taken first. It is a cache: where it fails, RAW has it all. */
async function takeFromBus(shards: readonly Shard[], show: Show): Promise<void> {
  for (const of of shards) {
    const { feed, shard } = of;
    try {
      await cache.archiveShardTier.executeWithOptions({ summary: `${feed} ${shard}` }, [of]);
    } catch (error) {
      if (isCancellation(error)) throw error;
      log.warn('the bus gave nothing, RAW is used', {
        feed,
        shard,
        error: String(error),
      });
      show('bus', `${shard}: not taken (${codeOf(error) ?? 'failed'}), raw is used`);
    }
  }
}

async function archive(
  wanted: DailyArchiveInput & { readonly day: string },
  show: Show,
  known: readonly string[],
): Promise<{ plan: ArchivePlan; done: Committed }> {
  for (let plans = 1; ; plans++) {
    const plan = await planWhole(wanted, plans > 1, show);
    fileUnder(known, { SsmdVersion: plan.version, SsmdStage: 'build' });
    try {
      const before = await records.findCommittedDay(plan);
      return { plan, done: before ?? (await build(plan, show)) };
    } catch (error) {
      if (plans === PLANS_MAX || !asksForNewPlan(error)) throw error;
    }
  }
}

/** Plans until everything expected is there, or its time is over, or waiting is not wanted. */
async function planWhole(
  wanted: DailyArchiveInput & { readonly day: string },
  again: boolean,
  show: Show,
): Promise<ArchivePlan> {
  const { feed, day } = wanted;
  // What the first plan took RAW for did not hold: it is read anew.
  const anew = again ? { anew: true } : {};
  for (;;) {
    show('plan');
    const plan = await io.planArchiveDay.executeWithOptions({ summary: `${feed} ${day}` }, [
      { feed, day, ...anew },
    ]);
    if (plan.waiting.length === 0 || wanted.force === true) return plan;
    const what = plan.waiting.slice(0, 5).join('; ');
    show('plan', `waiting for ${what} (with "force": true it is built without)`);
    await sleep(LATE_CHECK, { summary: `waiting: ${what}`.slice(0, 180) });
  }
}

async function build(plan: ArchivePlan, show: Show): Promise<Committed> {
  const { feed, day, shards } = plan;
  const known = `${plan.segments} raw segments, ${plan.gaps} gaps known`;
  show('build', known);
  const from_raw = shards.filter(({ windows }) => windows.some(({ source }) => source === 'raw'));
  const began_ms = runTimeMs();
  const sum = { shards: 0, records: 0, bytes: 0 };
  await Promise.all(
    from_raw.map(async ({ shard }) => {
      const summary = `${feed} ${day} ${shard} from raw`;
      const { records: count, bytes } = await io.buildArchiveShard.executeWithOptions({ summary }, [
        { plan, shard },
      ]);
      sum.shards += 1;
      sum.records += count;
      sum.bytes += bytes;
      const rate = rateWords(sum.records, runTimeMs() - began_ms);
      show('build', `${sum.shards} of ${from_raw.length} shards, ${rate}; ${known}`);
    }),
  );
  show('verify');
  const verified = await io.verifyArchiveDay.executeWithOptions({ summary: `${feed} ${day}` }, [
    plan,
  ]);
  show('commit', `${verified.objects} objects verified`);
  return awaited.commitArchiveDay.executeWithOptions(
    { summary: `${feed} ${day} ${plan.version}` },
    [{ ...plan, verified: verified.etags }],
  );
}

/** QA goes on by itself: its findings are results, and the archive does not wait for them. */
async function startQa(of: { feed: string; day: string; version: string }): Promise<string> {
  const workflowId = dailyQaId(of);
  try {
    await startChild('daily-qa', {
      workflowId,
      args: [of],
      parentClosePolicy: ParentClosePolicy.ABANDON,
      workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
    });
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
  return workflowId;
}

function nextWords(
  done: Committed,
  { feed, day, version, qa }: Pick<DailyArchiveReport, 'feed' | 'day' | 'version' | 'qa'>,
): string {
  const state = done.complete ? 'complete' : `incomplete: ${done.gaps} gaps`;
  const look = done.complete
    ? `npx ssmd dataset show --feed ${feed} --date ${day}`
    : `npx ssmd gaps list --feed ${feed} --date ${day}`;
  const checks = qa === null ? '' : `\n\nChecks: run \`${qa}\``;
  return (
    `**${done.outcome.replaceAll('_', ' ')}, ${state}**: ${version}, ${done.records} records, ` +
    `${done.bytes} bytes. Manifest: \`${done.manifest}\`${checks}\n\nLook at it: \`${look}\``
  );
}

function rateWords(records_done: number, ms: number): string {
  const rate = Math.round(records_done / Math.max(ms / 1_000, 0.001));
  return `${records_done} records, ${rate} a second`;
}
