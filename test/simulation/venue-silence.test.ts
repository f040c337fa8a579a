/**
 * A subscription that is acknowledged and brings nothing, as one on a wrong path does: found by the
 * channel's own bound, asked for again alone, and live again.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { factsOf, readLog, scratchDirectory, startRig } from '../support/runtime.ts';
import { VENUE_CARDS } from '../support/cards/venues.ts';

/** Longer than the bound of the channel, shorter than that of the connection's life without it. */
const SILENCE_MS = 11_500;

for (const { feed, struck, prompt } of VENUE_CARDS) {
  test(`${feed}: acknowledged and silent is an alarm, and is asked for again`, async (t) => {
    const { channel, subscribed } = prompt;
    const rig = startRig({
      ...{ dir: scratchDirectory(t), at: '2026-11-20T10:00:00Z', feed, rate: 20 },
      faults: [{ kind: 'silence', channel, symbol: struck.symbol, duration_ms: SILENCE_MS }],
    });
    await rig.pass(180);
    const { state, reconnects } = rig.connector.status();
    await rig.finish();
    assert.deepEqual([state, reconnects], ['READY', 0]);
    const alarms = factsOf(await readLog(rig.store), '_alarm');
    const silent = alarms.filter(({ kind }) => kind === 'silent');
    assert.deepEqual(
      silent.map(({ channel: about }) => about),
      [subscribed],
    );
    // What is asked for again falls into the silence, too; where frames are numbered each is a hole.
    const others = alarms.filter(({ kind }) => kind !== 'silent').map(({ kind }) => kind);
    assert.ok(
      others.every((kind) => kind.startsWith('resubscribe')),
      others.join(' '),
    );
  });
}
