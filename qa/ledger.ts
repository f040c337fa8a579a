/**
 * The gap ledger of a day: every stretch of it that is not known, with its cause, from the manifest and
 * from the status events of the data; and what that makes of each minute of each symbol.
 */
import { NS_PER_MINUTE, dayStart } from '../schema/time.ts';
import type { Day } from '../schema/time.ts';
import type { Hole } from './check.ts';
import { concerns, mergeStretches } from './holes.ts';

/**
 * A minute of a symbol: `complete` where nothing is known to be missing of it, `missing` where all of it
 * is, `degraded` where some is: a part of the minute, or some types of event. What came later is not
 * missing.
 */
export type MinuteCondition = 'complete' | 'degraded' | 'missing';

type NotComplete = Exclude<MinuteCondition, 'complete'>;

export type SymbolMinutes = {
  readonly symbol: string;
  readonly complete: number;
  readonly degraded: number;
  readonly missing: number;
  /** Runs of minutes that are not complete, in order; `to` is the first minute after. */
  readonly stretches: readonly {
    readonly from_minute: number;
    readonly to_minute: number;
    readonly condition: NotComplete;
  }[];
};

export const MINUTES_A_DAY = 1_440;

/** The minutes of a symbol of a shard; null for a shard that is not known, which every gap concerns. */
export function minutesOf(
  holes: readonly Hole[],
  of: { readonly symbol: string; readonly shard: string | null; readonly day: Day },
): SymbolMinutes {
  const own = holes.filter((it) => !it.repaired && concerns(it, of.symbol, of.shard));
  const conditions = new Array<MinuteCondition>(MINUTES_A_DAY).fill('complete');
  for (const hole of own) {
    // A gap of no length is of its instant: something was lost that was needed before it.
    const to = hole.to > hole.from ? hole.to : hole.from + 1n;
    const [first, end] = [floorMinute(hole.from, of.day), ceilMinute(to, of.day)];
    conditions.fill('degraded', first, end);
  }
  // Merged, since two gaps may miss a minute between them.
  for (const { from, to } of mergeStretches(own.filter((it) => it.about === null))) {
    const [first, end] = [ceilMinute(from, of.day), floorMinute(to, of.day)];
    if (first < end) conditions.fill('missing', first, end);
  }
  return { symbol: of.symbol, ...countsOf(conditions), stretches: stretchesOf(conditions) };
}

/** The minute in which an instant lies, from 0 to the day's end. */
function floorMinute(at: bigint, day: Day): number {
  const minute = Number((at - dayStart(day)) / NS_PER_MINUTE);
  return Math.min(MINUTES_A_DAY, Math.max(0, minute));
}

/** The first minute that begins at an instant or after it. */
function ceilMinute(at: bigint, day: Day): number {
  return floorMinute(at + NS_PER_MINUTE - 1n, day);
}

function countsOf(conditions: readonly MinuteCondition[]) {
  const count = (condition: MinuteCondition): number =>
    conditions.filter((it) => it === condition).length;
  return {
    complete: count('complete'),
    degraded: count('degraded'),
    missing: count('missing'),
  };
}

function stretchesOf(conditions: readonly MinuteCondition[]): SymbolMinutes['stretches'] {
  const stretches: { from_minute: number; to_minute: number; condition: NotComplete }[] = [];
  for (const [minute, condition] of conditions.entries()) {
    if (condition === 'complete') continue;
    const last = stretches.at(-1);
    if (last?.to_minute === minute && last.condition === condition) last.to_minute = minute + 1;
    else stretches.push({ from_minute: minute, to_minute: minute + 1, condition });
  }
  return stretches;
}
