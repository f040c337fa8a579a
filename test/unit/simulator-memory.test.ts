import assert from 'node:assert/strict';
import { test } from 'node:test';
import { virtualClock } from '../../connectors/simulator/clock.ts';
import type { FaultPlan } from '../../connectors/simulator/faults.ts';
import { openHarness } from '../../connectors/simulator/harness.ts';
import { memoryVenue } from '../../connectors/simulator/memory-socket.ts';
import { VENUES } from '../../connectors/simulator/registry.ts';
import type { CreateVenue } from '../../connectors/simulator/venue.ts';
import { SECOND_NS, START_NS } from '../support/venue-kit.ts';

const LATENCY = { base_us: 10_000, jitter_us: 2_000 };

function setUp(faults: FaultPlan = {}, feed = 'kraken', symbols = ['BTC/USD']) {
  const clock = virtualClock(START_NS);
  const create = VENUES.get(feed) as CreateVenue;
  const harness = openHarness({ create, seed: 3, symbols, start_ns: START_NS, rate: 20, faults });
  const openSocket = memoryVenue({ harness, clock, seed: 3, latency: LATENCY });
  const seen: string[] = [];
  const times: bigint[] = [];
  const open = (path: string, subscribe: string | null) => {
    const socket = openSocket(`ws://simulated${path}`, {
      onOpen: () => {
        seen.push('open');
        if (subscribe !== null) socket.send(subscribe);
      },
      onFrame: (bytes) => {
        seen.push(new TextDecoder().decode(bytes));
        times.push(clock.wallNs());
      },
      onPing: () => seen.push('ping'),
      onTooLarge: (bytes) => seen.push(`too large ${bytes}`),
      onClose: (code, reason, by) => seen.push(`close ${code} ${reason} ${by}`),
      onUpgradeRefused: (status, headers) =>
        seen.push(`refused ${status} ${headers['retry-after'] ?? ''}`),
    });
    return socket;
  };
  return { clock, harness, open, seen, times };
}

const BOOK = '{"method":"subscribe","params":{"channel":"book","symbol":["BTC/USD"]}}';

test('open, greeting, ack, data: in order, each a latency after it was sent', () => {
  const { clock, open, seen, times } = setUp();
  open('/v2', BOOK);
  assert.deepEqual(seen, []);
  clock.advanceTo(START_NS + 10n * SECOND_NS);
  assert.equal(seen[0], 'open');
  assert.match(seen[1] ?? '', /"channel":"status"/);
  assert.match(seen[2] ?? '', /"success":true/);
  assert.match(seen[3] ?? '', /"type":"snapshot"/);
  assert.ok(seen.length > 100);
  for (const [at, text] of seen.slice(1).entries()) {
    const sent = /"timestamp":"(.*?)"/.exec(text)?.[1];
    if (sent === undefined) continue;
    const sent_us = BigInt(Date.parse(sent)) * 1000n + BigInt(sent.slice(23, 26));
    const latency_us = (times[at] as bigint) / 1000n - sent_us;
    assert.ok(latency_us >= 10_000n && latency_us < 60_000n, `${latency_us} us`);
  }
});

test('the same run gives the same frames at the same instants', () => {
  const run = (): string => {
    const { clock, open, seen, times } = setUp({ rates: { close: 600, drop: 600, garbage: 600 } });
    open('/v2', BOOK);
    clock.advanceTo(START_NS + 60n * SECOND_NS);
    return JSON.stringify([seen, times.map(String)]);
  };
  assert.equal(run(), run());
});

test('our close: frames under way still come, then onClose by us', () => {
  const { clock, harness, open, seen } = setUp();
  const socket = open('/v2', BOOK);
  clock.advanceTo(START_NS + 5n * SECOND_NS);
  socket.close(1000, 'done');
  clock.advanceTo(START_NS + 10n * SECOND_NS);
  assert.equal(seen.at(-1), 'close 1000 done us');
  assert.equal(harness.counts().open, 0);
  socket.send('ignored');
  socket.terminate();
  const length = seen.length;
  clock.advanceTo(START_NS + 20n * SECOND_NS);
  assert.equal(seen.length, length);
});

