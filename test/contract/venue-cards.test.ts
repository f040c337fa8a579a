/** The numbered cards, each against every simulated venue; where one cannot be played, why. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FEEDS } from '../../connectors/registry.ts';
import { VENUES } from '../../connectors/simulator/registry.ts';
import { CARDS } from '../support/cards/cards.ts';
import { cardOf, VENUE_CARDS } from '../support/cards/venues.ts';
import { played, reasonOf } from '../support/cards/venue.ts';

const REASON_MIN = 20;

test('every registered feed and venue has its file of cards, and the numbers have no hole', () => {
  const known = VENUE_CARDS.map(({ feed }) => feed).sort();
  assert.deepEqual([...FEEDS.keys()].sort(), known);
  assert.deepEqual([...VENUES.keys()].sort(), known);
  const numbers = CARDS.map((_, at) => `VENUE-${String(at + 1).padStart(2, '0')}`);
  assert.deepEqual(
    CARDS.map(({ number }) => number),
    numbers,
  );
});

for (const feed of FEEDS.keys()) {
  describe(`${feed} passes`, () => {
    for (const { number, title, holds, cell, play } of CARDS) {
      test(`${number} ${title}: ${holds}`, (t) => {
        const venue = cardOf(feed);
        const data = cell === undefined ? undefined : venue[cell];
        const reason = reasonOf(data as never);
        if (cell === undefined || reason === null) {
          if (cell !== undefined) assert.notEqual(played(data as never), null);
          play(venue);
          return;
        }
        t.diagnostic(`${number} is not played: ${reason}`);
        assert.ok(reason.length >= REASON_MIN, `a reason in words, received '${reason}'`);
      });
    }
  });
}
