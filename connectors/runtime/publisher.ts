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
import type { Bus, OutMessage, PublishOutcome } from '../../bus/bus.ts';
import type { Ctl, StoredCtl } from '../../bus/ctl.ts';
import { encodeCtl } from '../../bus/ctl.ts';
import { ctlSubject } from '../../bus/subjects.ts';
import type { EventArena } from '../../codec/event-arena.ts';
import { SsmdError } from '../../schema/errors.ts';
import { unixNs } from '../../schema/time.ts';
import type { Clock, TimerHandle } from './clock.ts';
import { Backlog } from './publisher-backlog.ts';
import type { BacklogFold } from './publisher-backlog.ts';
import { lastTradeIds, mayClaim } from './publisher-claim.ts';
import type { PublisherLimits } from './publisher-limits.ts';
import { PUBLISHER_LIMITS } from './publisher-limits.ts';
import { PublisherLink } from './publisher-link.ts';
import { liveMessages, packedMessages, rejectedIn } from './publisher-messages.ts';
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
/** Between two looks at a shard that another connector has. */
const CLAIM_RETRY_MS = 500;
/** A bus that was reached and is gone for this long is away: the shard may be taken without it. */
const AWAY_NS = 3_000_000_000n;

/** A `ctl` on the wire: what it covers, once it is known to be stored. */
type Flight = { readonly record: Ctl; readonly stored: () => void };

class ShardPublisher implements Publisher {
  readonly fenced: Promise<void>;
  readonly #deps: PublisherDeps;
  readonly #limits: PublisherLimits;
  readonly #queue = new PublisherQueue();
  readonly #fence: () => void;
  readonly #waiters = new Set<() => void>();
  #mode: 'live' | 'draining' | 'backlog' = 'live';
  #state: 'idle' | 'running' | 'ended' = 'idle';
  /** Set while the connection is up and its position is known. */
  #link: PublisherLink | null = null;
  #tick: TimerHandle | null = null;
  /** Sequence of the last `ctl` in the stream, 0 for none. */
  #expected = 0;
  #claimed = false;
  /** Where the epoch began to speak without the bus; null where it has claimed first. */
  #claim_t: bigint | null = null;
  #run = 0;
  #head = 0n;
  #overflow: { readonly fold: BacklogFold; readonly t: bigint } | null = null;
  #flight: Flight | null = null;
  /** A message was refused since the position was last read: a `ctl` after it proves nothing. */
  #refused = false;
  #ctl_ns = 0n;
  #reconnects = 0;
  /** The log is closed: its clock is not to be asked any more. */
  #closing = false;
  #wait_ms = 0;

  constructor(deps: PublisherDeps) {
    this.#deps = deps;
    this.#limits = { ...PUBLISHER_LIMITS, ...deps.limits };
    const fence = Promise.withResolvers<void>();
    this.fenced = fence.promise;
    this.#fence = fence.resolve;
  }

