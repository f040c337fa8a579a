/** Stretches of a day longer than a limit in which nothing came, of one stream of records. */
import { without } from './holes.ts';
import type { Stretch } from './holes.ts';

export type Silence = {
  records: number;
  last_t: bigint;
  /** The longest that is not beyond the limit. */
  pause: bigint;
  readonly long: Stretch[];
};

export function openSilence(from: bigint): Silence {
  return { records: 0, last_t: from, pause: 0n, long: [] };
}

/** A record at `t`; null for no limit keeps no stretches. */
export function hearRecord(silence: Silence, t: bigint, limit: bigint | null): void {
  silence.records++;
  const length = t - silence.last_t;
  if (limit !== null && length > limit) silence.long.push({ from: silence.last_t, to: t });
  else if (length > silence.pause) silence.pause = length;
  silence.last_t = t;
}

/**
 * What is longer than `limit` up to `to`, without what `known` holes explain (merged, in order); and
 * the longest of all, beyond the limit or not.
 */
export function longSilences(
  { long, last_t, pause }: Silence,
  to: bigint,
  known: readonly Stretch[],
  limit: bigint,
): { readonly long: readonly Stretch[]; readonly longest: bigint } {
  const left = [...long, { from: last_t, to }].flatMap((it) => without(it.from, it.to, known));
  const longest = longestOf(left);
  return {
    long: left.filter((it) => it.to - it.from > limit),
    longest: longest > pause ? longest : pause,
  };
}

/** Seconds to the millisecond, as text. */
export function secondsOf({ from, to }: Stretch): string {
  return (Number((to - from) / 1_000_000n) / 1000).toFixed(3);
}

export function longestOf(stretches: readonly Stretch[]): bigint {
  return stretches.reduce((most, { from, to }) => (to - from > most ? to - from : most), 0n);
}
