/** Stretches of a day longer than a limit in which nothing came, of one stream of records. */
import { without } from './holes.ts';
import type { Stretch } from './holes.ts';

export type Silence = { records: number; last_t: bigint; readonly long: Stretch[] };

export function openSilence(from: bigint): Silence {
  return { records: 0, last_t: from, long: [] };
}

/** A record at `t`; null for no limit keeps no stretches. */
export function hearRecord(silence: Silence, t: bigint, limit: bigint | null): void {
  silence.records++;
  if (limit !== null && t - silence.last_t > limit) {
    silence.long.push({ from: silence.last_t, to: t });
  }
  silence.last_t = t;
}

/** What is longer than `limit` up to `to`, without what `known` holes explain (merged, in order). */
export function longSilences(
  { long, last_t }: Silence,
  to: bigint,
  known: readonly Stretch[],
  limit: bigint,
): Stretch[] {
  return [...long, { from: last_t, to }]
    .flatMap((stretch) => without(stretch.from, stretch.to, known))
    .filter((stretch) => stretch.to - stretch.from > limit);
}

/** Seconds to the millisecond, as text. */
export function secondsOf({ from, to }: Stretch): string {
  return (Number((to - from) / 1_000_000n) / 1000).toFixed(3);
}

export function longestOf(stretches: readonly Stretch[]): bigint {
  return stretches.reduce((most, { from, to }) => (to - from > most ? to - from : most), 0n);
}
