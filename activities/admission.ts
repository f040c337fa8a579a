/**
 * A job's first question: can it run with this input, here and now? Only a worker knows (feeds and
 * shards are the environment's, days go by its clock), so the workflow hands over what was typed, as
 * it was typed, and is told everything that is wrong with it at once. Checked by hand: a schema
 * library cannot say what this environment has.
 */
import { PARTS_MAX } from '../dataset/parts.ts';
import { SCHEMAS } from '../dataset/version.ts';
import { invalidInput } from '../schema/errors.ts';
import type { ErrorCode, ErrorFacts, Fault } from '../schema/errors.ts';
import type { JobType } from '../schema/jobs.ts';
import type { Ticket } from '../schema/notice.ts';
import { nearMiss } from '../schema/near-miss.ts';
import { dayStart, nsFromMs, parseDay } from '../schema/time.ts';
import type { Day, UnixNs } from '../schema/time.ts';
import { dayFault, feedFault, openDay, shown, yesterdayOf } from './day-input.ts';
import type { JobDeps } from './deps.ts';
import { CLOCK_SOURCES, CLOCK_STATUSES } from '../schema/clock.ts';
import {
  clockFault,
  formatFault,
  outFault,
  rangeFault,
  symbolsFault,
  typesFault,
} from './export-input.ts';
import {
  ONE_OR_BOTH,
  buildName,
  digest,
  flag,
  integer,
  leftSide,
  oneOf,
  ratio,
  version,
  words,
} from './input-judges.ts';
import { instantFault, replayDayFault, replayIdFault, speedFault } from './replay-input.ts';
import { openTickets } from './notices.ts';
import type { Tickets } from './notices.ts';
import { activity } from './run.ts';
import { RANGE_DAYS_MAX } from './reprocess-plan.ts';

export type Shard = { readonly feed: string; readonly shard: string };

/** What a job may do: feeds and shards it concerns, its day, and how it may file itself. */
export type Admitted = {
  readonly refusal: null;
  /** The one that was named, or all of the environment. */
  readonly feeds: readonly string[];
  readonly shards: readonly Shard[];
  /** The one that was named, or the day before it was due. */
  readonly day: string;
  /** Names of the search attributes the server knows: it refuses others for ever. */
  readonly search_attributes: readonly string[];
  /** Of troubles that are open of the same job and day; histories of before lack it. */
  readonly tickets?: readonly Ticket[];
};

/** Why it may not: the failure of the run, which no repetition changes. */
export type Refused = {
  readonly refusal: {
    readonly code: ErrorCode;
    readonly message: string;
    readonly facts: ErrorFacts;
  };
};

export type Admission = Admitted | Refused;
export type JobRequest = {
  readonly type: JobType;
  readonly input: unknown;
  /** The time its schedule meant it for, Unix ms: a run that starts late still means that day's yesterday. */
  readonly nominal_ms?: number;
};

export type AdmissionDeps = Pick<JobDeps, 'configuredFeeds' | 'shardsOf' | 'now'> & {
  /** Names of the custom search attributes of our namespace; none where the server cannot say. */
  readonly searchAttributes: () => Promise<readonly string[]>;
  /** Left out where no channel has any. */
  readonly tickets?: Tickets;
};

export function createAdmissionActivities(deps: AdmissionDeps) {
  return {
    admitJob: activity(async (request: JobRequest): Promise<Admission> => {
      const admission = admit(knownOf(deps), request);
      if (admission.refusal !== null) return admission;
      const search_attributes = await deps.searchAttributes();
      const tickets = await openTickets(deps.tickets, request, admission.day);
      return { ...admission, search_attributes, tickets };
    }),
  };
}

export type AdmissionActivities = ReturnType<typeof createAdmissionActivities>;

/** What inputs are judged by. */
export type Known = {
  readonly feeds: readonly string[];
  readonly shards: readonly Shard[];
  readonly now: UnixNs;
};

function knownOf(deps: AdmissionDeps): Known {
  const feeds = deps.configuredFeeds;
  const shards = feeds.flatMap((feed) => deps.shardsOf(feed).map((shard) => ({ feed, shard })));
  return { feeds, shards, now: deps.now() };
}

