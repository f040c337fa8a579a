import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../../connectors/runtime/clock.ts';
import { wsSockets } from '../../connectors/runtime/ws-socket.ts';
import { startSimulator } from '../../connectors/simulator/server.ts';
import { factsOf, readLog, scratchDirectory, startRig } from '../support/runtime.ts';

const LIMIT = 400;

test('a frame the socket refuses for its size is a record in RAW: cause, bytes, then the cut', async (t) => {
  const symbols = ['BTC/USD', 'ETH/USD'];
  const venue = await startSimulator({ feed: 'kraken', symbols, rate: 50, seed: 4 });
  try {
    const closed = Promise.withResolvers<undefined>();
    const alarms: object[] = [];
    const rig = startRig({
      dir: scratchDirectory(t),
      at: new Date().toISOString(),
      deps: {
        clock: systemClock(),
        openSocket: wsSockets({ frame_bytes_max: LIMIT }),
        url: venue.url,
        logger(_, event, facts) {
          if (event === 'alarm.raised') alarms.push(facts);
          if (event === 'connection.closed') closed.resolve(undefined);
        },
      },
    });
    await closed.promise;
    await rig.finish();
    const lines = await readLog(rig.store);
    const [drop] = factsOf(lines, '_drop');
    assert.deepEqual(
      [drop?.c, drop?.frames, drop?.bytes, drop?.reason],
      [1, 1, LIMIT + 1, 'frame_too_large'],
    );
    const [close] = factsOf(lines, '_close');
    assert.deepEqual([close?.c, close?.by, close?.reason], [1, 'network', 'frame too large']);
    assert.ok((close?.at ?? 0n) > (drop?.at ?? 0n));
    const frames = lines.flatMap((line) => (line.type === 'frame' ? [line] : []));
    assert.ok(frames.length > 0, 'what came before it is there');
    assert.ok(
      frames.every((line) => line.t < (drop?.at ?? 0n)),
      'nothing comes after it',
    );
    const limit = rig.feed.protocol.limits.frame_bytes_max;
    assert.deepEqual(alarms, [
      { alarm: 'frame_too_large', c: 1, bytes: LIMIT + 1, frame_bytes_max: limit },
    ]);
  } finally {
    await venue.stop();
  }
});
