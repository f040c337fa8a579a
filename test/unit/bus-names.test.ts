import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { encodeCtl, parseCtl } from '../../bus/ctl.ts';
import {
  clientSubject,
  ctlSubject,
  internalSubject,
  isReplaySubject,
  matchesSubject,
  parseInternalSubject,
  replayControlSubject,
  replayPattern,
  replaySubject,
} from '../../bus/subjects.ts';
import { EVENT_TYPES, feedSymbol } from '../../schema/events.ts';
import { unixNs } from '../../schema/time.ts';
import { hold } from '../support/property.ts';

test('subjects are built and read back', () => {
  for (const type of EVENT_TYPES) {
    const symbol = feedSymbol('tier1');
    const subject = internalSubject('tier1', 'kraken', type, symbol);
    assert.deepEqual(parseInternalSubject(subject), {
      shard: 'tier1',
      feed: 'kraken',
      type,
      symbol,
    });
    assert.equal(clientSubject(subject), `md.kraken.${type}.${symbol}`);
  }
  assert.equal(parseInternalSubject(ctlSubject('tier1', 'kraken')), null);
  assert.equal(clientSubject('dlq.kraken'), null);
});

test('a replay publishes to its own subjects and to no other', () => {
  for (const type of EVENT_TYPES) {
    const subject = replaySubject('noon', 'kraken', type, feedSymbol('tier1'));
    assert.ok(isReplaySubject('noon', subject), subject);
    assert.ok(matchesSubject(replayPattern('noon'), subject));
    assert.equal(clientSubject(subject), null, 'no client of the live data hears of it');
    assert.equal(parseInternalSubject(subject), null);
  }
  for (const other of [
    ...['md.noon.kraken.trade.BTCUSD', 'internal.noon.kraken.trade.BTCUSD', 'ctl.noon.kraken'],
    ...['replay.moon.kraken.trade.BTCUSD', 'replay.noon.kraken.trade', 'replay.noon.a.b.c.d'],
    ...['replay.noon.*.trade.BTCUSD', 'replay.noon.kraken.trade.>', 'replay.noon..trade.BTCUSD'],
    replayControlSubject('noon'),
  ]) {
    assert.equal(isReplaySubject('noon', other), false, other);
  }
});

test('patterns match as the server matches them', () => {
  const subject = 'md.kraken.trade.BTCUSD';
  for (const pattern of ['md.>', 'md.*.trade.*', 'md.kraken.trade.BTCUSD', '>']) {
    assert.equal(matchesSubject(pattern, subject), true, pattern);
  }
  for (const pattern of ['md', 'md.*', 'md.kraken.trade.BTCUSD.>', 'md.*.quote.*', 'internal.>']) {
    assert.equal(matchesSubject(pattern, subject), false, pattern);
  }
});

test('a ctl record survives its bytes exactly', () => {
  const count = fc.nat({ max: 2 ** 40 });
  const instant = fc.bigInt({ min: 0n, max: 2n ** 62n }).map(unixNs);
  const text = fc.string({ maxLength: 20 });
  const record = fc.record({
    epoch: count,
    writer: text,
    t: instant,
    events: count,
    run: count,
    at: instant,
    normalizer: text,
  });
  hold(fc.property(record, (ctl) => assert.deepEqual(parseCtl(encodeCtl(ctl)), { ...ctl })));
});

test('what is not a ctl record is null', () => {
  const sound = { epoch: 1, t: '5', events: 2, normalizer: 'kraken@1' };
  const bytesOf = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
  assert.equal(parseCtl(bytesOf(sound))?.at, 5n);
  for (const wrong of [
    null,
    7,
    [],
    { ...sound, t: 5 },
    { ...sound, t: '-5' },
    { ...sound, events: 1.5 },
  ]) {
    assert.equal(parseCtl(bytesOf(wrong)), null);
  }
  assert.equal(parseCtl(new TextEncoder().encode('{"epoch":')), null);
});
