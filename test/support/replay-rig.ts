/** A replay over events that are made up, on a virtual clock, with what it sent and when. */
import type { ReplayMessage, ReplayRecord, ReplayStored } from '../../bus/replay.ts';
import type { ReplayClock, Waker } from '../../connectors/runtime/replay-clock.ts';
import { createReplay } from '../../connectors/runtime/replay.ts';
import type { Replay } from '../../connectors/runtime/replay.ts';
import type { ReplayEvent, ReplaySource } from '../../connectors/runtime/replay-source.ts';
import type { ReplayMark, ReplaySpeed } from '../../schema/replay.ts';
import { unixNs } from '../../schema/time.ts';

export const RIG_FROM = 1_795_000_000_000_000_000n;

/** Events `gaps` apart in ms; every one its own bytes, two symbols by turns where `mixed`. */
export function madeUpEvents(gaps: readonly number[], mixed = true): ReplayEvent[] {
  let t = RIG_FROM;
  let index = 0;
  return gaps.map((gap, at) => {
    t += BigInt(gap) * 1_000_000n;
    index = gap === 0 ? index + 1 : 0;
    const symbol = mixed && at % 3 === 0 ? 'ETHUSD' : 'BTCUSD';
    const bytes = new TextEncoder().encode(`<${at}>`);
    return { shard: 'tier1', t, type: 'trade', symbol, index, bytes };
  });
}

export type Sent = ReplayMessage & { readonly at_ns: bigint };

export type ReplayRig = {
  readonly replay: Replay;
  readonly sent: Sent[];
  /** What the stream keeps beside its messages. */
  readonly kept: () => ReplayRecord | null;
  /** Virtual now, in ns from 0. */
  readonly now: () => bigint;
  /** How often the events were read from their beginning. */
  readonly opened: () => number;
  /** How many of those sent are answered. */
  readonly answered: () => number;
};

export type RigOptions = {
  readonly events: readonly ReplayEvent[];
  readonly speed: ReplaySpeed;
  /** Events handed over at once. */
  readonly batch?: number;
  /** Called at every publication and every wait. */
  readonly tick?: () => void;
  /** The bus takes this many messages, then none until the next turn. */
  readonly window?: number;
  readonly resume?: ReplayMark | null;
  readonly record?: ReplayRecord | null;
  /** As the stream is found; new where left out. */
  readonly found?: ReplayStored;
  /** Virtual time a publication takes. */
  readonly send_ns?: bigint;
};

export function replayRig(options: RigOptions): ReplayRig {
  const { events, batch = 4, tick = () => undefined, window = Infinity, send_ns = 0n } = options;
  const sent: Sent[] = [];
  let record = options.record ?? null;
  let now = 0n;
  let opened = 0;
  let in_flight = 0;
  const clock: ReplayClock = {
    monoNs: () => now,
    async wait(due, waker: Waker) {
      let woken = false;
      waker.wake = () => void (woken = true);
      tick();
      await turn();
      if (!woken && due > now) now = due;
      waker.wake = () => undefined;
    },
    breathe: turn,
  };
  const source: ReplaySource = async function* from(start, signal) {
    opened += 1;
    const wanted = events.filter((event) => event.t >= start);
    for (let at = 0; at < wanted.length; at += batch) {
      await turn();
      signal.throwIfAborted();
      yield wanted.slice(at, at + batch);
    }
  };
  const { found = { cursor: null, seq: 0 } } = options;
  const answered = (): number => sent.length - in_flight;
  const stored = (): ReplayStored => ({
    cursor: sent[answered() - 1]?.cursor ?? found.cursor,
    seq: found.seq + answered(),
  });
  const end = events.at(-1)?.t ?? RIG_FROM;
  const replay = createReplay({
    ...{ feed: 'tiny', normalizer: 'tiny@1', symbols: null },
    place: { owner: 'test', run: '1', keep: false },
    span: { from: unixNs(RIG_FROM), to: unixNs(end + 1n) },
    speed: options.speed,
    resume: options.resume ?? null,
    source,
    clock,
    link: {
      record,
      stored,
      async keepRecord(next) {
        await turn();
        record = next;
      },
      publish(message) {
        sent.push({ ...message, at_ns: now });
        now += send_ns;
        in_flight += 1;
        tick();
      },
      hasRoom: () => in_flight < window,
      async room() {
        await turn();
        in_flight = 0;
      },
      async drain() {
        await turn();
        in_flight = 0;
      },
    },
  });
  return { replay, sent, kept: () => record, now: () => now, opened: () => opened, answered };
}

/** The texts of what was sent, message after message. */
export function textOf(messages: readonly ReplayMessage[]): string {
  return messages.map(({ data }) => new TextDecoder().decode(data)).join('');
}

export function textOfEvents(events: readonly ReplayEvent[]): string {
  return events.map(({ bytes }) => new TextDecoder().decode(bytes)).join('');
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
