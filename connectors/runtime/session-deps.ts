/** What a session is given, and what it tells. */
import type { EventBuffer } from '../../codec/event-buffer.ts';
import type { FactKey, Facts } from '../../schema/log.ts';
import type { FoldConfig } from '../../schema/symbols.ts';
import type { Feed, Subscription } from '../feed.ts';
import type { Clock } from './clock.ts';
import type { OpenSocket } from './socket.ts';
import type { SubscriptionAction, SubscriptionEvent, SubscriptionState } from './subscriptions.ts';

export type Alarm = Facts['_alarm']['kind'] | 'flood' | 'frame_too_large';

export type SessionDeps = {
  readonly clock: Clock;
  readonly openSocket: OpenSocket;
  readonly feed: Feed;
  readonly config: FoldConfig;
  /** Writes a fact to the log and steps the fold with it. */
  readonly fact: <K extends FactKey>(key: K, fact: Facts[K]) => void;
  /** The same for a frame; null where it could not be written, and so did not happen. */
  readonly frame: (c: number, bytes: Uint8Array) => EventBuffer | null;
  /** Counts frames that are not written because of a limit. */
  readonly drop: (c: number, bytes: number, reason: string) => void;
  readonly alarm: (alarm: Alarm, facts: Readonly<Record<string, unknown>>) => void;
  readonly nextRequestId: () => string;
  /**
   * Past resubscriptions (ms) of a symbol, shared by all connections of the shard. Null: nothing is
   * asked for twice on a connection; what the machine would ask again is told as its alarm alone.
   */
  readonly resubscribes: ((symbol: string) => number[]) | null;
  /** Hears each event of a subscription's machine, after it moved and before it acts. */
  readonly moved?: (move: Move) => void;
};

/** One event of one subscription's machine. `detail`: the venue's words, or what was waited for. */
export type Move = {
  readonly c: number;
  readonly subscription: Subscription;
  readonly from: SubscriptionState;
  readonly event: SubscriptionEvent;
  readonly to: SubscriptionState;
  readonly detail: string;
};

export type SessionEnd = {
  /** Whether it ever opened, and for how long. */
  readonly open_ms: number | null;
  readonly retry_after_ms: number | null;
  readonly by: Facts['_close']['by'] | 'refused';
  readonly reason: string;
};

export type SubscriptionStatus = {
  readonly channel: string;
  readonly symbol: string | null;
  readonly state: SubscriptionState;
};

/** What an action of the machine is called in the log. */
export const ALARM_OF = {
  alarm_no_ack: 'no_ack',
  alarm_silent: 'silent',
  resubscribe: 'resubscribe',
} as const satisfies Readonly<
  Record<Exclude<SubscriptionAction, 'none' | 'report_refused'>, Alarm>
>;

/** Whether a channel begins with a snapshot that comes again only when it is asked for. */
export function opensWithSnapshot(feed: Feed, channel: string): boolean {
  const types = Object.hasOwn(feed.opens, channel) ? (feed.opens[channel] ?? []) : [];
  if (types.some((type) => feed.changes?.includes(type))) return true;
  return feed.book_cure !== 'stream' && types.includes('book');
}
