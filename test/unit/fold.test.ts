import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { binanceUsdm } from '../../connectors/binance-usdm/feed.ts';
import { FLAG } from '../../schema/events.ts';
import type { EventOf, MarketEvent } from '../../schema/events.ts';
import { dayStart } from '../../schema/time.ts';
import {
  CONFIG,
  DAY,
  NEXT,
  NOON,
  Story,
  delta,
  history,
  quote,
  snap,
  trade,
} from '../support/fold-story.ts';

describe('speaking (R3, R8)', () => {
  test('nothing is spoken before _take; then each whole state is', () => {
    const story = new Story().start().frame(1, snap(7)).frame(1, delta(8)).frame(1, quote(3));
    assert.deepEqual(story.told(), []);
    story.take();
    assert.deepEqual(story.told(), ['quote BTCUSD 3 SNAPSHOT', 'book BTCUSD 8 SNAPSHOT']);
    story.frame(1, delta(9)).frame(1, quote(4));
    assert.deepEqual(story.told(), ['book BTCUSD 9', 'quote BTCUSD 4']);
  });

  test('a forced order heard while muted is not said again', () => {
    const story = new Story().start().frame(1, { k: 'forced', s: 'BTC' }).take();
    assert.deepEqual(story.told(), []);
    story.frame(1, { k: 'forced', s: 'BTC' });
    assert.deepEqual(story.told(), ['liquidation']);
  });

  test('index counts within a line, type and symbol, and the last carries LAST', () => {
    const story = new Story().start().take();
    story.events.length = 0;
    story.frame(1, { k: 'trades', s: 'BTC', ids: [1, 2, 3] });
    const seen = story.events.map((it) => [it.index, (it.flags & FLAG.LAST) !== 0, it.t]);
    assert.deepEqual(seen, [
      [0, false, story.t],
      [1, false, story.t],
      [2, true, story.t],
    ]);
  });
});

describe('the day (R1, R2, R4)', () => {
  const midnight = dayStart(NEXT);
  function evening(): Story {
    const story = new Story()
      .start()
      .take()
      .frame(1, snap(7))
      .frame(1, trade(1))
      .frame(1, quote(3));
    story.day(NEXT, true, midnight - 600_000_000_000n).open(2, NEXT);
    story.told();
    return story;
  }

  test('the new fold is muted, hears only its own connections, and begins with snapshots', () => {
    const story = evening().frame(2, snap(70)).frame(2, quote(30)).frame(1, delta(8));
    assert.deepEqual(
      story.told(),
      ['book BTCUSD 8'],
      'the old day goes on from the old connection',
    );
    story.fact('_midnight', { day: NEXT }, midnight);
    assert.deepEqual(story.told(), ['quote BTCUSD 30 SNAPSHOT', 'book BTCUSD 70 SNAPSHOT']);
    story.frame(1, delta(9)).frame(2, delta(71)).close(1, 'us');
    assert.deepEqual(story.told(), ['book BTCUSD 71']);
  });

  test('no trade is lost and none repeated across midnight, whichever connection is ahead', () => {
    const story = evening().frame(2, history(1)).frame(2, trade(2)).frame(1, trade(2));
    story.frame(1, trade(3)).frame(2, trade(4));
    assert.deepEqual(story.told(), ['trade BTCUSD 2', 'trade BTCUSD 3', 'trade BTCUSD 4']);
    story.fact('_midnight', { day: NEXT }, midnight);
    story.told();
    story.frame(1, trade(4)).frame(2, trade(3)).frame(1, trade(5)).frame(2, trade(5));
    assert.deepEqual(story.told(), ['trade BTCUSD 5']);
  });

  test('its configuration is not that of the day which is still running', () => {
    const story = evening();
    const symbols = [
      ...CONFIG.symbols,
      { symbol: 'SOLUSD', external: 'SOL', depth: 'l1' as const },
    ];
    story.fact('_config', { sha256: 'y', config: { ...CONFIG, symbols } });
    const sol = { k: 'quote', s: 'SOL', px: 5 };
    story.frame(1, sol).frame(2, sol);
    assert.deepEqual(story.told(), []);
    story.fact('_midnight', { day: NEXT }, midnight);
    assert.ok(story.told().includes('quote SOLUSD 5 SNAPSHOT'));
  });

  test('its fold depends on nothing before its _day line', () => {
    const whole = evening();
    const late = new Story();
    late.t = whole.t - 3n;
    late.day(NEXT, true, midnight - 600_000_000_000n).open(2, NEXT);
    for (const story of [whole, late]) {
      story.frame(1, trade(2)).frame(2, history(1, 2)).frame(2, snap(70)).frame(2, quote(9));
      story.told();
      story.fact('_midnight', { day: NEXT }, midnight).frame(1, trade(3)).frame(2, delta(71));
    }
    assert.deepEqual(late.events, whole.events);
    assert.equal(late.told().length, 4);
  });

  test('an epoch that starts after 23:50 speaks for tomorrow only from midnight', () => {
    const story = new Story();
    story
      .start(DAY, midnight - 300_000_000_000n)
      .day(NEXT, false)
      .open(2, NEXT);
    story.frame(2, snap(70)).frame(1, snap(7)).take();
    assert.deepEqual(story.told(), ['book BTCUSD 7 SNAPSHOT']);
    story.fact('_midnight', { day: NEXT }, midnight);
    assert.deepEqual(story.told(), ['book BTCUSD 70 SNAPSHOT']);
  });
});

