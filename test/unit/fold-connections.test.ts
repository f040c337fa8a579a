/** Connections that come, go and break beside others: who speaks then, and what is a gap (R5, R12). */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { binanceUsdm } from '../../connectors/binance-usdm/feed.ts';
import { DAY, Story } from '../support/fold-story.ts';

const BINANCE = {
  ...{ feed: 'binance-usdm', shard: 's', book_depth: 20 },
  channels: ['depth', 'aggTrade', 'markPrice', 'forceOrder'],
  symbols: [{ symbol: 'BTCUSDT-PERP', external: 'BTCUSDT', depth: 'l2' as const }],
};

function binance(channels: readonly string[] = BINANCE.channels): Story {
  const config = { ...BINANCE, channels: [...channels] };
  const story = new Story([], binanceUsdm).fact('_day', { day: DAY, taken: false });
  return story.fact('_config', { sha256: 'x', config });
}

const AT = 1_700_000_000_000;
const depth = (stream: string, u: number, pu: number, bid = '100'): object => ({
  stream: `btcusdt@${stream}`,
  data: {
    ...{ e: 'depthUpdate', E: AT, T: AT, s: 'BTCUSDT', U: pu + 1, u, pu },
    ...{ b: [[bid, '1']], a: [['101', '1']] },
  },
});
const diff = (u: number, pu: number, bid?: string): object => depth('depth@100ms', u, pu, bid);
const partial = (u: number, bid?: string): object => depth('depth20@100ms', u, u - 2, bid);

describe('a book that breaks with its first message (R5)', () => {
  test('closes the gap it was awaited in, and opens its own', () => {
    const story = binance(['depth']).open(1).take();
    story.told();
    story.frame(1, partial(10, '102')).frame(1, diff(12, 10, '102'));
    assert.deepEqual(story.told(), [
      'gap_closed BTCUSDT-PERP opening book repaired=0',
      'gap_opened BTCUSDT-PERP crossed book bid below ask 101/bid 102',
      'book BTCUSDT-PERP 10 SNAPSHOT MAYBE_BAD_BOOK UNVERIFIED',
      'book BTCUSDT-PERP 12 MAYBE_BAD_BOOK UNVERIFIED',
    ]);
    story.frame(1, partial(14));
    assert.deepEqual(story.told(), [
      'gap_closed BTCUSDT-PERP crossed book repaired=0',
      'book BTCUSDT-PERP 14 SNAPSHOT',
    ]);
  });
});
