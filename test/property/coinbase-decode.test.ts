/** Equality with an oracle over `JSON.parse`, whatever the order of keys; damaged bytes never throw. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeAdvanced } from '../../connectors/coinbase/decode.ts';
import { decodeExchange } from '../../connectors/coinbase/exchange.ts';
import { decodeFrame } from '../support/coinbase-frames.ts';
import { hold } from '../support/property.ts';

type Fields = Readonly<Record<string, unknown>>;

const decimal = fc
  .tuple(fc.bigInt(0n, 10n ** 18n - 1n), fc.integer({ min: 0, max: 12 }))
  .map(([mantissa, scale]) => {
    const digits = mantissa.toString().padStart(scale + 1, '0');
    return scale === 0 ? digits : `${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
  });
const extra = fc.dictionary(
  fc.string({ minLength: 1, maxLength: 3 }).map((key) => `x${key}`),
  fc.jsonValue({ maxDepth: 2 }),
  { maxKeys: 2 },
);
const time = fc.integer({ min: 0, max: 999_999 }).map((micros) => {
  return `2026-04-07T14:30:01.${String(micros).padStart(6, '0')}Z`;
});

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

const level = shuffled(
  fc.record({
    side: fc.constantFrom('bid', 'offer'),
    event_time: time,
    price_level: decimal,
    new_quantity: decimal,
  }),
);
const type = fc.constantFrom('snapshot', 'update');
const books = shuffled(
  fc.record({
    type,
    product_id: fc.constant('BTC-USD'),
    updates: fc.array(level, { maxLength: 8 }),
  }),
);
const tickers = shuffled(
  fc.record({
    type,
    tickers: fc.array(
      shuffled(
        fc.record({
          product_id: fc.constant('ETH-USD'),
          price: decimal,
          volume_24_h: decimal,
          price_percent_chg_24_h: decimal.map((value) => `-${value}`),
        }),
      ),
      { minLength: 1, maxLength: 3 },
    ),
  }),
);

function frames(channel: string, events: fc.Arbitrary<Fields>): fc.Arbitrary<string> {
  const fields = fc.record({
    channel: fc.constant(channel),
    timestamp: time,
    sequence_num: fc.integer({ min: 0, max: 2 ** 40 }),
    events: fc.array(events, { minLength: 1, maxLength: 3 }),
  });
  return fc
    .tuple(shuffled(fields), fc.constantFrom(0, 1, '\t'))
    .map(([frame, indent]) => JSON.stringify(frame, null, indent));
}

const ns = (text: string): string =>
  `${BigInt(Date.parse(text.slice(0, 19) + 'Z')) / 1000n}${text.slice(20, 26)}000`;

type Book = {
  readonly type: string;
  readonly updates: readonly Record<string, string>[];
};

test('l2_data: any order, spacing and extra keys mean the same', () => {
  hold(
    fc.property(frames('l2_data', books), (text) => {
      const decoded = decodeFrame(text);
      assert.equal(decoded.kind, 'data', `${decoded.reason} in ${text}`);
      const { events, timestamp, sequence_num } = JSON.parse(text) as Record<string, never> & {
        events: Book[];
        timestamp: string;
      };
      assert.equal(decoded.frame_sequence, sequence_num);
      assert.equal(decoded.events.length, events.length);
      events.forEach(({ type: said, updates }, at) => {
        const event = decoded.events[at] ?? assert.fail();
        const side = (name: string): string[] =>
          updates
            .filter((it) => it['side'] === name)
            .map((it) => `${it['price_level']} ${it['new_quantity']}`);
        assert.deepEqual([event.bids, event.asks], [side('bid'), side('offer')]);
        const times = updates.map((it) => it['event_time'] ?? '').sort();
        const own = said === 'snapshot' ? undefined : times.at(-1);
        assert.equal(event.ts_event, ns(own ?? timestamp));
        assert.equal(event.flags, said === 'snapshot' ? 1 : 0);
      });
    }),
    150,
  );
});

test('ticker: any order, spacing and extra keys mean the same', () => {
  hold(
    fc.property(frames('ticker', tickers), (text) => {
      const decoded = decodeFrame(text);
      assert.equal(decoded.kind, 'data', `${decoded.reason} in ${text}`);
      const { events } = JSON.parse(text) as { events: { tickers: Record<string, string>[] }[] };
      const all = events.flatMap((event) => event.tickers);
      const zero = (value: string | undefined): string =>
        (value ?? '').replace(/^-(0(\.0*)?)$/, '$1');
      assert.deepEqual(
        decoded.events.map((it) => [it['last_price'], it['volume'], it['change_percent']]),
        all.map((it) => [it['price'], it['volume_24_h'], zero(it['price_percent_chg_24_h'])]),
      );
    }),
    100,
  );
});

/** One change of the bytes; all of it stays ASCII. */
const damage = fc.record({
  at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  remove: fc.nat({ max: 3 }),
  insert: fc.constantFrom('', '"', '{', '}', '[', ']', ',', ':', '-', '0', 'e9', ' ', '\\'),
});
const EXCHANGE = [
  '{"type":"snapshot","product_id":"BTC-USD","asks":[["101","1"]],"bids":[["100","2"]]}',
  '{"type":"l2update","product_id":"BTC-USD","changes":[["buy","100","0.0"]],"time":"2021-04-17T16:43:37.075687Z"}',
  '{"type":"match","trade_id":1,"side":"buy","size":"1","price":"2","product_id":"BTC-USD","sequence":3,"time":"2021-04-17T16:43:37.075687Z"}',
  '{"type":"subscriptions","channels":[{"name":"level2","product_ids":["BTC-USD"]}]}',
];

test('damaged frames are never a throw, and rejected as no JSON where they are none', () => {
  const kinds = new Set<string>();
  for (const [decode, any] of [
    [decodeAdvanced, fc.oneof(frames('l2_data', books), frames('ticker', tickers))],
    [decodeExchange, fc.constantFrom(...EXCHANGE)],
  ] as const) {
    hold(
      fc.property(any, fc.array(damage, { minLength: 1, maxLength: 3 }), (frame, damages) => {
        let text = frame.replace(/[^\x00-\x7f]/g, '?');
        for (const { at, remove, insert } of damages) {
          const from = Math.floor(at * text.length);
          text = text.slice(0, from) + insert + text.slice(from + remove);
        }
        const decoded = decodeFrame(text, decode);
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
      700,
    );
  }
  assert.ok(kinds.has('data') && kinds.has('rejected'), [...kinds].join());
});

test('bytes of any kind are never a throw', () => {
  hold(
    fc.property(fc.uint8Array({ maxLength: 80 }), fc.boolean(), (bytes, old) => {
      const decoded = decodeFrame(bytes, old ? decodeExchange : decodeAdvanced);
      assert.equal(decoded.events.length, 0);
    }),
    500,
  );
});
