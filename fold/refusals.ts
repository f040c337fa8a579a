/**
 * Refused subscriptions (R15): what a channel makes of a symbol will not come on that connection. It is a
 * gap wherever nobody else brings it.
 */
import type { Emitter } from './emitter.ts';
import { closeGap, openGap } from './gaps.ts';
import { TRADE, TYPES, carriesTrades, servingNewestFirst } from './state.ts';
import type { DayState } from './state.ts';

export type Refusal = {
  readonly c: number;
  /** What was asked for, and the venue's words. */
  readonly expected: string;
  readonly received: string;
};

/** A gap that waited for a key is over: it is no longer awaited, but refused. */
export function hearRefusal(
  state: DayState,
  emitter: Emitter,
  speaking: boolean,
  { c, expected, received }: Refusal,
  keys: readonly number[],
): void {
  const connection = state.connections.get(c);
  if (connection?.serves !== true) return;
  for (const key of keys) {
    connection.refused.add(key);
    if (isSpoken(state, key) || state.gaps.get(key)?.cause === 'refused') continue;
    closeGap(state, emitter, speaking, key, false);
    const gap = { cause: 'refused', from: state.t, connection: c, expected, received };
    openGap(state, emitter, speaking, key, gap);
  }
}

/** Whether an open connection brings what a key stands for. Trades have no speaker. */
export function isSpoken(state: DayState, key: number): boolean {
  if (key % TYPES !== TRADE) return state.speakers[key] !== 0;
  const slot = Math.floor(key / TYPES);
  return [...state.connections.values()].some((it) => carriesTrades(it, slot));
}

/** Whether an open connection that serves the day was refused it. */
export function isRefused(state: DayState, key: number): boolean {
  return servingNewestFirst(state).some((it) => it.refused.has(key));
}

/** Why nobody follows a speaker: where it was closed as planned, since its successor was refused. */
export function causeUnspoken(state: DayState, key: number, cause: string): string {
  return cause === 'closed' && isRefused(state, key) ? 'refused' : cause;
}
