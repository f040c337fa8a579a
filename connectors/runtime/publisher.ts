/**
 * Puts a shard's events on the bus, exactly and in order, and knows how far they have got.
 *
 * ```
 *            claim            queue full               queue sent, ctl acknowledged
 *  (muted) --------> live ---------------> draining ---------------------------------> backlog
 *                      ^                                                                  |
 *                      +--- the second fold has caught up with the last line offered -----+
 * ```
 *
 * - *live*: messages go out as they come, with ids, up to a window without an answer. All since the
 *   last acknowledged `ctl` are kept. When the connection is lost another is opened, the last `ctl` is
 *   read from the stream, and what follows it is sent again.
 * - *draining*: the queue was full. A copy of the fold is kept, taken at the last line that still went
 *   into the queue; lines after it are not taken, they are in the log.
 * - *backlog*: a second fold runs from that copy over the log; its events go out as atomic batches of
 *   packs, `ctl` last, one at a time.
 *
 * A `ctl` that another epoch wrote ends it: `fenced`. Nothing here throws at the fold or the log.
 */
import type { Bus, PublishOutcome } from '../../bus/bus.ts';
import type { EventArena } from '../../codec/event-arena.ts';
import type { Clock, TimerHandle } from './clock.ts';
import { Backlog } from './publisher-backlog.ts';
import type { BacklogFold } from './publisher-backlog.ts';
import type { CatchUpHost } from './publisher-catch-up.ts';
import { catchUp } from './publisher-catch-up.ts';
import { claimShard, putClaim } from './publisher-claim.ts';
import type { PublisherLimits } from './publisher-limits.ts';
import { PUBLISHER_LIMITS } from './publisher-limits.ts';
import { PublisherLink } from './publisher-link.ts';
import { LinkKeeper } from './publisher-keeper.ts';
import { liveMessages } from './publisher-messages.ts';
import type { Flight } from './publisher-position.ts';
import { StreamPosition } from './publisher-position.ts';
import { PublisherQueue } from './publisher-queue.ts';
import type { Boundary } from './publisher-queue.ts';
import type { Claim, Publishing } from './publishing.ts';
import type { WalReader } from './wal-reader.ts';

/** `event` is the name of what happened; pino's shape. */
export type PublisherLog = {
  readonly info: (facts: Readonly<Record<string, unknown>>, message: string) => void;
  readonly warn: (facts: Readonly<Record<string, unknown>>, message: string) => void;
  readonly error: (facts: Readonly<Record<string, unknown>>, message: string) => void;
};

export type PublisherDeps = {
  readonly bus: Bus;
  readonly shard: string;
  readonly feed: string;
  readonly epoch: number;
  /** `kraken@1` */
  readonly normalizer: string;
  /** Tells processes apart that could start in the same millisecond: `host:pid`. */
  readonly writer: string;
  readonly clock: Clock;
  readonly log: PublisherLog;
  /** The live fold, to be copied when the queue is full. */
  readonly fold: () => BacklogFold;
  /** The epoch's own log, to be read after a position. */
  readonly openWal: (after: bigint) => WalReader;
  /** The log clock: nothing at or before it will be offered any more. Not called within `offer`. */
  readonly watermark: () => bigint;
  readonly limits?: Partial<PublisherLimits>;
};

export type PublisherPosition = {
  /** Watermark and count of the last `ctl` that was acknowledged. */
  readonly t: bigint;
  readonly events: number;
  readonly queued: number;
  readonly backlog: boolean;
  readonly connected: boolean;
};

export type Publisher = Publishing & {
  readonly position: () => PublisherPosition;
  /** Resolves true when everything offered is on the bus, false when `signal` aborts first. */
  readonly drain: (signal: AbortSignal) => Promise<boolean>;
};

export function createPublisher(deps: PublisherDeps): Publisher {
  return new ShardPublisher(deps);
}

