/** The result of a day's checks as JSON: `qa/{feed}/{YYYY}/{MM}/{DD}/results.json`. */
import type { EventType } from '../schema/events.ts';
import type { CheckStatus, Sample, Severity } from './check.ts';

export const RESULTS_SCHEMA_VERSION = 1;

/**
 * - `missing`: no record at all
 * - `pending`: the day, or its manifest, is not finished
 * - `degraded`: a check failed or could not run, or something of the day is known to be missing
 * - `available`: none of these
 */
export type DayCondition = 'missing' | 'degraded' | 'pending' | 'available';

export type CheckResult = {
  readonly name: string;
  readonly type: string;
  readonly status: CheckStatus;
  readonly severity: Severity;
  readonly source: { readonly file: string; readonly line: number };
  readonly group: Readonly<Record<string, string>>;
  readonly observed: Readonly<Record<string, number | string | null>>;
  readonly threshold: Readonly<Record<string, number | string | null>>;
  readonly evaluated: number;
  readonly failed_rows: number;
  readonly failed_ratio: number;
  readonly samples: readonly Sample[];
  readonly samples_truncated: boolean;
  readonly message: string;
};

/** A hole of the day; instants as ISO text with nine digits. */
export type ResultGap = {
  readonly source: 'manifest' | 'events';
  readonly symbol: string | null;
  readonly shard: string | null;
  readonly about: readonly EventType[] | null;
  readonly cause: string;
  readonly from: string;
  readonly to: string;
  readonly seconds: number;
  readonly detail: string;
  readonly expected: string | null;
  readonly received: string | null;
  /** The status event that opened it, as `ssmd trace` takes it; null for what only the manifest knows. */
  readonly event: string | null;
  readonly repaired: boolean;
};

/** Records of a symbol in each stretch of `COVERAGE_MINUTES` of the UTC day. */
export type Coverage = {
  readonly symbol: string;
  readonly records: number;
  readonly counts: readonly number[];
};

export const COVERAGE_MINUTES = 10;
export const COVERAGE_BUCKETS = (24 * 60) / COVERAGE_MINUTES;

export type Statistics = {
  readonly checks: number;
  readonly passed: number;
  readonly warned: number;
  readonly failed: number;
  readonly not_evaluated: number;
  readonly errored: number;
};

export type DayResults = {
  readonly schema_version: typeof RESULTS_SCHEMA_VERSION;
  readonly run_id: string;
  readonly feed: string;
  readonly date: string;
  readonly version: string | null;
  readonly normalizer: string | null;
  readonly origin: string | null;
  readonly suite: { readonly file: string; readonly sha256: string | null };
  readonly engine: string;
  readonly started_at: string;
  readonly finished_at: string;
  readonly inputs: readonly InputFile[];
  readonly day_condition: DayCondition;
  /** Why it is not `available`, in words; empty where it is. */
  readonly condition_reasons: readonly string[];
  /** The manifest knows of nothing missing; null where there is no manifest. */
  readonly complete: boolean | null;
  readonly records: number;
  readonly records_by_type: Readonly<Partial<Record<EventType, number>>>;
  readonly statistics: Statistics;
  readonly gaps: readonly ResultGap[];
  /** All gaps, of which at most `GAPS_LISTED_MAX` are listed. */
  readonly gaps_total: number;
  readonly coverage: readonly Coverage[];
  readonly results: readonly CheckResult[];
};

/** Gaps a result lists: the longest ones where there are more. */
export const GAPS_LISTED_MAX = 500;

/** One object the checks read. */
export type InputFile = {
  readonly path: string;
  readonly sha256: string;
  readonly rows: number;
  readonly min_ts: string | null;
  readonly max_ts: string | null;
};
