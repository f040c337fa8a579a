/**
 * What is captured of a market, type by type, and what its silence means: a channel can die while the
 * others of its symbol go on, and a count over all of them would not see it.
 */
import type { Feed } from '../connectors/feed.ts';
import { EVENT_TYPES } from '../schema/events.ts';
import type { EventType } from '../schema/events.ts';
import type { ExpectedSymbol } from './check.ts';

/** They state the market and change with every order: where it lives, they go on by themselves. */
const STEADY: readonly EventType[] = ['quote', 'book', 'ticker', 'mark'];
/** They come when somebody trades: quiet for as long as nobody does, but not for a day. */
const TRADED: readonly EventType[] = ['trade', 'ohlc'];

export function isSteady(type: EventType): boolean {
  return STEADY.includes(type);
}

/** Whether a day without a single record of it is a day that misses something. */
export function isDaily(type: EventType): boolean {
  return STEADY.includes(type) || TRADED.includes(type);
}

/** Whether a market's `type` is captured; true where nobody says what is. */
export function mayHave(symbol: ExpectedSymbol | undefined, type: EventType): boolean {
  return symbol?.types === undefined || symbol.types.includes(type);
}

/**
 * Types that channels of a feed become, by its evidence table. A channel may be a pattern there:
 * `kline_<interval>`.
 */
export function typesOfChannels(
  { evidence }: Pick<Feed, 'evidence'>,
  channels: readonly string[],
): readonly EventType[] {
  const rows = evidence.filter((row) => row.role === 'data' && isCaptured(row.channel, channels));
  return EVENT_TYPES.filter((type) => rows.some((row) => row.action === type));
}

function isCaptured(pattern: string, channels: readonly string[]): boolean {
  const [start = '', end] = pattern.split(/<[^>]*>/);
  return channels.some((channel) =>
    end === undefined ? channel === pattern : channel.startsWith(start) && channel.endsWith(end),
  );
}
