/**
 * What a fold waits for when it begins to speak: the types whose state the venue sends by itself soon
 * after a subscription (`Feed.opens`), of the symbols and channels configured. Until such a state has
 * come its type is a gap, whether it is late, was lost, or there was no connection it could come on.
 */
import type { Feed } from '../connectors/feed.ts';
import { TYPE_CODE } from '../schema/events.ts';
import type { FoldConfig } from '../schema/symbols.ts';
import { BOOK_TYPE, TYPES, UNWANTED } from './state.ts';

/** The keys that open with a state; `slots` are those of the configured symbols, in their order. */
export function openingKeys(feed: Feed, config: FoldConfig, slots: readonly number[]): number[] {
  const codes = config.channels.flatMap((channel) =>
    (Object.hasOwn(feed.opens, channel) ? (feed.opens[channel] ?? []) : []).map(
      (type) => TYPE_CODE[type],
    ),
  );
  const keys = config.symbols.flatMap(({ depth }, index) =>
    (slots[index] === UNWANTED ? [] : codes)
      // Of a market kept to its best prices no book is asked for.
      .filter((code) => code !== BOOK_TYPE || depth === 'l2')
      .map((code) => (slots[index] as number) * TYPES + code),
  );
  return [...new Set(keys)].sort((a, b) => a - b);
}
