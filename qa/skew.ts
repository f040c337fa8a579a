/**
 * Skew: receive time less the venue's own time, of many messages. A histogram with fixed buckets, so that
 * one more costs the same whatever came before, and what is told of it: mean, deviation, percentiles.
 * Skew holds the way from the venue as well as both clocks; what moves it suddenly is a clock, or the venue.
 */

/** Buckets an octave: a percentile is off by less than 1/32 of itself. */
export const SKEW_SUB_BUCKETS = 32;
/** Beyond 2^26 us, 67 s, a venue's time is not of now: counted apart, in nothing else. */
export const SKEW_US_MAX = 2 ** 26;
const OCTAVES = 26 - 5;
/** Of one sign: exact below 32 us, then by octave. */
const HALF = SKEW_SUB_BUCKETS * (OCTAVES + 1);
export const SKEW_BUCKETS = HALF * 2;

/** What is told of some skews, in microseconds; null where there are none. */
export type SkewSummary = {
  readonly count: number;
  /** Of those, none: messages whose venue time is further off than `SKEW_US_MAX`. */
  readonly beyond: number;
  readonly mean_us: number;
  readonly stddev_us: number;
  readonly min_us: number;
  readonly max_us: number;
  readonly p1_us: number;
  readonly p50_us: number;
  readonly p90_us: number;
  readonly p99_us: number;
};

/** The bucket of a skew in whole microseconds, within `SKEW_US_MAX`. */
export function skewBucket(us: number): number {
  const size = us < 0 ? -us : us;
  const exponent = size < SKEW_SUB_BUCKETS ? 0 : 31 - Math.clz32(size) - 4;
  const own =
    exponent === 0
      ? size
      : exponent * SKEW_SUB_BUCKETS + (size >> (exponent - 1)) - SKEW_SUB_BUCKETS;
  return us < 0 ? HALF - 1 - own : HALF + own;
}

/** The middle of a bucket, in microseconds. */
export function skewOf(bucket: number): number {
  const negative = bucket < HALF;
  const own = negative ? HALF - 1 - bucket : bucket - HALF;
  const exponent = Math.floor(own / SKEW_SUB_BUCKETS);
  const least =
    exponent === 0 ? own : ((own % SKEW_SUB_BUCKETS) + SKEW_SUB_BUCKETS) * 2 ** (exponent - 1);
  const middle = exponent < 2 ? least : least + (2 ** (exponent - 1) - 1) / 2;
  return negative ? -middle : middle;
}

/** Skews counted; added to, merged, and told of. */
export type SkewTally = {
  readonly buckets: Uint32Array;
  count: number;
  beyond: number;
  sum: number;
  squares: number;
  min: number;
  max: number;
};

export function createSkewTally(): SkewTally {
  return { buckets: new Uint32Array(SKEW_BUCKETS), ...NOTHING };
}
const NOTHING = { count: 0, beyond: 0, sum: 0, squares: 0, min: Infinity, max: -Infinity };

/** One message's skew, in microseconds. */
export function addSkew(tally: SkewTally, skew_us: number): void {
  const us = Math.round(skew_us);
  if (!(us > -SKEW_US_MAX && us < SKEW_US_MAX)) {
    tally.beyond += 1;
    return;
  }
  const bucket = skewBucket(us);
  tally.buckets[bucket] = (tally.buckets[bucket] as number) + 1;
  tally.count += 1;
  tally.sum += us;
  tally.squares += us * us;
  if (us < tally.min) tally.min = us;
  if (us > tally.max) tally.max = us;
}

export function clearSkew(tally: SkewTally): void {
  tally.buckets.fill(0);
  Object.assign(tally, NOTHING);
}

export function mergeSkew(into: SkewTally, from: SkewTally): void {
  for (let at = 0; at < SKEW_BUCKETS; at++) {
    into.buckets[at] = (into.buckets[at] as number) + (from.buckets[at] as number);
  }
  into.count += from.count;
  into.beyond += from.beyond;
  into.sum += from.sum;
  into.squares += from.squares;
  into.min = Math.min(into.min, from.min);
  into.max = Math.max(into.max, from.max);
}

/** Null where nothing was counted: no skew is known, which is not a skew of 0. */
export function summarizeSkew(tally: SkewTally): SkewSummary | null {
  const { count, beyond, sum, squares, min, max } = tally;
  if (count === 0) return null;
  const mean = sum / count;
  const p = (share: number): number => percentile(tally, share);
  return {
    ...{ count, beyond, mean_us: mean },
    // Rounding may leave a little less than nothing where all are equal.
    stddev_us: Math.sqrt(Math.max(0, squares / count - mean * mean)),
    ...{ min_us: min, max_us: max },
    ...{ p1_us: p(0.01), p50_us: p(0.5), p90_us: p(0.9), p99_us: p(0.99) },
  };
}

