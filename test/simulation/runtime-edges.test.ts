/** A connector at its edges: a lost opening snapshot, and other moments that are easy to overlook. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memoryVenue } from '../../connectors/simulator/memory-socket.ts';
import { virtualClock } from '../../connectors/simulator/clock.ts';
import { openHarness } from '../../connectors/simulator/harness.ts';
import { VENUES } from '../../connectors/simulator/registry.ts';
import { factsOf, instant, readLog, scratchDirectory, startRig } from '../support/runtime.ts';

test('an opening snapshot that cannot be read is asked for again', async (t) => {
  const at = '2026-11-20T10:00:00Z';
  const create = VENUES.get('kraken');
  assert.ok(create);
  const clock = virtualClock(instant(at));
  const symbols = ['BTC/USD', 'ETH/USD'];
  const start_ns = instant(at);
  const harness = openHarness({
    create,
    seed: 7,
    rate: 4,
    symbols,
    start_ns,
    faults: { list: [] },
  });
  const open = memoryVenue({ harness, clock, seed: 7 });
  const isSnapshot = (frame: Uint8Array): boolean =>
    /^{"channel":"book","type":"snapshot".*BTC\/USD/.test(Buffer.from(frame).toString('latin1'));
  let spoilt = 0;
  const rig = startRig({
    ...{ dir: scratchDirectory(t), at, clock, harness },
    deps: {
      openSocket: (url, handlers) =>
        open(url, {
          ...handlers,
          onFrame(frame) {
            const spoil = isSnapshot(frame) && spoilt++ === 0;
            handlers.onFrame(spoil ? frame.subarray(0, 40) : frame);
          },
        }),
    },
  });
  await rig.pass(30);
  assert.equal(spoilt, 2, 'the venue was asked for the snapshot once more');
  await rig.finish();
  const alarms = factsOf(await readLog(rig.store), '_alarm');
  assert.deepEqual(
    alarms.map(({ kind, symbol }) => [kind, symbol]),
    [['resubscribe', 'BTCUSD']],
  );
});