type Given = Readonly<Record<string, unknown>>;
type Judge = (value: unknown, known: Known, given: Given) => Omit<Fault, 'where'> | null;
/** The fields of an input: those with `required` must be there. */
type Shape = Readonly<Record<string, Field>>;
type Field = {
  readonly judge: Judge;
  readonly required?: true;
  /** Whether it must be there beside what else is given. */
  readonly needed?: (given: Given) => boolean;
};

const feed: Judge = (value, known) => feedFault(value, known.feeds);

const shard: Judge = (value, known, given) => {
  const isKnown = known.feeds.includes(String(given['feed']));
  const near = isKnown ? known.shards.filter((it) => it.feed === given['feed']) : known.shards;
  const names = [...new Set(near.map((it) => it.shard))];
  if (typeof value === 'string' && names.includes(value)) return null;
  const of = isKnown ? ` of ${String(given['feed'])}` : '';
  return { what: `${shown(value)} is not a shard${of}`, hint: `there is ${names.join(', ')}` };
};

/** A day that is over: what still runs can neither be archived nor judged. */
const day: Judge = (value, known) => {
  const fault = dayFault(value, known.now);
  if (fault !== null) return fault;
  const parsed = parseDay(String(value));
  return parsed === null ? null : openDay(parsed, known.now);
};

/** Of one day, never of a range. */
const ofOneDay =
  (judge: Judge): Judge =>
  (value, known, given) =>
    given['from'] === undefined && given['to'] === undefined
      ? judge(value, known, given)
      : { what: 'stands beside a range', hint: 'a version is audited day by day' };

const rightSide: Judge = (value, _, given) => {
  const fault = leftSide(value);
  if (fault !== null || value !== given['left']) return fault;
  return { what: `both sides are ${shown(value)}`, hint: 'name two versions of the day' };
};

/** A day that may still run: the job says so itself, day by day. */
const anyDay: Judge = (value, known) => dayFault(value, known.now);

/** Days are asked for in one way: `day`, or `from` and `to`; each is judged by `one`. */
function rangeOf(one: Judge) {
  const onlyDay: Judge = (value, known, given) =>
    given['from'] === undefined && given['to'] === undefined
      ? one(value, known, given)
      : { what: 'stands beside a range', hint: ONE_OR_BOTH };
  const firstDay: Judge = (value, known, given) =>
    one(value, known, given) ??
    (given['to'] === undefined ? { what: 'is one end of a range', hint: ONE_OR_BOTH } : null);
  /** Judged as a day, and against the first. */
  const lastDay: Judge = (value, known, given) => {
    const fault = one(value, known, given);
    if (fault !== null) return fault;
    const first = given['from'];
    if (typeof first !== 'string') return { what: 'is one end of a range', hint: ONE_OR_BOTH };
    if (first > String(value))
      return { what: `${shown(value)} is before ${shown(first)}, its begin` };
    const days = Number(dayStart(String(value) as Day) - dayStart(first as Day)) / 86_400e9 + 1;
    if (!(days > RANGE_DAYS_MAX)) return null;
    return { what: `the range has ${days} days`, hint: `at most ${RANGE_DAYS_MAX} a job` };
  };
  return { day: { judge: onlyDay }, from: { judge: firstDay }, to: { judge: lastDay } } as const;
}

/** A list that was made is taken as it is. */
const withoutConfirm =
  (judge: Judge): Judge =>
  (value, known, given) =>
    given['confirm'] === undefined
      ? judge(value, known, given)
      : (judge(value, known, given) ?? { what: 'stands beside "confirm"', hint: 'give it alone' });

/** Nothing is taken without the digest of what was shown. */
const dryRun: Judge = (value, known, given) => {
  const fault = flag(value);
  if (fault !== null || (given['confirm'] === undefined) === value) return fault;
  return value === true
    ? { what: 'stands beside "confirm"', hint: 'give one of them' }
    : { what: 'is false without "confirm"', hint: 'give the digest that a dry run printed' };
};

