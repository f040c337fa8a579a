/**
 * One session after another against a venue that says whatever a test has it say, on a virtual clock that
 * can stand still. It keeps its own account of each subscription from what it hears, and holds every step
 * against the invariants of `connectors/runtime/SPEC.md`, by number.
 */
import assert from 'node:assert/strict';
import { EventBuffer } from '../../codec/event-buffer.ts';
import type { Feed, Request, Subscription } from '../../connectors/feed.ts';
import type { Clock } from '../../connectors/runtime/clock.ts';
import { Session } from '../../connectors/runtime/session.ts';
import type { Move, SessionDeps } from '../../connectors/runtime/session-deps.ts';
import type { SocketHandlers } from '../../connectors/runtime/socket.ts';
import type { SubscriptionState } from '../../connectors/runtime/subscriptions.ts';
import { virtualClock } from '../../connectors/simulator/clock.ts';
import { FLAG, TYPE_CODE } from '../../schema/events.ts';
import type { FactKey, Facts } from '../../schema/log.ts';
import type { Day } from '../../schema/time.ts';
import { CONFIG } from './fold-story.ts';
import { tinyFeed } from './tiny-feed.ts';

export const SYMBOLS = ['BTCUSD', 'ETHUSD'] as const;
/** `books` open with a snapshot, `quotes` within a bound, `trades` may be quiet for ever. */
export const CHANNELS = ['books', 'quotes', 'trades'] as const;
const FIRST_MS: Readonly<Record<string, number | null>> = { books: 6_000, quotes: 4_000 };
const SILENCE_MS = 25_000;
const ACK_MS = 10_000;
const MINUTE_MS = 60_000;
/** Longest a repeat may wait: its turn among six, three a minute of each symbol. */
const REPEAT_MS_MAX = 200_000;
/** Instants are whole milliseconds, rounded down. */
const SLACK_MS = 2;

/** The machine in other words than its table (S1). */
function moved(from: SubscriptionState, event: Move['event']): SubscriptionState {
  if (event === 'request') return 'requested';
  if (event === 'stale') return from === 'refused' ? from : 'stale';
  const heard = from === 'first_message' || from === 'live';
  if (event === 'data') {
    if (from === 'resubscribing') return from;
    return heard || from === 'stale' ? 'live' : 'first_message';
  }
  if (event === 'broken') return from === 'acked' || heard ? 'resubscribing' : from;
  if (event === 'ack') return from === 'requested' || from === 'refused' ? 'acked' : from;
  if (event === 'refuse') return from === 'requested' || from === 'acked' ? 'refused' : from;
  const waited = event === 'no_ack' ? 'requested' : 'acked';
  return from === waited ? 'resubscribing' : from;
}

/** What the rig knows of one subscription of the session that is open. */
type Seen = {
  readonly subscription: Subscription;
  state: SubscriptionState;
  id: string | null;
  turn: number;
  /** Running time of its last request, and of entering the state it is in. */
  asked: number;
  entered: number;
  /** Times it entered `resubscribing`, and was asked for again. */
  due: number;
  repeats: number;
  again: boolean;
  gone: boolean;
  opened: boolean;
  /** An alarm of its own was written since it was asked for last. */
  alarmed: boolean;
};

export type Frame = {
  readonly kind: 'ack' | 'refused' | 'data' | 'heartbeat';
  readonly id?: string | null;
  readonly channel?: string;
  /** Index of the market. */
  readonly symbol?: number;
  readonly snapshot?: boolean;
  readonly subscribed?: readonly { readonly channel: string; readonly symbol: number }[];
};

export class SessionRig {
  readonly #base = virtualClock(0n);
  #stalled_ms = 0;
  #socket: SocketHandlers | null = null;
  #session: Session | null = null;
  #seen = new Map<string, Seen>();
  #c = 0;
  #id = 0;
  #turn = 0;
  #heard = 0;
  /** Keys that moved by an event since the list was emptied. */
  #moves: { readonly key: string; readonly event: Move['event'] }[] = [];
  #stale = false;
  #cut = false;
  /** Of each symbol, over all sessions: when a repeat was decided. */
  readonly #decided = new Map<string, number[]>();
  readonly #past = new Map<string, number[]>();
  /** Whose alarm was written last: a repeat over the limit has to say so next. */
  #over: string | null = null;
  readonly #buffer = new EventBuffer();

