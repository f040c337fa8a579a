/** Schedules in the words of Temporal's client, and what a server holds in ours. */
import { ScheduleOverlapPolicy } from '@temporalio/client';
import type {
  CalendarSpec,
  Month,
  ScheduleDescription,
  ScheduleOptionsStartWorkflowAction,
  ScheduleUpdateOptions,
} from '@temporalio/client';
import type { Workflow } from '@temporalio/common';
import { runSummary } from '../schema/run-words.ts';
import { TASK_QUEUE } from '../workflows/lib/queues.ts';
import { FIELD_RANGES, ruleText } from './schedule-times.ts';
import type { FiringRule } from './schedule-times.ts';
import type { WantedSchedule } from './schedules.ts';

const MONTHS = [
  ...(['JANUARY', 'FEBRUARY', 'MARCH', 'APRIL', 'MAY', 'JUNE', 'JULY', 'AUGUST'] as const),
  ...(['SEPTEMBER', 'OCTOBER', 'NOVEMBER', 'DECEMBER'] as const),
] as const satisfies readonly Month[];
const DAYS = [
  ...(['SUNDAY', 'MONDAY', 'TUESDAY', 'WEDNESDAY', 'THURSDAY', 'FRIDAY', 'SATURDAY'] as const),
] as const;

type Action = ScheduleOptionsStartWorkflowAction<Workflow>;

/** All of a schedule but its state: paused or not, and why, is the operators'. */
export function toServer(wanted: WantedSchedule): Omit<ScheduleUpdateOptions<Action>, 'state'> {
  const { id, job, input, times, overlap } = wanted;
  return {
    spec: {
      calendars: times.fire.map(calendarOf),
      skip: times.skip.map(calendarOf),
      timezone: times.tz,
    },
    action: {
      type: 'startWorkflow',
      workflowType: job,
      workflowId: id,
      taskQueue: TASK_QUEUE,
      args: [input],
      staticSummary: runSummary(job, input),
    },
    policies: {
      overlap: ScheduleOverlapPolicy[overlap],
      catchupWindow: wanted.catchup_ms,
      pauseOnFailure: wanted.pause_on_failure,
    },
  };
}

function calendarOf(of: FiringRule): CalendarSpec {
  const named = <T>(values: readonly number[], names: readonly T[], base: number): T[] | '*' =>
    values.length === 0 ? '*' : values.flatMap((it) => names[it - base] ?? []);
  const plain = (values: readonly number[]): number[] | '*' =>
    values.length === 0 ? '*' : [...values];
  return {
    second: plain(of.seconds),
    minute: plain(of.minutes),
    hour: plain(of.hours),
    dayOfMonth: plain(of.days_of_month),
    month: named(of.months, MONTHS, 1),
    dayOfWeek: named(of.weekdays, DAYS, 0),
    year: plain(of.years),
    comment: of.comment,
  };
}

type Raw = NonNullable<NonNullable<ScheduleDescription['raw']['schedule']>['spec']>;
type RawRule = NonNullable<Raw['structuredCalendar']>[number];
type RawRange = NonNullable<RawRule['second']>[number];

/** Rules as the server holds them: cron lines are rules there as well. */
export function rulesOf(found: ScheduleDescription): Record<'fire' | 'skip', FiringRule[]> {
  const { structuredCalendar, excludeStructuredCalendar } = found.raw.schedule?.spec ?? {};
  return {
    fire: (structuredCalendar ?? []).map(fromServer),
    skip: (excludeStructuredCalendar ?? []).map(fromServer),
  };
}

function fromServer(of: RawRule): FiringRule {
  return {
    seconds: values(of.second, FIELD_RANGES.seconds),
    minutes: values(of.minute, FIELD_RANGES.minutes),
    hours: values(of.hour, FIELD_RANGES.hours),
    days_of_month: values(of.dayOfMonth, FIELD_RANGES.days_of_month),
    months: values(of.month, FIELD_RANGES.months),
    weekdays: values(of.dayOfWeek, FIELD_RANGES.weekdays),
    years: values(of.year, null),
    comment: of.comment ?? '',
  };
}

/** Empty where it is every value there is. */
function values(
  ranges: readonly RawRange[] | null | undefined,
  all: readonly [number, number] | null,
): number[] {
  const found = new Set<number>();
  for (const { start, end, step } of ranges ?? []) {
    const from = start ?? 0;
    // An end that is not given is the start.
    const to = Math.max(end ?? 0, from);
    for (let it = from; it <= to; it += Math.max(step ?? 1, 1)) found.add(it);
  }
  if (all !== null && found.size === all[1] - all[0] + 1) return [];
  return [...found].toSorted((a, b) => a - b);
}

/** What can differ, line by line; equal lines are equal schedules. */
export type ScheduleLines = readonly string[];

export function wantedLines(wanted: WantedSchedule): ScheduleLines {
  const { id, job, input, times, overlap, catchup_ms, pause_on_failure } = wanted;
  return [
    `job: ${job} ${JSON.stringify(input)}, runs ${id}-..., queue ${TASK_QUEUE}`,
    `time zone: ${times.tz}`,
    ...ruleLines('fires', times.fire),
    ...ruleLines('skips', times.skip),
    `overlap: ${overlap}`,
    `catch-up: ${catchup_ms / 1_000} s`,
    `pause on failure: ${pause_on_failure}`,
  ];
}

function ruleLines(word: string, rules: readonly FiringRule[]): string[] {
  return rules.map((it) => `${word}: ${ruleText(it)}`).toSorted();
}

export function foundLines(found: ScheduleDescription): ScheduleLines {
  const { action, policies, spec } = found;
  const { fire, skip } = rulesOf(found);
  const [input] = action.args ?? [];
  const tz = found.raw.schedule?.spec?.timezoneName;
  // What our own never have.
  const others = [
    ...(spec.intervals ?? []).map((it) => `interval: ${JSON.stringify(it)}`),
    ...(spec.startAt === undefined ? [] : [`not before: ${spec.startAt.toISOString()}`]),
    ...(spec.endAt === undefined ? [] : [`not after: ${spec.endAt.toISOString()}`]),
    ...(spec.jitter === undefined || spec.jitter === 0 ? [] : [`jitter: ${spec.jitter} ms`]),
  ];
  return [
    `job: ${action.workflowType} ${JSON.stringify(input ?? {})}, runs ${action.workflowId}-..., ` +
      `queue ${action.taskQueue}`,
    `time zone: ${tz ? tz : 'UTC'}`,
    ...ruleLines('fires', fire),
    ...ruleLines('skips', skip),
    ...others,
    `overlap: ${policies.overlap}`,
    `catch-up: ${policies.catchupWindow / 1_000} s`,
    `pause on failure: ${policies.pauseOnFailure}`,
  ];
}

/** `- ` what goes, `+ ` what comes; nothing where they are the same. */
export function diffLines(before: ScheduleLines, after: ScheduleLines): string[] {
  return [
    ...before.filter((it) => !after.includes(it)).map((it) => `- ${it}`),
    ...after.filter((it) => !before.includes(it)).map((it) => `+ ${it}`),
  ];
}