describe('who speaks (R5)', () => {
  test('the newest whole connection takes over from its snapshot on', () => {
    const story = new Story().start().take().frame(1, snap(7)).open(2).frame(2, delta(60));
    story.frame(1, delta(8)).frame(2, snap(70)).frame(1, delta(9)).frame(2, delta(71));
    assert.deepEqual(story.told(), [
      'book BTCUSD 7 SNAPSHOT',
      'book BTCUSD 8',
      'book BTCUSD 70 SNAPSHOT',
      'book BTCUSD 71',
    ]);
  });

  test('when the speaker dies the next whole one follows, its state stated', () => {
    const story = new Story().start().take().frame(1, snap(7)).open(2).frame(2, snap(70));
    story.frame(1, delta(8)).told();
    story.close(2);
    assert.deepEqual(story.told(), ['book BTCUSD 8 SNAPSHOT']);
  });

  test('when nobody is whole a gap is open until somebody is', () => {
    const story = new Story().start().take().frame(1, snap(7)).frame(1, quote(1));
    const good = story.t;
    story.told();
    story.close(1);
    const [first] = story.events;
    assert.equal((first as EventOf<'status'>).from, good);
    assert.deepEqual(story.told(), [
      'gap_opened BTCUSD disconnect quote',
      'gap_opened BTCUSD disconnect book',
      'gap_opened _FEED-s disconnect -',
    ]);
    story.open(2).frame(2, delta(80)).frame(2, snap(81)).frame(2, quote(2));
    assert.deepEqual(story.told(), [
      'gap_closed _FEED-s disconnect - repaired=0',
      'gap_closed BTCUSD disconnect book repaired=0',
      'book BTCUSD 81 SNAPSHOT',
      'gap_closed BTCUSD disconnect quote repaired=0',
      'quote BTCUSD 2',
    ]);
  });

  test('a broken rule opens a gap with both values, reports a fault, and heals by a snapshot', () => {
    const story = new Story().start().take().frame(1, snap(7)).frame(1, delta(9));
    assert.deepEqual(story.fold.faults, [
      { c: 1, symbol: 'BTCUSD', type: 'book', cause: 'sequence' },
    ]);
    story.frame(1, delta(10)).frame(1, snap(20)).frame(1, delta(21));
    assert.deepEqual(story.told(), [
      'book BTCUSD 7 SNAPSHOT',
      'gap_opened BTCUSD sequence book 8/9',
      'gap_closed BTCUSD sequence book repaired=0',
      'book BTCUSD 20 SNAPSHOT',
      'book BTCUSD 21',
    ]);
  });
});

