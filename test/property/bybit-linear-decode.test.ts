/** Equality with an oracle over `JSON.parse`, whatever the order of keys; damaged bytes never throw. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeFrame } from '../support/bybit-frames.ts';
import { hold } from '../support/property.ts';

type Fields = Readonly<Record<string, unknown>>;

const id = fc.oneof(fc.integer({ min: 2, max: 2 ** 40 }), fc.constantFrom(2 ** 32, 2 ** 53 - 1));
const ms = fc.integer({ min: 1, max: 4_102_444_800_000 });
const decimal = fc
  .tuple(fc.bigInt(1n, 10n ** 18n - 1n), fc.integer({ min: 0, max: 12 }))
  .map(([mantissa, scale]) => {
    const digits = mantissa.toString().padStart(scale + 1, '0');
    return scale === 0 ? digits : `${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
  });
const level = fc.tuple(decimal, decimal);
const levels = fc.array(level, { maxLength: 6 });
const market = fc.constant('BTCUSDT');
const side = fc.constantFrom('Buy', 'Sell');
const extra = fc.dictionary(
  fc.string({ minLength: 1, maxLength: 3 }).map((key) => `x${key}`),
  fc.jsonValue({ maxDepth: 2 }),
  { maxKeys: 2 },
);

/** An object with its keys in some order, others between them. */
function shuffled(fields: fc.Arbitrary<Fields>): fc.Arbitrary<Fields> {
  return fc
    .tuple(fields, extra)
    .chain(([own, others]) => {
      const entries = [...Object.entries(own), ...Object.entries(others)];
      return fc.shuffledSubarray(entries, { minLength: entries.length });
    })
    .map((entries) => Object.fromEntries(entries) as Fields);
}

const trade = { T: ms, s: market, S: side, v: decimal, p: decimal };
const tickerFields = {
  lastPrice: decimal,
  prevPrice24h: decimal,
  bid1Price: decimal,
  bid1Size: decimal,
  volume24h: decimal,
  turnover24h: decimal,
  openInterest: decimal,
};
const TOPICS: Readonly<Record<string, fc.Arbitrary<Fields>>> = {
  'orderbook.200': fc.record({ s: market, b: levels, a: levels, u: id, seq: id }),
  'orderbook.1': fc.record({
    s: market,
    b: fc.array(level, { maxLength: 1 }),
    a: fc.array(level, { maxLength: 1 }),
    u: id,
    seq: id,
  }),
  publicTrade: fc.record({ ...trade, i: fc.uuid(), BT: fc.boolean(), seq: id }),
  allLiquidation: fc.record(trade),
  'kline.60': fc.record({
    start: ms,
    end: ms,
    interval: fc.constant('60'),
    open: decimal,
    high: decimal,
    low: decimal,
    close: decimal,
    volume: decimal,
    turnover: decimal,
    confirm: fc.boolean(),
  }),
  tickers: fc.record(
    { symbol: market, ...tickerFields },
    { requiredKeys: ['symbol', 'lastPrice'] },
  ),
};
const LISTS = ['publicTrade', 'allLiquidation', 'kline.60'];
const DELTAS = ['orderbook.200', 'tickers'];

function frames(topic: string): fc.Arbitrary<string> {
  const element = shuffled(TOPICS[topic] as fc.Arbitrary<Fields>);
  const data = LISTS.includes(topic) ? fc.array(element, { minLength: 1, maxLength: 3 }) : element;
  const types = DELTAS.includes(topic) ? ['snapshot', 'delta'] : ['snapshot'];
  const frame = fc.record(
    {
      topic: fc.constant(`${topic}.BTCUSDT`),
      type: fc.constantFrom(...types),
      ts: ms,
      data: data as fc.Arbitrary<unknown>,
      cs: id,
      cts: ms,
    },
    { requiredKeys: ['topic', 'type', 'ts', 'data'] },
  );
  return fc
    .tuple(shuffled(frame), fc.constantFrom(0, 1, '\t'))
    .map(([it, indent]) => JSON.stringify(it, null, indent));
}

const ns = (value: unknown): string => `${String(value)}000000`;
const pairs = (rows: unknown): string[] => (rows as string[][]).map((row) => row.join(' '));
const none = (value: unknown): unknown => value ?? null;

