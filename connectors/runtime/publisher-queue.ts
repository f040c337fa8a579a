/**
 * What the publisher holds in memory: every message since the last acknowledged `ctl`, sent or not.
 * After a lost connection all of it is sent again; the server drops what it has.
 */
import type { OutMessage } from '../../bus/bus.ts';
import type { LineMessage } from './publisher-messages.ts';

/** A place between two lines: everything up to `t` lies before it, `events` since the epoch began. */
export type Boundary = { readonly t: bigint; readonly events: number; readonly index: number };

export class PublisherQueue {
  /** Events and bytes held. */
  events = 0;
  bytes = 0;
  /** Up to here a `ctl` was acknowledged. */
  covered: Boundary = { t: 0n, events: 0, index: 0 };
  /** Up to here whole lines were sent. */
  boundary: Boundary = this.covered;
  /** Messages sent since the last `ctl` was. */
  sent_since_ctl = 0;
  #entries: LineMessage[] = [];
  /** Absolute index of `#entries[0]`, of the next one to send, and of the one after the last. */
  #first = 0;
  #next = 0;
  #count_sent = 0;

  get unsent(): number {
    return this.#first + this.#entries.length - this.#next;
  }

  /** Whether nothing is sent of a line that is not sent whole. */
  get atBoundary(): boolean {
    return this.#next === this.boundary.index;
  }

  /** The epoch is claimed at `t`: nothing of it lies at or before. */
  begin(t: bigint): void {
    this.covered = { t, events: 0, index: 0 };
    this.boundary = this.covered;
  }

  push(lines: readonly LineMessage[]): void {
    for (const entry of lines) {
      this.#entries.push(entry);
      this.events += eventsOf(entry);
      this.bytes += entry.message.data.length;
    }
  }

  peek(): OutMessage | null {
    return this.#entries[this.#next - this.#first]?.message ?? null;
  }

  /** The message `peek` gave is on the wire. */
  sent(): void {
    const entry = this.#entries[this.#next - this.#first] as LineMessage;
    this.#next += 1;
    this.#count_sent += eventsOf(entry);
    this.sent_since_ctl += 1;
    if (entry.ends) {
      this.boundary = { t: entry.t, events: this.#count_sent, index: this.#next };
    }
  }

  /** A `ctl` at `boundary` is acknowledged: what lies before it is let go. */
  cover(boundary: Boundary): void {
    for (let index = this.covered.index; index < boundary.index; index++) {
      const entry = this.#entries[index - this.#first] as LineMessage;
      this.events -= eventsOf(entry);
      this.bytes -= entry.message.data.length;
    }
    this.covered = boundary;
    if (boundary.index > this.boundary.index) this.boundary = boundary;
    const dead = boundary.index - this.#first;
    if (dead > 4_096 && dead * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(dead);
      this.#first = boundary.index;
    }
  }

  /** The connection is lost: everything not covered is to be sent again. */
  rewind(): void {
    this.#next = this.covered.index;
    this.#count_sent = this.covered.events;
    this.boundary = this.covered;
    this.sent_since_ctl = 0;
  }

  /** The queue is empty, and batches went past it: positions go on from there. */
  skipTo(t: bigint, events: number): void {
    this.covered = { t, events, index: this.#next };
    this.boundary = this.covered;
    this.#count_sent = events;
    this.#entries = [];
    this.#first = this.#next;
  }
}

/** Copies for `dlq` count for nothing: the event itself is in the stream. */
function eventsOf({ message }: LineMessage): number {
  return message.t === null ? message.count : 0;
}