describe('trades (R6)', () => {
  test('a repeat is dropped, a conflict is told, history adds only what lies beyond', () => {
    const story = new Story()
      .start()
      .take()
      .frame(1, history(1, 2, 3));
    assert.deepEqual(story.told(), [], 'nothing was known: the first history only seeds');
    story.frame(1, trade(4)).frame(1, trade(4)).frame(1, trade(4, 2)).open(2);
    assert.deepEqual(story.told(), ['trade BTCUSD 4', 'trade BTCUSD 4 ID_CONFLICT']);
    story.frame(2, history(3, 4, 5, 6));
    assert.deepEqual(
      story.told(),
      ['trade BTCUSD 4 ID_CONFLICT', 'trade BTCUSD 5 HISTORY', 'trade BTCUSD 6 HISTORY'].slice(1),
    );
  });

  test('two trades of one id that two connections bring are told once each', () => {
    const story = new Story().start().take().open(2).frame(1, trade(4));
    story.told();
    for (const c of [1, 2]) story.frame(c, trade(5, 1)).frame(c, trade(5, 2));
    assert.deepEqual(story.told(), ['trade BTCUSD 5', 'trade BTCUSD 5 ID_CONFLICT']);
  });

  test('a jump in the ids of a connection is a hole unless another one delivered it', () => {
    const story = new Story().start().take().frame(1, trade(1)).frame(1, trade(4));
    assert.deepEqual(story.told(), [
      'trade BTCUSD 1',
      'gap_opened BTCUSD sequence trade 2/4',
      'gap_closed BTCUSD sequence trade 2/4 repaired=0',
      'trade BTCUSD 4',
    ]);
    story.open(2).frame(2, trade(5)).frame(2, trade(6)).frame(1, trade(7));
    assert.deepEqual(story.told(), ['trade BTCUSD 5', 'trade BTCUSD 6', 'trade BTCUSD 7']);
  });

  test('a disconnect is repaired where history closes it without a hole', () => {
    const story = new Story().start().take().frame(1, trade(1)).close(1).open(2);
    story.told();
    story.frame(2, history(1, 2, 3));
    assert.deepEqual(story.told(), [
      'gap_closed BTCUSD disconnect trade repaired=1',
      'trade BTCUSD 2 HISTORY',
      'trade BTCUSD 3 HISTORY',
    ]);
  });
});

describe('books that break unheard (R5)', () => {
  const config = {
    ...{ feed: 'binance-usdm', shard: 's', channels: ['depth'], book_depth: 20 },
    symbols: [{ symbol: 'BTCUSDT-PERP', external: 'BTCUSDT', depth: 'l2' as const }],
  };
  const frame = (stream: string, U: number, u: number, pu: number): object => ({
    stream: `btcusdt@${stream}`,
    data: {
      ...{ e: 'depthUpdate', E: 1_700_000_000_000, T: 1_700_000_000_000, s: 'BTCUSDT', U, u, pu },
      ...{ b: [['100', '1']], a: [['101', '1']] },
    },
  });

  test('one that takes over while it may be wrong opens the gap its flag stands for', () => {
    const story = new Story([], binanceUsdm).fact('_day', { day: DAY, taken: false });
    story.fact('_config', { sha256: 'x', config }).open(1).open(2).take();
    for (const c of [1, 2]) story.frame(c, frame('depth@100ms', 9, 10, 8));
    story.frame(1, frame('depth@100ms', 19, 20, 15)).frame(2, frame('depth@100ms', 11, 12, 10));
    story.told();
    story.close(2);
    assert.deepEqual(story.told(), [
      'book BTCUSDT-PERP 20 SNAPSHOT MAYBE_BAD_BOOK UNVERIFIED',
      'gap_opened BTCUSDT-PERP sequence book pu 10/pu 15, u 20',
    ]);
    story.frame(1, frame('depth20@100ms', 21, 22, 20));
    assert.deepEqual(story.told(), [
      'gap_closed BTCUSDT-PERP sequence book repaired=0',
      'book BTCUSDT-PERP 22 SNAPSHOT',
    ]);
  });
});

