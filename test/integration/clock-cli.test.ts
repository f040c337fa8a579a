/**
 * `ssmd clock` as a user runs it: over two environments that the production connector captured at two
 * places, one with a clock that steps, and with clock keepers that are programs on `PATH`.
 */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { ClockCheck } from '../../cli/clock/check.ts';
import type { ExchangeSkew, LocationSkew } from '../../cli/clock/skew.ts';
import type { ClockRow } from '../../cli/clock/status.ts';
import { createMemoryBus } from '../../bus/memory.ts';
import { FEEDS } from '../../connectors/registry.ts';
import type { CaptureTemplate } from '../../connectors/runtime/log-writer.ts';
import { readEnvironment } from '../../environments/env.ts';
import { knownFeeds } from '../../environments/known-feeds.ts';
import type { ClockHistory, ClockJumpFound } from '../../qa/clock-history.ts';
import type { Day } from '../../schema/time.ts';
import { archiveDay } from '../support/archive-run.ts';
import { SAMPLES, chronyNow } from '../support/clock-samples.ts';
import { ssmd } from '../support/command-line.ts';
import type { Ran } from '../support/command-line.ts';
import { scenarioEnvironmentText } from '../support/contract-stage.ts';
import { inStep, runStretch } from '../support/e2e-day.ts';
import { jobsOf, openStage } from '../support/e2e.ts';
import { instant } from '../support/runtime.ts';

const DAY = '2026-11-20' as Day;
const FROM = '2026-11-20T00:00:00Z';
const UNTIL = '2026-11-20T00:06:30Z';
const STEPPED_AT = '2026-11-20T00:03:20Z';
const NOW = '2026-12-01T06:00:00Z';

const stage = await openStage();
after(() => stage[Symbol.asyncDispose]());
const root = stage.servers.dir;
mkdirSync(join(root, 'config'));
writeFileSync(
  join(root, 'config', 'locations.yaml'),
  `locations:
  east:
    datacenter: aws-us-east-1
    proximity: { kraken: remote }
    clock: { source: ntp, expected_accuracy_ms: 10 }
  west:
    datacenter: aws-us-west-2
    clock: { source: ptp, expected_accuracy_us: 50 }
`,
);

const PLACES: Readonly<Record<string, Partial<CaptureTemplate>>> = {
  east: { clock_source: 'ntp', clock_sync_status: 'synced', clock_offset_us: 1_200 },
  west: { clock_source: 'ptp', clock_sync_status: 'synced', clock_offset_us: -12 },
};
/** The ways to the venue: what the two receive times of one trade differ by. */
const WAY_US: Readonly<Record<string, number>> = { east: 5_000, west: 25_000 };

for (const name of ['east', 'west']) {
  const file = join(root, `${name}.yaml`);
  const text = `${scenarioEnvironmentText(name)}  capture: { location_id: ${name} }\n`;
  writeFileSync(file, text);
  const environment = readEnvironment(`${name}.yaml`, text, knownFeeds(FEEDS));
  const store = await stage.bucket(`${name}-raw`);
  const bus = createMemoryBus();
  await runStretch(
    {
      ...{ feed: 'kraken', seed: 5, rate: 2, market_from: '2026-11-19T12:00:00Z' },
      ...{ faults: { list: [] }, from: FROM, until: UNTIL },
    },
    {
      ...{ store, bus, environment, dir: join(root, name), ready: inStep(FROM) },
      capture: { location_id: name, datacenter: name, ...PLACES[name] },
      latency: () => ({ base_us: WAY_US[name] ?? 0, jitter_us: 500 }),
      begins(clock) {
        if (name !== 'west') return;
        clock.setTimer(() => clock.stepWall(-1_500_000_000n), instant(STEPPED_AT));
      },
    },
  );
  const normalized = await stage.bucket(`${name}-normalized`);
  const jobs = jobsOf(environment, NOW, { raw: store, normalized, bus: null });
  await archiveDay(jobs, { feed: 'kraken', day: DAY });
}

let folders = 0;

