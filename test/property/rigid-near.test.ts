/**
 * Each rigid reader against its plain twin, on what its venue sends with a place or two changed, as it lies
 * in a log: at any offset, another frame behind it. The reader must take many of them, or nothing is compared.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { marketsOf, simulated } from '../../bench/frames.ts';
import { EventBuffer } from '../../codec/event-buffer.ts';
import type { SymbolTable } from '../../codec/symbol-table.ts';
import * as binance from '../../connectors/binance-usdm/decode.ts';
import { decodeBulk } from '../../connectors/binance-usdm/rigid-streams.ts';
import * as bybit from '../../connectors/bybit-linear/decode.ts';
import { decodeRigid as bybitRigid } from '../../connectors/bybit-linear/rigid-frames.ts';
import * as coinbase from '../../connectors/coinbase/decode.ts';
import { decodeRigid as coinbaseRigid } from '../../connectors/coinbase/rigid-frames.ts';
import type { Decode } from '../../connectors/feed.ts';
import * as kraken from '../../connectors/kraken/decode.ts';
import { decodeBookUpdate } from '../../connectors/kraken/rigid-book.ts';
import { decodeRigid as krakenRigid } from '../../connectors/kraken/rigid-channels.ts';
import * as okx from '../../connectors/okx/decode.ts';
import { decodeRigid as okxRigid } from '../../connectors/okx/rigid-frames.ts';
import { FLAG } from '../../schema/events.ts';
import { bufferEvents } from '../support/buffer-events.ts';
import { nearFrames } from '../support/near-frames.ts';
import { hold } from '../support/property.ts';
import type { RigidDecode } from '../support/rigid-twins.ts';

type Venue = {
  readonly id: string;
  readonly markets: readonly string[];
  readonly rigid: RigidDecode;
  readonly plain: Decode;
  /** What the rigid reader is for, each compared alone. */
  readonly streams: readonly RegExp[];
};