describe('take-over (R7)', () => {
  test('trades heard while muted are spoken beyond the last one published', () => {
    const story = new Story()
      .start()
      .frame(1, history(1, 2, 3))
      .frame(1, trade(4))
      .frame(1, snap(7));
    story.take({ epoch: 5, t: String(NOON - 1000n) }, { BTCUSD: '2' });
    assert.deepEqual(story.told(), [
      'gap_opened _FEED-s take_over -',
      'gap_closed _FEED-s take_over -',
      'book BTCUSD 7 SNAPSHOT',
      'trade BTCUSD 3 HISTORY',
      'trade BTCUSD 4 HISTORY',
    ]);
    story.frame(1, trade(4)).frame(1, trade(5));
    assert.deepEqual(story.told(), ['trade BTCUSD 5']);
  });

  test('history that comes only after the _take adds what lies beyond the last one published', () => {
    const story = new Story().start();
    story.take({ epoch: 5, t: String(NOON - 1000n) }, { BTCUSD: '2' }).told();
    story.frame(1, history(1, 2, 3, 4)).frame(1, trade(5));
    assert.deepEqual(story.told(), [
      'trade BTCUSD 3 HISTORY',
      'trade BTCUSD 4 HISTORY',
      'trade BTCUSD 5',
    ]);
  });

  test('ids missing between the last one published and the first one heard are a hole', () => {
    const prev = { epoch: 5, t: String(NOON - 1000n) };
    for (const [first, flags] of [
      [trade(6), ''],
      [history(6), ' HISTORY'],
    ] as const) {
      const story = new Story().start().take(prev, { BTCUSD: '2' });
      story.told();
      story.frame(1, first);
      const [from, to] = [NOON - 1000n, story.t];
      assert.deepEqual(closedGaps(story.events), [`BTCUSD sequence trade ${from}-${to}`]);
      story.frame(1, trade(7));
      assert.deepEqual(story.told(), [
        'gap_opened BTCUSD sequence trade 3/6',
        'gap_closed BTCUSD sequence trade 3/6 repaired=0',
        `trade BTCUSD 6${flags}`,
        'trade BTCUSD 7',
      ]);
    }
  });

  test('a take-over from nobody known is told too, and has no beginning', () => {
    const story = new Story().start().fact('_take', { prev: null, ids: {} });
    const [opened, closed, ...rest] = story.events.filter((it) => it.type === 'status');
    assert.deepEqual(rest, []);
    for (const it of [opened, closed]) {
      assert.deepEqual([it?.cause, it?.about, it?.from, it?.to], ['take_over', null, null, null]);
    }
    assert.deepEqual([opened?.kind, closed?.kind], ['gap_opened', 'gap_closed']);
  });

  test('without a last one published nothing is repeated', () => {
    const story = new Story().start().frame(1, trade(4)).take();
    assert.deepEqual(story.told(), []);
  });
});

/** `cause about from-to` of each gap that was closed. */
function closedGaps(events: readonly MarketEvent[]): string[] {
  return events.flatMap((it) =>
    it.type === 'status' && it.kind === 'gap_closed'
      ? [`${it.symbol} ${it.cause} ${it.about ?? '-'} ${it.from}-${it.to}`]
      : [],
  );
}

describe('what is not known yet (R12)', () => {
  test('an opening snapshot that was lost is a gap from the _take to the one that came', () => {
    const story = new Story(['books']).start().take();
    const taken = story.t;
    story.frame(1, delta(8)).frame(1, delta(9));
    assert.deepEqual(story.told(), [
      'gap_opened BTCUSD opening book',
      'gap_opened ETHUSD opening book',
    ]);
    story.frame(1, snap(20));
    assert.deepEqual(closedGaps(story.events), [`BTCUSD opening book ${taken}-${story.t}`]);
    story.frame(1, delta(21)).frame(1, snap(5, 'ETH'));
    assert.deepEqual(story.told(), [
      'gap_closed BTCUSD opening book repaired=0',
      'book BTCUSD 20 SNAPSHOT',
      'book BTCUSD 21',
      'gap_closed ETHUSD opening book repaired=0',
      'book ETHUSD 5 SNAPSHOT',
    ]);
  });

  test('one lost while muted is a gap from where the fold speaks; one that came is none', () => {
    const story = new Story(['books']).start().frame(1, delta(8)).frame(1, snap(5, 'ETH')).take();
    const taken = story.t;
    assert.deepEqual(story.told(), ['book ETHUSD 5 SNAPSHOT', 'gap_opened BTCUSD opening book']);
    story.frame(1, snap(20));
    assert.deepEqual(closedGaps(story.events), [`BTCUSD opening book ${taken}-${story.t}`]);
  });

  test('a day that begins without a book says so at midnight', () => {
    const midnight = dayStart(NEXT);
    const story = new Story(['books']).start().take().frame(1, snap(7)).frame(1, snap(5, 'ETH'));
    story
      .day(NEXT, true, midnight - 600_000_000_000n)
      .open(2, NEXT)
      .frame(2, snap(70));
    story.told();
    story.fact('_midnight', { day: NEXT }, midnight);
    assert.deepEqual(story.told(), ['book BTCUSD 70 SNAPSHOT', 'gap_opened ETHUSD opening book']);
  });

  test('a shard taken while the venue is away hears nothing until a connection opens', () => {
    const story = new Story().day(DAY, false).take({ epoch: 5, t: String(NOON - 1000n) });
    const taken = story.t;
    story.told();
    story.t += 600_000_000_000n;
    story.open(1);
    assert.deepEqual(closedGaps(story.events), [`_FEED-s opening - ${taken}-${story.t}`]);
  });

  test('of a market kept to its best prices no book is awaited', () => {
    const story = new Story();
    const symbols = [{ symbol: 'BTCUSD', external: 'BTC', depth: 'l1' as const }];
    const config = { ...CONFIG, channels: ['books'], symbols };
    story.fact('_day', { day: DAY, taken: false }).fact('_config', { sha256: 'x', config });
    story.open(1).take();
    assert.deepEqual(story.told(), []);
  });
});

