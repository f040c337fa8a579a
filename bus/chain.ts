/**
 * The proof that the bus holds a stretch of a shard whole. Pure: messages of one shard in stream
 * order go in, proven stretches with their events come out.
 *
 * Two successive `ctl` records of one epoch, run and normalizer say: after the first and up to the
 * second lie exactly `events2 - events1` events. If that many different ones, by identity
 * `(t, type, symbol, index)`, with `t1 < t <= t2` stand in the stream before the second record, they are
 * those: `(t1, t2]` is proven. Repeats (the publisher resends after a lost connection) count once.
 * Everything else must come from RAW: what lies before an epoch's first record, around a missing or
 * spoilt message, across a change of run or normalizer. Sequence numbers prove nothing and are not
 * looked at.
 *
 * What arrives at or below a position already told is a repeat, or too late to be counted: it is left
 * out, so that a stretch once proven never changes.
 */
import type { Ctl } from './ctl.ts';

/** An event as far as the proof needs it. */
export type ChainEvent = {
  readonly t: bigint;
  readonly type: string;
  readonly symbol: string;
  readonly index: number;
};

/**
 * `(from, to]` of one epoch, and its events by `(t, index)`, the order of an object: what was lost and
 * sent again comes after what followed it.
 */
export type ProvenStretch<E extends ChainEvent> = {
  readonly epoch: number;
  readonly normalizer: string;
  readonly from: bigint;
  readonly to: bigint;
  readonly events: readonly E[];
};

export type BusChain<E extends ChainEvent> = {
  /** The events of a message that `epoch` published. */
  readonly add: (epoch: number, events: Iterable<E>) => void;
  /** A `ctl` record; what it proves, or null. Stretches of an epoch never overlap. */
  readonly ctl: (record: Ctl) => ProvenStretch<E> | null;
};

/**
 * Events of one epoch kept without a record that covers them; a publisher tells its position far more
 * often. Above it they are let go, and the stretch is not proven.
 */
export const PENDING_EVENTS_MAX = 1_000_000;

type EpochState<E> = {
  last: Ctl | null;
  readonly pending: Map<string, E>;
  overflowed: boolean;
};

export function createBusChain<E extends ChainEvent>(): BusChain<E> {
  const epochs = new Map<number, EpochState<E>>();

  function stateOf(epoch: number): EpochState<E> {
    let state = epochs.get(epoch);
    if (state === undefined) {
      state = { last: null, pending: new Map(), overflowed: false };
      epochs.set(epoch, state);
    }
    return state;
  }
  return {
    add(epoch, events) {
      const state = stateOf(epoch);
      for (const event of events) {
        if (state.last !== null && event.t <= state.last.t) continue;
        const { t, type, symbol, index } = event;
        const identity = `${t}/${type}/${symbol}/${index}`;
        if (!state.pending.has(identity)) state.pending.set(identity, event);
      }
      if (state.pending.size <= PENDING_EVENTS_MAX) return;
      state.pending.clear();
      state.overflowed = true;
    },
    ctl(record) {
      const state = stateOf(record.epoch);
      const { last } = state;
      if (last !== null && isStale(last, record)) return null;
      state.last = record;
      const events = takeUpTo(state.pending, record.t);
      const whole = last !== null && !state.overflowed && follows(last, record);
      state.overflowed = false;
      if (!whole || events.length !== record.events - last.events) return null;
      const { epoch, normalizer } = record;
      return { epoch, normalizer, from: last.t, to: record.t, events };
    },
  };
}

/** It tells nothing new: a position that was passed already, or the same again. */
function isStale(last: Ctl, record: Ctl): boolean {
  return record.t <= last.t;
}

function follows(last: Ctl, record: Ctl): boolean {
  return (
    record.events >= last.events &&
    record.run === last.run &&
    record.writer === last.writer &&
    record.normalizer === last.normalizer
  );
}

function takeUpTo<E extends ChainEvent>(pending: Map<string, E>, t: bigint): E[] {
  const taken: E[] = [];
  for (const [identity, event] of pending) {
    if (event.t > t) continue;
    taken.push(event);
    pending.delete(identity);
  }
  return taken.sort((a, b) => (a.t < b.t ? -1 : a.t > b.t ? 1 : a.index - b.index));
}

/** Joins stretches that touch, so that a reader sees how far each proof reaches. */
export function joinStretches(
  stretches: readonly Omit<ProvenStretch<ChainEvent>, 'events'>[],
): { readonly epoch: number; readonly normalizer: string; from: bigint; to: bigint }[] {
  const joined: { epoch: number; normalizer: string; from: bigint; to: bigint }[] = [];
  for (const { epoch, normalizer, from, to } of stretches) {
    const touching = joined.find(
      (it) => it.epoch === epoch && it.normalizer === normalizer && it.to === from,
    );
    if (touching === undefined) joined.push({ epoch, normalizer, from, to });
    else touching.to = to;
  }
  return joined;
}
