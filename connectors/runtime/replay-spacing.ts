/**
 * How far from their intended instants messages were sent, by speed: counted in buckets an eighth of an
 * octave wide, so that a quantile is right to 9 % however long the replay is.
 */
import type { ReplaySpeed, SpacingError } from '../../schema/replay.ts';

/** Speeds told apart; what is played at further ones is counted with the last. */
export const SPACING_SPEEDS_MAX = 8;

const STEPS = 8;
const BUCKETS = 64 * STEPS;

type Histogram = { readonly counts: Float64Array; messages: number; max_ns: number };

export type Spacing = {
  /** `error_ns`: sent minus intended. */
  readonly count: (speed: ReplaySpeed, error_ns: number) => void;
  readonly report: () => SpacingError[];
};

export function createSpacing(): Spacing {
  const by_speed = new Map<ReplaySpeed, Histogram>();
  let last: Histogram | null = null;
  let last_speed: ReplaySpeed | null = null;

  function of(speed: ReplaySpeed): Histogram {
    if (last !== null && speed === last_speed) return last;
    let found = by_speed.get(speed);
    if (found === undefined && (last === null || by_speed.size < SPACING_SPEEDS_MAX)) {
      found = { counts: new Float64Array(BUCKETS), messages: 0, max_ns: 0 };
      by_speed.set(speed, found);
    }
    last = found ?? last ?? { counts: new Float64Array(BUCKETS), messages: 0, max_ns: 0 };
    last_speed = speed;
    return last;
  }

  return {
    count(speed, error_ns) {
      const histogram = of(speed);
      const bucket = bucketOf(error_ns);
      histogram.counts[bucket] = (histogram.counts[bucket] as number) + 1;
      histogram.messages += 1;
      if (error_ns > histogram.max_ns) histogram.max_ns = error_ns;
    },
    report: () =>
      [...by_speed].map(([speed, histogram]) => ({
        speed,
        messages: histogram.messages,
        p50_us: quantileUs(histogram, 0.5),
        p90_us: quantileUs(histogram, 0.9),
        p99_us: quantileUs(histogram, 0.99),
        max_us: Math.round(histogram.max_ns / 1_000),
      })),
  };
}

function bucketOf(ns: number): number {
  return ns < 1 ? 0 : Math.min(BUCKETS - 1, 1 + Math.floor(Math.log2(ns) * STEPS));
}

/** The upper edge of the bucket that holds the quantile; never above the maximum. */
function quantileUs({ counts, messages, max_ns }: Histogram, share: number): number {
  const wanted = Math.ceil(messages * share);
  let seen = 0;
  for (let bucket = 0; bucket < BUCKETS; bucket++) {
    seen += counts[bucket] as number;
    if (seen < wanted || seen === 0) continue;
    const edge_ns = bucket === 0 ? 0 : 2 ** (bucket / STEPS);
    return Math.round(Math.min(edge_ns, max_ns) / 1_000);
  }
  return 0;
}
