/**
 * The connector's own composition, with a clock keeper that is a program: from what the program prints to
 * the header on disk, the status page and the metrics. The venue is away.
 */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { pino } from 'pino';
import { askMachine } from '../../connectors/runtime/clock-health.ts';
import type { ClockStatusReport } from '../../connectors/runtime/clock-watch.ts';
import { LOCAL } from '../../schema/clock.ts';
import type { Location } from '../../schema/clock.ts';
import type { Capture } from '../../schema/log.ts';
import { startConnector } from '../../workers/connector.ts';
import { chronyNow } from '../support/clock-samples.ts';
import { openStage } from '../support/e2e.ts';

const NY5: Location = {
  ...LOCAL,
  ...{ location_id: 'ny5', datacenter: 'equinix-ny5', proximity: { kraken: 'same-metro' } },
  clock: { ...LOCAL.clock, source: 'ptp', expected_accuracy_us: 5 },
};

/** The first line of the first segment below a folder; null where there is none yet. */
function headerBelow(folder: string): Capture | null {
  const file = readdirSync(folder, { recursive: true, encoding: 'utf8' }).find((name) =>
    name.endsWith('00000000.jsonl'),
  );
  if (file === undefined) return null;
  const [line = ''] = readFileSync(join(folder, file), 'utf8').split('\n');
  return line === '' ? null : (JSON.parse(line) as { readonly _capture: Capture })._capture;
}

test('what a program on PATH says of the clock is in the header, on the page and in the metrics', async (t) => {
  const stage = await openStage();
  t.after(() => stage[Symbol.asyncDispose]());
  const { environment, endpoints } = stage;
  const root = join(stage.servers.dir, 'project');
  mkdirSync(root);
  const said = chronyNow();
  const program = join(root, 'chronyc');
  writeFileSync(program, `#!/bin/sh\ncat <<'SAID'\n${said}SAID\n`);
  chmodSync(program, 0o755);
  const running = await startConnector({
    ...{ environment, endpoints, root },
    ...{ feed: 'kraken', shard: 'tier1', url: 'ws://127.0.0.1:9', port: 0 },
    logger: pino({ level: 'silent' }),
    location: NY5,
    ask: askMachine({ PATH: `${root}:/usr/bin:/bin` }),
  });
  try {
    const page = await fetch(`${running.status_url}/status`);
    const { clock } = (await page.json()) as { readonly clock: ClockStatusReport };
    const words = [clock.location_id, clock.by, clock.clock_source, clock.clock_sync_status];
    assert.deepEqual(words, ['ny5', 'chronyc', 'ntp', 'degraded']);
    assert.deepEqual(clock.notes, [
      'the clock is kept by ntp, the location expects ptp',
      'the clock is off by -12 us, the location expects 5 us at most',
    ]);
    const metrics = await (await fetch(`${running.status_url}/metrics`)).text();
    assert.match(metrics, /^ssmd_clock_offset_us\{location="ny5",source="ntp"\} -12$/m);
    assert.match(metrics, /^ssmd_clock_sync_status\{location="ny5"\} 0.5$/m);
    assert.match(metrics, /^ssmd_connector_up\{/m);
    const header = headerBelow(root);
    assert.ok(header);
    const place = [header.location_id, header.datacenter, header.proximity];
    assert.deepEqual(place, ['ny5', 'equinix-ny5', 'same-metro']);
    // The location's source is what is expected, and not what is recorded.
    assert.deepEqual(
      [header.clock_source, header.clock_sync_status, header.clock_offset_us],
      ['ntp', 'degraded', -12],
    );
    const set_ms = Number(said.split(',')[3]) * 1_000;
    assert.equal(header.clock_last_sync, new Date(set_ms).toISOString());
  } finally {
    await running.stop();
  }
});
