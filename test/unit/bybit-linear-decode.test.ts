/** Bybit frames, one by one: what each channel becomes. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  CANDLE,
  LIQUIDATION,
  NS,
  TICKER,
  TRADE,
  TS,
  bookFrame,
  decodeFrame,
  frame,
} from '../support/bybit-frames.ts';
import type { Decoded } from '../support/frames.ts';

const only = (decoded: Decoded) => {
  assert.equal(decoded.kind, 'data', decoded.reason);
  assert.equal(decoded.events.length, 1);
  return decoded.events[0] ?? assert.fail();
};

describe('books and quotes', () => {
  const data = { s: 'ETHUSDT', b: [['30247.20', '30.028']], a: [['30248.70', '0']], u: 8, seq: 9 };

  test('orderbook: levels with the wire’s digits, u, and the matching engine’s time', () => {
    const text = frame('orderbook.200.ETHUSDT', data, { type: 'delta', cts: TS - 3 });
    const decoded = decodeFrame(text);
    assert.deepEqual([decoded.channel, decoded.frame_symbol], ['orderbook', 1]);
    assert.deepEqual(only(decoded), {
      type: 'book',
      symbol: 'ETHUSDT-PERP',
      flags: 0,
      ts_event: '1672304486865000000',
      sequence: '8',
      depth: 200,
      checksum: null,
      first_sequence: null,
      prev_sequence: null,
      part: null,
      parts: null,
      bids: ['30247.20 30.028'],
      asks: ['30248.70 0'],
    });
  });

  test('orderbook: a snapshot says so, and so does u 1; ts counts where there is no cts', () => {
    for (const [type, u, flags] of [
      ['snapshot', 8, 1],
      ['delta', 1, 1],
      ['delta', 2, 0],
    ] as const) {
      const event = only(decodeFrame(frame('orderbook.50.ETHUSDT', { ...data, u }, { type })));
      assert.deepEqual([event.flags, event.ts_event], [flags, NS]);
    }
  });

  test('orderbook: every depth of this market is one channel, those of options are not', () => {
    for (const depth of [50, 200, 500, 1000]) {
      const event = only(decodeFrame(bookFrame('snapshot', { u: 5, depth })));
      assert.equal(event['depth'], depth);
    }
    for (const depth of [25, 100]) {
      const { kind, reason } = decodeFrame(bookFrame('snapshot', { u: 5, depth }));
      assert.deepEqual([kind, reason], ['ignored', `channel_not_supported:orderbook.${depth}`]);
    }
  });

  test('orderbook.1: a quote; a side that is empty is absent; half a quote is ignored', () => {
    const best = { ...data, a: [] };
    assert.deepEqual(only(decodeFrame(frame('orderbook.1.ETHUSDT', best))), {
      type: 'quote',
      symbol: 'ETHUSDT-PERP',
      flags: 0,
      ts_event: NS,
      sequence: '8',
      bid_price: '30247.20',
      bid_size: '30.028',
      ask_price: null,
      ask_size: null,
    });
    const half = decodeFrame(frame('orderbook.1.ETHUSDT', best, { type: 'delta' }));
    assert.deepEqual([half.kind, half.reason], ['ignored', 'best_level_delta']);
  });
});

describe('trades and liquidations', () => {
  test('publicTrade: side is the taker’s as it stands, and no history', () => {
    for (const [S, side] of [
      ['Buy', 'buy'],
      ['Sell', 'sell'],
    ]) {
      assert.deepEqual(only(decodeFrame(frame('publicTrade.BTCUSDT', [{ ...TRADE, S }]))), {
        type: 'trade',
        symbol: 'BTCUSDT-PERP',
        flags: 0,
        ts_event: '1672304486865000000',
        sequence: '1783284617',
        price: '16578.50',
        size: '0.001',
        side,
        trade_id: '20f43950-d8dd-5b31-9112-a178eb6023af',
        order_type: null,
        first_trade_id: null,
        last_trade_id: null,
      });
    }
  });

  test('publicTrade: every element; without seq before 2025; block trades are marked', () => {
    const { seq: _, ...old } = TRADE;
    const decoded = decodeFrame(frame('publicTrade.BTCUSDT', [TRADE, old, { ...TRADE, BT: true }]));
    assert.deepEqual(
      decoded.events.map((it) => [it.sequence, it['order_type']]),
      [
        ['1783284617', null],
        [null, null],
        ['1783284617', 'block'],
      ],
    );
  });

  test('allLiquidation: a long position (Buy) is closed by an order that sells', () => {
    for (const [S, side] of [
      ['Buy', 'sell'],
      ['Sell', 'buy'],
    ]) {
      assert.deepEqual(
        only(decodeFrame(frame('allLiquidation.BTCUSDT', [{ ...LIQUIDATION, S }]))),
        {
          type: 'liquidation',
          symbol: 'BTCUSDT-PERP',
          flags: 0,
          ts_event: '1739502302929000000',
          sequence: null,
          price: '0.04499',
          size: '20000',
          average_price: null,
          filled_size: null,
          side,
          order_type: null,
          status: null,
        },
      );
    }
  });

  test('liquidation: the older form of the same, one element by itself', () => {
    const data = { price: '0.04499', side: 'Sell', size: '20000', symbol: 'BTCUSDT' };
    const old = frame('liquidation.BTCUSDT', { ...data, updatedTime: LIQUIDATION.T });
    const event = only(decodeFrame(frame('allLiquidation.BTCUSDT', [LIQUIDATION])));
    assert.deepEqual(only(decodeFrame(old)), event);
  });
});

describe('tickers', () => {
  test('a snapshot is a ticker and a mark; a fraction becomes a percentage', () => {
    const { events } = decodeFrame(frame('tickers.BTCUSDT', TICKER, { cs: 24987956059 }));
    const common = { flags: 1, ts_event: NS, sequence: '24987956059', symbol: 'BTCUSDT-PERP' };
    assert.deepEqual(events, [
      {
        type: 'ticker',
        ...common,
        last_price: '17216.00',
        last_size: null,
        bid_price: '17215.50',
        bid_size: '84.489',
        ask_price: '17216.00',
        ask_size: '83.020',
        volume: '91705.276',
        quote_volume: '1570383121.943499',
        vwap: null,
        open: '16926.50',
        high: '17281.50',
        low: '16915.00',
        change: null,
        change_percent: '-1.7103',
        trades: null,
      },
      {
        type: 'mark',
        ...common,
        mark_price: '17217.33',
        index_price: '17227.36',
        settle_price: null,
        funding_rate: '-0.000212',
        next_funding: '1673280000000000000',
      },
    ]);
  });

  test('a delta is of what changed, and of nothing else', () => {
    const delta = (fields: object): Decoded =>
      decodeFrame(frame('tickers.BTCUSDT', { symbol: 'BTCUSDT', ...fields }, { type: 'delta' }));
    const told = (fields: object) => delta(fields).events.map(({ type, flags }) => [type, flags]);
    assert.deepEqual(told({ bid1Size: '1.5' }), [['ticker', 0]]);
    assert.deepEqual(told({ markPrice: '1.5' }), [['mark', 0]]);
    assert.deepEqual(told({ fundingRate: '0', lastPrice: '2' }), [
      ['ticker', 0],
      ['mark', 0],
    ]);
    assert.deepEqual(told({ openInterest: '7', tickDirection: 'MinusTick' }), []);
    assert.equal(delta({ openInterest: '7' }).kind, 'data');
    const [event] = delta({ bid1Size: '1.5' }).events;
    assert.deepEqual([event?.['bid_size'], event?.['bid_price']], ['1.5', null]);
  });

  test('none is not zero: futures without funding, a side that is not there', () => {
    const none = { fundingRate: '', nextFundingTime: '0', bid1Price: '', ask1Price: '0.00' };
    const [ticker, mark] = decodeFrame(frame('tickers.BTCUSDT', { ...TICKER, ...none })).events;
    assert.deepEqual([mark?.['funding_rate'], mark?.['next_funding']], [null, null]);
    for (const field of ['bid_price', 'bid_size', 'ask_price', 'ask_size']) {
      assert.equal(ticker?.[field], null, field);
    }
  });
});

describe('candles and form', () => {
  test('kline: the length by its topic; confirm is closed', () => {
    assert.deepEqual(only(decodeFrame(frame('kline.1.BTCUSDT', [CANDLE]))), {
      type: 'ohlc',
      symbol: 'BTCUSDT-PERP',
      flags: 0,
      ts_event: NS,
      sequence: null,
      open: '16649.50',
      high: '16678.00',
      low: '16608.00',
      close: '16677.00',
      volume: '2.081',
      vwap: null,
      quote_volume: '34666.40050',
      trades: null,
      interval_begin: '1672324800000000000',
      interval_s: 60,
      closed: 0,
    });
    for (const [interval, seconds] of [
      ['5', 300],
      ['720', 43_200],
      ['D', 86_400],
      ['W', 604_800],
      ['M', null],
    ] as const) {
      const text = frame(`kline.${interval}.BTCUSDT`, [{ ...CANDLE, interval, confirm: true }]);
      const event = only(decodeFrame(text));
      assert.deepEqual([event['interval_s'], event['closed']], [seconds, 1], interval);
    }
  });

  test('keys in any order, spacing and escapes change nothing', () => {
    for (const text of [
      frame('publicTrade.BTCUSDT', [TRADE]),
      frame('tickers.BTCUSDT', TICKER, { cs: 5 }),
      bookFrame('snapshot', { u: 5, bids: [['1.0', '2']] }),
    ]) {
      const entries = Object.entries(JSON.parse(text) as Record<string, unknown>);
      const turned = JSON.stringify(Object.fromEntries(entries.toReversed()), null, 1)
        .replace('"snapshot"', String.raw`"snap\u0073hot"`)
        .replaceAll('BTCUSDT', String.raw`BTC\u0055SDT`)
        .replace('"Buy"', String.raw`"Bu\u0079"`);
      assert.deepEqual(decodeFrame(turned).events, decodeFrame(text).events);
      assert.equal(decodeFrame(turned).channel, decodeFrame(text).channel);
    }
  });
});

describe('answers', () => {
  const outcome = ({ kind, channel, frame_symbol, reason, request_id }: Decoded) => {
    return [kind, channel, frame_symbol, reason, request_id];
  };
  const answer = (fields: object): Decoded =>
    decodeFrame(
      JSON.stringify({ success: true, ret_msg: '', conn_id: 'a', req_id: '7', ...fields }),
    );

  test('an acknowledgement names its request and nothing else', () => {
    assert.deepEqual(outcome(answer({ op: 'subscribe' })), ['ack', null, -2, '', '7']);
    const gone = outcome(answer({ op: 'unsubscribe', req_id: '' }));
    assert.deepEqual(gone, ['ack', null, -2, 'unsubscribe', null]);
  });

  test('a refusal is one, and its words say of what', () => {
    const refused = (ret_msg: string) =>
      outcome(answer({ op: 'subscribe', success: false, ret_msg }));
    const of_eth = 'error:handler not found,topic:orderbook.200.ETHUSDT';
    assert.deepEqual(refused(of_eth), ['refused', 'orderbook', 1, of_eth, '7']);
    const twice = 'error:already subscribed,topic:publicTrade.BTCUSDT';
    assert.deepEqual(refused(twice), ['refused', 'publicTrade', 0, twice, '7']);
    const other = 'Invalid topic: invalid.topic.NOSUCH';
    assert.deepEqual(refused(other), ['refused', 'invalid.topic', -1, other, '7']);
    assert.deepEqual(refused('Params Error'), ['refused', null, -2, 'Params Error', '7']);
    const bare = answer({ op: '', success: false, ret_msg: 'Params Error', req_id: '' });
    assert.deepEqual(outcome(bare), ['refused', null, -2, 'Params Error', null]);
  });

  test('an answer to a ping is a pong and no data', () => {
    for (const fields of [{ op: 'ping', ret_msg: 'pong' }, { op: 'pong' }]) {
      const { kind, events } = answer(fields);
      assert.deepEqual([kind, events.length], ['pong', 0]);
    }
    assert.equal(decodeFrame('{"op":"pong","args":["1675418560633"]}').kind, 'pong');
    assert.equal(answer({ op: 'ping', success: false }).kind, 'refused');
  });

  test('what is not supported is ignored by name', () => {
    const ignored = (text: string): string => {
      const { kind, reason } = decodeFrame(text);
      assert.equal(kind, 'ignored', reason);
      return reason;
    };
    assert.equal(ignored(frame('insurance.USDT', [])), 'channel_not_supported:insurance');
    const rpi = 'channel_not_supported:orderbook.rpi';
    assert.equal(ignored(frame('orderbook.rpi.BTCUSDT', {})), rpi);
    assert.equal(ignored(frame('kline.7.BTCUSDT', [])), 'channel_not_supported:kline.7');
    assert.equal(ignored(frame('no name!.x', [])), 'channel_not_supported:other');
    assert.equal(ignored(frame('tickers', [])), 'channel_not_supported:tickers');
    assert.equal(ignored('{"op":"auth","success":true}'), 'op_not_supported:auth');
    assert.equal(ignored('{"op":"?","success":true}'), 'op_not_supported:other');
    assert.equal(ignored('{"type":"COMMAND_RESP","success":true}'), 'answer_of_options');
    const others = 'symbol_not_configured';
    assert.equal(ignored(frame('publicTrade.XRPUSDT', [{ ...TRADE, s: 'XRPUSDT' }])), others);
    assert.equal(ignored(bookFrame('delta', { u: 2, market: 'XRPUSDT' })), others);
    const ticker = { ...TICKER, symbol: 'XRPUSDT' };
    assert.equal(ignored(frame('tickers.XRPUSDT', ticker)), others);
  });
});
