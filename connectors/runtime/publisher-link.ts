/**
 * One connection of the publisher, from its opening to its loss: what is on the wire without an
 * answer, and since when. It is never repaired; the publisher opens another.
 */
import type { Bus, BusPublisher, OutMessage, PublishOutcome } from '../../bus/bus.ts';
import { SsmdError } from '../../schema/errors.ts';
import type { Clock } from './clock.ts';
import type { PublisherLimits } from './publisher-limits.ts';

export type LinkOptions = {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly limits: PublisherLimits;
  readonly shard: string;
  readonly feed: string;
  readonly epoch: number;
  readonly normalizer: string;
  /** After each answer: there may be room to send more. */
  readonly onRoom: () => void;
  /** A message was refused that nobody waits for. */
  readonly onRefused: (outcome: PublishOutcome) => void;
};

type Settle = (outcome: PublishOutcome) => void;

/** Answers are taken off the list of sizes in bulk. */
const COMPACT = 8_192;

export class PublisherLink {
  /** Messages and bytes sent and not answered. */
  in_flight = 0;
  in_flight_bytes = 0;
  readonly #connection: BusPublisher;
  readonly #options: LinkOptions;
  readonly #waiting = new Map<number, Settle>();
  #sizes: number[] = [];
  #sizes_from = 0;
  #batch = false;
  /** When something was last answered, or sent while nothing else was on the wire. */
  #since_ns: bigint;
  #lost = false;

  static async open(options: LinkOptions): Promise<PublisherLink> {
    let link: PublisherLink | null = null;
    const { shard, feed, epoch, normalizer } = options;
    const connection = await options.bus.openPublisher({
      shard,
      feed,
      epoch,
      normalizer,
      connect_timeout_ms: options.limits.connect_timeout_ms,
      onOutcome: (token, outcome) => link?.answered(token, outcome),
    });
    link = new PublisherLink(connection, options);
    return link;
  }

  private constructor(connection: BusPublisher, options: LinkOptions) {
    this.#connection = connection;
    this.#options = options;
    this.#since_ns = options.clock.monoNs();
    void connection.closed.then(() => {
      this.#lost = true;
    });
  }

  /** Resolves with the reason when the connection is gone. */
  get closed(): Promise<string> {
    return this.#connection.closed;
  }

  get hasRoom(): boolean {
    const { window_messages, window_bytes } = this.#options.limits;
    return !this.#lost && this.in_flight < window_messages && this.in_flight_bytes < window_bytes;
  }

  /** Nothing was answered for longer than a living server takes. */
  get isSilent(): boolean {
    if (this.in_flight === 0 && !this.#batch) return false;
    const waited_ms = Number((this.#options.clock.monoNs() - this.#since_ns) / 1_000_000n);
    return waited_ms > this.#options.limits.ack_timeout_ms;
  }

  lastCtl(): ReturnType<BusPublisher['lastCtl']> {
    return this.#connection.lastCtl();
  }

  lastMessages(pattern: string): ReturnType<BusPublisher['lastMessages']> {
    return this.#connection.lastMessages(pattern);
  }

  lastMessage(pattern: string): ReturnType<BusPublisher['lastMessage']> {
    return this.#connection.lastMessage(pattern);
  }

  /** Sends; `settle` hears the answer unless the connection is lost first. */
  send(message: OutMessage, settle?: Settle): void {
    if (this.#lost) return;
    if (this.in_flight === 0) this.#since_ns = this.#options.clock.monoNs();
    let token: number;
    try {
      token = this.#connection.publish(message);
    } catch (error) {
      this.#losing(error);
      return;
    }
    this.in_flight += 1;
    this.in_flight_bytes += message.data.length;
    this.#sizes.push(message.data.length);
    if (settle !== undefined) this.#waiting.set(token, settle);
  }

  /** A connection may be closed before it says so; what is too large is a fault of this program. */
  #losing(error: unknown): void {
    if (error instanceof SsmdError) throw error;
    void this.close();
  }

  /** Sends and waits; null where the connection was lost. */
  ask(message: OutMessage): Promise<PublishOutcome | null> {
    return this.#orLost(new Promise((settle) => this.send(message, settle)));
  }

  async batch(messages: readonly OutMessage[]): Promise<PublishOutcome | null> {
    if (this.#lost) return this.#orLost(new Promise(() => undefined));
    this.#batch = true;
    this.#since_ns = this.#options.clock.monoNs();
    try {
      return await this.#orLost(this.#connection.publishBatch(messages));
    } catch (error) {
      this.#losing(error);
      return await this.#orLost(new Promise(() => undefined));
    } finally {
      this.#batch = false;
    }
  }

  async close(): Promise<void> {
    this.#lost = true;
    await this.#connection.close();
  }

  answered(token: number, outcome: PublishOutcome): void {
    const at = token - this.#sizes_from;
    this.in_flight -= 1;
    this.in_flight_bytes -= this.#sizes[at] ?? 0;
    this.#since_ns = this.#options.clock.monoNs();
    if (at >= COMPACT) {
      this.#sizes = this.#sizes.slice(at + 1);
      this.#sizes_from = token + 1;
    }
    if (this.#lost) return;
    const settle = this.#waiting.get(token);
    this.#waiting.delete(token);
    if (settle !== undefined) settle(outcome);
    else if (outcome.type === 'refused') this.#options.onRefused(outcome);
    this.#options.onRoom();
  }

  #orLost(outcome: Promise<PublishOutcome>): Promise<PublishOutcome | null> {
    return Promise.race([outcome, this.#connection.closed.then(() => null)]);
  }
}
