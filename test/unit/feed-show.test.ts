/** What `ssmd feed show` says of every feed: each limit is a number or null, on screen and in JSON. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeFeed } from '../../cli/feed/show.ts';
import { FEEDS } from '../../connectors/registry.ts';

test('limits are finite numbers, or null where the venue has none', () => {
  for (const feed of FEEDS.values()) {
    const { limits } = describeFeed(feed);
    for (const [name, value] of Object.entries(limits))
      assert.ok(value === null || Number.isFinite(value), `${feed.id} ${name}: ${value}`);
    assert.equal(limits['book_depth_max'] === null, feed.protocol.book_depths.length === 0);
  }
});