/** How often due `ctl` records and silent connections are looked for. */
const TICK_MS = 100;
class ShardPublisher implements Publisher {
  readonly fenced: Promise<void>;
  readonly #deps: PublisherDeps;
  readonly #limits: PublisherLimits;
  readonly #queue = new PublisherQueue();
  readonly #position: StreamPosition;
  readonly #fence: () => void;
  readonly #keeper: LinkKeeper;
  readonly #host: CatchUpHost;
  #mode: 'live' | 'draining' | 'backlog' = 'live';
  #state: 'idle' | 'running' | 'ended' = 'idle';
  #tick: TimerHandle | null = null;
  /** Where the epoch began to speak without the bus; null where it has claimed first. */
  #claim_t: bigint | null = null;
  #head = 0n;
  #overflow: { readonly fold: BacklogFold; readonly t: bigint } | null = null;
  /** The log is closed: its clock is not to be asked any more. */
  #closing = false;

  constructor(deps: PublisherDeps) {
    this.#deps = deps;
    this.#limits = { ...PUBLISHER_LIMITS, ...deps.limits };
    this.#position = new StreamPosition(deps);
    const fence = Promise.withResolvers<void>();
    this.fenced = fence.promise;
    this.#fence = fence.resolve;
    this.#keeper = new LinkKeeper({
      clock: deps.clock,
      limits: this.#limits,
      open: () => this.#open(),
      resume: (link) => this.#resume(link),
      onUp: () => {
        this.#queue.rewind();
        this.#pump();
      },
      warn: (event, cause) => this.#warn(event, cause),
    });
    this.#host = {
      origin: deps,
      limits: this.#limits,
      position: this.#position,
      queue: this.#queue,
      keeper: this.#keeper,
      head: () => this.#head,
      onDlq: (outcome) => this.#onDlq(outcome),
      onCaughtUp: (out) => this.#goLive(out),
      warn: (facts, message) => deps.log.warn(facts, message),
    };
  }

  async claim(options: Parameters<Publishing['claim']>[0]): Promise<Claim> {
    const { epoch, shard, feed, clock, watermark } = this.#deps;
    const { claim, link, t } = await claimShard({
      ...{ epoch, shard, feed, clock, watermark, ...options },
      position: this.#position,
      open: () => this.#open(),
      pause: (wait_ms) => this.#keeper.pause(wait_ms),
      onAway: (error) => this.#warn('publisher.bus_unreachable', error),
      onUnreadable: (subject, error) => this.#warn('publisher.message_unreadable', error, subject),
    });
    this.#claim_t = t;
    this.#queue.begin(t);
    this.#state = 'running';
    this.#armTick();
    void this.#keeper.serve(link);
    return claim;
  }

  offer(out: EventArena): void {
    if (out.count === 0 || this.#state === 'ended') return;
    this.#head = out.t[out.count - 1] as bigint;
    if (this.#mode !== 'live') return;
    const queue = this.#queue;
    queue.push(liveMessages(this.#deps, out, this.#limits));
    const { queue_events_max, queue_bytes_max } = this.#limits;
    if (queue.events > queue_events_max || queue.bytes > queue_bytes_max) {
      this.#mode = 'draining';
      this.#overflow = { fold: this.#deps.fold().clone(), t: this.#head };
      const { events, bytes } = queue;
      const facts = { event: 'publisher.queue_filled', events, bytes, t: `${this.#head}` };
      this.#deps.log.warn(facts, 'the queue to the bus is full: catching up from the log');
    }
    this.#pump();
  }

  released(): bigint {
    return this.#position.claimed ? this.#queue.covered.t : 0n;
  }

  queueRatio(): number {
    if (this.#mode !== 'live') return 1;
    const { queue_events_max, queue_bytes_max } = this.#limits;
    return Math.max(this.#queue.events / queue_events_max, this.#queue.bytes / queue_bytes_max);
  }

  position(): PublisherPosition {
    return {
      t: this.#queue.covered.t,
      events: this.#queue.covered.events,
      queued: this.#queue.events,
      backlog: this.#mode !== 'live',
      connected: this.#keeper.link !== null,
    };
  }

  status(): Readonly<Record<string, unknown>> {
    const { t, ...rest } = this.position();
    const { bytes } = this.#queue;
    const { epoch } = this.#deps;
    const { reconnects } = this.#keeper;
    return { ...rest, t: `${t}`, epoch, queued_bytes: bytes, reconnects, run: this.#position.run };
  }

  async drain(signal: AbortSignal): Promise<boolean> {
    const aborted = new Promise<void>((resolve) =>
      signal.addEventListener('abort', () => resolve(), { once: true }),
    );
    while (!this.#isDrained()) {
      if (signal.aborted || this.#state === 'ended') return false;
      this.#pump();
      const { unsent, covered, boundary } = this.#queue;
      if (unsent === 0 && covered.index < boundary.index) this.#sendCtl(null);
      await Promise.race([this.#keeper.changed(), aborted]);
    }
    return true;
  }

  async close({ deadline_ms }: { readonly deadline_ms: number }): Promise<void> {
    this.#closing = true;
    const stop = new AbortController();
    const timer = this.#deps.clock.setTimeout(() => stop.abort(), deadline_ms);
    if (this.#state === 'running') await this.drain(stop.signal);
    this.#deps.clock.clearTimeout(timer);
    await this.#end();
  }

  #isDrained(): boolean {
    const { unsent, covered, boundary } = this.#queue;
    return (
      this.#position.claimed &&
      this.#mode === 'live' &&
      unsent === 0 &&
      covered.index === boundary.index
    );
  }

  #open(): Promise<PublisherLink> {
    const { bus, clock, shard, feed, epoch, normalizer } = this.#deps;
    return PublisherLink.open({
      ...{ bus, clock, shard, feed, epoch, normalizer },
      limits: this.#limits,
      onRoom: () => this.#pump(),
      onRefused: (outcome) => this.#onRefused(outcome),
    });
  }

  /** Reads where the stream is; false where it belongs to another epoch. */
  async #resume(link: PublisherLink): Promise<boolean> {
    const position = this.#position;
    const { watermark, log } = this.#deps;
    for (;;) {
      const last = await link.lastCtl();
      if (position.isLostTo(last)) {
        const { epoch, writer } = last?.record ?? {};
        log.warn({ event: 'publisher.fenced', epoch, writer }, 'another epoch has the shard');
        await this.#end();
        this.#fence();
        return false;
      }
      if (position.claimed) {
        if (position.reconcile(last) === 'lost') {
          const facts = { event: 'publisher.position_lost', seq: last?.seq, run: position.run };
          log.warn(facts, 'the stream lost what it had acknowledged');
        }
        return true;
      }
      const claim = { position, watermark, claim_t: this.#claim_t };
      if ((await putClaim(link, claim, last)) !== null) return true;
    }
  }

  #onRefused(outcome: PublishOutcome): void {
    this.#position.refused = true;
    const detail = outcome.type === 'refused' ? outcome.detail : '';
    const facts = { event: 'publisher.message_refused', detail };
    this.#deps.log.error(facts, 'the bus refused a message');
    this.#keeper.reset(this.#limits.reconnect_min_ms);
  }

  /** Sends what there is room for. */
  #pump(): void {
    const { link } = this.#keeper;
    const queue = this.#queue;
    if (link === null || this.#mode === 'backlog') return;
    while (link.hasRoom) {
      const message = queue.peek();
      if (message === null) break;
      if (message.t === null) link.send(message);
      else link.send(message, (outcome) => this.#onDlq(outcome));
      queue.sent();
      if (queue.sent_since_ctl >= this.#limits.ctl_messages && queue.atBoundary)
        this.#sendCtl(null);
    }
    if (queue.unsent > 0 || this.#position.flight !== null) return;
    const behind = queue.covered.index < queue.boundary.index;
    if (this.#mode === 'draining') {
      if (behind) this.#sendCtl(null);
      else void this.#catchUp();
    }
  }

  #onTick(): void {
    const { link } = this.#keeper;
    if (link?.isSilent === true) {
      this.#deps.log.warn({ event: 'publisher.server_silent' }, 'the bus does not answer');
      this.#keeper.reset(0);
    }
    this.#pump();
    if (this.#mode !== 'live' || !this.#position.isDue(this.#limits.ctl_interval_ms)) return;
    const watermark = this.#closing ? null : this.#deps.watermark();
    // Where everything offered is sent, the position is the log clock's now.
    this.#sendCtl(this.#queue.unsent === 0 ? watermark : null);
  }

  /** Puts a position behind what was sent so far; one is on the wire at a time. */
  #sendCtl(watermark: bigint | null): void {
    const { link } = this.#keeper;
    const position = this.#position;
    if (link === null || position.flight !== null) return;
    const { boundary } = this.#queue;
    const t = watermark !== null && watermark > boundary.t ? watermark : boundary.t;
    const covering: Boundary = { ...boundary, t };
    const record = position.record(t, boundary.events);
    const flight: Flight = { record, stored: () => this.#queue.cover(covering) };
    position.flight = flight;
    this.#queue.sent_since_ctl = 0;
    link.send(position.message(record), (outcome) => {
      if (position.flight !== flight) return;
      if (outcome.type === 'refused') return this.#onCtlRefused(outcome.detail);
      position.flight = null;
      position.expected = outcome.seq;
      flight.stored();
      this.#keeper.wake();
    });
  }

  /** Proves nothing by itself: the position is read again, over a new connection. */
  #onCtlRefused(detail: string): void {
    this.#deps.log.warn({ event: 'publisher.ctl_refused', detail }, 'the position was refused');
    this.#keeper.reset(this.#limits.reconnect_min_ms);
  }

  #onDlq(outcome: PublishOutcome): void {
    if (outcome.type === 'stored') return;
    const facts = { event: 'publisher.dlq_refused', detail: outcome.detail };
    this.#deps.log.warn(facts, 'a rejected frame could not be put aside');
  }

  async #catchUp(): Promise<void> {
    const from = this.#overflow;
    if (from === null || this.#mode !== 'draining') return;
    this.#mode = 'backlog';
    this.#overflow = null;
    const { openWal, log } = this.#deps;
    let backlog: Backlog | null = null;
    try {
      backlog = new Backlog(from.fold, from.t, openWal(from.t), this.#limits);
      await catchUp(this.#host, backlog);
    } catch (error) {
      if (this.#keeper.ended) return;
      // What cannot be read back is missing on the bus, and the run says so: it is archived from RAW.
      this.#position.run += 1;
      this.#position.flight = null;
      const message = error instanceof Error ? error.message : String(error);
      log.error({ event: 'publisher.backlog_lost', error: message }, 'the log cannot be read back');
      this.#goLive(null);
    } finally {
      backlog?.close();
    }
  }

  /** In the turn in which the last line offered was read: the next one goes into the queue. */
  #goLive(out: EventArena | null): void {
    if (out !== null) {
      this.#queue.push(liveMessages(this.#deps, out, this.#limits));
      this.#deps.log.info({ event: 'publisher.caught_up' }, 'caught up with the log');
    }
    this.#mode = 'live';
    this.#keeper.wake();
    this.#pump();
  }

  #armTick(): void {
    this.#tick = this.#deps.clock.setTimeout(() => {
      if (this.#state !== 'running') return;
      this.#onTick();
      this.#armTick();
    }, TICK_MS);
  }

  async #end(): Promise<void> {
    this.#state = 'ended';
    if (this.#tick !== null) this.#deps.clock.clearTimeout(this.#tick);
    await this.#keeper.end();
  }

  #warn(event: string, error: unknown, what = 'the bus cannot be reached'): void {
    const cause = error instanceof Error ? error.message : String(error);
    this.#deps.log.warn({ event, cause }, what);
  }
}
