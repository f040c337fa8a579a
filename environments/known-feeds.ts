/** What the checks of an environment need to know of the feeds there are. */
import type { Feed } from '../connectors/feed.ts';
import type { KnownFeed } from './env.ts';

export function knownFeeds(feeds: ReadonlyMap<string, Feed>): KnownFeed[] {
  return [...feeds.values()].map(({ id, protocol }) => ({
    id,
    channels: protocol.channels,
    book_depths: protocol.book_depths,
  }));
}
