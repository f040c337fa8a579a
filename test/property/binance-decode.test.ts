import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeBytes, decodeText, diffFrame, partialFrame } from '../support/binance-frames.ts';
import type { PlainEvent } from '../support/buffer-events.ts';
import { hold } from '../support/property.ts';

type Json = string | { readonly [key: string]: Json } | readonly Json[] | boolean;
/** A number of the wire, by its text: a double would lose it. */
type Wire = { readonly number: string };
type Value = string | boolean | Wire | readonly (readonly [string, string])[] | Payload;
type Payload = { readonly [key: string]: Value };

const id = fc.oneof(
  fc.bigInt(0n, 2n ** 63n - 1n),
  fc.constantFrom(0n, 2n ** 53n, 2n ** 53n + 1n, 2n ** 63n - 1n),
);
const wire = id.map((value): Wire => ({ number: value.toString() }));
const ms = fc.integer({ min: 1, max: 4_102_444_800_000 }).map((v): Wire => ({ number: String(v) }));
const decimal = fc
  .tuple(fc.bigInt(0n, 10n ** 18n - 1n), fc.integer({ min: 0, max: 12 }))
  .map(([mantissa, scale]) => {
    const digits = mantissa.toString().padStart(scale + 1, '0');
    return scale === 0 ? digits : `${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
  });
const levels = fc.array(fc.tuple(decimal, decimal), { maxLength: 6 });

function payload(
  event: string,
  fields: Record<string, fc.Arbitrary<Value>>,
): fc.Arbitrary<Payload> {
  return fc.record({ e: fc.constant(event), s: fc.constant('BTCUSDT'), ...fields });
}

const trade = { E: ms, T: ms, p: decimal, q: decimal, m: fc.boolean() };
const candle = fc.record({
  t: ms,
  i: fc.constantFrom('1m', '1h', '1M'),
  o: decimal,
  h: decimal,
  l: decimal,
  c: decimal,
  v: decimal,
  q: decimal,
  n: wire,
  x: fc.boolean(),
});
const payloads: fc.Arbitrary<Payload> = fc.oneof(
  payload('aggTrade', { ...trade, a: wire, f: wire, l: wire }),
  payload('trade', { ...trade, t: wire }),
  payload('bookTicker', { E: ms, T: ms, u: wire, b: decimal, B: decimal, a: decimal, A: decimal }),
  payload('depthUpdate', { E: ms, T: ms, U: wire, u: wire, pu: wire, b: levels, a: levels }),
  payload('markPriceUpdate', { E: ms, p: decimal, i: decimal, P: decimal, r: decimal, T: ms }),
  payload('kline', { E: ms, k: candle }),
);

/** What the text says, by way of `JSON.parse` with the digits of numbers kept. */
function oracle(text: string): Record<string, unknown> {
  type Reviver = (key: string, value: unknown, context: { source: string }) => unknown;
  const reviver: Reviver = (_, value, context) =>
    typeof value === 'number' ? context.source : value;
  type Fields = Readonly<Record<string, unknown>>;
  const parsed: unknown = JSON.parse(text, reviver as (key: string, value: unknown) => unknown);
  const frame = parsed as Fields;
  const data = (frame['data'] ?? frame) as Fields;
  const ns = (value: unknown): string => `${String(value)}000000`;
  const pairs = (side: unknown): string[] =>
    (side as string[][]).map(([price, size]) => `${price} ${size}`);
  switch (data['e']) {
    case 'aggTrade':
    case 'trade': {
      const aggregate = data['e'] === 'aggTrade';
      return {
        ts_event: ns(data['T']),
        price: data['p'],
        size: data['q'],
        side: data['m'] === true ? 'sell' : 'buy',
        trade_id: data[aggregate ? 'a' : 't'],
        first_trade_id: aggregate ? data['f'] : null,
        last_trade_id: aggregate ? data['l'] : null,
      };
    }
    case 'bookTicker':
      return {
        ts_event: ns(data['T']),
        sequence: data['u'],
        bid_price: data['b'],
        bid_size: data['B'],
        ask_price: data['a'],
        ask_size: data['A'],
      };
    case 'depthUpdate':
      return {
        ts_event: ns(data['T']),
        sequence: data['u'],
        first_sequence: data['U'],
        prev_sequence: data['pu'],
        bids: pairs(data['b']),
        asks: pairs(data['a']),
      };
    case 'markPriceUpdate':
      return {
        ts_event: ns(data['E']),
        mark_price: data['p'],
        index_price: data['i'],
        settle_price: data['P'],
        funding_rate: data['r'],
        next_funding: ns(data['T']),
      };
    default: {
      const k = data['k'] as Fields;
      return {
        ts_event: ns(data['E']),
        open: k['o'],
        high: k['h'],
        low: k['l'],
        close: k['c'],
        volume: k['v'],
        quote_volume: k['q'],
        trades: k['n'],
        interval_begin: ns(k['t']),
        closed: k['x'] === true ? 1 : 0,
      };
    }
  }
}

/** Writes a value with the given noise: order of keys, white space, keys nobody documented. */
function write(value: Value | Json, noise: () => number): string {
  const space = (): string => [' ', '', '', '\t', '\r\n', '  '][noise() % 6] ?? '';
  const join = (open: string, parts: string[], close: string): string =>
    open +
    parts.map((part) => space() + part + space()).join(',') +
    (parts.length ? '' : space()) +
    close;
  if (typeof value === 'string' || typeof value === 'boolean') return JSON.stringify(value);
  if (Array.isArray(value)) {
    return join(
      '[',
      value.map((item: Json) => write(item, noise)),
      ']',
    );
  }
  if ('number' in value) return value['number'] as string;
  const entries = Object.entries(value).map(
    ([key, item]) => `${escapeSome(key, noise)}${space()}:${space()}${write(item, noise)}`,
  );
  if (noise() % 3 === 0)
    entries.push(['"st":1', '"zz":[{"e":"x"},null,-1.5e3]', '"":"\\u0000"'][noise() % 3] ?? '');
  for (let at = entries.length - 1; at > 0; at--) {
    const other = noise() % (at + 1);
    [entries[at], entries[other]] = [entries[other] as string, entries[at] as string];
  }
  return join('{', entries, '}');
}

function escapeSome(key: string, noise: () => number): string {
  if (noise() % 7 !== 0) return JSON.stringify(key);
  return `"${[...key].map((c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')}"`;
}

function streamOf({ e }: Payload): string {
  return `btcusdt@${e === 'depthUpdate' ? 'depth@100ms' : String(e)}`;
}

test('any order of keys, white space and unknown keys: what JSON.parse says, digit by digit', () => {
  hold(
    fc.property(payloads, fc.boolean(), fc.infiniteStream(fc.nat()), (data, wrapped, random) => {
      const noise = (): number => random.next().value;
      const frame: Payload = wrapped ? { stream: streamOf(data), data } : data;
      const text = write(frame, noise);
      const { kind, reason, events } = decodeText(text);
      assert.equal(kind, 'data', `${reason}: ${text}`);
      const [event] = events as [PlainEvent];
      const expected = oracle(text);
      const named = Object.fromEntries(Object.keys(expected).map((key) => [key, event[key]]));
      assert.deepEqual(named, expected, text);
    }),
    400,
  );
});

const FRAMES = [
  '{"stream":"btcusdt@aggTrade","data":{"e":"aggTrade","E":1,"a":1,"s":"BTCUSDT","p":"1.0","q":"2","f":1,"l":2,"T":3,"m":true}}',
  diffFrame({ U: 1, u: 5, pu: 0 }, [['1.5', '2']], [['3', '0.00']]),
  partialFrame(5, [['1.5', '2']], [['3', '0.10']]),
  '{"e":"forceOrder","E":1,"o":{"s":"BTCUSDT","S":"SELL","o":"LIMIT","q":"0.014","p":"9910","T":1}}',
  '{"error":{"code":2,"msg":"no"},"id":1}',
  '{"result":null,"id":1}',
].map((text) => new TextEncoder().encode(text));

const KINDS = new Set(['data', 'ack', 'refused', 'ignored', 'rejected']);

test('mutated, cut and inserted bytes: never a throw, never an event from invalid JSON', () => {
  const change = fc.record({
    at: fc.nat(400),
    byte: fc.integer({ min: 0, max: 255 }),
    how: fc.constantFrom('set' as const, 'cut' as const, 'insert' as const, 'swap' as const),
  });
  hold(
    fc.property(
      fc.constantFrom(...FRAMES),
      fc.array(change, { minLength: 1, maxLength: 4 }),
      (frame, changes) => {
        let bytes = [...frame];
        for (const { at: place, byte, how } of changes) {
          const at = place % (bytes.length + 1);
          if (how === 'set') bytes[at] = byte;
          else if (how === 'cut') bytes = bytes.slice(0, at);
          else if (how === 'insert') bytes.splice(at, 0, byte);
          else bytes.reverse();
        }
        const mutated = Uint8Array.from(bytes);
        const { kind, reason, events } = decodeBytes(mutated);
        assert.ok(KINDS.has(kind), kind);
        assert.equal(events.length, kind === 'data' ? 1 : 0);
        if (kind === 'rejected' || kind === 'ignored') assert.notEqual(reason, '');
        assert.equal(
          isJson(mutated) || kind === 'rejected',
          true,
          new TextDecoder().decode(mutated),
        );
      },
    ),
    2000,
  );
});

/** Latin-1, because the scanner does not judge UTF-8: `frameForm` does, before. */
function isJson(bytes: Uint8Array): boolean {
  try {
    JSON.parse(String.fromCharCode(...bytes));
    return true;
  } catch {
    return false;
  }
}