describe('facts (R9, R11)', () => {
  test('a rejected frame is one status event; a refusal names its reason', () => {
    const story = new Story()
      .start()
      .take()
      .frame(1, 'garbage')
      .frame(1, { k: 'refused', s: 'ETH' });
    assert.deepEqual(story.told(), [
      'rejected _FEED-s not_json -',
      'refused ETHUSD refused refused',
    ]);
    assert.equal(story.fold.counts.kinds.rejected, 1);
    assert.equal(story.fold.counts.rejected.get('not_json'), 1);
  });

  test('after a clock step events say so until it is good again', () => {
    const story = new Story().start().take();
    story
      .fact('_clock', { step_ns: '2000000000', bad: true, detail: 'stepped' })
      .frame(1, quote(1));
    story.fact('_clock', { step_ns: '0', bad: false, detail: 'good' }).frame(1, quote(2));
    const quotes = story.told().filter((it) => it.startsWith('quote'));
    assert.deepEqual(quotes, ['quote BTCUSD 1 BAD_TS_RECV', 'quote BTCUSD 2']);
  });

  test('dropped frames are a bounded gap, and the book starts anew', () => {
    const story = new Story().start().take().frame(1, snap(7));
    story.told();
    story.fact('_drop', { c: 1, frames: 3, bytes: 99, from: String(story.t), reason: 'queue' });
    assert.equal(story.fold.faults[0]?.cause, 'drop');
    story.frame(1, delta(8)).frame(1, snap(9));
    assert.deepEqual(story.told(), [
      'gap_opened _FEED-s drop -',
      'gap_closed _FEED-s drop -',
      'gap_opened BTCUSD drop book',
      'gap_closed BTCUSD drop book repaired=0',
      'book BTCUSD 9 SNAPSHOT',
    ]);
  });

  test('dropped frames are a gap of every type they may have held, whatever the ids look like', () => {
    for (const [id, repaired] of [
      ['a1b2', 0],
      ['7', 0],
      ['2', 1],
    ] as const) {
      const story = new Story().start().take().frame(1, trade(1)).frame(1, quote(1));
      const good = story.t;
      story.told();
      const from = String(story.t + 1n);
      story.fact('_drop', { c: 1, frames: 3, bytes: 99, from, reason: 'ENOSPC' });
      assert.deepEqual(story.told(), [
        'gap_opened _FEED-s drop -',
        'gap_closed _FEED-s drop -',
        'gap_opened BTCUSD drop quote',
        'gap_opened BTCUSD drop trade',
      ]);
      story.frame(1, quote(2)).frame(1, trade(id));
      assert.deepEqual(closedGaps(story.events), [
        `BTCUSD drop quote ${good}-${story.t - 1n}`,
        `BTCUSD drop trade ${good}-${story.t}`,
      ]);
      assert.deepEqual(story.told(), [
        'gap_closed BTCUSD drop quote repaired=0',
        'quote BTCUSD 2',
        `gap_closed BTCUSD drop trade repaired=${repaired}`,
        `trade BTCUSD ${id}`,
      ]);
    }
  });
});

test('a copy goes on by itself and yields the same', () => {
  const story = new Story().start().take().frame(1, snap(7)).frame(1, trade(1)).frame(1, quote(1));
  const copy = new Story();
  Object.assign(copy, { fold: story.fold.clone(), t: story.t });
  story.told();
  for (const it of [story, copy]) {
    it.frame(1, delta(8)).frame(1, trade(1)).frame(1, trade(2)).close(1).open(2).frame(2, snap(9));
  }
  assert.deepEqual(copy.events, story.events);
  assert.equal(copy.told().length, 9);
});
