/** The holes of one shard's day, clipped to it, and how far its input has none. */
import { dayEnd, dayStart } from '../schema/time.ts';
import type { ShardFindings } from './epoch-log.ts';
import type { GapCause, ManifestGap } from './manifest.ts';

/** Gaps of one shard's day, clipped to it. */
export class Gaps {
  readonly list: ManifestGap[] = [];
  readonly start: bigint;
  readonly end: bigint;
  unbroken_until: bigint;
  readonly #shard: string;

  constructor({ shard, day }: Pick<ShardFindings, 'shard' | 'day'>) {
    this.#shard = shard;
    this.start = dayStart(day);
    this.end = dayEnd(day);
    this.unbroken_until = this.end;
  }

  /** Lines are missing from `from` on, be it in the warm-up. */
  breakOff(from: bigint): void {
    if (from < this.unbroken_until) this.unbroken_until = from;
  }

  add(cause: GapCause, epoch: number | null, from: bigint, to: bigint, detail: string): void {
    const first = from < this.start ? this.start : from;
    const last = to > this.end ? this.end : to;
    if (first > last || (first === last && first === this.end)) return;
    this.list.push({
      shard: this.#shard,
      epoch,
      cause,
      from: first.toString(),
      to: last.toString(),
      detail,
    });
  }
}
