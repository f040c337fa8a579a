/** Skew over a span of time: a tally for each ten minutes, so that what changed and when can be told. */
import { addSkew, createSkewTally, mergeSkew, summarizeSkew, trendOf } from './skew.ts';
import type { SkewSummary, SkewTally, SkewTrend } from './skew.ts';

export const SKEW_STEP_NS = 600_000_000_000n;

export type SkewStep = { readonly t: string } & SkewSummary;

export type SkewSeries = {
  /** `t` says which ten minutes it belongs to. */
  readonly add: (t: bigint, skew_us: number) => void;
  /** Null where nothing was added. */
  readonly told: () => (SkewSummary & SkewTrend) | null;
  /** By instant: the beginning of each step that has any. */
  readonly steps: (steps_each?: number) => SkewStep[];
};

export function createSkewSeries(): SkewSeries {
  const tallies = new Map<bigint, SkewTally>();
  const sorted = (): [bigint, SkewTally][] => [...tallies].sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    add(t, skew_us) {
      const step = t / SKEW_STEP_NS;
      let tally = tallies.get(step);
      if (tally === undefined) tallies.set(step, (tally = createSkewTally()));
      addSkew(tally, skew_us);
    },
    told() {
      const all = createSkewTally();
      const points = [];
      for (const [step, tally] of sorted()) {
        mergeSkew(all, tally);
        const told = summarizeSkew(tally);
        const at_s = Number((step * SKEW_STEP_NS) / 1_000_000_000n);
        if (told !== null) points.push({ at_s, p50_us: told.p50_us });
      }
      const summary = summarizeSkew(all);
      return summary === null ? null : { ...summary, ...trendOf(points) };
    },
    steps(steps_each = 1) {
      const each = BigInt(steps_each);
      const merged = new Map<bigint, SkewTally>();
      for (const [step, tally] of sorted()) {
        const into = merged.get(step / each) ?? createSkewTally();
        mergeSkew(into, tally);
        merged.set(step / each, into);
      }
      return [...merged].flatMap(([step, tally]) => {
        const told = summarizeSkew(tally);
        return told === null ? [] : [{ t: `${step * each * SKEW_STEP_NS}`, ...told }];
      });
    },
  };
}
