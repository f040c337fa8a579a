/**
 * A suite of checks over one day of one feed. `openSuite` gives something that is stepped with
 * every event (in `(t, index)` order within a symbol) and finished once; a check that throws
 * becomes an `errored` result and hears nothing more, the others go on.
 */
import type { EventType, MarketEvent } from '../schema/events.ts';
import { dayEnd, dayStart, formatIso, NS_PER_MINUTE } from '../schema/time.ts';
import type { Day } from '../schema/time.ts';
import { boundHolds } from './check.ts';
import type {
  Bound,
  CheckContext,
  CheckStatus,
  ExpectedSymbol,
  Finding,
  Hole,
  OpenCheck,
  Severity,
} from './check.ts';
import { trackHoles } from './holes.ts';
import { openCheck, subjectsOf } from './registry.ts';
import type { CheckCall } from './registry.ts';
import { COVERAGE_BUCKETS, COVERAGE_MINUTES, GAPS_LISTED_MAX } from './results.ts';
import type {
  CheckResult,
  Coverage,
  DayCondition,
  DayResults,
  InputFile,
  ResultGap,
  Statistics,
} from './results.ts';
import { mayHave } from './streams.ts';

/** One check of a suite. */
export type SuiteCheck = CheckCall & {
  readonly name: string;
  readonly severity: Severity;
  /** Failing rows at which it warns or fails, instead of "any" by severity. */
  readonly warn_if?: Bound | undefined;
  readonly fail_if?: Bound | undefined;
  /** Share of rows that must hold. */
  readonly mostly?: number | undefined;
  /** False: listed as not evaluated, and not run. */
  readonly enabled: boolean;
  readonly source: { readonly file: string; readonly line: number };
};

export type Suite = {
  readonly feed: string;
  readonly file: string;
  readonly sha256: string | null;
  readonly sample_rows: number;
  readonly checks: readonly SuiteCheck[];
};

/** Samples kept per check and group where the suite does not say. */
export const SAMPLE_ROWS_DEFAULT = 20;

/** What is known of the day beside its events. */
export type DayFacts = {
  readonly run_id: string;
  readonly day: Day;
  readonly symbols: readonly ExpectedSymbol[];
  /** Holes of the manifest. */
  readonly holes: readonly Hole[];
  /** The manifest's own word; null without one. */
  readonly complete: boolean | null;
  /** The day is not over, or its manifest not committed. */
  readonly pending: boolean;
  readonly version: string | null;
  readonly normalizer: string | null;
  readonly origin: string | null;
  readonly engine: string;
  readonly inputs: readonly InputFile[];
};

export type SuiteRun = {
  readonly step: (event: MarketEvent) => void;
  /** ISO instants of the run: the caller has the clock. */
  readonly finish: (times: { started_at: string; finished_at: string }) => DayResults;
};

type Running = { readonly check: SuiteCheck; readonly open: OpenCheck | null; error: string };

export function openSuite(suite: Suite, facts: DayFacts): SuiteRun {
  const context: CheckContext = {
    feed: suite.feed,
    day: facts.day,
    from: dayStart(facts.day),
    to: dayEnd(facts.day),
    symbols: facts.symbols,
    holes: facts.holes,
    sample_rows: suite.sample_rows,
  };
  const running = suite.checks.map((check) => start(check, context));
  const tracker = trackHoles(context);
  const tally = createTally(context);
  return {
    step(event) {
      tally.step(event);
      tracker.step(event);
      for (const it of running) {
        if (it.open === null || it.error !== '') continue;
        try {
          it.open.step(event);
        } catch (error) {
          it.error = `at ${formatIso(event.t)}: ${messageOf(error)}`;
        }
      }
    },
    finish({ started_at, finished_at }) {
      const results = running.flatMap(finishCheck);
      const holes = [...facts.holes, ...tracker.finish()];
      const condition = judgeDay(suite, facts, results, tally.records());
      return {
        schema_version: 1,
        run_id: facts.run_id,
        feed: suite.feed,
        date: facts.day,
        version: facts.version,
        normalizer: facts.normalizer,
        origin: facts.origin,
        suite: { file: suite.file, sha256: suite.sha256 },
        engine: facts.engine,
        started_at,
        finished_at,
        inputs: facts.inputs,
        ...condition,
        complete: facts.complete,
        records: tally.records(),
        records_by_type: tally.byType(),
        statistics: statisticsOf(results),
        gaps: listGaps(holes),
        gaps_total: holes.length,
        coverage: tally.coverage(),
        results,
      };
    },
  };
}

