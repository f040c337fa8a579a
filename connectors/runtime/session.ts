/**
 * One socket's life: open, subscribe within the venue's rate, watch for silence, ask again for what
 * stays silent or broke, close. Everything it does is written to the log first (`deps.fact`), and every
 * frame is written before it is looked at (`deps.frame`). `connection.ts` decides when there is one.
 */
import type { EventBuffer } from '../../codec/event-buffer.ts';
import { FLAG } from '../../schema/events.ts';
import type { Facts } from '../../schema/log.ts';
import type { Day } from '../../schema/time.ts';
import type { Endpoint, Request } from '../feed.ts';
import { createAnswers } from './answers.ts';
import type { Answers, Entry } from './answers.ts';
import type { TimerHandle } from './clock.ts';
import { createOutbox } from './outbox.ts';
import type { Outbox } from './outbox.ts';
import { ALARM_OF, opensWithSnapshot } from './session-deps.ts';
import type { SessionDeps, SessionEnd, SubscriptionStatus } from './session-deps.ts';
import { retryAfterSeconds } from './socket.ts';
import type { Socket } from './socket.ts';
import { isSettled, resubscribeWaitMs, timerEvent, transition } from './subscriptions.ts';
import type { SubscriptionAction, SubscriptionEvent } from './subscriptions.ts';

/** How often a session looks at its timers. */
const TICK_MS = 1_000;
/** A socket that does not open in this time is given up. */
export const OPEN_TIMEOUT_MS = 15_000;
/** Frames of one connection within one tick; a venue that sends more is cut off and asked again. */
export const FRAMES_PER_TICK_MAX = 250_000;
/** WebSocket close code. */
const CLOSE_NORMAL = 1000;

export class Session {
  readonly c: number;
  readonly url: string;
  readonly endpoint: Endpoint;
  frames = 0;
  readonly #deps: SessionDeps;
  readonly #day: Day;
  readonly #entries: Entry[];
  readonly #answers: Answers;
  /** Ids of requests that subscribe and were not sent yet. */
  readonly #requests = new Set<string>();
  #turn = 0;
  readonly #outbox: Outbox;
  readonly #onEnd: (end: SessionEnd) => void;
  readonly #onEnding: () => void;
  #socket: Socket | null = null;
  #opened_ms: number | null = null;
  #started_ms: number;
  #heard_ms: number;
  #pinged_ms: number;
  #tick_frames = 0;
  #ticked_ms: number;
  #tick: TimerHandle | null = null;
  #ended = false;
  /** Why we end it ourselves, where that is for a fault of the other side. */
  #given_up: string | null = null;