const VENUES: readonly Venue[] = [
  {
    ...{ id: 'binance-usdm', markets: ['BTCUSDT', 'BNBUSDT'] },
    ...{ rigid: decodeBulk, plain: binance.decodeGeneric },
    streams: [/@depth/, /@bookTicker/, /@aggTrade/, /@markPrice/],
  },
  {
    ...{ id: 'bybit-linear', markets: ['BTCUSDT', 'ETHUSDT'] },
    ...{ rigid: bybitRigid, plain: bybit.decodeGeneric },
    streams: [/"orderbook\.\d\d/, /"orderbook\.1\./, /"publicTrade/, /"tickers/],
  },
  {
    ...{ id: 'coinbase', markets: ['BTC-USD', 'ETH-USD'] },
    ...{ rigid: coinbaseRigid, plain: coinbase.decodeGeneric },
    streams: [/"l2_data"/, /"market_trades"/, /"ticker/],
  },
  {
    ...{ id: 'kraken', markets: ['BTC/USD', 'ETH/USD'] },
    rigid: (...frame) => decodeBookUpdate(...frame) || krakenRigid(...frame),
    plain: kraken.decodeGeneric,
    streams: [/"book","type":"update"/, /"ticker","type":"update"/, /"trade","type":"update"/],
  },
  {
    ...{ id: 'okx', markets: ['BTC-USDT', 'BTC-USDT-SWAP'] },
    ...{ rigid: okxRigid, plain: okx.decodeGeneric },
    streams: [/"books"/, /"bbo-tbt"/, /"trades"/, /"tickers"/],
  },
];

const RUNS = 1_200;
/** Of so many frames one at least is taken, changed as they are. */
const TAKEN_ONE_OF = 5;
/** Longer ones are snapshots: what is changed in one is mostly a level. */
const FRAME_MAX = 2_000;
const utf8 = new TextEncoder();

function said(out: EventBuffer, symbols: SymbolTable): unknown {
  const { kind, channel, frame_symbol, reason, request_id, at, frame_sequence } = out;
  const own = { kind, channel, frame_symbol, reason, request_id, at, frame_sequence };
  return { ...own, events: bufferEvents(out, symbols) };
}

/** Compares what both say where the rigid reader takes a frame. */
function compare({ rigid, plain, markets }: Venue, frames: readonly string[]): void {
  const symbols = marketsOf(markets);
  // One buffer each, as live: what a frame leaves behind must not reach the next.
  const [fast, slow] = [new EventBuffer(), new EventBuffer()];
  let [all, taken] = [0, 0];
  hold(
    fc.property(nearFrames(frames), fc.nat(8), ([text, next], offset) => {
      const [frame, behind] = [utf8.encode(text), utf8.encode(next)];
      const end = offset + frame.length;
      // Not where its buffer begins: as a `Buffer` of a pool lies.
      const line = new Uint8Array(new ArrayBuffer(end + 9 + behind.length), 8);
      line.set(frame, offset);
      line[end] = text.length % 2 === 0 ? 0x0a : 0;
      line.set(behind, end + 1);
      all++;
      if (!rigid(line, offset, end, symbols, fast)) return;
      taken++;
      plain(line, offset, end, symbols, slow);
      assert.deepEqual(said(fast, symbols), said(slow, symbols));
    }),
    RUNS,
  );
  assert.ok(taken * TAKEN_ONE_OF >= all, `the rigid reader took ${taken} of ${all} frames`);
}

for (const venue of VENUES) {
  test(`${venue.id}: frames nearly as they are sent say the same to both readers`, () => {
    const frames = simulated(venue.id, venue.markets, { frames: 2_000, rate: 20 });
    for (const stream of venue.streams) {
      const own = frames.filter((text) => stream.test(text) && text.length <= FRAME_MAX);
      assert.ok(own.length > 0, String(stream));
      compare(venue, own);
    }
  });
}

/** What the reader that is live says of a frame of one market. */
function kindOf(read: Decode, market: string, frame: string): string {
  const out = new EventBuffer();
  const bytes = utf8.encode(`${frame}\n`);
  read(bytes, 0, bytes.length - 1, marketsOf([market]), out);
  return out.kind === 'rejected' ? out.reason : `${out.kind} ${out.count}`;
}

test('a time of Coinbase with something behind it is no time', () => {
  const time = '2026-04-07T14:30:01.456789Z';
  const level = (at: string): string =>
    `{"side":"bid","event_time":"${at},"price_level":"68900.00","new_quantity":"2.0"}`;
  const frame = (second: string): string =>
    `{"channel":"l2_data","client_id":"","timestamp":"${time}","sequence_num":1,"events":[{"type":"update","product_id":"BTC-USD","updates":[${level(`${time}"`)},${level(second)}]}]}`;
  for (const [second, said] of [
    [`${time}"`, 'data 1'],
    [`${time}${time}"`, 'bad_time'],
    [`${time}Z"`, 'bad_time'],
    [`${time},`, 'bad_json'],
    [`${time}\\`, 'bad_json'],
  ] as const) {
    assert.equal(kindOf(coinbase.decodeAdvanced, 'BTC-USD', frame(second)), said, second);
    assert.equal(kindOf(coinbase.decodeGeneric, 'BTC-USD', frame(second)), said, second);
  }
});

test('a time of funding of Bybit is whole milliseconds', () => {
  for (const [time, said] of [
    ['1760342400000', 'data 1'],
    ['0', 'data 0'],
    ['1760342400000.0', 'bad_time'],
    ['1760342400000.5', 'bad_time'],
    ['0.0', 'bad_time'],
  ] as const) {
    const frame = `{"topic":"tickers.BTCUSDT","type":"delta","data":{"symbol":"BTCUSDT","nextFundingTime":"${time}"},"cs":9532239429,"ts":1760325052630}`;
    assert.equal(kindOf(bybit.decodeBybitLinear, 'BTCUSDT', frame), said, time);
    assert.equal(kindOf(bybit.decodeGeneric, 'BTCUSDT', frame), said, time);
  }
});

test('an id of Bybit that ends as 1 does is no restart of its service', () => {
  const symbols = marketsOf(['BTCUSDT']);
  for (const [update, isWhole] of [
    ['1', true],
    ['4294967297', false],
    ['11', false],
  ] as const) {
    const frame = utf8.encode(
      `{"topic":"orderbook.50.BTCUSDT","type":"delta","ts":1687940967466,"data":{"s":"BTCUSDT","b":[],"a":[],"u":${update},"seq":66544703342},"cts":1687940967464}`,
    );
    for (const read of [bybitRigid, bybit.decodeGeneric]) {
      const out = new EventBuffer();
      read(frame, 0, frame.length, symbols, out);
      assert.deepEqual([out.kind, out.flags[0] === FLAG.SNAPSHOT], ['data', isWhole], update);
    }
  }
});

test('numbers of Kraken of any length say the same to both readers', () => {
  const symbols = marketsOf(['BTC/USD']);
  const [fast, slow] = [new EventBuffer(), new EventBuffer()];
  for (let whole = 1; whole <= 20; whole++) {
    for (let fraction = 0; fraction <= 20; fraction++) {
      const number = '9'.repeat(whole) + (fraction === 0 ? '' : `.${'9'.repeat(fraction)}`);
      const frame = utf8.encode(
        `{"channel":"book","type":"update","data":[{"symbol":"BTC/USD","bids":[{"price":${number},"qty":2.5}],"asks":[{"price":1.5,"qty":${number}}],"checksum":434883881,"timestamp":"2023-07-30T15:30:01.581227Z"}]}\n`,
      );
      kraken.decode(frame, 0, frame.length - 1, symbols, fast);
      kraken.decodeGeneric(frame, 0, frame.length - 1, symbols, slow);
      assert.deepEqual(said(fast, symbols), said(slow, symbols), number);
    }
  }
});
