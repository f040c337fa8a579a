/**
 * Power takes the last second of a log whose events were on the bus already. Nobody looked at the bus
 * before it was gone; whoever took the shard over did.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readManifest } from '../../activities/datasets.ts';
import { createMemoryObjectStore } from '../../storage/memory.ts';
import { modelJobs, runDaily } from '../support/model/jobs.ts';
import { eventsIn, readEpochs } from '../support/model/oracle.ts';
import { runScript } from '../support/model/run.ts';
import type { Run } from '../support/model/run.ts';

const script = {
  ...{ seed: 1, lead_ms: 7_000_000, grid_ms: 500, silence_ms: 7_200_000 },
  ...{ queue_events_max: 60_000, lingers: true },
};
const before = [
  { do: 'wait', ms: 10_000 },
  { do: 'ticks', n: 6, gap_ms: 300, seed: 7 },
] as const;
const after = [
  { do: 'start', host: 0 },
  { do: 'wait', ms: 9_000 },
] as const;

/** The day's manifest as whoever has RAW alone makes it. */
async function fromRawAlone(run: Run) {
  const normalized = createMemoryObjectStore();
  const jobs = modelJobs({ ...run, normalized, bus: null, now: run.jobs.now });
  const [day] = run.days;
  assert.ok(day !== undefined);
  await runDaily(jobs, { feed: run.feed, day }, { force: true });
  const manifest = await readManifest(jobs, { version: 'v1', feed: run.feed.id, day });
  assert.ok(manifest !== null);
  return manifest;
}

/** The last event of an epoch that a subscriber had. */
function lastHeard({ heard }: Run, epoch: number): bigint {
  let last = 0n;
  for (const { subject, data, header } of heard) {
    const [root, , type, symbol] = subject.split('.');
    if (root !== 'md' || header('epoch') !== `${epoch}`) continue;
    for (const { t } of eventsIn(`${type} ${symbol}`, data)) if (t > last) last = t;
  }
  return last;
}

test('what readers of the bus had and RAW has not is a gap, and the day is not complete', async () => {
  const power = { do: 'power', host: 0, kept: 0 } as const;
  const run = await runScript({ ...script, actions: [...before, power, ...after] });
  const [first] = await readEpochs(run);
  assert.ok(first !== undefined);
  const last = first.raw.at(-1)?.t ?? 0n;
  const heard = lastHeard(run, first.epoch);
  assert.ok(last < heard, 'the bus had more than the log kept');
  const { gaps } = await fromRawAlone(run);
  const own = gaps.filter((it) => it.epoch === first.epoch && it.cause === 'log_behind_bus');
  assert.deepEqual(
    own.map(({ from, to }) => [from, to]),
    [[`${last}`, `${heard}`]],
  );
});

test('a process that is killed leaves a log that is not behind', async () => {
  const kill = { do: 'kill', who: 0, after: 0 } as const;
  const run = await runScript({ ...script, actions: [...before, kill, ...after] });
  const { gaps } = await fromRawAlone(run);
  assert.deepEqual(
    gaps.map((it) => it.cause),
    ['before_first_take', 'epoch_ended'],
  );
});