  constructor(options: {
    readonly deps: SessionDeps;
    readonly c: number;
    readonly day: Day;
    readonly url: string;
    readonly endpoint: Endpoint;
    readonly onEnd: (end: SessionEnd) => void;
    /** The venue said that it will end this connection: there is time to open another. */
    readonly onEnding?: () => void;
  }) {
    const { deps, endpoint } = options;
    this.c = options.c;
    this.url = options.url;
    this.endpoint = endpoint;
    this.#deps = deps;
    this.#day = options.day;
    this.#onEnd = options.onEnd;
    this.#onEnding = options.onEnding ?? (() => undefined);
    this.#started_ms = this.#now();
    this.#heard_ms = this.#started_ms;
    this.#pinged_ms = this.#started_ms;
    this.#ticked_ms = this.#started_ms;
    this.#outbox = createOutbox(deps.clock, {
      per_second: deps.feed.protocol.limits.requests_per_second,
      send: (request) => this.#sendRequest(request),
    });
    this.#entries = endpoint.subscriptions.map((subscription) => ({
      subscription,
      first_message_ms: deps.feed.protocol.limits.first_message_ms(subscription.channel),
      opens: deps.resubscribes !== null && opensWithSnapshot(deps.feed, subscription.channel),
      opened: false,
      state: 'requested' as const,
      since_ms: this.#started_ms,
      request_id: null,
      again: false,
      gone: false,
      turn: 0,
      waiting: null,
    }));
    this.#answers = createAnswers(this.#entries, deps);
  }

  /** Opens the socket; all that follows comes through its handlers and timers. */
  start(): void {
    this.#socket = this.#deps.openSocket(this.url, {
      onOpen: () => this.#open(),
      onFrame: (bytes) => this.#frame(bytes),
      onPing: () => {
        this.#heard_ms = this.#now();
      },
      onTooLarge: (bytes) => this.#tooLarge(bytes),
      onClose: (code, reason, by) => this.#closed(code, reason, by),
      onUpgradeRefused: (status, headers) => {
        const seconds = retryAfterSeconds(headers);
        this.#end({
          retry_after_ms: seconds === null ? null : seconds * 1000,
          by: 'refused',
          reason: `HTTP ${status}`,
        });
      },
    });
    this.#tick = this.#deps.clock.setTimeout(() => this.#onTick(), TICK_MS);
  }

  get isOpen(): boolean {
    return this.#opened_ms !== null && !this.#ended;
  }

  /** Ms since the socket opened, 0 where it has not. */
  get age_ms(): number {
    return this.#opened_ms === null ? 0 : this.#now() - this.#opened_ms;
  }

  /** Open, and every subscription as live as it gets without the market's help. */
  get isLive(): boolean {
    return this.isOpen && this.#entries.every((it) => isSettled(it.state, it.first_message_ms));
  }

  status(): readonly SubscriptionStatus[] {
    return this.#entries.map(({ subscription: { channel, symbol }, state }) => ({
      channel,
      symbol,
      state,
    }));
  }

  /** A book of ours can no longer be trusted: asks for its snapshot again. */
  broken(symbol: string, channels: ReadonlySet<string>, cause: string): void {
    for (const entry of this.#entries) {
      const { subscription } = entry;
      if (subscription.symbol !== symbol || !channels.has(subscription.channel)) continue;
      this.#apply(entry, 'broken', cause);
    }
  }

  /** Closes in good order; `onEnd` follows. */
  close(reason: string): void {
    if (this.#ended) return;
    if (this.isOpen) this.#socket?.close(CLOSE_NORMAL, reason);
    else this.#socket?.terminate();
  }

  /** Ends it now, without waiting for the venue. The close line is written by this call. */
  abandon(reason: string): void {
    if (this.#ended) return;
    this.#closed(null, reason, 'us');
    this.#socket?.terminate();
  }

  #now(): number {
    return Number(this.#deps.clock.monoNs() / 1_000_000n);
  }

  #open(): void {
    if (this.#ended) return;
    const now = this.#now();
    this.#opened_ms = now;
    this.#heard_ms = now;
    this.#pinged_ms = now;
    this.#deps.fact('_open', { c: this.c, url: this.url, day: this.#day });
    this.#request(this.#entries);
  }

  #frame(bytes: Uint8Array): void {
    if (this.#ended) return;
    this.#heard_ms = this.#now();
    const { frame_bytes_max } = this.#deps.feed.protocol.limits;
    if (bytes.length > frame_bytes_max) return this.#tooLarge(bytes.length);
    this.frames += 1;
    this.#tick_frames += 1;
    const buffer = this.#deps.frame(this.c, bytes);
    if (buffer !== null) this.#observe(buffer);
    if (this.#tick_frames > FRAMES_PER_TICK_MAX) {
      this.#deps.alarm('flood', { c: this.c, frames: this.#tick_frames });
      this.#giveUp('flood');
    }
  }

  /** `bytes`: its size, or what it is known to be at least. */
  #tooLarge(bytes: number): void {
    if (this.#ended) return;
    const { frame_bytes_max } = this.#deps.feed.protocol.limits;
    this.#deps.drop(this.c, bytes, 'frame_too_large');
    this.#deps.alarm('frame_too_large', { c: this.c, bytes, frame_bytes_max });
    this.#giveUp('frame too large');
  }

  #observe(buffer: EventBuffer): void {
    if (buffer.ending) this.#onEnding();
    if (buffer.kind === 'data') {
      const entry = this.#answers.entryOf(buffer);
      if (entry === undefined || entry.state === 'live') return;
      entry.opened ||= buffer.count > 0 && ((buffer.flags[0] as number) & FLAG.SNAPSHOT) !== 0;
      // A broken book holds what comes before its snapshot without a word: this is where it shows.
      if (entry.opens && !entry.opened && entry.state === 'acked') {
        this.#apply(entry, 'broken', 'no snapshot');
      } else if (!entry.again || entry.state !== 'requested') this.#apply(entry, 'data', '');
    } else if (buffer.kind === 'ack' || buffer.kind === 'refused') {
      const event = buffer.kind === 'ack' ? 'ack' : 'refuse';
      for (const entry of this.#answers.answered(buffer)) this.#apply(entry, event, buffer.reason);
    }
  }

  #apply(entry: Entry, event: SubscriptionEvent, detail: string): void {
    const { state: from, subscription } = entry;
    const { to, action } = transition(from, event);
    if (to === 'resubscribing' && this.#deps.resubscribes === null) {
      return this.#tellOnly(entry, action, detail);
    }
    if (to !== from) entry.since_ms = this.#now();
    entry.state = to;
    this.#deps.moved?.({ c: this.c, subscription, from, event, to, detail });
    if (event === 'ack') entry.again = false;
    if (action !== 'none') this.#act(entry, action, detail);
  }

  /** What would be asked for again is not: it stays as it is, and the timer that found it starts anew. */
  #tellOnly(entry: Entry, action: SubscriptionAction, detail: string): void {
    entry.since_ms = this.#now();
    if (action === 'none' || action === 'report_refused') return;
    this.#alarmLine(ALARM_OF[action], entry, detail);
  }

  #act(entry: Entry, action: Exclude<SubscriptionAction, 'none'>, detail: string): void {
    const { channel, symbol } = entry.subscription;
    if (action === 'report_refused') {
      // Which request a frame refuses is known here alone: the fold reads it in this line.
      if (entry.state === 'refused') this.#alarmLine('refused', entry, detail);
      else this.#deps.alarm('refused', { c: this.c, channel, symbol, detail });
      return;
    }
    const kind = ALARM_OF[action];
    this.#alarmLine(kind, entry, detail);
    this.#askAgain(entry);
  }

  #alarmLine(kind: Facts['_alarm']['kind'], entry: Entry | null, detail: string): void {
    const { channel, symbol } = entry?.subscription ?? { channel: null, symbol: null };
    this.#deps.fact('_alarm', { kind, c: this.c, channel, symbol, detail });
    this.#deps.alarm(kind, { c: this.c, channel, symbol, detail });
  }

  /** At most `RESUBSCRIBES_PER_MINUTE_MAX` a symbol; what is over waits, and says so once. */
  #askAgain(entry: Entry): void {
    const { resubscribes } = this.#deps;
    if (entry.waiting !== null || this.#ended || resubscribes === null) return;
    const past = resubscribes(entry.subscription.symbol ?? '');
    const now = this.#now();
    const wait_ms = resubscribeWaitMs(past, now);
    if (wait_ms > 0) {
      this.#alarmLine('resubscribe_limit', entry, `waiting ${wait_ms} ms`);
      entry.waiting = this.#deps.clock.setTimeout(() => {
        entry.waiting = null;
        if (entry.state === 'resubscribing') this.#askAgain(entry);
      }, wait_ms);
      return;
    }
    past.push(now);
    entry.again = true;
    entry.gone = false;
    const { protocol } = this.#deps.feed;
    const { config, nextRequestId } = this.#deps;
    this.#outbox.push(...protocol.unsubscribe([entry.subscription], config, nextRequestId));
    this.#request([entry]);
  }

  #request(entries: readonly Entry[]): void {
    const subscriptions = entries.map((it) => it.subscription);
    const { feed, config, nextRequestId } = this.#deps;
    const requests = feed.protocol.subscribe(subscriptions, config, nextRequestId);
    for (const request of requests) this.#requests.add(request.id);
    this.#outbox.push(...requests);
  }

  #sendRequest(request: Request): void {
    this.#sendText(request.text);
    if (this.#requests.delete(request.id)) this.#asked(request);
  }

  #asked(request: Request): void {
    this.#turn += 1;
    for (const entry of this.#entries) {
      const { channel, symbol } = entry.subscription;
      if (!request.subscriptions.some((it) => it.channel === channel && it.symbol === symbol))
        continue;
      entry.request_id = request.id;
      entry.opened = false;
      entry.turn = this.#turn;
      this.#apply(entry, 'request', '');
      entry.since_ms = this.#now();
    }
  }

  #sendText(text: string): void {
    this.#deps.fact('_sent', { c: this.c, text });
    this.#socket?.send(text);
  }

  #onTick(): void {
    if (this.#ended) return;
    this.#tick = this.#deps.clock.setTimeout(() => this.#onTick(), TICK_MS);
    this.#tick_frames = 0;
    const now = this.#now();
    const late_ms = now - this.#ticked_ms - TICK_MS;
    this.#ticked_ms = now;
    if (late_ms >= TICK_MS) this.#stalled(late_ms);
    if (this.#opened_ms === null) {
      if (now - this.#started_ms >= OPEN_TIMEOUT_MS) this.#giveUp('did not open in time');
      return;
    }
    const { limits, ping } = this.#deps.feed.protocol;
    const silent_ms = now - this.#heard_ms;
    if (silent_ms >= limits.silence_ms) {
      this.#alarmLine('stale', null, `no frame for ${silent_ms} ms`);
      for (const entry of this.#entries) this.#apply(entry, 'stale', '');
      this.#giveUp('silent');
      return;
    }
    for (const entry of this.#entries) {
      if (entry.request_id === null) continue;
      const event = timerEvent(entry.state, now - entry.since_ms, entry.first_message_ms);
      if (event !== null) this.#apply(entry, event, `after ${now - entry.since_ms} ms`);
    }
    if (ping !== null && now - this.#pinged_ms >= ping.interval_ms) {
      this.#pinged_ms = now;
      this.#sendText(ping.text(this.#deps.nextRequestId()));
    }
  }

  /**
   * This process did not run for a while: what came meanwhile waits to be read behind this timer. It is
   * no silence of the venue's, so every wait is that much longer.
   */
  #stalled(late_ms: number): void {
    this.#started_ms += late_ms;
    this.#heard_ms += late_ms;
    for (const entry of this.#entries) entry.since_ms += late_ms;
  }

  /** Cuts a connection that is of no use; in the log it is the network's fault, not a planned close. */
  #giveUp(reason: string): void {
    this.#given_up = reason;
    this.#socket?.terminate();
  }

  #closed(code: number | null, reason: string, by: Facts['_close']['by']): void {
    if (this.#ended) return;
    const cause =
      this.#given_up === null ? { reason, by } : { reason: this.#given_up, by: 'network' as const };
    if (this.#opened_ms !== null) this.#deps.fact('_close', { c: this.c, code, ...cause });
    this.#end({ retry_after_ms: null, ...cause });
  }

  #end(end: Omit<SessionEnd, 'open_ms'>): void {
    if (this.#ended) return;
    this.#ended = true;
    const { clock } = this.#deps;
    this.#outbox.stop();
    for (const timer of [this.#tick, ...this.#entries.map((it) => it.waiting)]) {
      if (timer !== null) clock.clearTimeout(timer);
    }
    this.#onEnd({ open_ms: this.#opened_ms === null ? null : this.age_ms, ...end });
  }
}