const RANGE = rangeOf(day);

/** To take a move back is to take all of it back, to where it came from. */
const besideUndo =
  (judge: Judge): Judge =>
  (value, known, given) =>
    given['undo'] === undefined
      ? judge(value, known, given)
      : { what: 'stands beside "undo"', hint: 'a move is taken back whole' };

const SHAPES: { readonly [T in JobType]: Shape } = {
  'archive-tier': { feed: { judge: feed }, shard: { judge: shard } },
  'daily-archive': {
    feed: { judge: feed, required: true },
    day: { judge: day },
    force: { judge: flag },
    qa: { judge: flag },
  },
  'daily-qa': {
    feed: { judge: feed, required: true },
    day: { judge: day },
    version: { judge: version },
  },
  audit: {
    feed: { judge: feed },
    ...RANGE,
    version: { judge: ofOneDay(version) },
    deep: { judge: flag },
  },
  reprocess: {
    feed: { judge: feed, required: true },
    ...RANGE,
    version: { judge: version },
    schema: { judge: oneOf(SCHEMAS) },
    connector_version: { judge: buildName },
    promote: { judge: oneOf(['manual', 'auto', 'never']) },
    max_changed: { judge: ratio },
    concurrency: { judge: integer(1, 16) },
    parts: { judge: integer(1, PARTS_MAX) },
    dry_run: { judge: flag },
  },
  backfill: {
    feed: { judge: feed, required: true },
    ...rangeOf(anyDay),
    dry_run: { judge: flag },
  },
  'weekly-cleanup': {
    feed: { judge: withoutConfirm(feed) },
    keep_versions: { judge: withoutConfirm(integer(1, 1_000)) },
    older_than_days: { judge: withoutConfirm(integer(0, 36_500)) },
    dry_run: { judge: dryRun },
    confirm: { judge: digest },
  },
  'monthly-audit': { feed: { judge: feed } },
  promote: {
    feed: { judge: feed, required: true },
    day: {
      judge: besideUndo(RANGE.day.judge),
      needed: ({ undo, from, to }) => [undo, from, to].every((it) => it === undefined),
    },
    from: { judge: besideUndo(RANGE.from.judge) },
    to: { judge: besideUndo(RANGE.to.judge) },
    version: { judge: besideUndo(version), needed: ({ undo }) => undo === undefined },
    undo: { judge: integer(1, Number.MAX_SAFE_INTEGER) },
    by: { judge: words, required: true },
    reason: { judge: words, required: true },
  },
  compare: {
    feed: { judge: feed, required: true },
    day: { judge: day },
    left: { judge: leftSide, required: true },
    right: { judge: rightSide, required: true },
  },
  export: {
    feed: { judge: feed, required: true },
    day: { judge: (value, known, given) => rangeFault('day', given) ?? day(value, known, given) },
    from: { judge: (value, known, given) => day(value, known, given) ?? rangeFault('from', given) },
    to: { judge: (value, known, given) => day(value, known, given) ?? rangeFault('to', given) },
    symbols: { judge: symbolsFault },
    types: { judge: typesFault },
    version: { judge: (value) => (value === 'current' ? null : version(value)) },
    format: { judge: formatFault },
    out: { judge: outFault },
    clock_source: { judge: clockFault(CLOCK_SOURCES) },
    clock_status: { judge: clockFault(CLOCK_STATUSES) },
  },
  replay: {
    feed: { judge: feed, required: true },
    day: { judge: (value, known, given) => replayDayFault(given) ?? day(value, known, given) },
    from: { judge: (_, known, given) => instantFault('from', given, known.now) },
    to: { judge: (_, known, given) => instantFault('to', given, known.now) },
    symbols: { judge: symbolsFault },
    types: { judge: typesFault },
    speed: { judge: speedFault },
    id: { judge: replayIdFault },
    keep: { judge: flag },
  },
};

/** Faults an error lists; the others are counted. */
const FAULTS_LISTED_MAX = 40;

