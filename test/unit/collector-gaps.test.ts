/** The collector's tracker of gaps: what it says of frames, and of connections that take turns. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventBuffer, FIELD } from '../../codec/event-buffer.ts';
import { createGapTracker } from '../../connectors/collector/gaps.ts';
import type { Gap } from '../../connectors/collector/gaps.ts';
import { FEEDS } from '../../connectors/registry.ts';
import { TYPE_CODE } from '../../schema/events.ts';
import { parseIso } from '../../schema/time.ts';

const NOON = parseIso('2026-11-21T12:00:00Z') ?? 0n;
const STREAM = 'tickers';

/** A tracker, told of a ticker's times in seconds after noon. */
function tracker(before = {}, id = 'okx') {
  const feed = FEEDS.get(id) ?? assert.fail(id);
  const symbols = [{ symbol: 'BTCUSDT-PERP', external: 'BTC-USDT-SWAP', depth: 'l2' as const }];
  const { channels, book_depths } = feed.protocol;
  const config = {
    ...{ feed: id, shard: 'all', symbols, channels, book_depth: book_depths[0] ?? 10 },
  };
  const gaps: Gap[] = [];
  const report = (gap: Gap): void => void gaps.push(gap);
  const of = createGapTracker({ feed, config, before, report });
  const buffer = new EventBuffer();
  const heard = (c: number, second: number, received = second): void => {
    const at = (of: number): bigint => NOON + BigInt(Math.round(of * 1_000)) * 1_000_000n;
    const ts = at(second);
    buffer.reset(new Uint8Array(1));
    const event = buffer.begin(TYPE_CODE.ticker, 0, 0);
    buffer.setTsEvent(event, Number(ts >> 32n), Number(ts & 0xffffffffn) | 0);
    of.frame(c, buffer, STREAM, at(received));
  };
  /** A frame of a number, or -1, with trades of these ids. */
  const traded = (c: number, number: number, ...ids: readonly string[]): void => {
    buffer.reset(new TextEncoder().encode(ids.join('')));
    let from = 0;
    for (const one of ids) {
      const event = buffer.begin(TYPE_CODE.trade, 0, 0);
      buffer.setTextRange(event, FIELD.trade.trade_id, from, (from += one.length));
    }
    buffer.frame_sequence = number;
    of.frame(c, buffer, 'trades', NOON);
  };
  const told = (): string[] =>
    gaps.map(({ kind, from, to }) => {
      const second = (ns: bigint | null): number => Number((ns ?? 0n) - NOON) / 1e9;
      return `${kind} ${second(from)} ${second(to)}`;
    });
  const compared = (): string[] => gaps.map((it) => `${it.cause} ${it.expected} ${it.received}`);
  return { of, heard, traded, told, compared };
}

test('a connection that took over while its old one was open leaves no gap', () => {
  const { of, heard, told } = tracker();
  of.opened(1);
  heard(1, 1);
  of.opened(2);
  // Both bring the same, the old one first each time; then the old one is closed as planned.
  for (const second of [2, 3]) {
    heard(1, second);
    heard(2, second);
  }
  of.closed(1);
  heard(2, 4);
  assert.deepEqual(told(), []);
  assert.equal(of.odd().late, 0);
});

test('whoever of two open connections is first, the one that is left leaves no gap', () => {
  const { of, heard, told } = tracker();
  of.opened(1);
  heard(1, 1);
  of.opened(2);
  heard(1, 2);
  heard(2, 2);
  heard(2, 3);
  heard(1, 3);
  of.closed(2);
  heard(1, 4);
  of.opened(3);
  // The new one is ahead, and what comes next comes on the old one.
  heard(3, 5);
  of.closed(3);
  heard(1, 6);
  of.closed(1);
  of.opened(4);
  heard(4, 8);
  assert.deepEqual(told(), ['reconnect 6 8']);
});

test('a connection that was open but silent of a stream aligns it with its first frame', () => {
  const { of, heard, told } = tracker();
  of.opened(1);
  of.opened(2);
  heard(1, 1);
  of.closed(1);
  heard(2, 1);
  heard(2, 2);
  of.closed(2);
  of.opened(3);
  heard(3, 3);
  heard(3, 93);
  heard(3, 183.1);
  assert.deepEqual(told(), ['reconnect 2 3', 'time 93 183.1']);
});

test('what another process put away is a restart, and a connection of that number is none', () => {
  const { of, heard, told } = tracker({ [STREAM]: { 'BTC-USDT-SWAP': `${NOON}` } });
  of.opened(1);
  heard(1, 90);
  heard(1, 91);
  assert.deepEqual(told(), ['restart 0 90']);
});

test('a time too far ahead of its reception is none to go by', () => {
  const { of, heard, told } = tracker();
  of.opened(1);
  heard(1, 1);
  heard(1, 62.1, 2);
  assert.deepEqual(of.odd(), { late: 0, ahead: 1 });
  heard(1, 3);
  of.closed(1);
  of.opened(2);
  heard(2, 4);
  assert.deepEqual(told(), ['reconnect 3 4']);
});

test('numbers of frames and ids of trades that count by one: each hole once, repeats none', () => {
  const { of, traded, compared } = tracker({}, 'coinbase');
  of.opened(1);
  traded(1, 7, '100', '101');
  traded(1, 8, '102');
  traded(1, 8, '101');
  traded(1, 10, '103');
  traded(1, 11, '105');
  assert.deepEqual(compared(), ['frame 9 10', 'trade_id 104 105']);
  // Another connection counts for itself.
  of.opened(2);
  traded(2, 0, '110');
  traded(2, 1, '111');
  assert.equal(compared().length, 2);
  const increasing = tracker({}, 'okx');
  increasing.of.opened(1);
  increasing.traded(1, -1, '5');
  increasing.traded(1, -1, '9');
  assert.deepEqual(increasing.compared(), [], 'ids that only grow have no holes');
});