/** The nearest rank's bucket, held within what was seen. */
function percentile({ buckets, count, min, max }: SkewTally, share: number): number {
  const rank = Math.max(1, Math.ceil(share * count));
  let seen = 0;
  for (let at = 0; at < SKEW_BUCKETS; at++) {
    seen += buckets[at] as number;
    if (seen >= rank) return Math.min(max, Math.max(min, skewOf(at)));
  }
  return max;
}

/** A median that departs from the median of those before it by more is a shift: the requirements' 50 ms. */
export const SKEW_SHIFT_US = 50_000;
/** A slope above this a second is a drift: 1 ms in ten minutes. */
export const SKEW_DRIFT_US_PER_S = 1_000 / 600;
/** A slope is one where it is this many times its own error. */
const SLOPE_ERRORS_MIN = 3;
/** A line through fewer points says nothing. */
const POINTS_MIN = 4;

/** A median at an instant, s on any scale. */
export type SkewPoint = { readonly at_s: number; readonly p50_us: number };

export type SkewTrend = {
  /**
   * - `stable`: neither of the others, as far as the points can tell
   * - `drifting`: it grows or falls steadily: a clock runs fast or slow
   * - `shifted`: it changed at once: a clock jumped, or the way or the venue changed
   * - `unknown`: too few points
   */
  readonly word: 'stable' | 'drifting' | 'shifted' | 'unknown';
  /** Where it is `drifting`: us a second. */
  readonly slope_us_per_s: number | null;
  /** Where it is `shifted`: when it last did, and by how much. */
  readonly shift: { readonly at_s: number; readonly by_us: number } | null;
};

/** What a series of medians, in order of time, does. A shift is told before a drift: it fakes one. */
export function trendOf(points: readonly SkewPoint[], shift_us = SKEW_SHIFT_US): SkewTrend {
  const none = { slope_us_per_s: null, shift: null };
  if (points.length < 2) return { word: 'unknown', ...none };
  const shift = lastShift(points, shift_us);
  if (shift !== null) return { ...none, word: 'shifted', shift };
  if (points.length < POINTS_MIN) return { word: 'unknown', ...none };
  const { slope, error } = slopeOf(points);
  const drifts =
    Math.abs(slope) > SKEW_DRIFT_US_PER_S && Math.abs(slope) > SLOPE_ERRORS_MIN * error;
  return drifts
    ? { ...none, word: 'drifting', slope_us_per_s: slope }
    : { ...none, word: 'stable' };
}

/** Points that a shift is judged against, right before it. */
const BEFORE_MAX = 5;

/**
 * Where the points last left the level they were on: two in a row that depart from it, or the last one.
 * One odd point among others is none.
 */
function lastShift(points: readonly SkewPoint[], least_us: number): SkewTrend['shift'] {
  let shift: SkewTrend['shift'] = null;
  let level_from = 0;
  for (let at = 1; at < points.length; at++) {
    const before = medianOf(points.slice(Math.max(level_from, at - BEFORE_MAX), at));
    const here = points[at] as SkewPoint;
    const by_us = here.p50_us - before;
    const next_us = (points[at + 1] ?? here).p50_us - before;
    const holds = Math.sign(by_us) === Math.sign(next_us) && Math.abs(next_us) > least_us;
    if (Math.abs(by_us) <= least_us || !holds) continue;
    shift = { at_s: here.at_s, by_us };
    level_from = at;
  }
  return shift;
}

function medianOf(points: readonly SkewPoint[]): number {
  const sorted = points.map((it) => it.p50_us).sort((a, b) => a - b);
  return sorted[sorted.length >> 1] as number;
}

/** Least squares, and the slope's standard error. */
function slopeOf(points: readonly SkewPoint[]): { readonly slope: number; readonly error: number } {
  const n = points.length;
  const x0 = points.reduce((sum, it) => sum + it.at_s, 0) / n;
  const y0 = points.reduce((sum, it) => sum + it.p50_us, 0) / n;
  let xx = 0;
  let xy = 0;
  for (const { at_s, p50_us } of points) {
    xx += (at_s - x0) ** 2;
    xy += (at_s - x0) * (p50_us - y0);
  }
  if (xx === 0) return { slope: 0, error: Infinity };
  const slope = xy / xx;
  const left = points.reduce(
    (sum, { at_s, p50_us }) => sum + (p50_us - y0 - slope * (at_s - x0)) ** 2,
    0,
  );
  return { slope, error: Math.sqrt(left / (n - 2) / xx) };
}