test('terminate: nothing more but onClose', () => {
  const { clock, harness, open, seen } = setUp();
  const socket = open('/v2', BOOK);
  clock.advanceTo(START_NS + 5n * SECOND_NS);
  const length = seen.length;
  socket.terminate();
  assert.equal(seen.length, length, 'nothing is called from within');
  clock.advanceTo(START_NS + 10n * SECOND_NS);
  assert.deepEqual(seen.slice(length), ['close null  us']);
  assert.equal(harness.counts().open, 0);
});

test('a cut comes as a close without a code, by the network; a code as the venue’s', () => {
  const at_ns = START_NS + 5n * SECOND_NS;
  for (const [code, expected] of [
    [null, 'close null  network'],
    [1012, 'close 1012 simulated fault venue'],
  ] as const) {
    const { clock, open, seen } = setUp({ list: [{ kind: 'close', at_ns, code }] });
    open('/v2', BOOK);
    clock.advanceTo(START_NS + 10n * SECOND_NS);
    assert.equal(seen.at(-1), expected);
  }
});

test('an upgrade is refused: 429 with Retry-After, 404 for an unknown path', () => {
  const { clock, open, seen } = setUp({ list: [{ kind: '429', duration_ms: 2500 }] });
  open('/v2', BOOK);
  clock.advanceTo(START_NS + SECOND_NS);
  assert.deepEqual(seen, ['refused 429 3']);
  clock.advanceTo(START_NS + 3n * SECOND_NS);
  open('/v1', BOOK);
  clock.advanceTo(START_NS + 4n * SECOND_NS);
  assert.deepEqual(seen, ['refused 429 3', 'refused 404 ']);
});

test('a fault put in while running strikes', () => {
  const { clock, harness, open, seen } = setUp();
  open('/v2', BOOK);
  clock.advanceTo(START_NS + 5n * SECOND_NS);
  harness.inject({ kind: 'close' });
  clock.advanceTo(START_NS + 10n * SECOND_NS);
  assert.equal(seen.at(-1), 'close null  network');
  assert.ok((harness.ledger[0]?.at_ns ?? 0n) >= START_NS + 4n * SECOND_NS);
});

test('a fault that comes at a rate while nobody is connected befalls nobody', () => {
  const rates = { drop: 60, close: 60, garbage: 60, silence: 60 };
  const { clock, harness, open } = setUp({ rates });
  clock.advanceTo(START_NS + 3600n * SECOND_NS);
  const from_ns = clock.wallNs();
  open('/v2', BOOK);
  clock.advanceTo(from_ns + 600n * SECOND_NS);
  const [first] = harness.ledger;
  assert.ok(first !== undefined, 'faults go on for who is connected');
  const after_ms = (first.at_ns - from_ns) / 1_000_000n;
  assert.ok(after_ms > 500n, `${first.kind} after ${after_ms} ms: it had waited for a connection`);
});

test('a wall clock step moves no frame', () => {
  const { clock, open, seen } = setUp();
  open('/v2', BOOK);
  clock.advanceTo(START_NS + 5n * SECOND_NS);
  const length = seen.length;
  clock.stepWall(-3600n * SECOND_NS);
  clock.advanceTo(START_NS + 10n * SECOND_NS);
  assert.ok(seen.length > length + 40);
});

test('the server pings of a venue come through', () => {
  const { clock, open, seen } = setUp({}, 'binance-usdm', ['BTCUSDT']);
  open('/market/stream', null);
  clock.advanceTo(START_NS + 361n * SECOND_NS);
  assert.deepEqual(seen, ['open', 'ping', 'ping']);
});