/** What an element says, by the names of the event's fields. */
function oracle(topic: string, element: Fields, frame: Fields): Fields {
  const ts_event = ns(frame['cts'] ?? frame['ts']);
  const { b, a, u, T, S, v, p, i, BT, seq } = element;
  switch (topic) {
    case 'orderbook.200':
      return { ts_event, sequence: String(u), depth: 200, bids: pairs(b), asks: pairs(a) };
    case 'orderbook.1': {
      const [bid, ask] = [b, a].map((rows) => (rows as string[][])[0]);
      const [bid_price, bid_size] = [none(bid?.[0]), none(bid?.[1])];
      const [ask_price, ask_size] = [none(ask?.[0]), none(ask?.[1])];
      return { ts_event, sequence: String(u), bid_price, bid_size, ask_price, ask_size };
    }
    case 'publicTrade': {
      const order_type = BT === true ? 'block' : null;
      const own = { price: p, size: v, trade_id: i, order_type, sequence: String(seq) };
      return { ts_event: ns(T), side: String(S).toLowerCase(), ...own };
    }
    case 'allLiquidation':
      return { ts_event: ns(T), price: p, size: v, side: S === 'Buy' ? 'sell' : 'buy' };
    case 'tickers': {
      const sequence = frame['cs'] === undefined ? null : String(frame['cs']);
      const bid_price = none(element['bid1Price']);
      const isHalf = bid_price === null && frame['type'] === 'snapshot';
      return {
        ts_event,
        sequence,
        last_price: element['lastPrice'],
        open: none(element['prevPrice24h']),
        bid_price,
        bid_size: isHalf ? null : none(element['bid1Size']),
        volume: none(element['volume24h']),
        quote_volume: none(element['turnover24h']),
        flags: frame['type'] === 'snapshot' ? 1 : 0,
      };
    }
    default: {
      const { start, open, high, low, close, volume, turnover, confirm } = element;
      const prices = { open, high, low, close, volume, quote_volume: turnover };
      const closed = confirm === true ? 1 : 0;
      return { ts_event, interval_begin: ns(start), ...prices, closed, interval_s: 3600 };
    }
  }
}

for (const topic of Object.keys(TOPICS)) {
  test(`${topic}: any order, spacing and extra keys mean the same`, () => {
    hold(
      fc.property(frames(topic), (text) => {
        const decoded = decodeFrame(text);
        assert.equal(decoded.kind, 'data', `${decoded.reason} in ${text}`);
        const frame = JSON.parse(text) as Fields;
        const data = [frame['data']].flat() as Fields[];
        assert.equal(decoded.events.length, data.length);
        data.forEach((element, at) => {
          const event = decoded.events[at] ?? assert.fail();
          const expected = oracle(topic, element, frame);
          const found = Object.fromEntries(Object.keys(expected).map((key) => [key, event[key]]));
          assert.deepEqual(found, expected);
        });
      }),
      150,
    );
  });
}

/** One change of the bytes; all of it stays ASCII. */
const damage = fc.record({
  at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  remove: fc.nat({ max: 3 }),
  insert: fc.constantFrom('', '"', '{', '}', '[', ']', ',', ':', '-', '0', 'e9', ' ', '\\'),
});

test('damaged frames are never a throw, and rejected as no JSON where they are none', () => {
  const any = fc.oneof(...Object.keys(TOPICS).map(frames));
  const kinds = new Set<string>();
  hold(
    fc.property(any, fc.array(damage, { minLength: 1, maxLength: 3 }), (frame, damages) => {
      let text = frame.replace(/[^\x00-\x7f]/g, '?');
      for (const { at, remove, insert } of damages) {
        const from = Math.floor(at * text.length);
        text = text.slice(0, from) + insert + text.slice(from + remove);
      }
      const decoded = decodeFrame(text);
      kinds.add(decoded.kind);
      if (decoded.kind !== 'data') assert.equal(decoded.events.length, 0);
      if (decoded.kind === 'rejected') assert.ok(decoded.at >= 0 && decoded.at <= text.length);
      let json = true;
      try {
        JSON.parse(text);
      } catch {
        json = false;
      }
      assert.equal(decoded.reason === 'bad_json', !json, `${decoded.reason} of ${text}`);
    }),
    1500,
  );
  assert.ok(kinds.has('data') && kinds.has('rejected'), [...kinds].join());
});

test('bytes of any kind are never a throw', () => {
  hold(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      assert.equal(decodeFrame(bytes).events.length, 0);
    }),
    500,
  );
});
