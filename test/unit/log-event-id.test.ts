/** The text that names an event: what is written is read back, what is not one is said part by part. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { eventJson } from '../../cli/event-text.ts';
import { formatEventId, readIdParts, splitEventId } from '../../schema/event-id.ts';
import { feedSymbol } from '../../schema/events.ts';
import type { MarketEvent } from '../../schema/events.ts';
import { unixNs } from '../../schema/time.ts';
import { arbitraryEvent } from '../support/arbitrary-events.ts';
import { hold } from '../support/property.ts';

const named: fc.Arbitrary<MarketEvent> = fc
  .record({
    event: arbitraryEvent,
    feed: fc.constantFrom('kraken', 'binance-usdm'),
    shard: fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,31}$/),
    t: fc.bigInt({ min: 0n, max: 10n ** 19n - 1n }).map(unixNs),
    symbol: fc.option(fc.stringMatching(/^[A-Z0-9][A-Z0-9_-]{0,20}$/), { nil: null }),
    index: fc.integer({ min: 0, max: 999_999_999 }),
  })
  .map(({ event, symbol, ...rest }) => ({
    ...event,
    ...rest,
    symbol: symbol ?? feedSymbol(rest.shard),
  }));

test('what is written is read back, from its text and from the JSON of the event', () => {
  hold(
    fc.property(named, (event) => {
      const id = formatEventId(event);
      const { rest, ...parts } = splitEventId(id);
      assert.equal(rest, undefined);
      for (const given of [parts, eventJson(event)]) {
        const read = readIdParts(given);
        assert.deepEqual(read.faults, []);
        assert.equal(
          read.event === null || read.line === null ? '' : formatEventId(read.event),
          id,
        );
      }
    }),
  );
});

test('three parts name a line; every part that is wrong is named', () => {
  const line = readIdParts(splitEventId('kraken/tier1/5'));
  assert.deepEqual(line, {
    line: { feed: 'kraken', shard: 'tier1', t: 5n },
    event: null,
    faults: [],
  });
  const faultsOf = (text: string): string[] =>
    readIdParts(splitEventId(text)).faults.map(({ part }) => part);
  assert.deepEqual(faultsOf('Kraken//-5'), ['feed', 'shard', 't']);
  assert.deepEqual(faultsOf('kraken/tier1/5/tick/btc/x'), ['type', 'symbol', 'index']);
  assert.deepEqual(faultsOf('kraken/tier1/5/trade'), ['symbol', 'index']);
  assert.deepEqual(faultsOf('kraken/tier1/5/status/_FEED-tier2/0'), ['symbol']);
  assert.deepEqual(faultsOf('kraken/tier1/5/status/_FEED-tier1/0'), []);
});