/** A folder with programs, real ones, that print what a clock keeper prints. */
function keepers(programs: Readonly<Record<string, string>>): string {
  const folder = join(root, `bin-${(folders += 1)}`);
  mkdirSync(folder);
  for (const [name, script] of Object.entries(programs)) {
    writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(folder, name), 0o755);
  }
  return folder;
}

const saying = (text: string): string => `cat <<'SAID'\n${text}SAID`;
const CHRONY = `case "$*" in
  '-c tracking') ${saying(chronyNow())}
  ;;
  makestep) echo "$0" >> "$0.asked"; echo '200 OK' ;;
  *) exit 1 ;;
esac`;

function clock(args: readonly string[], path: string, env: object = {}): Promise<Ran> {
  const given = args.includes('--env') ? [] : ['--env', join(root, 'east.yaml')];
  const variables = { ...stage.variables, PATH: `${path}:/usr/bin:/bin`, ...env };
  return ssmd(['clock', ...args, ...given], { root, env: variables });
}

const RANGE = ['--start', DAY, '--end', DAY];
const WEST = ['--env', join(root, 'west.yaml')];
const NOBODY = keepers({});

test('status: this machine by its keeper, and a running connector by its page', async (t) => {
  const page = createServer((_, response) =>
    response.end(
      JSON.stringify({
        ...{ feed: 'okx', shard: 'tier1' },
        clock: {
          location_id: 'west',
          ...PLACES['west'],
          clock_last_sync: null,
          notes: [],
          read_age_s: 3,
        },
      }),
    ),
  );
  await new Promise<void>((resolve) => page.listen(0, '127.0.0.1', resolve));
  t.after(() => page.close());
  const url = `http://127.0.0.1:${(page.address() as AddressInfo).port}/status`;
  const pages = ['--status', url, 'http://127.0.0.1:9/status'];
  const told = await clock(['status', '--json', ...pages], keepers({ chronyc: CHRONY }));
  assert.equal(told.code, 0, told.err);
  const { clocks } = JSON.parse(told.out) as { readonly clocks: readonly ClockRow[] };
  assert.deepEqual(
    clocks.map((it) => [it.location_id, it.clock_source, it.clock_sync_status, it.clock_offset_us]),
    [
      ['east', 'ntp', 'synced', -12],
      ['west', 'ptp', 'synced', -12],
    ],
  );
  assert.match(told.err, /127.0.0.1:9\/status does not answer/);
  const shown = await clock(['status'], keepers({ chronyc: CHRONY }));
  assert.match(shown.out, /^LOCATION +SOURCE +STATUS +OFFSET +LAST SYNC +SAID BY$/m);
  assert.match(shown.out, /^east +ntp +synced +-12μs +(<1|\d+)s ago +this machine, chronyc$/m);
});

test('a keeper that hangs, one that dies and one that talks nonsense have not answered', async () => {
  const path = keepers({
    chronyc: 'kill -9 $$',
    pmc: 'head -c 1000000 /dev/zero',
    ntpq: 'sleep 30',
    adjtimex: 'echo status: maybe',
    timedatectl: `[ "$1" = show ] && ${saying(SAMPLES.timedatectl)}`,
  });
  const began = performance.now();
  const told = await clock(['check', '--json'], path);
  assert.ok(performance.now() - began < 25_000);
  assert.equal(told.code, 1, told.err);
  const check = JSON.parse(told.out) as ClockCheck;
  assert.match(check.seen[0] ?? '', /timedatectl: ntp degraded, off by -/);
  assert.match(check.problems[0]?.what ?? '', /does not say how far the clock is off/);
});

