/** Connections that come, go and break beside others: who speaks then, and what is a gap (R5, R12). */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { binanceUsdm } from '../../connectors/binance-usdm/feed.ts';
import { CONFIG, DAY, Story, quote, snap, trade } from '../support/fold-story.ts';

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

describe('who follows, and who does not (R5, R6)', () => {
  test('of several whole ones the newest', () => {
    const story = new Story().start().open(2).open(3).take();
    story.frame(1, snap(7)).frame(2, snap(70)).frame(3, snap(700)).told();
    story.close(3);
    assert.deepEqual(story.told(), ['book BTCUSD 70 SNAPSHOT']);
  });

  test('none whose frames were dropped, until it has spoken again', () => {
    const story = new Story().start().open(2).take().frame(1, quote(1)).frame(2, quote(2));
    story.fact('_drop', { c: 1, frames: 1, bytes: 9, from: String(story.t), reason: 'queue' });
    story.told();
    story.close(2).frame(1, quote(3));
    assert.deepEqual(story.told(), [
      'gap_opened BTCUSD disconnect quote',
      'gap_closed BTCUSD disconnect quote repaired=0',
      'quote BTCUSD 3',
    ]);
  });

  test('trades go on where another connection brings them', () => {
    const story = new Story().start().open(2).take().frame(1, trade(1)).frame(2, trade(1));
    story.told();
    story.close(2).frame(1, trade(2));
    assert.deepEqual(story.told(), ['trade BTCUSD 2']);
  });
});

test('a market added while the day runs is awaited from there on (R12)', () => {
  const story = new Story().fact('_day', { day: DAY, taken: false });
  const config = { ...CONFIG, channels: ['books'] };
  const fewer = { ...config, symbols: CONFIG.symbols.slice(0, 1) };
  story.fact('_config', { sha256: 'x', config: fewer }).open(1).frame(1, snap(7)).take().told();
  story.fact('_config', { sha256: 'y', config });
  assert.deepEqual(story.told(), ['gap_opened ETHUSD opening book']);
});

describe('one socket of several (R12)', () => {
  const mark = {
    stream: 'btcusdt@markPrice@1s',
    data: {
      ...{ e: 'markPriceUpdate', E: AT, s: 'BTCUSDT', p: '100', i: '100', P: '100' },
      ...{ r: '0.0001', T: AT },
    },
  };
  const aggTrade = (a: number): object => ({
    stream: 'btcusdt@aggTrade',
    data: {
      ...{ e: 'aggTrade', E: AT, s: 'BTCUSDT', a, p: '100', q: '1', f: 1, l: 1, T: AT, m: false },
    },
  });
  const [PUBLIC, MARKET] = ['ws://x/public', 'ws://x/market'];
  function both(): Story {
    const story = binance().open(1, DAY, PUBLIC).open(2, DAY, MARKET).take();
    story.frame(1, diff(10, 8)).frame(2, mark).told();
    return story;
  }

  test('its outage is a gap of all it may carry, heard before or not', () => {
    const story = both();
    const good = story.t;
    story.frame(1, diff(12, 10)).told();
    story.close(2);
    const from = story.events.map((it) => (it.type === 'status' ? it.from : null));
    assert.deepEqual(from, [good, good]);
    assert.deepEqual(story.told(), [
      'gap_opened BTCUSDT-PERP disconnect mark',
      'gap_opened _FEED-s disconnect -',
    ]);
    story.open(3, DAY, PUBLIC).open(4, DAY, MARKET).frame(4, mark).frame(4, aggTrade(500));
    assert.deepEqual(story.told(), [
      'gap_closed _FEED-s disconnect - repaired=0',
      'gap_closed BTCUSDT-PERP disconnect mark repaired=0',
      'mark',
      'trade BTCUSDT-PERP 500',
    ]);
  });

  test('both gone, the gap lasts until both are back', () => {
    const story = both().close(2).close(1);
    const feed = (): string[] => story.told().filter((it) => it.includes('_FEED'));
    assert.deepEqual(feed(), ['gap_opened _FEED-s disconnect -']);
    story.open(3, DAY, MARKET);
    assert.deepEqual(feed(), []);
    story.open(4, DAY, PUBLIC);
    assert.deepEqual(feed(), ['gap_closed _FEED-s disconnect - repaired=0']);
  });

  test('one that is replaced before it is closed leaves no gap, of trades neither', () => {
    const story = both().frame(2, aggTrade(500)).open(3, DAY, MARKET).frame(3, mark);
    story.told();
    story.close(2, 'us');
    assert.deepEqual(story.told(), []);
    story.frame(3, aggTrade(501));
    assert.deepEqual(story.told(), ['trade BTCUSDT-PERP 501']);
  });

  test('one closed by us that nothing replaces is a gap, and its trades are', () => {
    const story = both().frame(2, aggTrade(500));
    story.told();
    story.close(2, 'us');
    assert.deepEqual(story.told(), [
      'gap_opened BTCUSDT-PERP closed mark',
      'gap_opened _FEED-s closed -',
      'gap_opened BTCUSDT-PERP closed trade',
    ]);
  });

  test('an outage before the shard is taken is told where it speaks', () => {
    const story = binance().open(1, DAY, PUBLIC).open(2, DAY, MARKET).frame(2, mark);
    const good = story.t;
    story.frame(1, diff(10, 8)).close(2).take();
    const [feed] = story.events.filter((it) => it.type === 'status' && it.about === null);
    assert.deepEqual(feed?.type === 'status' && [feed.cause, feed.from], ['disconnect', good]);
  });
});
