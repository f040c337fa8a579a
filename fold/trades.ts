/**
 * Trades: every open connection is heard, the first arrival by `t` wins (R6). The ids of one
 * connection also prove that none was missed where the venue counts them.
 */
import type { EventBuffer } from '../codec/event-buffer.ts';
import { FLAG } from '../schema/events.ts';
import type { MarketEvent } from '../schema/events.ts';
import { unixNs } from '../schema/time.ts';
import { countDropped } from './counts.ts';
import type { FoldCounts } from './counts.ts';
import type { Emitter } from './emitter.ts';
import { closeGap } from './gaps.ts';
import { eventOf } from '../codec/event-object.ts';
import { TRADE, TYPES } from './state.ts';
import type { Connection, DayState } from './state.ts';
import { countOf, idOfCount, tradeContent, tradeIdAt, tradeIdOf } from './trade-id.ts';
import type { TradeId } from './trade-id.ts';
import {
  TRADE_IDS_MAX,
  beginsAnew,
  historyFloor,
  isAfter,
  isBeyond,
  isOnlySeeded,
  rememberTrade,
  seedTrades,
} from './trade-memory.ts';
import type { HistoryFloor, HistoryFloors, TradeMemory } from './trade-memory.ts';

/** Missing ids looked up one by one before a jump is called a gap outright. */
const MISSING_IDS_CHECKED_MAX = 64n;

export type TradeContext = {
  readonly state: DayState;
  readonly emitter: Emitter;
  readonly counts: FoldCounts;
  readonly feed: string;
  readonly shard: string;
  /** The venue's ids count by one per symbol. */
  readonly contiguous: boolean;
  readonly speaking: boolean;
  /** By slot: what was known before this frame. */
  readonly floors: HistoryFloors;
};

export function hearTrade(
  context: TradeContext,
  connection: Connection,
  buffer: EventBuffer,
  event: number,
  slot: number,
): void {
  const { state, emitter, counts, speaking } = context;
  const id = tradeIdAt(buffer, event);
  const count = countOf(id);
  const history = ((buffer.flags[event] as number) & FLAG.HISTORY) !== 0;
  const memory = state.trades[slot];
  if (memory === undefined) return;
  let floor = context.floors.get(slot);
  if (floor === undefined) {
    const ids = history ? historyIds(buffer, event) : [id];
    context.floors.set(slot, (floor = historyFloor(memory, ids)));
  }
  const beyond = !history || isBeyond(floor, id);
  const first = history ? floor.lowest : id;
  checkJump(context, connection, slot, count, history ? floor : null);
  closeTradeGap(context, connection, slot, first);
  // A trade without an id cannot be told from its repeat: it is taken as it comes.
  const verdict = id === '' ? 'new' : rememberTrade(memory, id, tradeContent(buffer, event), count);
  if (verdict === 'repeat') return countDropped(counts, 'repeat');
  const flags = verdict === 'conflict' ? FLAG.ID_CONFLICT : 0;
  if (!state.taken) keepPending(context, buffer, event, slot, flags);
  if (!beyond) return countDropped(counts, 'known_history');
  if (!speaking) return countDropped(counts, 'muted');
  emitter.emit(state, buffer, event, slot, flags);
}

/**
 * The epoch speaks now: trades it heard while muted that lie beyond the last one the previous epoch
 * published are spoken here, so that a take-over may repeat a trade but never loses one (R7).
 */
export function speakPendingTrades(
  context: TradeContext,
  ids: Readonly<Record<string, string>>,
): void {
  const { state } = context;
  state.pending.forEach((trades, slot) => {
    const published = ids[state.names[slot] as string] ?? '';
    const last = countOf(tradeIdOf(published));
    const memory = state.trades[slot];
    if (last !== null && memory !== undefined) {
      speakBeyond(context, trades, slot, last);
      seedTrades(memory, last);
    } else if (published !== '') {
      speakAfter(context, trades, slot, published);
    }
    trades.length = 0;
  });
}

/** Those beyond `last`, in order of arrival; ids that nobody heard between them are a gap each. */
function speakBeyond(
  { state, emitter, contiguous }: TradeContext,
  trades: readonly MarketEvent[],
  slot: number,
  last: bigint,
): void {
  const memory = state.trades[slot] as TradeMemory;
  let known = { id: last, t: state.prev_t };
  for (const trade of trades) {
    const id = trade.type === 'trade' ? countOf(tradeIdOf(trade.trade_id ?? '')) : null;
    if (id === null || !isAfter(last, id)) continue;
    if (isAfter(known.id, id)) {
      const missed = beginsAnew(known.id, id) || !isHeardBetween(memory, known.id, id);
      if (contiguous && missed) emitJump(state, emitter, slot, null, known.t, [known.id, id]);
      known = { id, t: trade.t };
    }
    emitter.emitObject(state, trade, slot, FLAG.HISTORY);
  }
}

