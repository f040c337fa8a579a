/**
 * The fold of an epoch: it opens a day's fold at each `_day`, runs two of them while a day ends, and
 * drops the old one at `_midnight`. At any line one of them speaks, or none.
 */
import { EventArena } from '../codec/event-arena.ts';
import type { EventBuffer } from '../codec/event-buffer.ts';
import type { Feed } from '../connectors/feed.ts';
import type { FactKey, Facts } from '../schema/log.ts';
import type { Day } from '../schema/time.ts';
import { NO_CHECKS } from './counts.ts';
import type { BookChecks, FoldCounts } from './counts.ts';
import { DayFold } from './day-fold.ts';
import type { BookFault } from './faults.ts';

export type ShardFold = {
  /** Events of the lines since the last `clear`, in the order of `t`. */
  readonly out: EventArena;
  /** Books that broke at the last line. */
  readonly faults: readonly BookFault[];
  /** Counts of the day that is running. */
  readonly counts: FoldCounts;
  readonly speaking: boolean;
  /** Returns what the frame decoded to, valid until the next frame. */
  readonly frame: (
    t: bigint,
    c: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ) => EventBuffer;
  readonly fact: <K extends FactKey>(t: bigint, key: K, fact: Facts[K]) => void;
  /** A copy at this line, with an `out` of its own. */
  readonly clone: () => ShardFold;
};

/** `books`: where the checks of books are counted, over all days. A copy (`clone`) counts for itself. */
export function createShardFold(
  feed: Feed,
  shard: string,
  books: BookChecks = { ...NO_CHECKS },
): ShardFold {
  return new EpochFold(feed, shard, [], books);
}

class EpochFold implements ShardFold {
  readonly out: EventArena = new EventArena();
  readonly faults: BookFault[] = [];
  readonly #feed: Feed;
  readonly #shard: string;
  readonly #books: BookChecks;
  /** Oldest first; two while a day ends. */
  #days: DayFold[];

  constructor(feed: Feed, shard: string, days: readonly DayFold[], books: BookChecks) {
    this.#books = books;
    this.#feed = feed;
    this.#shard = shard;
    this.#days = days.map((it) => it.clone(this.out));
  }

  get counts(): FoldCounts {
    return this.#current().counts;
  }

  get speaking(): boolean {
    return this.#days.some((it) => it.speaking);
  }

  frame(t: bigint, c: number, bytes: Uint8Array, start: number, end: number): EventBuffer {
    const current = this.#current();
    let buffer = current.frame(t, c, bytes, start, end);
    this.faults.length = 0;
    this.faults.push(...current.faults);
    for (let day = 1; day < this.#days.length; day++) {
      const next = this.#days[day] as DayFold;
      const decoded = next.frame(t, c, bytes, start, end);
      this.faults.push(...next.faults);
      if (next.serves(c)) buffer = decoded;
    }
    return buffer;
  }

  fact<K extends FactKey>(t: bigint, key: K, fact: Facts[K]): void {
    this.faults.length = 0;
    if (key === '_day') this.#openDay(t, fact as Facts['_day']);
    // A configuration belongs to the day it follows: the day before keeps its own.
    const from = key === '_config' ? this.#days.length - 1 : 0;
    for (const day of this.#days.slice(from)) {
      day.fact(t, key, fact);
      this.faults.push(...day.faults);
    }
    if (this.#days.length > 1) this.#days = this.#days.filter((it) => !it.ended);
  }

  clone(): ShardFold {
    return new EpochFold(this.#feed, this.#shard, this.#days, { ...NO_CHECKS });
  }

  #openDay(t: bigint, { day, taken }: Facts['_day']): void {
    this.#days.push(
      new DayFold({
        feed: this.#feed,
        shard: this.#shard,
        day: day as Day,
        opened: t,
        taken,
        out: this.out,
        books: this.#books,
      }),
    );
  }

  #current(): DayFold {
    const [current] = this.#days;
    if (current === undefined) throw new Error('broken invariant: a log begins with its _day line');
    return current;
  }
}
