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
import * as okx from '../../connectors/okx/decode.ts';
import { decodeRigid as okxRigid } from '../../connectors/okx/rigid-frames.ts';
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
    ...{ rigid: decodeBookUpdate, plain: kraken.decodeGeneric },
    streams: [/"book","type":"update"/],
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
      const line = new Uint8Array(end + 1 + behind.length);
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

test('a time of Coinbase with itself behind it is no time', () => {
  const time = '2026-04-07T14:30:01.456789Z';
  const level = (at: string): string =>
    `{"side":"bid","event_time":"${at}","price_level":"68900.00","new_quantity":"2.0"}`;
  const frame = utf8.encode(
    `{"channel":"l2_data","client_id":"","timestamp":"${time}","sequence_num":1,"events":[{"type":"update","product_id":"BTC-USD","updates":[${level(time)},${level(time + time)}]}]}`,
  );
  const out = new EventBuffer();
  coinbase.decodeAdvanced(frame, 0, frame.length, marketsOf(['BTC-USD']), out);
  assert.deepEqual([out.kind, out.reason, out.count], ['rejected', 'bad_time', 0]);
});
