/** Shapes of a calendar file, long and short, and how what is written becomes a `CalendarSpec`. */
import { z } from 'zod';
import { WEEKDAYS, parseDate } from '../calendars/civil.ts';
import {
  OBSERVANCES,
  OBSERVANCES_ALONE,
  RELATIVE_RULES,
  SESSION_KINDS,
} from '../calendars/spec.ts';
import { isZone, zoneNames } from '../calendars/zone.ts';
import { nearMiss } from '../schema/near-miss.ts';
import { NAME_PATTERN } from '../schema/symbols.ts';

const NAME = 'a calendar is named with lower-case letters, digits and dashes, at most 32';

/** `09:30` or `09:30:15` as seconds since midnight; `24:00` is the next midnight. */
const time = z.unknown().transform((given, context) => {
  const match = /^(\d\d):([0-5]\d)(?::([0-5]\d))?$/.exec(typeof given === 'string' ? given : '');
  const [hours, minutes, seconds] = [match?.[1], match?.[2], match?.[3] ?? '0'].map(Number);
  const total = (hours ?? NaN) * 3600 + (minutes ?? NaN) * 60 + (seconds ?? NaN);
  if (total <= 86_400) return total;
  const message = `expected a time such as "09:30", at most "24:00", received ${shown(given)}`;
  context.addIssue({ code: 'custom', message });
  return z.NEVER;
});

/** Hours that open at the end of a day open on the next one. */
const opening = time.refine((seconds) => seconds < 86_400, {
  message: 'expected a time before 24:00, which is 00:00 of the next day',
});

/** `2025-01-09`, as a day number. */
const date = z.unknown().transform((given, context) => {
  const day = typeof given === 'string' ? parseDate(given) : null;
  if (day !== null) return day;
  const message = `expected a date such as 2025-01-09, received ${shown(given)}`;
  context.addIssue({ code: 'custom', message });
  return z.NEVER;
});

const zone = z.string().superRefine((name, context) => {
  if (isZone(name)) return;
  const near = nearMiss(name, zoneNames());
  const hint = near === null ? 'an IANA name such as America/New_York' : `did you mean "${near}"?`;
  context.addIssue({ code: 'custom', message: `unknown time zone "${name}" (${hint})` });
});

function shown(given: unknown): string {
  return typeof given === 'string' ? `"${given}"` : String(JSON.stringify(given));
}

const name = z.string().regex(NAME_PATTERN, NAME);
const title = z.string().min(1).max(100);
const weekdays = z.array(z.enum(WEEKDAYS)).min(1);
const valid = z.strictObject({ from: date, to: date });
const effective = { from: date.optional(), until: date.optional() };

export const longShape = z.strictObject({
  calendar: name,
  description: z.string().optional(),
  tz: zone,
  valid,
  sessions: z.array(z.unknown()).min(1),
  holidays: z.array(z.unknown()).default([]),
  early_closes: z.array(z.unknown()).default([]),
  late_opens: z.array(z.unknown()).default([]),
});

export const sessionShape = z.strictObject({
  kind: z.enum([...SESSION_KINDS, 'break']),
  open: opening,
  open_offset: z.union([z.literal(-1), z.literal(0)]).default(0),
  close: time,
  close_offset: z.union([z.literal(0), z.literal(1)]).default(0),
  days: weekdays,
  ...effective,
});

const rule = {
  name: title,
  days: weekdays.optional(),
  except_years: z.array(z.int()).optional(),
  source: z.string().optional(),
  ...effective,
};

const MONTH_DAYS = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const month = z.int().min(1).max(12);

/** By what an entry holds: its `rule`, or the dates themselves. */
export const PATTERNS = {
  date: { date },
  dates: { dates: z.array(date).min(1) },
  fixed: { rule: z.literal('fixed'), month, day: z.int().min(1).max(31) },
  nth_weekday: {
    rule: z.literal('nth_weekday'),
    month,
    weekday: z.enum(WEEKDAYS),
    n: z.int().min(-5).max(5),
  },
  easter: { rule: z.literal('easter'), offset: z.int().min(-60).max(60) },
  relative: { rule: z.enum(RELATIVE_RULES), of: z.string() },
} as const;
export type PatternName = keyof typeof PATTERNS;

const alone = z.enum(OBSERVANCES_ALONE).default('none');

const OWN = {
  holidays: { observe: z.enum(OBSERVANCES).default('none') },
  early_closes: { observe: alone, close: time, post_close: time.optional() },
  late_opens: {
    observe: alone,
    open: opening,
    open_offset: z.union([z.literal(-1), z.literal(0)]).default(0),
  },
} as const;
export type RuleList = keyof typeof OWN;

/** What a rule says whatever its pattern: parsed, and narrowed by which keys are there. */
export type RuleGiven = {
  readonly name: string;
  readonly days?: readonly (typeof WEEKDAYS)[number][] | undefined;
  readonly except_years?: readonly number[] | undefined;
  readonly from?: number | undefined;
  readonly until?: number | undefined;
  readonly date?: number;
  readonly dates?: readonly number[];
  readonly rule?: string;
  readonly month?: number;
  readonly day?: number;
  readonly weekday?: (typeof WEEKDAYS)[number];
  readonly n?: number;
  readonly offset?: number;
  readonly of?: string;
  readonly observe?: (typeof OBSERVANCES)[number];
  readonly close?: number;
  readonly post_close?: number | undefined;
  readonly open?: number;
  readonly open_offset?: number;
};

const shapes = new Map<string, z.ZodType<RuleGiven>>();

/** The shape of an entry, built once. */
export function ruleShape(list: RuleList, pattern: PatternName): z.ZodType<RuleGiven> {
  const key = `${list} ${pattern}`;
  const shape = shapes.get(key) ?? buildRuleShape(list, pattern);
  shapes.set(key, shape);
  return shape;
}

/** What changes hours needs no name: it has one from its list. */
function buildRuleShape(list: RuleList, pattern: PatternName): z.ZodType<RuleGiven> {
  const usual = { early_closes: 'early close', late_opens: 'late open', holidays: '' }[list];
  const named = usual === '' ? rule : { ...rule, name: title.default(usual) };
  const shape = z.strictObject({ ...named, ...PATTERNS[pattern], ...OWN[list] });
  return shape.superRefine((given: RuleGiven, context) => {
    const days = MONTH_DAYS[(given.month ?? 1) - 1] ?? 31;
    if (given.day !== undefined && given.day > days) {
      const message = `month ${given.month} has no day ${given.day}`;
      context.addIssue({ code: 'custom', path: ['day'], message });
    }
    if (given.n === 0) {
      const message = 'expected 1 (the first) to 5, or -1 (the last) to -5, received 0';
      context.addIssue({ code: 'custom', path: ['n'], message });
    }
  }) as unknown as z.ZodType<RuleGiven>;
}

/** The requirements' form: one session a day. */
export const shortShape = z.strictObject({
  name,
  description: z.string().optional(),
  timezone: zone,
  trading_days: z.array(z.strictObject({ weekdays })).min(1),
  trading_hours: z.strictObject({ open: opening, close: time }),
  holidays: z.array(date).default([]),
  valid: valid.optional(),
});
