/** Each rigid reader against its plain twin: the same frame, odd or not, says the same to both. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { EventBuffer } from '../../codec/event-buffer.ts';
import type { Decode } from '../../connectors/feed.ts';
import { decode, decodeGeneric } from '../../connectors/kraken/decode.ts';
import { decodeBookUpdate } from '../../connectors/kraken/rigid-book.ts';
import { bufferEvents } from '../support/buffer-events.ts';
import { capturePath, skipWithoutCaptures } from '../support/captures.ts';
import { SYMBOLS } from '../support/kraken-frames.ts';
import { hold } from '../support/property.ts';

const utf8 = new TextEncoder();

/** One buffer for all frames of a reader, as live: what one leaves behind must not reach the next. */
function reading(read: Decode): (frame: Uint8Array) => unknown {
  const out = new EventBuffer();
  return (frame) => {
    const line = new Uint8Array(frame.length + 2);
    line.set(frame, 1);
    read(line, 1, 1 + frame.length, SYMBOLS, out);
    const { kind, channel, frame_symbol, reason, request_id, at, frame_sequence } = out;
    const said = { kind, channel, frame_symbol, reason, request_id, at, frame_sequence };
    return { ...said, events: bufferEvents(out, SYMBOLS) };
  };
}

/** As the venue writes them, near the limits of the rigid reader, and anything. */
const usual = fc.stringMatching(/^(0|[1-9]\d{0,5})(\.\d{1,9})?$/);
const long = fc.oneof(
  fc.stringMatching(/^[1-9]\d{5,9}\.\d{6,10}$/),
  fc.stringMatching(/^[1-9]\d{0,4}\.\d{10}$/),
);
const odd = fc.oneof(
  fc.stringMatching(/^\d{1,20}(\.\d{0,20})?$/),
  fc.stringMatching(/^-?\d{1,3}(\.\d{1,3})?[eE][+-]?\d{1,2}$/),
  fc.constantFrom('0', '-0', '00', '0.0', '.5', '1.', 'null', '"1"', ''),
);
const levelsOf = (amount: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc
    .array(fc.tuple(amount, amount), { maxLength: 3 })
    .map((list) => list.map(([price, qty]) => `{"price":${price},"qty":${qty}}`).join(','));
const levels = fc.oneof(
  { weight: 8, arbitrary: levelsOf(usual) },
  { weight: 4, arbitrary: levelsOf(long) },
  { weight: 1, arbitrary: levelsOf(odd) },
);
const checksum = fc.oneof(
  { weight: 9, arbitrary: fc.nat(0xffffffff).map(String) },
  fc.constantFrom('0', '4294967295', '4294967296', '01', '1e3', '1.0', '-1', '12345678901'),
);
const time = fc.constantFrom(
  ...Array.from({ length: 12 }, (_, at) => `2026-08-16T23:37:0${at % 10}.815233Z`),
  ...['2026-08-16T23:37:05.815233Z', '2023-07-30T15:29:58.343415Z', '2026-08-16T23:37:05Z'],
  ...[
    '2026-08-12T19:28:44.084233010Z',
    '2026-02-30T00:00:00.000000Z',
    '2026-08-16T23:37:60.000000Z',
  ],
  ...['1970-01-01T00:00:00.000000Z', '2200-01-01T00:00:00.000000Z', '2099-12-31T23:59:59.999999Z'],
);
const market = fc.constantFrom('BTC/USD', 'ETH/USDT', 'BTC/USD', 'DOGE/USD', 'BTC\\/USD', '');
const update = fc
  .tuple(market, levels, levels, checksum, time)
  .map(
    ([symbol, bids, asks, sum, at]) =>
      `{"channel":"book","type":"update","data":[{"symbol":"${symbol}","bids":[${bids}],` +
      `"asks":[${asks}],"checksum":${sum},"timestamp":"${at}"}]}`,
  );
/** A byte changed, put in, taken out or put behind; or the frame cut. */
const damage = fc.tuple(
  fc.constantFrom('none', 'none', 'set', 'insert', 'delete', 'cut', 'append'),
  fc.nat(1_000),
  fc.oneof(fc.nat(255), fc.constantFrom(...utf8.encode(' ,:"{}[]0.e-\\'))),
);

function damaged(text: string, [kind, place, byte]: readonly [string, number, number]): Uint8Array {
  const bytes = utf8.encode(text);
  const at = place % bytes.length;
  const [before, after] = [[...bytes.subarray(0, at)], [...bytes.subarray(at)]];
  switch (kind) {
    case 'set':
      return Uint8Array.from([...before, byte, ...after.slice(1)]);
    case 'insert':
      return Uint8Array.from([...before, byte, ...after]);
    case 'delete':
      return Uint8Array.from([...before, ...after.slice(1)]);
    case 'append':
      return Uint8Array.from([...bytes, byte]);
    case 'cut':
      return Uint8Array.from(before);
    default:
      return bytes;
  }
}

test('an update of a Kraken book says the same to both, whatever it looks like', () => {
  const rigid = reading(decode);
  const generic = reading(decodeGeneric);
  hold(
    fc.property(update, damage, (text, fault) => {
      const frame = damaged(text, fault);
      assert.deepEqual(rigid(frame), generic(frame));
    }),
    4_000,
  );
});

test('the rigid reader takes every update of a recording', { skip: skipWithoutCaptures }, () => {
  const path = capturePath('kraken-v2/book-btcusd-d10-20230730.jsonl');
  const frames = readFileSync(path, 'utf8').split('\n').slice(0, -1);
  const out = new EventBuffer();
  const taken = frames.filter((frame) => {
    const bytes = utf8.encode(`${frame}\n`);
    return decodeBookUpdate(bytes, 0, bytes.length - 1, SYMBOLS, out);
  });
  assert.equal(taken.length, frames.length - 1, 'all but the snapshot');
});