test('check: well; kept by another source than expected; kept by nobody; elsewhere', async () => {
  const chrony = keepers({ chronyc: CHRONY });
  const well = await clock(['check'], chrony);
  assert.equal(well.code, 0, well.err);
  assert.match(well.out, /east: healthy/);
  const other = await clock(['check'], chrony, { SSMD_LOCATION: 'west' });
  assert.equal(other.code, 1);
  const old = CHRONY.replace(/,\d{10}\.500000000,/, ',1763712000.500000000,');
  assert.notEqual(old, CHRONY);
  const stale = await clock(['check'], keepers({ chronyc: old }));
  assert.equal(stale.code, 1);
  assert.match(stale.out, /chronyc set the clock right \d+ h ago, and not since/);
  assert.match(other.out, /kept by ntp, the location expects ptp\n +mend: run ptp4l/);
  const nobody = await clock(['check', 'east'], NOBODY);
  assert.equal(nobody.code, 1);
  assert.match(nobody.out, /nobody here says how the clock is kept/);
  assert.match(nobody.out, /mend: run chrony or systemd-timesyncd/);
  const away = await clock(['check', 'west'], chrony);
  assert.equal(away.code, 1);
  assert.match(away.out, /nothing was recorded at west in the last 2 hours/);
  const unknown = await clock(['check', 'eats'], chrony);
  assert.equal(unknown.code, 2);
  assert.match(unknown.err, /has no 'eats' \(did you mean "east"\?\)/);
});

test('doctor says how the clock is kept, and what is wrong with it', async () => {
  const at = (path: string): Promise<Ran> =>
    ssmd(['doctor', '--env', join(root, 'east.yaml')], {
      root,
      env: { ...process.env, PATH: `${path}:${process.env['PATH']}` },
    });
  assert.match(
    (await at(keepers({ chronyc: CHRONY }))).out,
    /clock \(east\): ntp, synced, off by -12μs/,
  );
  const far = CHRONY.replace('0.000012345', '0.2');
  const told = await at(keepers({ chronyc: far }));
  assert.equal(told.code, 1);
  assert.match(told.out, /wrong: the clock is off by -200000 us, the location expects 10000 us/);
});

test('sync: asks the keeper; where it may not, says what to run', async () => {
  const told = await clock(['sync'], keepers({ chronyc: CHRONY }));
  assert.equal(told.code, 0, told.err);
  assert.match(told.out, /ran: chronyc makestep/);
  const refused = CHRONY.replace("echo '200 OK'", "echo '501 Not authorised'; exit 1");
  const not = await clock(['sync', 'east'], keepers({ chronyc: refused }));
  assert.equal(not.code, 1);
  assert.match(not.out, /run: sudo chronyc makestep/);
  const nobody = await clock(['sync'], NOBODY);
  assert.equal(nobody.code, 1);
  assert.match(nobody.out, /neither chrony nor systemd-timesyncd answers/);
  const elsewhere = await clock(['sync', 'west'], keepers({ chronyc: CHRONY }));
  assert.equal(elsewhere.code, 2);
  assert.match(elsewhere.err, /run it there, with SSMD_LOCATION=west/);
});

test('history: what the headers of RAW say, span by span', async () => {
  const told = await clock(['history', ...RANGE, '--json'], NOBODY);
  assert.equal(told.code, 0, told.err);
  const { spans } = JSON.parse(told.out) as { readonly spans: readonly ClockHistory[] };
  assert.deepEqual(
    spans.map((it) => [it.location_id, it.clock_source, it.clock_offset_us_max, it.shard]),
    [['east', 'ntp', 1_200, 'tier1']],
  );
  assert.equal(BigInt(spans[0]?.from ?? 0), instant(FROM));
  const other = await clock(['history', 'west', ...RANGE], NOBODY);
  assert.match(other.out, /nothing is recorded there/);
});

test('a location that nobody knows is misspelt; a span without RAW is said to be one', async () => {
  for (const of of [
    ['history', 'wset'],
    ['jumps', '--location', 'wset'],
    ['skew-history', 'wset'],
  ]) {
    const told = await clock([...of, ...RANGE], NOBODY);
    assert.equal(told.code, 2, told.out);
    assert.match(told.err, /has 'wset'[\s\S]*west/, of.join(' '));
  }
  const none = await clock(['jumps', '--start', '2020-01-01', '--end', '2020-01-02'], NOBODY);
  assert.deepEqual([none.code, /no RAW of that span/.test(none.err)], [0, true], none.err);
  const never = await clock(
    ['skew', '--exchange', '--start', '2020-01-01', '--end', '2020-01-02'],
    NOBODY,
  );
  assert.match(never.err, /none of \d+ days of [\w, -]+ is committed/);
  const metric = await clock(['skew', '--exchange', '--prometheus', ...RANGE], NOBODY);
  assert.equal(metric.code, 2);
  assert.match(metric.err, /--prometheus: only with --against/);
});