  async claim(options: Parameters<Publishing['claim']>[0]): Promise<Claim> {
    const { epoch, clock, watermark, shard, feed } = this.#deps;
    const since = clock.wallNs();
    let link: PublisherLink | null = null;
    let prev: StoredCtl | null = null;
    let reached_ns: bigint | null = null;
    for (;;) {
      options.signal.throwIfAborted();
      try {
        link ??= await this.#open();
        const last = await link.lastCtl();
        reached_ns = clock.monoNs();
        const own = last !== null && this.#isOwn(last);
        if (!own) prev = last;
        const view = { epoch, now: clock.wallNs(), since, standby: options.standby };
        if (own || mayClaim(last, { ...view, warm: options.warm() })) {
          if (own) this.#taken(last.seq, last.record.t);
          else if (!(await this.#put(link, last))) continue;
          const ids = await lastTradeIds(link, shard, feed);
          this.#start(link);
          const { record } = prev ?? { record: null };
          return { prev: record === null ? null : { epoch: record.epoch, t: record.t }, ids };
        }
      } catch (error) {
        if (error instanceof SsmdError && error.code === 'SSMD_FENCED') throw error;
        void link?.close();
        link = null;
        this.#warn('publisher.bus_unreachable', error, 'the bus cannot be reached');
        const away = reached_ns === null || clock.monoNs() - reached_ns > AWAY_NS;
        if (away && !options.standby) {
          this.#claim_t = watermark();
          this.#start(null);
          return { prev: null, ids: {} };
        }
      }
      await this.#pause(CLAIM_RETRY_MS);
    }
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
    return this.#claimed ? this.#queue.covered.t : 0n;
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
      connected: this.#link !== null,
    };
  }

  status(): Readonly<Record<string, unknown>> {
    const { t, ...rest } = this.position();
    const { bytes } = this.#queue;
    const { epoch } = this.#deps;
    const reconnects = this.#reconnects;
    return { ...rest, t: `${t}`, epoch, queued_bytes: bytes, reconnects, run: this.#run };
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
      await Promise.race([this.#changed(), aborted]);
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
      this.#claimed && this.#mode === 'live' && unsent === 0 && covered.index === boundary.index
    );
  }

  // --- the connection ---

  #open(): Promise<PublisherLink> {
    const { bus, clock, shard, feed, epoch, normalizer } = this.#deps;
    return PublisherLink.open({
      ...{ bus, clock, shard, feed, epoch, normalizer },
      limits: this.#limits,
      onRoom: () => this.#pump(),
      onRefused: (outcome) => this.#onRefused(outcome),
    });
  }

  #start(link: PublisherLink | null): void {
    this.#state = 'running';
    this.#ctl_ns = this.#deps.clock.monoNs();
    this.#armTick();
    void this.#serve(link);
  }

  /** Keeps a connection, one after the other, until the end. */
  async #serve(first: PublisherLink | null): Promise<void> {
    let link = first;
    let ready = first !== null;
    while (this.#isRunning()) {
      try {
        link ??= await this.#open();
        if (!ready && !(await this.#resume(link))) break;
        this.#wait_ms = 0;
        this.#link = link;
        this.#queue.rewind();
        this.#wake();
        this.#pump();
        const reason = await link.closed;
        if (this.#isRunning()) {
          const facts = { event: 'publisher.connection_lost', reason };
          this.#deps.log.warn(facts, 'the connection to the bus is lost');
        }
      } catch (error) {
        void link?.close();
        this.#warn('publisher.connect_failed', error, 'the bus cannot be reached');
      }
      this.#link = null;
      link = null;
      ready = false;
      if (!this.#isRunning()) break;
      this.#reconnects += 1;
      const { reconnect_min_ms, reconnect_max_ms } = this.#limits;
      await this.#pause(this.#wait_ms);
      this.#wait_ms = Math.min(Math.max(this.#wait_ms * 2, reconnect_min_ms), reconnect_max_ms);
    }
    await link?.close();
  }

  /** Reads where the stream is; false where it belongs to another epoch. */
  async #resume(link: PublisherLink): Promise<boolean> {
    for (;;) {
      const last = await link.lastCtl();
      if (last !== null && this.#isNewer(last)) {
        const owner = { epoch: last.record.epoch, writer: last.record.writer };
        this.#deps.log.warn({ event: 'publisher.fenced', ...owner }, 'another epoch has the shard');
        await this.#end();
        this.#fence();
        return false;
      }
      if (this.#claimed) {
        this.#reconcile(last);
        return true;
      }
      if (await this.#put(link, last)) return true;
    }
  }

  #isOwn({ record }: StoredCtl): boolean {
    return record.epoch === this.#deps.epoch && record.writer === this.#deps.writer;
  }

  #isNewer(last: StoredCtl): boolean {
    return last.record.epoch >= this.#deps.epoch && !this.#isOwn(last);
  }

  /** What was on the wire is either what the stream ends with, or it is to be sent again. */
  #reconcile(last: StoredCtl | null): void {
    const flight = this.#flight;
    const refused = this.#refused;
    const seq = last?.seq ?? 0;
    const before = this.#expected;
    this.#flight = null;
    this.#refused = false;
    this.#expected = seq;
    if (seq === before) return;
    if (last !== null && seq > before && this.#isOwn(last)) {
      const { t, events } = last.record;
      const same = flight !== null && flight.record.t === t && flight.record.events === events;
      if (same && !refused) flight.stored();
      return;
    }
    // The stream lost what it had acknowledged; the archive takes that from the log.
    this.#run += 1;
    const facts = { event: 'publisher.position_moved', seq, expected: before, run: this.#run };
    this.#deps.log.warn(facts, 'the stream does not end where it was left');
  }

  /** Claims the shard after `last`; false where someone else was faster. */
  async #put(link: PublisherLink, last: StoredCtl | null): Promise<boolean> {
    const prev_t = last?.record.t ?? 0n;
    const now = this.#deps.watermark();
    const record = this.#record(this.#claim_t ?? (now > prev_t ? now : prev_t), 0);
    const outcome = await link.ask(this.#ctlMessage(record, last?.seq ?? 0));
    if (outcome === null) throw new SsmdError('SSMD_UNAVAILABLE', 'the connection was lost');
    if (outcome.type === 'refused') {
      if (outcome.reason === 'wrong_last') return this.#isClaimed(link);
      throw new SsmdError('SSMD_UNAVAILABLE', `the claim was refused: ${outcome.detail}`);
    }
    this.#taken(outcome.seq, record.t);
    return true;
  }

  /** A claim that was refused may be our own, its acknowledgement lost. */
  async #isClaimed(link: PublisherLink): Promise<boolean> {
    const last = await link.lastCtl();
    if (last === null || !this.#isOwn(last)) return false;
    this.#taken(last.seq, last.record.t);
    return true;
  }

  #taken(seq: number, t: bigint): void {
    this.#claimed = true;
    this.#expected = seq;
    const { covered } = this.#queue;
    if (covered.t < t) this.#queue.covered = { ...covered, t };
    this.#queue.rewind();
  }