  constructor() {
    this.open();
  }

  get isOpen(): boolean {
    return this.#session !== null;
  }

  /** Ids of requests that a venue could answer: the latest and older ones. */
  ids(): readonly string[] {
    return [...Array(this.#id).keys()].map((it) => `${it + 1}`);
  }

  open(): void {
    if (this.#session !== null) return;
    const subscriptions = CHANNELS.flatMap((channel) =>
      SYMBOLS.map((symbol): Subscription => ({ channel, symbol, external: symbol })),
    );
    const endpoint = { name: 'public', path: '', subscriptions };
    this.#seen = new Map(subscriptions.map((it) => [keyOf(it), this.#fresh(it)]));
    this.#stale = false;
    this.#cut = false;
    this.#heard = this.#running();
    const options = { deps: this.#deps(), c: ++this.#c, day: '1970-01-01' as Day, url: 'ws://x' };
    const onEnd = (): void => void (this.#session = null);
    this.#session = new Session({ ...options, endpoint, onEnd });
    this.#session.start();
    this.#socket?.onOpen();
  }

  /** Time passes, and with it timers. */
  pass(ms: number): void {
    const until = this.#base.nowNs() + BigInt(ms) * 1_000_000n;
    this.#base.advanceTo(until);
    this.#rest();
  }

  /** This process stands still: time passes, and no timer runs. */
  stall(ms: number): void {
    this.#stalled_ms += ms;
  }

  ping(): void {
    if (this.#session === null) return;
    this.#heard = this.#running();
    this.#socket?.onPing();
  }

  broken(symbol: string): void {
    const cut = this.#cut;
    this.#session?.broken(symbol, new Set(['books']), 'checksum');
    assert.equal(this.#cut, cut, 'S7: a broken book cuts no connection');
    this.#rest();
  }

  close(): void {
    this.#socket?.onClose(1006, '', 'venue');
    assert.equal(this.#session, null);
  }

  /** A frame of the venue; holds what it may mean (S9, A1, A2). */
  hear(frame: Frame): void {
    if (this.#session === null) return;
    this.#heard = this.#running();
    const { channel, symbol } = frame;
    const own = this.#seen.get(`${channel} ${SYMBOLS[symbol ?? -1]}`);
    const opens = own?.subscription.channel === 'books' && frame.kind === 'data';
    const headless = opens && frame.snapshot !== true && own.state === 'acked' && !own.opened;
    const expected = this.#expected(frame);
    if (opens && own.state !== 'live') own.opened ||= frame.snapshot === true;
    this.#moves = [];
    this.#socket?.onFrame(new TextEncoder().encode(JSON.stringify(frame)));
    const [first] = this.#moves;
    if (headless) assert.equal(first?.event, 'broken', 'S9: a book that begins with no snapshot');
    if (expected !== null) {
      const answered = this.#moves.map((it) => it.key);
      assert.deepEqual(answered.toSorted(), expected.keys.toSorted(), expected.rule);
    }
    this.#rest();
  }

  /** Whom an answer without a request of its own concerns; null for one that has. */
  #expected(frame: Frame): { readonly rule: string; readonly keys: string[] } | null {
    const all = [...this.#seen];
    if (frame.subscribed !== undefined) {
      const named = new Set(frame.subscribed.map((it) => `${it.channel} ${SYMBOLS[it.symbol]}`));
      for (const [key, it] of all) if (!named.has(key)) it.gone = true;
      const own = all.filter(([key, it]) => named.has(key) && (!it.again || it.gone));
      return { rule: 'A1: a statement answers what it names', keys: own.map(([key]) => key) };
    }
    if (frame.kind !== 'refused' || frame.id != null || frame.channel !== undefined) return null;
    const market = SYMBOLS[frame.symbol ?? -1];
    const open = all.filter(
      ([, it]) =>
        it.state === 'requested' &&
        it.id !== null &&
        (market === undefined || it.subscription.symbol === market),
    );
    const turn = Math.min(...open.map(([, it]) => it.turn));
    const keys = open.filter(([, it]) => it.turn === turn).map(([key]) => key);
    return { rule: "A2: a refusal without id is the oldest request's", keys };
  }

  #fresh(subscription: Subscription): Seen {
    const now = this.#running();
    return {
      ...{ subscription, state: 'requested', id: null, turn: 0, asked: now, entered: now },
      ...{ due: 0, repeats: 0, again: false, gone: false, opened: false, alarmed: false },
    };
  }

  /** Ms in which this process ran. */
  #running(): number {
    return Number(this.#base.monoNs() / 1_000_000n);
  }

  #now(): number {
    return this.#running() + this.#stalled_ms;
  }

  #deps(): SessionDeps {
    const clock: Clock = {
      ...this.#base,
      monoNs: () => this.#base.monoNs() + BigInt(this.#stalled_ms) * 1_000_000n,
    };
    return {
      ...{ clock, feed: this.#feed(), config: CONFIG },
      openSocket: (_, handlers) => {
        this.#socket = handlers;
        return { send: () => undefined, close: () => undefined, terminate: () => this.#cutOff() };
      },
      fact: (key, fact) => this.#fact(key, fact),
      frame: (_, bytes) => this.#decode(JSON.parse(new TextDecoder().decode(bytes)) as Frame),
      drop: () => undefined,
      alarm: () => undefined,
      nextRequestId: () => `${++this.#id}`,
      resubscribes: (symbol) => this.#pastOf(symbol),
      moved: (move) => this.#moved(move),
    };
  }

  #feed(): Feed {
    const requests = (
      verb: string,
      subscriptions: readonly Subscription[],
      nextId: () => string,
    ): readonly Request[] =>
      [...Map.groupBy(subscriptions, (it) => it.channel).values()].map((own) => {
        const id = nextId();
        return { id, text: JSON.stringify({ verb, id, keys: own.map(keyOf) }), subscriptions: own };
      });
    const { limits } = tinyFeed.protocol;
    return {
      ...tinyFeed,
      protocol: {
        ...tinyFeed.protocol,
        answers: 'in_order',
        subscribe: (own, _, nextId) => requests('subscribe', own, nextId),
        unsubscribe: (own, _, nextId) => {
          for (const it of own) Object.assign(this.#of(keyOf(it)), { again: true, gone: false });
          return requests('unsubscribe', own, nextId);
        },
        limits: {
          ...limits,
          silence_ms: SILENCE_MS,
          first_message_ms: (channel) => FIRST_MS[channel] ?? null,
        },
      },
    };
  }

  #of(key: string): Seen {
    return this.#seen.get(key) ?? assert.fail(`no subscription ${key}`);
  }

  #fact<K extends FactKey>(key: K, fact: Facts[K]): void {
    if (key === '_alarm') this.#alarm(fact as Facts['_alarm']);
    if (key !== '_sent') return;
    const sent = JSON.parse((fact as Facts['_sent']).text) as Record<string, unknown>;
    const keys = sent['keys'] as string[];
    if (sent['verb'] === 'subscribe') this.#turn += 1;
    for (const it of keys.map((name) => this.#of(name))) {
      assert.ok(it.id === null || keys.length === 1, 'S7: one symbol is asked for again');
      if (sent['verb'] === 'unsubscribe') this.#repeated(it, keys);
      else Object.assign(it, { id: sent['id'], turn: this.#turn, asked: this.#running() });
      if (sent['verb'] === 'subscribe') Object.assign(it, { alarmed: false, opened: false });
    }
  }

  #repeated(it: Seen, keys: readonly string[]): void {
    assert.equal(keys.length, 1, 'S7: one symbol is asked for again');
    it.repeats += 1;
    assert.ok(it.repeats <= it.due, 'S2: asking again is due on entering resubscribing only');
    assert.ok(it.alarmed, 'S5: an alarm is written before it acts');
  }

  #alarm({ kind, channel, symbol }: Facts['_alarm']): void {
    const key = `${channel} ${symbol}`;
    if (kind === 'stale') this.#stale = true;
    if (kind === 'resubscribe_limit') {
      assert.ok(this.#isFull(symbol ?? ''), 'S6: it waits where three were decided');
      this.#over = null;
    } else if (kind === 'no_ack' || kind === 'silent' || kind === 'resubscribe') {
      this.#of(key).alarmed = true;
      this.#over = this.#isFull(symbol ?? '') ? key : null;
    }
  }

  #isFull(symbol: string): boolean {
    const since = this.#now() - MINUTE_MS;
    return (this.#decided.get(symbol) ?? []).filter((at) => at > since).length >= 3;
  }

  #pastOf(symbol: string): number[] {
    const known = this.#past.get(symbol);
    if (known !== undefined) return known;
    const past: number[] = [];
    const decided: number[] = [];
    past.push = (...at) => {
      assert.ok(!this.#isFull(symbol), 'S6: at most three in any minute');
      decided.push(...at);
      return Array.prototype.push.apply(past, at);
    };
    this.#past.set(symbol, past);
    this.#decided.set(symbol, decided);
    return past;
  }

  #moved({ subscription, from, event, to }: Move): void {
    const key = keyOf(subscription);
    const it = this.#of(key);
    const now = this.#running();
    assert.equal(from, it.state, 'S1: nothing moves it but events');
    if (event === 'request') assert.equal(to, 'requested', 'S3: asking leads to requested');
    if (event === 'data') {
      const isOld = from === 'resubscribing' || (it.again && from === 'requested');
      assert.ok(!isOld || to === 'resubscribing', 'S4: data does not heal what is asked for again');
      assert.ok(
        !(it.again && from === 'requested'),
        'S4: it may be the old subscription that speaks',
      );
    }
    assert.equal(to, moved(from, event), `S1: ${from} ${event}`);
    this.#inTime(it, event, now);
    if (to !== from) it.entered = now;
    if (to === 'resubscribing' && from !== 'resubscribing') it.due += 1;
    if (event === 'ack') it.again = false;
    it.state = to;
    this.#moves.push({ key, event });
  }

  /** S8: a wait counts the time in which this process ran. */
  #inTime(it: Seen, event: Move['event'], now: number): void {
    const rule = `S8: ${event} while this process stood still`;
    const first_ms = FIRST_MS[it.subscription.channel] ?? Infinity;
    if (event === 'no_ack') assert.ok(now - it.asked >= ACK_MS - SLACK_MS, rule);
    if (event === 'silent') assert.ok(now - it.entered >= first_ms - SLACK_MS, rule);
    if (event === 'stale') assert.ok(now - this.#heard >= SILENCE_MS - SLACK_MS, rule);
  }

  #cutOff(): void {
    assert.ok(this.#stale, 'S5: the alarm stale is written before the connection is cut');
    this.#cut = true;
    this.#socket?.onClose(null, '', 'us');
  }

  #decode(frame: Frame): EventBuffer {
    const { kind, id = null, channel = null, symbol, snapshot, subscribed } = frame;
    const buffer = this.#buffer;
    buffer.reset(new Uint8Array(1));
    Object.assign(buffer, { kind, request_id: id, channel, frame_symbol: symbol ?? -2 });
    if (subscribed !== undefined) buffer.subscribed = [...subscribed];
    if (kind === 'data') buffer.begin(TYPE_CODE.quote, symbol ?? 0, snapshot ? FLAG.SNAPSHOT : 0);
    return buffer;
  }

  /** What has to hold between two steps. */
  #rest(): void {
    assert.equal(this.#over, null, 'S6: what is over the limit says so');
    if (this.#session === null) return;
    const now = this.#running();
    for (const { channel, symbol, state } of this.#session.status()) {
      const it = this.#of(`${channel} ${symbol}`);
      assert.equal(state, it.state, 'S1: the state is what the events made it');
      const waits_ms = state === 'resubscribing' ? now - it.entered : 0;
      assert.ok(waits_ms < REPEAT_MS_MAX, 'S2: it is asked for again');
      assert.ok(state !== 'requested' || now - it.entered < REPEAT_MS_MAX, 'S5: no_ack');
    }
  }
}

function keyOf({ channel, symbol }: Subscription): string {
  return `${channel} ${symbol}`;
}