/** All events of a day through a suite. */
export function runSuite(
  suite: Suite,
  facts: DayFacts,
  events: Iterable<MarketEvent>,
  times: { started_at: string; finished_at: string },
): DayResults {
  const run = openSuite(suite, facts);
  for (const event of events) run.step(event);
  return run.finish(times);
}

function start(check: SuiteCheck, context: CheckContext): Running {
  if (!check.enabled) return { check, open: null, error: '' };
  try {
    return { check, open: openCheck(check, context), error: '' };
  } catch (error) {
    return { check, open: null, error: messageOf(error) };
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function finishCheck(it: Running): CheckResult[] {
  const { check } = it;
  if (!check.enabled) return [unjudged(check, 'not_evaluated', 'switched off in the suite')];
  if (it.open === null || it.error !== '') return [unjudged(check, 'errored', it.error)];
  try {
    const findings = it.open.finish();
    if (findings.length === 0) return [unjudged(check, 'not_evaluated', 'nothing to judge')];
    return [...findings].sort(bySymbol).map((finding) => resultOf(check, finding));
  } catch (error) {
    return [unjudged(check, 'errored', messageOf(error))];
  }
}

/** Whatever order events came in, results come in the same. */
function bySymbol(a: Finding, b: Finding): number {
  const left = `${a.group['symbol'] ?? ''} ${a.group['type'] ?? ''}`;
  const right = `${b.group['symbol'] ?? ''} ${b.group['type'] ?? ''}`;
  return left < right ? -1 : left > right ? 1 : 0;
}

function unjudged(check: SuiteCheck, status: CheckStatus, message: string): CheckResult {
  return {
    name: check.name,
    type: check.type,
    status,
    severity: check.severity,
    source: check.source,
    group: {},
    observed: {},
    threshold: {},
    evaluated: 0,
    failed_rows: 0,
    failed_ratio: 0,
    samples: [],
    samples_truncated: false,
    message,
  };
}

function resultOf(check: SuiteCheck, finding: Finding): CheckResult {
  const { group, observed, threshold, evaluated, failed_rows, samples, message } = finding;
  return {
    name: check.name,
    type: check.type,
    status: statusOf(check, finding),
    severity: check.severity,
    source: check.source,
    group,
    observed,
    threshold,
    evaluated,
    failed_rows,
    failed_ratio: evaluated === 0 ? 0 : failed_rows / evaluated,
    samples,
    samples_truncated: finding.samples_truncated,
    message,
  };
}

function statusOf(check: SuiteCheck, finding: Finding): CheckStatus {
  const { evaluated, failed_rows } = finding;
  if (evaluated === 0) return 'not_evaluated';
  const { warn_if, fail_if, mostly } = check;
  const broken = check.severity === 'fail' ? 'failed' : 'warned';
  if (warn_if !== undefined || fail_if !== undefined) {
    if (fail_if !== undefined && boundHolds(fail_if, failed_rows)) return 'failed';
    // A share that is asked for stays asked for; without one, `warn_if` alone never fails.
    if (finding.holds === false) return broken;
    return warn_if !== undefined && boundHolds(warn_if, failed_rows) ? 'warned' : 'passed';
  }
  const holds =
    mostly === undefined
      ? (finding.holds ?? failed_rows === 0)
      : 1 - failed_rows / evaluated >= mostly;
  return holds ? 'passed' : broken;
}

function judgeDay(
  suite: Suite,
  facts: DayFacts,
  results: readonly CheckResult[],
  records: number,
): { day_condition: DayCondition; condition_reasons: readonly string[] } {
  const reasons: string[] = [];
  const failed = new Set(results.filter((it) => it.status === 'failed').map((it) => it.name));
  const errored = new Set(results.filter((it) => it.status === 'errored').map((it) => it.name));
  if (facts.complete === false) reasons.push('the manifest is incomplete');
  for (const { cause, shard, from, to } of facts.holes) {
    const where = shard === null ? '' : ` of ${shard}`;
    reasons.push(
      `${cause}${where}: ${formatIso(from).slice(0, 19)}Z to ${formatIso(to).slice(0, 19)}Z`,
    );
  }
  for (const name of failed) reasons.push(`check ${name} failed`);
  for (const name of errored) reasons.push(`check ${name} could not run`);
  reasons.push(...unjudgedOf(suite, facts, results));
  if (records === 0)
    return { day_condition: 'missing', condition_reasons: ['no record at all', ...reasons] };
  if (facts.pending)
    return { day_condition: 'pending', condition_reasons: ['the day is not finished', ...reasons] };
  return {
    day_condition: reasons.length > 0 ? 'degraded' : 'available',
    condition_reasons: reasons,
  };
}

/**
 * No data is no pass: a check that is switched on and had nothing to judge leaves the day in doubt,
 * unless what it judges is not captured for the symbol.
 */
function unjudgedOf(suite: Suite, facts: DayFacts, results: readonly CheckResult[]): string[] {
  const wanted = new Map(suite.checks.filter((it) => it.enabled).map((it) => [it.name, it]));
  const symbols = new Map(facts.symbols.map((it) => [it.symbol, it]));
  const idle = results.filter(({ name, status, group }) => {
    const check = wanted.get(name);
    if (status !== 'not_evaluated' || check === undefined) return false;
    const of = symbols.get(group['symbol'] ?? '');
    return subjectsOf(check)?.some((type) => mayHave(of, type)) ?? true;
  });
  const names = [...new Set(idle.map(({ name }) => name))];
  // Of a part of a day it is nearly all of them: the results say of what, one by one.
  if (names.length > IDLE_NAMED_MAX) {
    return [`${names.length} checks had nothing to judge: ${names.join(', ')}`];
  }
  return names.map((name) => {
    const of = idle.filter((it) => it.name === name).map(({ group }) => wordsOf(group));
    const groups = of.filter((words) => words !== '').join(', ');
    return `check ${name} had nothing to judge${groups === '' ? '' : ` of ${groups}`}`;
  });
}

/** More checks than these are told in one line. */
const IDLE_NAMED_MAX = 2;

function wordsOf(group: CheckResult['group']): string {
  return [group['symbol'], group['type']].filter((it) => it !== undefined).join(' ');
}

function statisticsOf(results: readonly CheckResult[]): Statistics {
  const count = (status: CheckStatus): number =>
    results.filter((result) => result.status === status).length;
  return {
    checks: results.length,
    passed: count('passed'),
    warned: count('warned'),
    failed: count('failed'),
    not_evaluated: count('not_evaluated'),
    errored: count('errored'),
  };
}

function listGaps(holes: readonly Hole[]): readonly ResultGap[] {
  const longest =
    holes.length <= GAPS_LISTED_MAX
      ? holes
      : [...holes]
          .sort((a, b) => Number(b.to - b.from - (a.to - a.from)))
          .slice(0, GAPS_LISTED_MAX);
  return [...longest]
    .sort((a, b) => (a.from < b.from ? -1 : a.from > b.from ? 1 : 0))
    .map((hole) => ({
      source: hole.source,
      symbol: hole.symbol,
      shard: hole.shard,
      about: hole.about,
      cause: hole.cause,
      from: formatIso(hole.from),
      to: formatIso(hole.to),
      seconds: Number((hole.to - hole.from) / 1_000_000n) / 1000,
      detail: hole.detail,
      expected: hole.expected,
      received: hole.received,
      event: hole.event,
      repaired: hole.repaired,
    }));
}

type Tally = {
  readonly step: (event: MarketEvent) => void;
  readonly records: () => number;
  readonly byType: () => Readonly<Partial<Record<EventType, number>>>;
  readonly coverage: () => readonly Coverage[];
};

/** Counts for the head of the report. Status events are facts about the data, not records of it. */
function createTally(context: CheckContext): Tally {
  const by_type: Partial<Record<EventType, number>> = {};
  const buckets = new Map<string, number[]>();
  const bucketsOf = (symbol: string): number[] => {
    let counts = buckets.get(symbol);
    if (counts === undefined) {
      counts = Array.from({ length: COVERAGE_BUCKETS }, () => 0);
      buckets.set(symbol, counts);
    }
    return counts;
  };
  const width = BigInt(COVERAGE_MINUTES) * NS_PER_MINUTE;
  let records = 0;
  for (const { symbol } of context.symbols) bucketsOf(symbol);
  return {
    step(event) {
      by_type[event.type] = (by_type[event.type] ?? 0) + 1;
      if (event.type === 'status') return;
      records++;
      const counts = bucketsOf(event.symbol);
      const bucket = Number((event.t - context.from) / width);
      if (bucket >= 0 && bucket < COVERAGE_BUCKETS) counts[bucket] = (counts[bucket] ?? 0) + 1;
    },
    records: () => records,
    byType: () => by_type,
    coverage: () =>
      [...buckets]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([symbol, counts]) => ({
          symbol,
          records: counts.reduce((sum, count) => sum + count, 0),
          counts,
        })),
  };
}
