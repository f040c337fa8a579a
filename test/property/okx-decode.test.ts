/** Equality with an oracle over `JSON.parse`, whatever the order of keys; damaged bytes never throw. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeFrame } from '../support/okx-frames.ts';
import { hold } from '../support/property.ts';

type Fields = Readonly<Record<string, unknown>>;

const id = fc.oneof(fc.integer({ min: 0, max: 2 ** 40 }), fc.constantFrom(0, 2 ** 32, 2 ** 53 - 1));
const ms = fc.integer({ min: 1, max: 4_102_444_800_000 }).map(String);
const decimal = fc
  .tuple(fc.bigInt(0n, 10n ** 18n - 1n), fc.integer({ min: 0, max: 12 }))
  .map(([mantissa, scale]) => {
    const digits = mantissa.toString().padStart(scale + 1, '0');
    return scale === 0 ? digits : `${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
  });
const level = fc.tuple(decimal, decimal, fc.constant('0'), fc.nat({ max: 99 }).map(String));
const levels = fc.array(level, { maxLength: 6 });
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

const ELEMENTS: Readonly<Record<string, fc.Arbitrary<Fields> | fc.Arbitrary<string[]>>> = {
  books: fc.record({
    asks: levels,
    bids: levels,
    ts: ms,
    checksum: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
    seqId: id,
    prevSeqId: fc.oneof(id, fc.constant(-1)),
  }),
  'bbo-tbt': fc.record({
    asks: fc.array(level, { maxLength: 1 }),
    bids: fc.array(level, { maxLength: 1 }),
    ts: ms,
    seqId: id,
  }),
  trades: fc.record({
    instId: fc.constant('BTC-USDT'),
    tradeId: id.map(String),
    px: decimal,
    sz: decimal,
    side: fc.constantFrom('buy', 'sell'),
    ts: ms,
    seqId: id,
  }),
  tickers: fc.record({
    instType: fc.constantFrom('SPOT', 'SWAP'),
    instId: fc.constant('BTC-USDT'),
    last: decimal,
    lastSz: decimal,
    askPx: fc.oneof(decimal, fc.constant('')),
    askSz: decimal,
    open24h: decimal,
    volCcy24h: decimal,
    vol24h: decimal,
    ts: ms,
  }),
  'funding-rate': fc.record({
    instId: fc.constant('BTC-USDT'),
    fundingRate: decimal.map((rate) => `-${rate}`),
    fundingTime: ms,
    ts: ms,
  }),
  candle1m: fc.tuple(
    ...[ms, decimal, decimal, decimal, decimal, decimal, decimal, decimal],
    fc.constantFrom('0', '1'),
  ),
};

function frames(channel: string): fc.Arbitrary<string> {
  const one = ELEMENTS[channel] as fc.Arbitrary<Fields>;
  const element = channel === 'candle1m' ? one : shuffled(one);
  return fc
    .record({
      arg: shuffled(fc.constant({ channel, instId: 'BTC-USDT' })),
      data: fc.array(element, { minLength: 1, maxLength: 3 }),
      ...(channel === 'books' ? { action: fc.constantFrom('snapshot', 'update') } : {}),
    })
    .chain((frame) => fc.tuple(shuffled(fc.constant(frame)), fc.constantFrom(0, 1, '\t')))
    .map(([frame, indent]) => JSON.stringify(frame, null, indent));
}

const ns = (value: unknown): string => `${String(value)}000000`;
const sides = (side: unknown): string[] =>
  (side as string[][]).map(([price, size]) => `${price} ${size}`);
const same = (value: unknown): string => {
  const text = String(value);
  // A negative zero is a zero.
  return /^-0(\.0*)?$/.test(text) ? text.slice(1) : text;
};

/** What an element says, by the names of the event's fields. */
function oracle(channel: string, element: Fields & readonly string[]): Fields {
  const { asks, bids, ts, seqId, prevSeqId, checksum } = element as Fields;
  switch (channel) {
    case 'books':
      return {
        ts_event: ns(ts),
        sequence: String(seqId),
        prev_sequence: prevSeqId === -1 ? null : String(prevSeqId),
        checksum: checksum === 0 ? null : Number(checksum) >>> 0,
        bids: sides(bids),
        asks: sides(asks),
      };
    case 'bbo-tbt': {
      const [bid, ask] = [bids, asks].map((side) => (side as string[][])[0]);
      return {
        ts_event: ns(ts),
        sequence: String(seqId),
        bid_price: bid?.[0] ?? null,
        bid_size: bid?.[1] ?? null,
        ask_price: ask?.[0] ?? null,
        ask_size: ask?.[1] ?? null,
      };
    }
    case 'trades': {
      const { px, sz, side, tradeId } = element as Fields;
      return { ts_event: ns(ts), price: px, size: sz, side, trade_id: tradeId };
    }
    case 'tickers': {
      const { last, askPx, askSz, open24h, vol24h, volCcy24h, instType } = element as Fields;
      return {
        ts_event: ns(ts),
        last_price: last,
        ask_price: askPx === '' ? null : askPx,
        ask_size: askPx === '' ? null : askSz,
        bid_price: null,
        open: open24h,
        volume: vol24h,
        quote_volume: instType === 'SPOT' ? volCcy24h : null,
      };
    }
    case 'funding-rate': {
      const { fundingRate, fundingTime } = element as Fields;
      return { ts_event: ns(ts), funding_rate: same(fundingRate), next_funding: ns(fundingTime) };
    }
    default: {
      const [begin, open, high, low, close, volume, , quote_volume, confirm] = element;
      const prices = { open, high, low, close, volume, quote_volume };
      return { interval_begin: ns(begin), ...prices, closed: Number(confirm), interval_s: 60 };
    }
  }
}

for (const channel of Object.keys(ELEMENTS)) {
  test(`${channel}: any order, spacing and extra keys mean the same`, () => {
    hold(
      fc.property(frames(channel), (text) => {
        const decoded = decodeFrame(text);
        assert.equal(decoded.kind, 'data', `${decoded.reason} in ${text}`);
        const { data, action } = JSON.parse(text) as {
          data: (Fields & readonly string[])[];
          action?: string;
        };
        assert.equal(decoded.events.length, data.length);
        data.forEach((element, at) => {
          const event = decoded.events[at] ?? assert.fail();
          assert.equal(event.flags, action === 'snapshot' ? 1 : 0);
          const expected = oracle(channel, element);
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
  const any = fc.oneof(...Object.keys(ELEMENTS).map(frames));
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
