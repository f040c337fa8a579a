/** A past day is only simulated where its epoch can have the shard. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { virtualEpoch } from '../../connectors/simulator/virtual-day.ts';
import type { Day } from '../../schema/time.ts';
import { unixNs } from '../../schema/time.ts';
import { refuseYounger } from '../../workers/simulator.ts';

const day = '2026-01-05' as Day;
const of = { environment: 'demo', feed: 'kraken', shard: 'tier1', day };

function busLastHeldBy(epoch: number) {
  const at = unixNs(0n);
  const record = { epoch, writer: 'x', t: at, events: 0, run: 0, at, normalizer: 'kraken@1' };
  return { lastCtl: () => Promise.resolve({ seq: 1, record }) };
}

test('a shard that a younger epoch has had is refused before anything starts', async () => {
  assert.equal(virtualEpoch(day), Date.parse('2026-01-04T23:49:00Z'));
  for (const later of [0, 1, 86_400_000]) {
    const refused = refuseYounger(busLastHeldBy(virtualEpoch(day) + later), of);
    await assert.rejects(refused, { code: 'SSMD_FENCED', message: /tier1 of kraken .*2026-01-05/ });
  }
  await refuseYounger(busLastHeldBy(virtualEpoch(day) - 1), of);
  await refuseYounger({ lastCtl: () => Promise.resolve(null) }, of);
});
