/**
 * The second fold: from a copy of the fold's state at a position, over the log, until it has caught up
 * with what was offered since. What it yields gathers in its `out` until it is taken as packs.
 */
import type { EventArena } from '../../codec/event-arena.ts';
import type { LogLine } from '../../codec/log-line.ts';
import { invariant } from '../../schema/errors.ts';
import type { FactKey, Facts } from '../../schema/log.ts';
import type { PublisherLimits } from './publisher-limits.ts';
import type { WalReader } from './wal-reader.ts';

/** The part of `ShardFold` that catching up needs. */
export type BacklogFold = {
  readonly out: EventArena;
  readonly frame: (t: bigint, c: number, bytes: Uint8Array, start: number, end: number) => unknown;
  readonly fact: <K extends FactKey>(t: bigint, key: K, fact: Facts[K]) => void;
  readonly clone: () => BacklogFold;
};

export class Backlog {
  /** Position of the last line read. */
  t: bigint;
  readonly fold: BacklogFold;
  readonly #wal: WalReader;
  readonly #limits: PublisherLimits;
  readonly #by_subject = new Map<string, number>();
  #counted = 0;
  #pack_count = 0;

  constructor(fold: BacklogFold, t: bigint, wal: WalReader, limits: PublisherLimits) {
    this.fold = fold;
    this.t = t;
    this.#wal = wal;
    this.#limits = limits;
  }

  /**
   * Reads lines up to `head`: `caught_up` when it is reached, `full` when a batch should be sent,
   * `more` when others should have their turn. Throws `SSMD_CORRUPT` where the log has a hole.
   */
  read(head: bigint): 'caught_up' | 'full' | 'more' {
    for (let lines = 0; lines < this.#limits.slice_lines; lines++) {
      if (this.t >= head) return 'caught_up';
      if (this.#isFull()) return 'full';
      const line = this.#wal.next(head);
      invariant(line !== null, `the line at ${head} was written before it was offered`);
      this.#step(line);
    }
    return 'more';
  }

  close(): void {
    this.#wal.close();
  }

  #step(line: LogLine): void {
    this.t = line.t;
    if (line.kind === 'frame') {
      // A scanner may read one byte past the frame; in the line that is its closing brace.
      line.bytes[line.to] = 0;
      this.fold.frame(line.t, line.c, line.bytes, line.from, line.to);
    } else if (line.key !== null && line.fact !== null) {
      this.fold.fact(line.t, line.key, line.fact);
    }
  }

  #isFull(): boolean {
    const { out } = this.fold;
    const { batch_events_max, batch_bytes_max, batch_messages_max } = this.#limits;
    return (
      out.count >= batch_events_max ||
      out.used >= batch_bytes_max ||
      // An estimate: a batch that has more messages is cut when it is sent.
      this.#packs(out) >= batch_messages_max - 1
    );
  }

  /** Packs that the events gathered so far need, bytes aside. */
  #packs(out: EventArena): number {
    if (out.count < this.#counted) {
      this.#counted = 0;
      this.#pack_count = 0;
      this.#by_subject.clear();
    }
    for (; this.#counted < out.count; this.#counted++) {
      const subject = `${out.type[this.#counted]}.${out.symbol[this.#counted]}`;
      const events = this.#by_subject.get(subject) ?? 0;
      if (events % this.#limits.pack_events_max === 0) this.#pack_count += 1;
      this.#by_subject.set(subject, events + 1);
    }
    return this.#pack_count;
  }
}