  #onRefused(outcome: PublishOutcome): void {
    this.#refused = true;
    const detail = outcome.type === 'refused' ? outcome.detail : '';
    const facts = { event: 'publisher.message_refused', detail };
    this.#deps.log.error(facts, 'the bus refused a message');
    this.#reset(this.#limits.reconnect_min_ms);
  }

  /** Gives the connection up; what is not covered is sent again over the next one. */
  #reset(wait_ms: number): void {
    const link = this.#link;
    this.#link = null;
    this.#wait_ms = Math.max(this.#wait_ms, wait_ms);
    void link?.close();
  }

  // --- live ---

  /** Sends what there is room for. */
  #pump(): void {
    const link = this.#link;
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
    if (queue.unsent > 0 || this.#flight !== null) return;
    const behind = queue.covered.index < queue.boundary.index;
    if (this.#mode === 'draining') {
      if (behind) this.#sendCtl(null);
      else void this.#catchUp();
    }
  }

  #onTick(): void {
    const link = this.#link;
    if (link?.isSilent === true) {
      this.#deps.log.warn({ event: 'publisher.server_silent' }, 'the bus does not answer');
      this.#reset(0);
    }
    this.#pump();
    const due_ns = BigInt(this.#limits.ctl_interval_ms) * 1_000_000n;
    if (this.#mode !== 'live' || this.#deps.clock.monoNs() - this.#ctl_ns < due_ns) return;
    // Asking the log clock may bring midnight about, and so more events.
    const watermark = this.#closing ? null : this.#deps.watermark();
    // Where everything offered is sent, the position is the log clock's now.
    this.#sendCtl(this.#queue.unsent === 0 ? watermark : null);
  }

  /** Puts a position behind what was sent so far; one is on the wire at a time. */
  #sendCtl(watermark: bigint | null): void {
    const link = this.#link;
    if (link === null || this.#flight !== null) return;
    const { boundary } = this.#queue;
    const t = watermark !== null && watermark > boundary.t ? watermark : boundary.t;
    const covering: Boundary = { ...boundary, t };
    const record = this.#record(t, boundary.events);
    const flight: Flight = { record, stored: () => this.#queue.cover(covering) };
    this.#flight = flight;
    this.#queue.sent_since_ctl = 0;
    link.send(this.#ctlMessage(record, this.#expected), (outcome) => {
      if (this.#flight !== flight) return;
      if (outcome.type === 'refused') return this.#onCtlRefused(outcome.detail);
      this.#flight = null;
      this.#expected = outcome.seq;
      flight.stored();
      this.#wake();
    });
  }

  /** Proves nothing by itself: the position is read again, over a new connection. */
  #onCtlRefused(detail: string): void {
    this.#deps.log.warn({ event: 'publisher.ctl_refused', detail }, 'the position was refused');
    this.#reset(this.#limits.reconnect_min_ms);
  }

  #onDlq(outcome: PublishOutcome): void {
    if (outcome.type === 'stored') return;
    const facts = { event: 'publisher.dlq_refused', detail: outcome.detail };
    this.#deps.log.warn(facts, 'a rejected frame could not be put aside');
  }

  #record(t: bigint, events: number): Ctl {
    const { epoch, writer, normalizer, clock } = this.#deps;
    this.#ctl_ns = clock.monoNs();
    const at = unixNs(clock.wallNs());
    return { epoch, writer, t: unixNs(t), events, run: this.#run, at, normalizer };
  }

  #ctlMessage(record: Ctl, expected: number): OutMessage {
    const subject = ctlSubject(this.#deps.shard, this.#deps.feed);
    const data = encodeCtl(record);
    return { subject, id: null, expected, count: 0, late: false, t: null, data };
  }

  // --- backlog ---

  async #catchUp(): Promise<void> {
    const from = this.#overflow;
    if (from === null || this.#mode !== 'draining') return;
    this.#mode = 'backlog';
    this.#overflow = null;
    const { openWal, log } = this.#deps;
    try {
      const backlog = new Backlog(from.fold, from.t, openWal(from.t), this.#limits);
      try {
        await this.#readBacklog(backlog);
      } finally {
        backlog.close();
      }
      log.info({ event: 'publisher.caught_up' }, 'caught up with the log');
    } catch (error) {
      if (!this.#isRunning()) return;
      // What cannot be read back is missing on the bus, and the run says so: it is archived from RAW.
      this.#run += 1;
      const message = error instanceof Error ? error.message : String(error);
      log.error({ event: 'publisher.backlog_lost', error: message }, 'the log cannot be read back');
      this.#mode = 'live';
    }
    this.#wake();
    this.#pump();
  }

  async #readBacklog(backlog: Backlog): Promise<void> {
    const { out } = backlog.fold;
    while (this.#isRunning()) {
      const state = backlog.read(this.#head);
      if (state === 'caught_up' && out.count <= this.#limits.queue_events_max / 4) {
        this.#queue.push(liveMessages(this.#deps, out, this.#limits));
        this.#mode = 'live';
        return;
      }
      const due_ns = BigInt(this.#limits.ctl_interval_ms) * 1_000_000n;
      const due = this.#deps.clock.monoNs() - this.#ctl_ns >= due_ns;
      if (state !== 'more' || due) await this.#flush(backlog);
      else await this.#pause(0);
    }
  }

  /** Sends what has gathered; more than a batch holds goes in several, the last one tells `t`. */
  async #flush(backlog: Backlog): Promise<void> {
    const { out } = backlog.fold;
    const { t } = backlog;
    const rejected = rejectedIn(this.#deps, out, 0, out.count);
    const packs = packedMessages(this.#deps, out, this.#limits);
    const events = this.#queue.covered.events + out.count;
    out.clear();
    for (const message of rejected) await this.#askLive(message);
    const size = this.#limits.batch_messages_max - 1;
    for (let at = 0; at < packs.length || at === 0; at += size) {
      const { covered } = this.#queue;
      const last = at + size >= packs.length;
      const reached = last ? { t, events } : { t: covered.t, events: covered.events };
      await this.#sendBatch(packs.slice(at, at + size), reached);
    }
  }

  /** A copy for `dlq`, over whatever connection there is. */
  async #askLive(message: OutMessage): Promise<void> {
    for (;;) {
      const link = await this.#linked();
      const outcome = await link.ask(message);
      if (outcome === null) continue;
      this.#onDlq(outcome);
      return;
    }
  }

  /** Returns once the batch is in the stream, however many connections that takes. */
  async #sendBatch(
    packs: readonly OutMessage[],
    reached: { readonly t: bigint; readonly events: number },
  ): Promise<void> {
    const queue = this.#queue;
    let stored = false;
    while (!stored) {
      const link = await this.#linked();
      if (stored) return;
      const record = this.#record(reached.t, reached.events);
      this.#flight = {
        record,
        stored: () => {
          stored = true;
          queue.skipTo(reached.t, reached.events);
        },
      };
      const outcome = await link.batch([...packs, this.#ctlMessage(record, this.#expected)]);
      if (outcome?.type === 'stored') {
        this.#expected = outcome.seq;
        this.#flight.stored();
        this.#flight = null;
      } else if (outcome !== null) {
        await this.#onBatchRefused(outcome);
      } else {
        await this.#linked();
      }
    }
  }

  async #onBatchRefused(outcome: PublishOutcome & { type: 'refused' }): Promise<void> {
    const { reason, detail } = outcome;
    const facts = { event: 'publisher.batch_refused', reason, detail };
    this.#deps.log.warn(facts, 'the bus refused a batch');
    if (reason === 'repeated_id' || reason === 'too_large') {
      throw new Error(`broken invariant: a batch is within the server's rules: ${detail}`);
    }
    if (reason === 'busy') {
      this.#flight = null;
      return this.#pause(this.#limits.busy_wait_ms);
    }
    this.#reset(this.#limits.reconnect_min_ms);
    await this.#linked();
  }

  /** The connection, once there is one whose position is known. Rejects at the end. */
  async #linked(): Promise<PublisherLink> {
    for (;;) {
      if (!this.#isRunning()) throw new SsmdError('SSMD_INTERRUPTED', 'the publisher ended');
      if (this.#link !== null) return this.#link;
      await this.#changed();
    }
  }

  // --- time and end ---

  #isRunning(): boolean {
    return this.#state === 'running';
  }

  /** Resolves at the next change of connection, position or mode. */
  #changed(): Promise<void> {
    return new Promise((resolve) => this.#waiters.add(resolve));
  }

  #wake(): void {
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    for (const resolve of waiters) resolve();
  }

  #pause(wait_ms: number): Promise<void> {
    return new Promise((resolve) => void this.#deps.clock.setTimeout(resolve, wait_ms));
  }

  #armTick(): void {
    this.#tick = this.#deps.clock.setTimeout(() => {
      if (!this.#isRunning()) return;
      this.#onTick();
      this.#armTick();
    }, TICK_MS);
  }

  async #end(): Promise<void> {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    if (this.#tick !== null) this.#deps.clock.clearTimeout(this.#tick);
    const link = this.#link;
    this.#link = null;
    this.#wake();
    await link?.close();
  }

  #warn(event: string, error: unknown, message: string): void {
    const cause = error instanceof Error ? error.message : String(error);
    this.#deps.log.warn({ event, cause }, message);
  }
}