/** Judges what was typed; `search_attributes` is left empty. */
export function admit(known: Known, { type, input, nominal_ms }: JobRequest): Admission {
  const given = input ?? {};
  const faults = faultsOf(given, SHAPES[type], known);
  const due = nominal_ms === undefined ? known.now : nsFromMs(nominal_ms);
  const yesterday = yesterdayOf(due);
  if (faults.length > 0) {
    const example = exampleOf(type, known, yesterday);
    return { refusal: refusalOf(type, faults, example, given as Given, known) };
  }
  const { feed: feed_named, shard: shard_named, day: day_named } = given as Given;
  return {
    refusal: null,
    feeds: typeof feed_named === 'string' ? [feed_named] : known.feeds,
    shards: known.shards.filter(
      (it) =>
        (feed_named === undefined || it.feed === feed_named) &&
        (shard_named === undefined || it.shard === shard_named),
    ),
    day: typeof day_named === 'string' ? day_named : yesterday,
    search_attributes: [],
  };
}

function faultsOf(input: unknown, shape: Shape, known: Known): Fault[] {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    const received = Array.isArray(input) ? 'an array' : `a ${typeof input}`;
    return [{ where: 'input', what: `expected one JSON object, received ${received}` }];
  }
  const given: Given = { ...input };
  const faults: Fault[] = [];
  for (const [field, { judge, required, needed }] of Object.entries(shape)) {
    const value = Object.hasOwn(given, field) ? given[field] : undefined;
    if (value === undefined) {
      const hint = field === 'feed' ? missing(known) : 'it is needed';
      if (required === true || needed?.(given) === true) {
        faults.push({ where: field, what: 'is missing', hint });
      }
      continue;
    }
    const fault = judge(value, known, given);
    if (fault !== null) faults.push({ where: field, what: fault.what, ...hintOf(fault) });
  }
  const names = Object.keys(shape);
  for (const field of Object.keys(given)) {
    if (names.includes(field)) continue;
    const near = nearMiss(shortened(field), names);
    const hint = `known are ${names.join(', ')}${near === null ? '' : `; did you mean "${near}"?`}`;
    faults.push({ where: shortened(field), what: 'is not known', hint });
  }
  return faults;
}

function missing(known: Known): string {
  return `this environment has ${known.feeds.join(', ')}`;
}

function hintOf({ hint }: Omit<Fault, 'where'>): { readonly hint?: string } {
  return hint === undefined ? {} : { hint };
}

function shortened(field: string): string {
  return field.length <= 60 ? field : `${field.slice(0, 57)}...`;
}

/** Of what the job takes. */
function exampleOf(type: JobType, known: Known, yesterday: string): object {
  const [first = { feed: 'kraken', shard: 'tier1' }] = known.shards;
  if (type === 'archive-tier') return first;
  if (type === 'monthly-audit' || type === 'weekly-cleanup') return { feed: first.feed };
  const of = { feed: first.feed, day: yesterday };
  if (type === 'compare') return { ...of, left: 'current', right: 'v2' };
  return type === 'promote' ? { ...of, version: 'v2', by: 'ana', reason: 'diff reviewed' } : of;
}

/** A day that is merely not over has a code of its own, so that callers can wait for it. */
function refusalOf(
  type: JobType,
  faults: readonly Fault[],
  example: object,
  given: Given,
  known: Known,
): Refused['refusal'] {
  const listed = faults.slice(0, FAULTS_LISTED_MAX);
  const more = faults.length - listed.length;
  if (more > 0) listed.push({ where: 'input', what: `has ${more} more faults` });
  const error = invalidInput(`the input of ${type}`, listed, example);
  const parsed = parseDay(String(given['day']));
  const open = parsed === null ? null : openDay(parsed, known.now);
  const [only] = faults;
  if (faults.length === 1 && only?.where === 'day' && open !== null) {
    const message = `${String(given['feed'] ?? 'all feeds')} ${parsed}: ${open.what}; ${open.hint}`;
    const facts = { day: parsed, open_until: open.until };
    return { code: 'SSMD_DAY_NOT_OVER', message, facts };
  }
  return { code: error.code, message: error.message, facts: error.facts };
}
