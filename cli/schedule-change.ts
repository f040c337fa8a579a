/** What `ssmd schedule` changes: a schedule of one's own, a run now, runs of days that are past. */
import { ScheduleAlreadyRunning } from '@temporalio/client';
import type { Client, ScheduleDescription } from '@temporalio/client';
import { msToTs, tsToDate } from '@temporalio/common/lib/time.js';
import { isZone } from '../calendars/zone.ts';
import { admit } from '../activities/admission.ts';
import type { Known } from '../activities/admission.ts';
import { invalidInput } from '../schema/errors.ts';
import type { Fault } from '../schema/errors.ts';
import { JOB_TYPES } from '../schema/jobs.ts';
import { suggestion } from '../schema/near-miss.ts';
import { addDays, dayEnd, dayStart, msFromNs, parseDay } from '../schema/time.ts';
import type { Day } from '../schema/time.ts';
import { parseCron } from '../workers/cron.ts';
import { createSchedule } from '../workers/schedule-apply.ts';
import { wallFault } from '../workers/schedule-times.ts';
import { CATCHUP_MS, OVERLAPS } from '../workers/schedules.ts';
import type { WantedSchedule } from '../workers/schedules.ts';
import { rowOf, seconds } from './schedule-rows.ts';

export type CreateFlags = {
  readonly cron: string;
  readonly workflow: string;
  readonly input?: string;
  readonly timezone?: string;
  readonly overlap?: string;
  readonly paused?: boolean;
};

const EXAMPLE = `npx ssmd schedule create my-job --cron "0 6 * * *" --workflow daily-archive --input '{"feed":"kraken"}'`;
const NAME = /^[a-z0-9][a-z0-9-]{0,63}(\/[a-z0-9][a-z0-9-]{0,63})?$/;
/** A year's clocks, and some: every change of them is in it. */
const WALL_DAYS = 400;

/**
 * Judges it whole, before a server is asked. `reserved`: what `apply` makes.
 * @throws SSMD_INVALID_INPUT with every fault
 */
export function judgedSchedule(
  id: string,
  flags: CreateFlags,
  known: Known,
  reserved: readonly string[],
): WantedSchedule {
  const faults: Fault[] = [];
  if (!NAME.test(id)) {
    const hint = 'lower-case letters, digits and dashes, such as my-job or my-job/kraken';
    faults.push({ where: 'name', what: `'${id}' is no name of a schedule`, hint });
  }
  const group = groupOf(id);
  if (reserved.includes(id)) {
    const hint = 'npx ssmd schedule apply makes it; take another name';
    faults.push({ where: 'name', what: `'${id}' is a schedule of the environment`, hint });
  } else if (reserved.some((it) => groupOf(it) === group)) {
    const what = `'${group}' stands for schedules of the environment`;
    const hint = 'what is said of that name is said of them: take another name';
    faults.push({ where: 'name', what, hint });
  }
  const cron = parseCron(flags.cron);
  if ('faults' in cron) faults.push(...cron.faults);
  const tz = flags.timezone ?? 'UTC';
  const times = 'rule' in cron ? { fire: [cron.rule], skip: [], tz } : null;
  if (!isZone(tz)) {
    const hint = 'UTC, or such as America/New_York';
    faults.push({ where: '--timezone', what: `'${tz}' is no time zone`, hint });
  } else if (times !== null) {
    const fault = dailyWallFault(times, msFromNs(known.now));
    if (fault !== null) faults.push(fault);
  }
  const overlap = OVERLAPS.find((it) => it === (flags.overlap ?? 'SKIP').toUpperCase());
  if (overlap === undefined) {
    const hint = suggestion(flags.overlap ?? '', OVERLAPS);
    faults.push({ where: '--overlap', what: `'${flags.overlap}' is no policy`, hint });
  }
  const input = judgedInput(flags, known, faults);
  if (faults.length > 0 || times === null || overlap === undefined) {
    throw invalidInput('the command line', faults, EXAMPLE);
  }
  return {
    ...{ id, job: flags.workflow, input, times, overlap },
    ...{ catchup_ms: CATCHUP_MS, pause_on_failure: false },
  };
}

/** `daily-archive` of `daily-archive/kraken`: by that name all of them are paused, resumed and shown. */
function groupOf(id: string): string {
  return id.split('/')[0] ?? id;
}

/** One that fires once a day has to do so on each day: every hour it does not matter. */
function dailyWallFault(times: WantedSchedule['times'], now_ms: number): Fault | null {
  if (times.fire.some(({ hours }) => hours.length === 0)) return null;
  const wall = wallFault(times, now_ms, WALL_DAYS);
  if (wall === null) return null;
  const often = wall.fires === 0 ? 'does not come' : 'comes twice';
  const what = `${wall.time} ${often} on ${wall.date} in ${times.tz}, as its clocks change`;
  return { where: '--cron', what, hint: 'take another hour, or UTC' };
}

function judgedInput(flags: CreateFlags, known: Known, faults: Fault[]): object {
  const type = JOB_TYPES.find((it) => it === flags.workflow);
  if (type === undefined) {
    const hint = suggestion(flags.workflow, JOB_TYPES);
    faults.push({ where: '--workflow', what: `there is no job '${flags.workflow}'`, hint });
  }
  let input: unknown;
  try {
    input = JSON.parse(flags.input ?? '{}');
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    faults.push({ where: '--input', what: `is no JSON: ${why}` });
    return {};
  }
  if (type === undefined) return {};
  const { refusal } = admit(known, { type, input });
  if (refusal !== null) faults.push({ where: '--input', what: refusal.message });
  return typeof input === 'object' && input !== null ? input : {};
}

