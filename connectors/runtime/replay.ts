/**
 * Replays a span: takes its events in order, sends each when it is due, and does what it is told
 * between two of them. What is told holds from the answer on, also for the process that comes after
 * this one: it is kept with the stream before it is answered.
 *
 * - `pause` stops the timeline, `resume` goes on where it stood; `speed` holds for the next event
 * - `seek` begins a new pass: forward it skips, backward the day is folded again from its beginning,
 *   muted, since a fold cannot be run backward
 * - `stop` ends after what was sent is stored
 *
 * The bus sets the pace where it is the slower: the replay waits for it, is late, says so, and drops
 * nothing. Consecutive events of one subject that are due at once share a message.
 */
import type { ReplayLink, ReplayPlace, ReplayRecord } from '../../bus/replay.ts';
import type {
  ReplayAnswer,
  ReplayCommand,
  ReplayCursor,
  ReplayMark,
  ReplayPosition,
  ReplayResult,
  ReplaySpeed,
  ReplayState,
} from '../../schema/replay.ts';
import type { ReplaySpan } from '../../dataset/replay-span.ts';
import type { ReplayClock, Waker } from './replay-clock.ts';
import { createPacer } from './replay-pacer.ts';
import type { Pacer } from './replay-pacer.ts';
import { commandFault, positionOf, startOf } from './replay-position.ts';
import type { ReplayEvent, ReplaySource } from './replay-source.ts';
import { createSpacing } from './replay-spacing.ts';

/** Events of one message, and their bytes. */
const PACK_EVENTS_MAX = 64;
const PACK_BYTES_MAX = 256 * 1024;
/** Messages between two breaths: what is told is heard, what is sent goes out. */
const MESSAGES_A_BREATH = 256;
/** While it waits, it looks this often whether the bus is still there. */
const WAIT_NS_MAX = 1_000_000_000n;

export type ReplayOptions = {
  readonly feed: string;
  /** `kraken@1` */
  readonly normalizer: string;
  readonly place: Pick<ReplayPlace, 'owner' | 'run' | 'keep'>;
  readonly span: ReplaySpan;
  readonly speed: ReplaySpeed;
  readonly symbols: readonly string[] | null;
  /** What an earlier process is known to have stored. */
  readonly resume: ReplayMark | null;
  readonly source: ReplaySource;
  readonly link: Pick<
    ReplayLink,
    'record' | 'stored' | 'keepRecord' | 'publish' | 'hasRoom' | 'room' | 'drain'
  >;
  readonly clock: ReplayClock;
};

export type Replay = {
  /** Runs to the end, or to a stop. @throws what the source or the link throw */
  readonly run: () => Promise<ReplayResult>;
  readonly command: (command: ReplayCommand) => Promise<ReplayAnswer>;
  readonly position: () => ReplayPosition;
  /** What is stored: another process goes on from here. What is sent beyond it may yet be lost. */
  readonly mark: () => ReplayMark;
};

export function createReplay(options: ReplayOptions): Replay {
  return new Replayer(options);
}

class Replayer implements Replay {
  readonly #of: ReplayOptions;
  readonly #pacer: Pacer;
  readonly #spacing = createSpacing();
  readonly #seen = new Set<string>();
  #state: ReplayState = 'starting';
  /** What is sent. */
  #cursor: ReplayCursor;
  /** Where this process took up the pass. */
  #taken_up: ReplayCursor;
  /** Where this pass began. */
  #start: string;
  /** What is read is not what is wanted any more. */
  #cut = false;
  /** Told to hold still: a command is being carried out. */
  #holds = 0;
  #commands: Promise<unknown> = Promise.resolve();
  readonly #waker: Waker = { wake: () => undefined };
  #opened = new AbortController();
  /** The event that waits, and the one before it in the source. */
  #next: bigint | null = null;
  #before: bigint | null = null;
  #events = 0;
  #messages = 0;
  #pass_events = 0;
  #late_ns = 0n;
  #late_max_ns = 0n;
  #busy_ns = 0n;
  /** When the message before was sent; null after a pause. */
  #sent_ns: bigint | null = null;
  #since_breath = 0;

  constructor(options: ReplayOptions) {
    this.#of = options;
    const begun = startOf(options);
    this.#start = begun.start;
    this.#cursor = begun.cursor;
    this.#taken_up = begun.cursor;
    this.#pacer = createPacer(begun.speed, begun.paused);
  }

