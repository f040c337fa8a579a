/**
 * What the fold makes of a log, whatever the venue. A change here changes every feed's events: raise the
 * `normalizer` of each feed, and then record the new hash with it.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { Random } from '../../connectors/simulator/random.ts';
import { createShardFold } from '../../fold/shard-fold.ts';
import type { FactKey, Facts } from '../../schema/log.ts';
import { dayStart } from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';
import { tinyFeed } from '../support/tiny-feed.ts';

const DAY = '2026-03-01' as Day;
const NEXT = '2026-03-02' as Day;
const CONFIG = {
  ...{ feed: 'tiny', shard: 's', channels: ['books'], book_depth: 10 },
  symbols: [
    { symbol: 'BTCUSD', external: 'BTC', depth: 'l2' as const },
    { symbol: 'ETHUSD', external: 'ETH', depth: 'l2' as const },
  ],
};
const ACTS = 600;

/** SHA-256 over the events of a log made from a seed: every fact, every kind of frame, a midnight. */
function foldedHash(): string {
  const random = new Random(7, 'golden fold');
  const fold = createShardFold(tinyFeed, 's');
  const hash = createHash('sha256');
  let t = dayStart(NEXT) - 900_000_000_000n;
  const take = (): void => {
    hash.update(fold.out.bytes.subarray(0, fold.out.used));
    fold.out.clear();
  };
  const fact = <K extends FactKey>(key: K, value: Facts[K], at = t + 1n): void => {
    t = at;
    fold.fact(t, key, value);
    take();
  };
  const begin = (day: Day, taken: boolean, c: number): void => {
    fact('_day', { day, taken });
    fact('_config', { sha256: 'x', config: CONFIG });
    fact('_open', { c, url: 'ws://x', day });
  };
  const act = (day: Day, base: number): void => {
    const c = base + 1 + random.below(3);
    const s = ['BTC', 'ETH', 'XXX'][random.below(3)];
    const roll = random.below(20);
    if (roll === 0) fact('_open', { c, url: 'ws://x', day });
    else if (roll === 1) fact('_close', { c, code: null, reason: '', by: 'network' });
    else if (roll === 2) {
      fact('_drop', { c, frames: 1, bytes: 1, from: String(t), reason: 'x' });
    } else if (roll === 3) fact('_clock', { step_ns: '1', bad: random.below(2) === 1, detail: '' });
    else {
      const u = 1 + random.below(9);
      const kinds = [
        { k: 'snap', s, u },
        { k: 'delta', s, u },
        { k: 'quote', s, px: u },
        { k: 'trades', s, ids: [u, u + random.below(20)], px: 1, history: random.below(2) === 1 },
        { k: ['refused', 'ack', 'odd'][random.below(3)], s },
      ];
      const bytes = new TextEncoder().encode(`${JSON.stringify(kinds[random.below(5)])}\n`);
      t += 1_000_000n;
      fold.frame(t, c, bytes, 0, bytes.length - 1);
      take();
    }
  };
  begin(DAY, false, 1);
  fact('_take', { prev: null, ids: {} });
  for (let at = 0; at < ACTS; at++) act(DAY, 0);
  begin(NEXT, true, 11);
  for (let at = 0; at < ACTS / 10; at++) act(NEXT, 10);
  fact('_midnight', { day: NEXT }, dayStart(NEXT));
  for (let at = 0; at < ACTS; at++) act(NEXT, 10);
  return hash.digest('hex').slice(0, 16);
}

test('the fold says of a log what it said when the normalizers got their numbers', () => {
  const what = 'other events of the same log: raise `normalizer` of every feed, then record this';
  assert.equal(foldedHash(), 'af5f59ab34f64a34', what);
});