/** @throws SSMD_INVALID_INPUT where there is one of that name */
export async function createOwn(
  client: Client,
  wanted: WantedSchedule,
  of: { readonly environment: string; readonly paused: boolean },
): Promise<void> {
  try {
    await createSchedule(client.schedule, wanted, { ...of, source: 'create' });
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
    const hint = `delete it first: npx ssmd temporal schedule delete --schedule-id ${wanted.id}`;
    throw invalidInput('the command line', [
      { where: 'name', what: `there is a schedule '${wanted.id}' already`, hint },
    ]);
  }
}

/** How long is waited for the run to be there, which is usually a moment. */
const TRIGGER_WAIT_MS = 5_000;
const TRIGGER_LOOK_MS = 100;

/** Starts a run now; its id, or null where it waits or was not seen in time. */
export async function triggerOne(
  client: Client,
  found: ScheduleDescription,
): Promise<{ readonly id: string; readonly run: string | null }> {
  const { scheduleId: id } = found;
  const known = new Set(found.info.recentActions.map((it) => it.action.workflow.workflowId));
  const handle = client.schedule.getHandle(id);
  await handle.trigger();
  for (const until = Date.now() + TRIGGER_WAIT_MS; Date.now() < until;) {
    const { info } = await handle.describe();
    const run = info.recentActions.find((it) => !known.has(it.action.workflow.workflowId));
    if (run !== undefined) return { id, run: run.action.workflow.workflowId };
    await new Promise((resolve) => setTimeout(resolve, TRIGGER_LOOK_MS));
  }
  return { id, run: null };
}

/** Their day is the one before the time they are due. */
const MORNING_AFTER: readonly string[] = ['daily-archive', 'daily-qa', 'audit'];
/** Times a server lists at once, and says nothing of those beyond (Temporal 1.29): so many may be more. */
const LISTED_MAX = 1_000;
const BACKFILL_RUNS_MAX = LISTED_MAX - 1;

export type Backfilled = {
  readonly id: string;
  readonly job: string;
  /** When its runs were due: each is started once, as if it were that time. */
  readonly due: readonly string[];
};

/**
 * The times at which a schedule was due for days from `start` to `end`: those of the data, for jobs about
 * a day. By the server, which is the one that will start them.
 * @throws SSMD_INVALID_INPUT where a day is not over, or there are too many runs
 */
export async function dueTimes(
  client: Client,
  found: ScheduleDescription,
  days: { readonly start: Day; readonly end: Day },
  now_ms: number,
): Promise<Backfilled & { readonly from: Date; readonly to: Date }> {
  const { job, id } = rowOf(found);
  const shift = MORNING_AFTER.includes(job) ? 1 : 0;
  // The begin of such a range is left out by the server, its end is not.
  const from = new Date(msFromNs(dayStart(addDays(days.start, shift))) - 1_000);
  const to_ms = msFromNs(dayEnd(addDays(days.end, shift))) - 1_000;
  const to = new Date(Math.min(to_ms, now_ms));
  if (msFromNs(dayEnd(days.end)) > now_ms) {
    throw invalidInput('the command line', [{ where: '--end', what: `${days.end} is not over` }]);
  }
  const { startTime } = await client.workflowService.listScheduleMatchingTimes({
    namespace: client.options.namespace,
    scheduleId: id,
    startTime: msToTs(from.getTime()),
    endTime: msToTs(to.getTime()),
  });
  const due = (startTime ?? []).map((it) => seconds(tsToDate(it)));
  if (due.length > BACKFILL_RUNS_MAX) {
    const what = `${id} was due ${due.length} times or more in these days`;
    const hint = `at most ${BACKFILL_RUNS_MAX} at once: take fewer days`;
    throw invalidInput('the command line', [{ where: '--start', what, hint }]);
  }
  return { id, job, due, from, to };
}

/**
 * Starts what was due, each of it: where runs of a schedule may not stand beside each other, they wait for
 * each other. A day that was done before is found done: its run changes nothing.
 */
export async function backfillOne(
  client: Client,
  of: Backfilled & { readonly from: Date; readonly to: Date },
): Promise<void> {
  if (of.due.length === 0) return;
  const found = client.schedule.getHandle(of.id);
  const { policies } = await found.describe();
  const overlap = policies.overlap === 'ALLOW_ALL' ? 'ALLOW_ALL' : 'BUFFER_ALL';
  await found.backfill({ start: of.from, end: of.to, overlap });
}

/** @throws SSMD_INVALID_INPUT */
export function daysAsked(start: string, end: string): { readonly start: Day; readonly end: Day } {
  const [first, last] = [parseDay(start), parseDay(end)];
  const faults: Fault[] = [];
  const hint = 'YYYY-MM-DD, in UTC';
  if (first === null) faults.push({ where: '--start', what: `'${start}' is not a day`, hint });
  if (last === null) faults.push({ where: '--end', what: `'${end}' is not a day`, hint });
  if (first !== null && last !== null && last < first) {
    faults.push({ where: '--end', what: `${end} is before ${start}` });
  }
  if (first === null || last === null || faults.length > 0) {
    throw invalidInput('the command line', faults);
  }
  return { start: first, end: last };
}
