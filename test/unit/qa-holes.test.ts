import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeEvents } from '../../codec/md2.ts';
import { createShardFold } from '../../fold/shard-fold.ts';
import type { Hole } from '../../qa/check.ts';
import { trackHoles } from '../../qa/holes.ts';
import type { MarketEvent } from '../../schema/events.ts';
import type { FactKey, Facts } from '../../schema/log.ts';
import { dayEnd, dayStart } from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';
import { tinyFeed } from '../support/tiny-feed.ts';

const DAY = '2026-03-01' as Day;
const CONFIG = {
  ...{ feed: 'tiny', shard: 's', channels: ['books'], book_depth: 10 },
  symbols: [{ symbol: 'BTCUSD', external: 'BTC', depth: 'l2' as const }],
};

/** Epochs of a shard one after the other, and what their fold said. */
function story(): MarketEvent[] {
  const told: MarketEvent[] = [];
  let t = dayStart(DAY) + 43_200_000_000_000n;
  let prev: Facts['_take']['prev'] = null;
  // Closed in order, then killed while its book is broken, then one that does not know who was before
  // and is killed, and one that goes on with a book that breaks soon and stays so.
  for (const end of ['shutdown', 'broken', 'killed', 'lasting']) {
    const fold = createShardFold(tinyFeed, 's');
    const fact = <K extends FactKey>(key: K, it: Facts[K]): void => fold.fact(++t, key, it);
    const frame = (it: object): void => {
      const bytes = new TextEncoder().encode(`${JSON.stringify(it)}\n`);
      fold.frame(++t, 1, bytes, 0, bytes.length - 1);
    };
    fact('_day', { day: DAY, taken: false });
    fact('_config', { sha256: 'x', config: CONFIG });
    fact('_open', { c: 1, url: 'x', day: DAY });
    frame({ k: 'snap', s: 'BTC', u: 7 });
    fact('_take', { prev, ids: {} });
    if (end === 'shutdown') fact('_close', { c: 1, code: null, reason: end, by: 'us' });
    if (end === 'broken' || end === 'lasting') frame({ k: 'delta', s: 'BTC', u: 9 });
    // The bus is away where the third one begins.
    prev = end === 'broken' ? null : { epoch: 1, t: `${t}` };
    t += 5_000_000_000n;
    told.push(...decodeEvents(fold.out.bytes.subarray(0, fold.out.used)));
  }
  return told;
}

function holesOf(events: readonly MarketEvent[]): readonly Hole[] {
  const tracker = trackHoles({ to: dayEnd(DAY) });
  for (const event of events) tracker.step(event);
  return tracker.finish();
}

test('a gap that is open when its epoch ends is over where the next one takes the shard', () => {
  const holes = holesOf(story());
  const seconds = holes.map(({ about, cause, from, to }) => [
    about,
    cause,
    (to - from) / 10n ** 9n,
  ]);
  assert.deepEqual(seconds, [
    [null, 'closed', 5n],
    [['book'], 'closed', 5n],
    [null, 'take_over', 5n],
    [['book'], 'sequence', 5n],
    [null, 'take_over', 5n],
    [['book'], 'sequence', 43_184n],
  ]);
});

test('whichever symbol is read first, the holes are the same', () => {
  const events = story();
  const ofMarket = (it: MarketEvent): number => Number(!it.symbol.startsWith('_FEED-'));
  const markets = events.toSorted((a, b) => ofMarket(b) - ofMarket(a));
  assert.notDeepEqual(markets, events);
  assert.deepEqual(holesOf(markets), holesOf(events));
  assert.deepEqual(holesOf(markets.toReversed()), holesOf(events));
});
