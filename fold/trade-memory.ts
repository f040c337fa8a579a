/**
 * The trade ids one symbol's fold remembers: which trades were heard, with what content, so that the
 * first arrival by `t` wins whichever connection it came on, a repeat is dropped, and a venue's
 * history on subscribing adds only what lies beyond the last one known.
 *
 * Plain data (it is cloned with the fold). At most `TRADE_IDS_MAX` ids are kept, oldest out first: a
 * repeat that arrives later than that many trades after the first counts as new.
 */
import { CONTENT_LENGTH, countOf } from './trade-id.ts';
import type { TradeId } from './trade-id.ts';

export const TRADE_IDS_MAX = 4096;

/** Contents of one id that are told apart; a venue that gives an id more often is told of each time. */
const CONTENTS_MAX = 16;

export type TradeMemory = {
  /** Content by id, in order of arrival; all of those an id was heard with, one after the other. */
  readonly contents: Map<TradeId, string>;
  /**
   * Greatest numeric id heard since ids began to count, or the last one the previous epoch published;
   * null before either.
   */
  last: bigint | null;
};

export type TradeVerdict = 'new' | 'repeat' | 'conflict';

export function createTradeMemory(): TradeMemory {
  return { contents: new Map(), last: null };
}

/**
 * Whether `id` cannot belong to the count that `last` is of: no trade comes so late, no history reaches
 * so far back. The venue counts anew, or one of the two ids was wrong.
 */
export function beginsAnew(last: bigint, id: bigint): boolean {
  return id + BigInt(TRADE_IDS_MAX) < last;
}

/** Whether a numeric id lies beyond the last one known, in its count or in a new one. */
export function isAfter(last: bigint, id: bigint): boolean {
  return id > last || beginsAnew(last, id);
}

/**
 * Remembers a trade (`count`: of its id, `countOf`) and says what it was. What an id was heard with before
 * stays known beside the other: a second connection brings both again.
 */
export function rememberTrade(
  memory: TradeMemory,
  id: TradeId,
  content: string,
  count = countOf(id),
): TradeVerdict {
  const { contents } = memory;
  const known = contents.get(id);
  if (known === content) return 'repeat';
  if (known === undefined) {
    contents.set(id, content);
    if (contents.size > TRADE_IDS_MAX) forgetOldest(contents);
  } else {
    if (holds(known, content)) return 'repeat';
    const isFull = known.length >= CONTENTS_MAX * CONTENT_LENGTH;
    contents.set(id, isFull ? content : known + content);
  }
  if (count !== null && (memory.last === null || isAfter(memory.last, count))) memory.last = count;
  return known === undefined ? 'new' : 'conflict';
}

function holds(known: string, content: string): boolean {
  for (let at = 0; at < known.length; at += CONTENT_LENGTH) {
    if (known.startsWith(content, at)) return true;
  }
  return false;
}

/**
 * Where each memory's ids are walked in order of arrival. A walk begun anew for each id passes all that were
 * put out before (seven times as slow); it is no part of the data, and a copy begins its own.
 */
const walks = new WeakMap<object, Iterator<TradeId>>();

function forgetOldest(contents: Map<TradeId, string>): void {
  let walk = walks.get(contents);
  if (walk === undefined) walks.set(contents, (walk = contents.keys()));
  const { value, done } = walk.next();
  if (done !== true) contents.delete(value);
}

/** Nothing is missing up to `id`: what the previous epoch published is known without being heard. */
export function seedTrades(memory: TradeMemory, id: bigint): void {
  if (memory.last === null || id > memory.last) memory.last = id;
}

/** Whether all that is known of a symbol's trades is what the previous epoch published. */
export function isOnlySeeded(memory: TradeMemory): boolean {
  return memory.contents.size === 0 && memory.last !== null;
}

/**
 * What was known when a frame of history began: its trades are judged by this, not by each other; and
 * where it begins, since a venue may send the newest first.
 */
export type HistoryFloor = {
  readonly known: boolean;
  readonly last: bigint | null;
  /** The lowest id of the frame, in the count of its first. */
  readonly lowest: TradeId;
};

/** `ids` of the frame, in its order. */
export function historyFloor(memory: TradeMemory, ids: readonly TradeId[]): HistoryFloor {
  const known = memory.contents.size > 0 || memory.last !== null;
  return { known, last: memory.last, lowest: lowestOf(ids) };
}

function lowestOf(ids: readonly TradeId[]): TradeId {
  let lowest = ids[0] ?? '';
  if (ids.length === 1) return lowest;
  for (const id of ids) {
    const [least, number] = [countOf(lowest), countOf(id)];
    if (least === null || number === null) return ids[0] ?? '';
    if (number < least && !beginsAnew(least, number)) lowest = id;
  }
  return lowest;
}

/** Whether a trade of a venue's history lies beyond what was known; nothing does where nothing was. */
export function isBeyond(floor: HistoryFloor, id: TradeId): boolean {
  if (!floor.known) return false;
  const number = countOf(id);
  return number === null || floor.last === null || isAfter(floor.last, number);
}

/** What was known before a frame, by slot; kept from frame to frame, since a map that is cleared is a new one. */
export class HistoryFloors {
  readonly #by_slot: (HistoryFloor | undefined)[] = [];
  readonly #known: number[] = [];

  get(slot: number): HistoryFloor | undefined {
    return this.#by_slot[slot];
  }

  set(slot: number, floor: HistoryFloor): void {
    this.#by_slot[slot] = floor;
    this.#known.push(slot);
  }

  /** Another frame begins. */
  clear(): void {
    for (const slot of this.#known) this.#by_slot[slot] = undefined;
    this.#known.length = 0;
  }
}
