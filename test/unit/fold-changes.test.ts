/** Types of which a venue tells what changed (`Feed.changes`): the fold tells them whole. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { bybitLinear } from '../../connectors/bybit-linear/feed.ts';
import { FLAG } from '../../schema/events.ts';
import type { EventOf } from '../../schema/events.ts';
import { Story } from '../support/fold-story.ts';

/** A frame of `tickers`; a snapshot where all of it is given. */
function ticker(type: 'snapshot' | 'delta', fields: object): object {
  return { topic: 'tickers.BTC', type, data: { symbol: 'BTC', ...fields }, cs: 5, ts: 1000 };
}
const WHOLE = { lastPrice: '10', bid1Price: '9', bid1Size: '1', markPrice: '10.5' };
const snapshot = (fields: object = WHOLE): object => ticker('snapshot', fields);
const delta = (fields: object): object => ticker('delta', fields);

function started(): Story {
  return new Story(['tickers'], bybitLinear).start();
}

/** Last price, bid, its size and the mark price as they were told since the last call. */
function told(story: Story): string[] {
  return story.events.splice(0).flatMap((event) => {
    if (event.type === 'status') return [`${event.kind} ${event.cause} ${event.about ?? '-'}`];
    const whole = (event.flags & FLAG.SNAPSHOT) === 0 ? '' : ' SNAPSHOT';
    const text = (value: EventOf<'ticker'>['last_price']): string =>
      value === null ? '-' : `${value.mantissa}e${value.exponent}`;
    if (event.type === 'mark') return [`mark ${text(event.mark_price)}${whole}`];
    if (event.type !== 'ticker') return [event.type];
    const values = [event.last_price, event.bid_price, event.bid_size].map(text).join(' ');
    return [`ticker ${values}${whole}`];
  });
}

describe('changes are told whole (R14)', () => {
  test('what a delta leaves out holds on', () => {
    const story = started().take();
    told(story);
    story.frame(1, snapshot()).frame(1, delta({ bid1Size: '2' }));
    story.frame(1, delta({ lastPrice: '11', markPrice: '11.5' }));
    story.frame(1, delta({ bid1Price: '9.5' }));
    assert.deepEqual(told(story), [
      'gap_closed opening ticker',
      'ticker 10e0 9e0 1e0 SNAPSHOT',
      'gap_closed opening mark',
      'mark 105e-1 SNAPSHOT',
      'ticker 10e0 9e0 2e0',
      'ticker 11e0 9e0 2e0',
      'mark 115e-1',
      'ticker 11e0 95e-1 2e0',
    ]);
  });

  test('a snapshot replaces all, also with none', () => {
    const story = started().take().frame(1, snapshot());
    story.frame(1, snapshot({ lastPrice: '12', markPrice: '1' }));
    told(story);
    story.frame(1, delta({ lastPrice: '13' }));
    assert.deepEqual(told(story), ['ticker 13e0 - -']);
  });

  test('a delta before the snapshot is of nothing: held, and the gap stays', () => {
    const story = started().take();
    told(story);
    story.frame(1, delta({ lastPrice: '11' }));
    assert.deepEqual(told(story), []);
    assert.equal(story.fold.counts.dropped.get('held'), 1);
  });

  test('each connection has its own; who takes over says the whole', () => {
    const story = started().take().frame(1, snapshot());
    story.open(2).frame(2, delta({ lastPrice: '99' }));
    story.frame(1, delta({ lastPrice: '12' }));
    assert.deepEqual(told(story).slice(-1), ['ticker 12e0 9e0 1e0']);
    story.frame(2, snapshot({ ...WHOLE, lastPrice: '20' })).frame(2, delta({ bid1Size: '7' }));
    assert.deepEqual(told(story).slice(-1), ['ticker 20e0 9e0 7e0']);
    story.close(2).frame(1, delta({ bid1Size: '8' }));
    assert.deepEqual(told(story).slice(-1), ['ticker 12e0 9e0 8e0'], 'it went on meanwhile');
  });

  test('what was heard while muted is stated whole (R8)', () => {
    const story = started()
      .frame(1, snapshot())
      .frame(1, delta({ lastPrice: '15' }))
      .take();
    const values = told(story).filter((it) => /^(ticker|mark)/.test(it));
    assert.deepEqual(values, ['ticker 15e0 9e0 1e0 SNAPSHOT', 'mark 105e-1 SNAPSHOT']);
  });

  test('frames lost on the connection: nothing holds, and the snapshot is asked for again', () => {
    const story = started().take().frame(1, snapshot());
    told(story);
    story.fact('_drop', { c: 1, frames: 3, bytes: 9, reason: 'disk', from: String(story.t) });
    assert.deepEqual(
      story.fold.faults.map(({ c, symbol, type, cause }) => [c, symbol, type, cause]),
      [
        [1, 'BTCUSD', 'ticker', 'drop'],
        [1, 'BTCUSD', 'mark', 'drop'],
      ],
    );
    told(story);
    story.frame(1, delta({ lastPrice: '16' }));
    assert.deepEqual(told(story), []);
    story.frame(1, snapshot());
    assert.deepEqual(told(story), [
      'gap_closed drop ticker',
      'ticker 10e0 9e0 1e0 SNAPSHOT',
      'gap_closed drop mark',
      'mark 105e-1 SNAPSHOT',
    ]);
  });

  test('a copy goes on by itself', () => {
    const story = started().take().frame(1, snapshot());
    told(story);
    const bytes = new TextEncoder().encode(`${JSON.stringify(delta({ bid1Size: '2' }))}\n`);
    const copy = story.fold.clone();
    copy.frame(story.t + 1n, 1, bytes, 0, bytes.length - 1);
    story.frame(1, delta({ lastPrice: '11' }));
    assert.deepEqual(told(story), ['ticker 11e0 9e0 1e0'], 'not what the copy heard');
  });
});
