/**
 * Which subscriptions of a connection a frame is about: by the request it answers, by the channel and
 * market it names, by a statement of all there are, or, where answers come in order, by whose turn it is.
 */
import type { EventBuffer, SubscribedTo } from '../../codec/event-buffer.ts';
import type { Subscription } from '../feed.ts';
import type { TimerHandle } from './clock.ts';
import type { SessionDeps } from './session-deps.ts';
import type { SubscriptionState } from './subscriptions.ts';

/** One subscription of a connection, and where it stands. */
export type Entry = {
  readonly subscription: Subscription;
  readonly first_message_ms: number | null;
  /** It begins with a snapshot, and only asking again brings another. */
  readonly opens: boolean;
  /** The snapshot of the latest request came. */
  opened: boolean;
  state: SubscriptionState;
  since_ms: number;
  /** Id of the request that asked last; answers to older ones do not count. */
  request_id: string | null;
  /** It is a repeat: until it is acknowledged, data may still be the old subscription's. */
  again: boolean;
  /** Since it is repeated: a statement of all subscriptions was without it, so the old one is over. */
  gone: boolean;
  /** Which of the requests asked last, by the order they were sent in. */
  turn: number;
  waiting: TimerHandle | null;
};

export type Answers = {
  /** Whom a frame of data concerns. */
  readonly entryOf: (buffer: EventBuffer) => Entry | undefined;
  /** Whom an acknowledgement or refusal concerns. */
  readonly answered: (buffer: EventBuffer) => readonly Entry[];
};

export function createAnswers(
  entries: readonly Entry[],
  { config, feed }: Pick<SessionDeps, 'config' | 'feed'>,
): Answers {
  /** By channel, then by index of the symbol in the configuration + 1 (0: none). */
  const byChannel = new Map<string, (Entry | undefined)[]>();
  const index = new Map(config.symbols.map((it, at) => [it.symbol, at]));
  for (const entry of entries) {
    const { channel, symbol } = entry.subscription;
    const row = byChannel.get(channel) ?? [];
    row[symbol === null ? 0 : (index.get(symbol) ?? -1) + 1] = entry;
    byChannel.set(channel, row);
  }

  /** A channel without a symbol of its own (reference data) may carry frames about one. */
  function entryOf({ channel, frame_symbol }: EventBuffer): Entry | undefined {
    const row = channel === null ? undefined : byChannel.get(channel);
    return row?.[Math.max(frame_symbol, -1) + 1] ?? row?.[0];
  }

  /** What an answer's request asked for, narrowed by whatever else it names. */
  function answered(buffer: EventBuffer): readonly Entry[] {
    if (buffer.subscribed !== null) return stated(buffer.subscribed);
    const named = entryOf(buffer);
    const id = buffer.request_id;
    if (id === null) return named === undefined ? oldest(buffer) : [named];
    const asked = entries.filter((it) => it.request_id === id);
    if (named !== undefined) return asked.includes(named) ? [named] : [];
    const symbol = config.symbols[buffer.frame_symbol]?.symbol;
    if (symbol !== undefined) return asked.filter((it) => it.subscription.symbol === symbol);
    // An answer that names nothing is one to those that have none yet.
    return asked.filter((it) => it.state === 'requested');
  }

  /** Of all a connection is subscribed to: what was asked for, and is not there from before. */
  function stated(subscribed: readonly SubscribedTo[]): readonly Entry[] {
    const named = new Set(
      subscribed.map(({ channel, symbol }) => byChannel.get(channel)?.[Math.max(symbol, -1) + 1]),
    );
    for (const entry of entries) if (!named.has(entry)) entry.gone = true;
    return entries.filter((it) => named.has(it) && (!it.again || it.gone));
  }

  /** A refusal without id, where answers come in order: the oldest request (of its market) without one. */
  function oldest({ kind, frame_symbol }: EventBuffer): readonly Entry[] {
    if (kind !== 'refused' || feed.protocol.answers !== 'in_order') return [];
    const about = config.symbols[frame_symbol]?.symbol;
    const waiting = entries.filter(({ state, request_id, subscription: { symbol } }) => {
      const isOpen = state === 'requested' && request_id !== null;
      return isOpen && (about === undefined || about === symbol);
    });
    const turn = Math.min(...waiting.map((it) => it.turn));
    return waiting.filter((it) => it.turn === turn);
  }

  return { entryOf, answered };
}