test('jumps: the step of the wall clock, once, with when it could be trusted again', async () => {
  const told = await clock(['jumps', ...RANGE, ...WEST, '--json'], NOBODY);
  assert.equal(told.code, 0, told.err);
  const { jumps } = JSON.parse(told.out) as { readonly jumps: readonly ClockJumpFound[] };
  assert.equal(jumps.length, 1, told.out);
  const [jump] = jumps;
  assert.ok(Math.abs((jump?.by_us ?? 0) + 1_500_000) < 10_000, `${jump?.by_us}`);
  assert.ok(Math.abs(Number(BigInt(jump?.t ?? 0) - instant(STEPPED_AT))) < 3e9);
  const shown = await clock(['jumps', ...RANGE, ...WEST], NOBODY);
  assert.match(shown.out, /west +kraken +tier1 +-1\.5s +not by the end/);
  assert.match((await clock(['jumps', ...RANGE], NOBODY)).out, /no jump of a clock is recorded/);
});

test('skew against the venue, and hour by hour', async () => {
  const told = await clock(['skew', '--exchange', '--feed', 'kraken', ...RANGE, '--json'], NOBODY);
  assert.equal(told.code, 0, told.err);
  const { skews } = JSON.parse(told.out) as { readonly skews: readonly ExchangeSkew[] };
  assert.deepEqual(
    skews.map((it) => [it.location_id, it.feed]),
    [['east', 'kraken']],
  );
  assert.ok((skews[0]?.count ?? 0) > 20 && (skews[0]?.p50_us ?? -1) > 0, told.out);
  // Trades that the venue sent as history, seconds old, are none of it.
  assert.ok((skews[0]?.max_us ?? Infinity) < 1_000_000, told.out);
  const shown = await clock(['skew-history', 'east', ...RANGE], NOBODY);
  assert.match(shown.out, /^2026-11-20 00:00:00 +east +kraken +\+/m);
});

test('skew of two locations that captured the same trades, also as a metric', async () => {
  const against = ['--against', join(root, 'west.yaml'), '--feed', 'kraken', ...RANGE];
  const told = await clock(['skew', ...against, '--json'], NOBODY);
  assert.equal(told.code, 0, told.err);
  const { skews } = JSON.parse(told.out) as { readonly skews: readonly LocationSkew[] };
  assert.deepEqual(
    skews.map((it) => [it.location_a, it.location_b]),
    [['east', 'west']],
  );
  const metric = await clock(['skew', ...against, '--prometheus'], NOBODY);
  const line = /^ssmd_clock_skew_us\{location_a="east",location_b="west"\} (-?[\d.]+)$/m;
  assert.equal(Number(line.exec(metric.out)?.[1]), skews[0]?.p50_us);
  assert.ok(Math.abs((skews[0]?.p50_us ?? 0) + 20_000) < 5_000, told.out);
  const same = await clock(['skew', '--against', join(root, 'east.yaml'), ...RANGE], NOBODY);
  assert.match(same.err, /no trade was captured at two locations/);
});

test('a day shows how it was captured', async () => {
  const of = ['--feed', 'kraken', '--date', DAY, '--env', join(root, 'west.yaml')];
  const shown = await ssmd(['dataset', 'show', ...of], { root, env: stage.variables });
  assert.match(shown.out, /^ {2}captured at west, clock ptp synced \(tier1\)$/m);
});

test('faults of a command line, all at once', async () => {
  const wrong = await clock(
    ['jumps', '--start', '2026-11-31', '--hours', '0', '--days', '99'],
    NOBODY,
  );
  assert.equal(wrong.code, 2);
  for (const word of [
    /exclude each other/,
    /'2026-11-31' is not a day/,
    /'0' is no whole/,
    /'99' is no/,
  ]) {
    assert.match(wrong.err, word);
  }
  const feed = await clock(['history', '--feed', 'krakn'], NOBODY);
  assert.match(feed.err, /did you mean "kraken"/);
});