  mark = (): ReplayMark => {
    const { cursor, seq } = this.#of.link.stored();
    const { pass } = this.#taken_up;
    return { ...(cursor?.pass === pass ? cursor : this.#taken_up), seq };
  };

  position = (): ReplayPosition =>
    positionOf(this.#of.span, {
      state: !this.#isOver() && this.#pacer.isPaused() ? 'paused' : this.#state,
      t: BigInt(this.#cursor.t),
      speed: this.#pacer.speed(),
      pass: this.#cursor.pass,
      events: this.#pass_events,
      late_ns: this.#late_ns,
    });

  run = async (): Promise<ReplayResult> => {
    await this.#keep();
    while (!this.#isOver()) {
      const ended = await this.#runPass();
      if (ended && this.#holds === 0 && !this.#cut) this.#state = 'ended';
      // A command that came with the last event is carried out first.
      while (this.#holds > 0) await this.#waitForWord();
    }
    await this.#of.link.drain();
    return this.#result();
  };

  command = (command: ReplayCommand): Promise<ReplayAnswer> => {
    const answer = this.#commands.then(() => this.#carryOut(command));
    this.#commands = answer.catch(() => undefined);
    return answer;
  };

  #isOver(): boolean {
    return this.#state === 'ended' || this.#state === 'stopped';
  }

  /** From the cursor on; false where it was cut off. */
  async #runPass(): Promise<boolean> {
    this.#cut = false;
    this.#sent_ns = null;
    this.#before = null;
    this.#next = null;
    this.#opened = new AbortController();
    const opened = this.#opened;
    const stream = this.#of.source(BigInt(this.#cursor.t), opened.signal);
    let already = this.#cursor.k;
    const resumed = BigInt(this.#cursor.t);
    try {
      for await (const events of stream) {
        // Of the first instant some were sent before.
        const from = already === 0 ? 0 : skipSent(events, resumed, already);
        already -= Math.min(already, from);
        if (!(await this.#sendAll(events, from))) return false;
      }
      return true;
    } catch (error) {
      if (opened.signal.aborted) return false;
      throw error;
    } finally {
      opened.abort();
    }
  }

  async #sendAll(events: readonly ReplayEvent[], from: number): Promise<boolean> {
    let at = from;
    while (at < events.length) {
      const event = events[at] as ReplayEvent;
      this.#next = event.t;
      if (event.t < BigInt(this.#start)) {
        // Skipped by a seek forward.
        at += 1;
        this.#before = event.t;
        if (at % MESSAGES_A_BREATH === 0) await this.#breathe();
        continue;
      }
      // Between this and the sending nothing else may run: a command would be told too early.
      const verdict = this.#turnOf(event);
      if (verdict === 'cut') return false;
      if (verdict !== 'go') {
        await verdict;
        continue;
      }
      at = this.#send(events, at);
      this.#before = (events[at - 1] as ReplayEvent).t;
    }
    return true;
  }

  /** Whether an event may go; else what to wait for before one looks again. */
  #turnOf(event: ReplayEvent): 'go' | 'cut' | Promise<void> {
    const { link, clock } = this.#of;
    if (this.#isOver() || this.#cut) return 'cut';
    // Also where the bus is lost: then it throws.
    if (!link.hasRoom()) return link.room();
    if (this.#holds > 0 || this.#pacer.isPaused()) return this.#waitForWord();
    if (this.#since_breath >= MESSAGES_A_BREATH) return this.#breathe();
    const now = clock.monoNs();
    const due = this.#pacer.due(event.t, now);
    if (due <= now) return 'go';
    this.#late_ns = 0n;
    this.#since_breath = 0;
    return clock.wait(due - now > WAIT_NS_MAX ? now + WAIT_NS_MAX : due, this.#waker);
  }

  async #waitForWord(): Promise<void> {
    const { clock } = this.#of;
    this.#sent_ns = null;
    this.#late_ns = 0n;
    await clock.wait(clock.monoNs() + WAIT_NS_MAX, this.#waker);
  }

  async #breathe(): Promise<void> {
    this.#since_breath = 0;
    await this.#of.clock.breathe();
  }

  /** Sends the event at `at` and those that go with it; returns the index of the next. */
  #send(events: readonly ReplayEvent[], at: number): number {
    const { feed, normalizer, link, clock } = this.#of;
    const first = events[at] as ReplayEvent;
    const end = this.#packEnd(events, at);
    const pack = events.slice(at, end);
    const { pass } = this.#cursor;
    const last = pack.at(-1) ?? first;
    this.#cursor = cursorAfter(this.#cursor, pack, last.t);
    const { shard, t, type, symbol, index } = first;
    const intended = this.#pacer.due(t, clock.monoNs());
    link.publish({
      ...{ feed, type, symbol, normalizer },
      id: `${pass}:${feed}:${shard}:${t}:${type}:${symbol}:${index}`,
      count: pack.length,
      cursor: this.#cursor,
      data: joined(pack),
    });
    this.#account(intended, pack.length);
    if (this.#of.symbols !== null) this.#seen.add(symbol);
    return end;
  }

  #packEnd(events: readonly ReplayEvent[], at: number): number {
    const first = events[at] as ReplayEvent;
    const timed = this.#pacer.speed() !== 'max';
    let bytes = first.bytes.length;
    let end = at + 1;
    for (; end < events.length && end - at < PACK_EVENTS_MAX; end++) {
      const event = events[end] as ReplayEvent;
      bytes += event.bytes.length;
      const together =
        event.symbol === first.symbol &&
        event.type === first.type &&
        event.shard === first.shard &&
        (!timed || event.t === first.t);
      if (!together || bytes > PACK_BYTES_MAX) break;
    }
    return end;
  }

  #account(intended: bigint, count: number): void {
    const speed = this.#pacer.speed();
    if (this.#state === 'starting') this.#state = 'playing';
    this.#events += count;
    this.#pass_events += count;
    this.#messages += 1;
    this.#since_breath += 1;
    const now = this.#of.clock.monoNs();
    if (this.#sent_ns !== null) this.#busy_ns += now - this.#sent_ns;
    this.#sent_ns = now;
    if (speed === 'max') return;
    const late = now - intended;
    this.#late_ns = late;
    if (late > this.#late_max_ns) this.#late_max_ns = late;
    this.#spacing.count(speed, Number(late));
  }

  async #carryOut(command: ReplayCommand): Promise<ReplayAnswer> {
    if (command.op === 'position') return { refusal: null, position: this.position() };
    const refusal = commandFault(command, this.#of.span, {
      over: this.#isOver(),
      paused: this.#pacer.isPaused(),
    });
    if (refusal !== null) return { refusal, position: this.position() };
    this.#holds += 1;
    try {
      this.#obey(command);
      this.#waker.wake();
      await this.#keep();
    } finally {
      this.#holds -= 1;
      this.#waker.wake();
    }
    return { refusal: null, position: this.position() };
  }

  #obey(command: Exclude<ReplayCommand, { readonly op: 'position' }>): void {
    const now = this.#of.clock.monoNs();
    if (command.op === 'pause') this.#pacer.pause(now, this.#next);
    else if (command.op === 'resume') this.#pacer.resume(now);
    else if (command.op === 'speed') this.#pacer.setSpeed(command.speed, now, this.#next);
    else if (command.op === 'seek') this.#seek(command.to);
    else {
      this.#state = 'stopped';
      this.#opened.abort();
    }
  }

  #seek(to: string): void {
    // What lies between the last event read and the one that waits needs no new fold.
    const ahead = this.#before !== null && BigInt(to) > this.#before && !this.#cut;
    this.#start = to;
    this.#cursor = { pass: this.#cursor.pass + 1, t: to, k: 0 };
    this.#taken_up = this.#cursor;
    this.#pass_events = 0;
    this.#late_ns = 0n;
    this.#pacer.restart();
    if (ahead) return;
    this.#cut = true;
    this.#opened.abort();
  }

  #keep(): Promise<void> {
    const { place, link } = this.#of;
    const { owner, run, keep } = place;
    const record: ReplayRecord = {
      ...{ owner, run, keep, start: this.#start, pass: this.#cursor.pass },
      speed: this.#pacer.speed(),
      paused: this.#pacer.isPaused(),
    };
    return link.keepRecord(record);
  }

  #result(): ReplayResult {
    const seconds = Number(this.#busy_ns) / 1e9;
    return {
      outcome: this.#state === 'stopped' ? 'stopped' : 'ended',
      position: this.position(),
      events: this.#events,
      messages: this.#messages,
      events_per_second: seconds === 0 ? 0 : Math.round(this.#events / seconds),
      spacing: this.#spacing.report(),
      late_max_ms: Math.round(Number(this.#late_max_ns) / 1e6),
      unseen_symbols: (this.#of.symbols ?? []).filter((symbol) => !this.#seen.has(symbol)),
    };
  }
}

/** How many of the first events were sent before: those at `t`, at most `k`. */
function skipSent(events: readonly ReplayEvent[], t: bigint, k: number): number {
  let at = 0;
  while (at < events.length && at < k && (events[at] as ReplayEvent).t === t) at += 1;
  return at;
}

function cursorAfter(cursor: ReplayCursor, pack: readonly ReplayEvent[], t: bigint): ReplayCursor {
  const same = cursor.t === t.toString();
  const at_last = pack.filter((event) => event.t === t).length;
  return { pass: cursor.pass, t: t.toString(), k: at_last + (same ? cursor.k : 0) };
}

function joined(pack: readonly ReplayEvent[]): Uint8Array {
  const [first] = pack;
  if (pack.length === 1 && first !== undefined) return first.bytes;
  const bytes = new Uint8Array(pack.reduce((sum, event) => sum + event.bytes.length, 0));
  let at = 0;
  for (const event of pack) {
    bytes.set(event.bytes, at);
    at += event.bytes.length;
  }
  return bytes;
}
