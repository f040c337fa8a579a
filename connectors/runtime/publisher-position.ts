/**
 * Where the stream stands, as far as the publisher knows: the last `ctl`, the one on the wire, and what
 * a position that was read again says about both.
 */
import type { OutMessage } from '../../bus/bus.ts';
import type { Ctl, StoredCtl } from '../../bus/ctl.ts';
import { encodeCtl } from '../../bus/ctl.ts';
import { ctlSubject } from '../../bus/subjects.ts';
import { unixNs } from '../../schema/time.ts';
import type { Clock } from './clock.ts';

export type PositionOptions = {
  readonly shard: string;
  readonly feed: string;
  readonly epoch: number;
  readonly normalizer: string;
  readonly writer: string;
  readonly clock: Clock;
};

/** A `ctl` on the wire, and what to do once it is known to be stored. */
export type Flight = { readonly record: Ctl; readonly stored: () => void };

export class StreamPosition {
  /** Sequence of the last `ctl` in the stream, 0 for none. */
  expected = 0;
  /** The last one is of this epoch. */
  claimed = false;
  run = 0;
  flight: Flight | null = null;
  /** A message was refused since the position was read: a `ctl` after it proves nothing. */
  refused = false;
  /** When the last record was made, on the monotonic clock. */
  told_ns = 0n;
  readonly #options: PositionOptions;

  constructor(options: PositionOptions) {
    this.#options = options;
  }

  isOwn({ record }: StoredCtl): boolean {
    return record.epoch === this.#options.epoch && record.writer === this.#options.writer;
  }

  /** Another epoch has the shard. */
  isLostTo(last: StoredCtl | null): boolean {
    return last !== null && last.record.epoch >= this.#options.epoch && !this.isOwn(last);
  }

  record(t: bigint, events: number): Ctl {
    const { epoch, writer, normalizer, clock } = this.#options;
    this.told_ns = clock.monoNs();
    const at = unixNs(clock.wallNs());
    return { epoch, writer, t: unixNs(t), events, run: this.run, at, normalizer };
  }

  isDue(interval_ms: number): boolean {
    return this.#options.clock.monoNs() - this.told_ns >= BigInt(interval_ms) * 1_000_000n;
  }

  /** The message of a record that is to follow `expected`. */
  message(record: Ctl, expected = this.expected): OutMessage {
    const subject = ctlSubject(this.#options.shard, this.#options.feed);
    const data = encodeCtl(record);
    return { subject, id: null, expected, count: 0, late: false, t: null, data };
  }

  /**
   * The position was read again, over a new connection: what was on the wire is stored, or it is to be
   * sent again. Returns `lost` where the stream no longer has what it had acknowledged; the archive
   * takes that from the log, and the run says so.
   */
  reconcile(last: StoredCtl | null): 'stored' | 'unchanged' | 'lost' {
    const { flight, refused, expected } = this;
    const seq = last?.seq ?? 0;
    this.flight = null;
    this.refused = false;
    this.expected = seq;
    if (seq === expected) return 'unchanged';
    if (last === null || seq < expected || !this.isOwn(last)) {
      this.run += 1;
      return 'lost';
    }
    const { t, events } = last.record;
    const same = flight !== null && flight.record.t === t && flight.record.events === events;
    if (!same || refused) return 'unchanged';
    flight.stored();
    return 'stored';
  }
}
