/**
 * Frames whose data comes before what says its kind: it is stepped over first, and read, or checked, after.
 * So one whose data is no JSON must still be rejected, and one that is JSON says what it says in order.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { feedOf, marketsOf, simulated } from '../../bench/frames.ts';
import { EventBuffer } from '../../codec/event-buffer.ts';
import { JsonScanner } from '../../codec/json-scanner.ts';
import { decoderOf } from '../../connectors/feed.ts';
import { bufferEvents } from '../support/buffer-events.ts';
import { hold } from '../support/property.ts';

const utf8 = new TextEncoder();
const VENUES: readonly (readonly [feed: string, market: string])[] = [
  ['binance-usdm', 'BTCUSDT'],
  ['bybit-linear', 'BTCUSDT'],
  ['coinbase', 'BTC-USD'],
  ['kraken', 'BTC/USD'],
  ['okx', 'BTC-USDT'],
];

/** The same members in the opposite order; numbers keep their digits. */
function reversed(text: string): string {
  const quoted = text.replace(/"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g, (token) =>
    token.startsWith('"') ? token : `"#${token}"`,
  );
  const turned = JSON.parse(quoted, (_, value: unknown) => {
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? Object.fromEntries(Object.entries(value).toReversed()) : value;
  }) as unknown;
  return JSON.stringify(turned).replaceAll(/"#([^"]*)"/g, '$1');
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

const damage = fc.tuple(fc.nat(5_000), fc.nat(2), fc.constantFrom(...'{}[],:"\\x1.e- '));

for (const [feed, market] of VENUES) {
  test(`${feed}: data before its kind is read, or refused, all the same`, () => {
    const decode = decoderOf(feedOf(feed), '2026-11-21');
    const symbols = marketsOf([market]);
    const out = new EventBuffer();
    const said = (text: string): readonly [string, string, unknown] => {
      const bytes = utf8.encode(`${text}\n`);
      decode(bytes, 0, bytes.length - 1, symbols, out);
      return [out.kind, out.reason, bufferEvents(out, symbols)];
    };
    const frames = simulated(feed, [market], { frames: 400, rate: 50 }).map(reversed);
    frames.forEach((text) => {
      assert.deepEqual(said(text), said(reversed(text)));
    });
    hold(
      fc.property(fc.constantFrom(...frames), damage, (text, [place, cut, put]) => {
        const at = place % text.length;
        const odd = text.slice(0, at) + put + text.slice(at + cut);
        const [kind] = said(odd);
        if (!isJson(odd)) assert.equal(kind, 'rejected', odd);
      }),
      1_500,
    );
  });
}

/** Frames of no kind we read, with data in front: nothing but its being JSON is asked of that. */
const UNREAD: readonly (readonly [feed: string, before: string, after: string])[] = [
  ['binance-usdm', '{"data":', ',"id":1,"result":null}'],
  ['binance-usdm', '{"data":', ',"data":1,"stream":"a@trade"}'],
  ['binance-usdm', '{"data":', ',"stream":"a@new"}'],
  ['bybit-linear', '{"data":', ',"topic":"new"}'],
  ['coinbase', '{"events":', ',"channel":"new"}'],
  ['kraken', '{"data":', ',"channel":"new"}'],
  ['kraken', '{"data":', ',"method":"pong"}'],
  ['okx', '{"data":', ',"arg":{"channel":"new"}}'],
];

for (const [feed, before, after] of UNREAD) {
  test(`${feed}: data that nobody reads is JSON all the same, ${after}`, () => {
    const decode = decoderOf(feedOf(feed), '2026-11-21');
    const symbols = marketsOf([]);
    const out = new EventBuffer();
    for (const data of ['{"a":[tru]}', '[01]', '{"a":"\\x"}', '{,}', '[1,]', '{"a":{]}}']) {
      const bytes = utf8.encode(`${before}${data}${after}\n`);
      decode(bytes, 0, bytes.length - 1, symbols, out);
      assert.equal(out.kind, 'rejected', data);
      assert.ok(/json/.test(out.reason) || after.includes('"data"'), out.reason);
    }
  });
}

test('a value stepped over ends where a value skipped ends', () => {
  const scanner = new JsonScanner();
  const spaces = fc.constantFrom(undefined, 1, '\t');
  const odd = fc.constantFrom('"', '\\', '"]}', '\\"', '{[', '\n');
  const values = fc.oneof(fc.jsonValue(), fc.array(fc.oneof(odd, fc.dictionary(odd, odd))));
  hold(
    fc.property(values, spaces, (value, space) => {
      const bytes = utf8.encode(`${JSON.stringify(value, null, space)} ,\n`);
      const end = bytes.length - 1;
      scanner.reset(bytes, 0, end);
      assert.ok(scanner.skip());
      const { at } = scanner;
      scanner.reset(bytes, 0, end);
      assert.ok(scanner.glance());
      assert.equal(scanner.at, at);
    }),
    500,
  );
});

test('stepping over anything ends within the frame', () => {
  const scanner = new JsonScanner();
  const noise = fc.array(fc.constantFrom(...'{}[],:"\\x1.e- '), { maxLength: 40 });
  hold(
    fc.property(noise, (texts) => {
      const bytes = utf8.encode(`${texts.join('')}\n]}"`);
      const end = bytes.length - 4;
      scanner.reset(bytes, 0, end);
      scanner.glance();
      assert.ok(scanner.at <= end);
    }),
    2_000,
  );
});