/**
 * Where ids have no order, that of arrival counts: what came after the last one published. Where that
 * one was not heard, nobody knows which of the others were published: all are said.
 */
function speakAfter(
  { state, emitter }: TradeContext,
  trades: readonly MarketEvent[],
  slot: number,
  published: string,
): void {
  const at = trades.findLastIndex((it) => it.type === 'trade' && it.trade_id === published);
  for (const trade of trades.slice(at + 1)) emitter.emitObject(state, trade, slot, FLAG.HISTORY);
}

function keepPending(
  { state, feed, shard }: TradeContext,
  buffer: EventBuffer,
  event: number,
  slot: number,
  flags: number,
): void {
  const pending = state.pending[slot];
  if (pending === undefined) return;
  const symbol = state.names[slot] as string;
  const header = { t: state.t, index: 0, shard, feed, symbol };
  const kept = eventOf(buffer, event, header);
  pending.push({ ...kept, flags: kept.flags | flags });
  if (pending.length > TRADE_IDS_MAX) pending.shift();
}

/**
 * A jump on one connection is a gap unless other connections delivered what lies between. So is one
 * between the last trade the previous epoch published and the first that is heard, history included.
 * Where ids begin anew nobody knows what lies between.
 */
function checkJump(
  context: TradeContext,
  connection: Connection,
  slot: number,
  own_id: bigint | null,
  history: HistoryFloor | null,
): void {
  const number = history === null ? own_id : countOf(history.lowest);
  if (own_id === null || number === null) return;
  const { state } = context;
  const memory = state.trades[slot];
  const own = connection.last_trade[slot] ?? null;
  connection.last_trade[slot] = own === null || isAfter(own, own_id) ? own_id : own;
  if (memory === undefined) return;
  const first = isOnlySeeded(memory);
  const last = first ? memory.last : own;
  if (last === null || (history !== null && !first) || !context.contiguous) return;
  if (isHeardBetween(memory, last, number)) return;
  if (!context.speaking || state.gaps.has(slot * TYPES + TRADE)) return;
  const from = first ? state.prev_t : connection.last_t;
  emitJump(state, context.emitter, slot, connection.c, from, [last, number]);
}

/** What lies between two ids is lost: a gap that is over where the second was heard. */
function emitJump(
  state: DayState,
  emitter: Emitter,
  slot: number,
  connection: number | null,
  from: bigint,
  [last, number]: readonly [bigint, bigint],
): void {
  const hole = {
    ...{ cause: 'sequence', about: 'trade', connection },
    ...{ from: unixNs(from), to: unixNs(state.t) },
    ...{ expected: (last + 1n).toString(), received: number.toString() },
  };
  emitter.emitStatus(state, slot, { kind: 'gap_opened', ...hole });
  emitter.emitStatus(state, slot, { kind: 'gap_closed', ...hole, repaired: 0 });
}

/** Whether nothing lies between two ids that was not heard on some connection. */
function isHeardBetween({ contents }: TradeMemory, last: bigint, number: bigint): boolean {
  if (beginsAnew(last, number)) return contents.has(idOfCount(number));
  if (number - last - 1n > MISSING_IDS_CHECKED_MAX) return false;
  for (let missing = last + 1n; missing < number; missing++) {
    if (!contents.has(idOfCount(missing))) return false;
  }
  return true;
}

/** Trades flow again: repaired where the venue's ids prove that nothing lies between. */
function closeTradeGap(
  { state, emitter, speaking, contiguous }: TradeContext,
  connection: Connection,
  slot: number,
  id: TradeId,
): void {
  const memory = state.trades[slot];
  connection.whole[slot] = (connection.whole[slot] ?? 0) | (1 << TRADE);
  const key = slot * TYPES + TRADE;
  if (!state.gaps.has(key)) return;
  const number = countOf(id);
  const last = memory?.last ?? null;
  const follows = number !== null && last !== null && number <= last + 1n;
  const heard = memory?.contents.has(id) === true;
  const repaired = contiguous && (heard || (follows && !beginsAnew(last, number)));
  closeGap(state, emitter, speaking, key, repaired);
}

/** Ids of the history that a frame brings of one symbol, from its first event on. */
function historyIds(buffer: EventBuffer, first: number): TradeId[] {
  const ids: TradeId[] = [];
  for (let event = first; event < buffer.count; event++) {
    if (buffer.type[event] !== TRADE || buffer.symbol[event] !== buffer.symbol[first]) continue;
    ids.push(tradeIdAt(buffer, event));
  }
  return ids;
}
