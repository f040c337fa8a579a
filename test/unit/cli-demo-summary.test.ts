/** The demo's last words: whole at 80 columns, with what a day lacks and lines that can be copied. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { archivedFiles } from '../../cli/demo/archived.ts';
import type { Hole } from '../../cli/demo/archived.ts';
import { printSummary } from '../../cli/demo/summary.ts';
import type { DemoReport } from '../../cli/demo/summary.ts';
import type { VersionsResult as DemoVersions } from '../../cli/demo/versions.ts';
import { createOutput } from '../../cli/output.ts';

const DAY = '2026-11-20';
const START = BigInt(Date.parse(DAY)) * 1_000_000n;
const at = (seconds: number): string => String(START + BigInt(seconds) * 1_000_000_000n);

function hole(from: number, to: number, cause = 'epoch_ended'): Hole {
  return { shard: 'tier1', cause, from: at(from), to: at(to), detail: 'the log ends' };
}

const NO_DAYS: DemoVersions['same']['days'] = {
  ...{ built: 1, unchanged: 0, incomplete: 0, failed: [], gaps_added: 0, moves: [], reports: [] },
  ...{ gaps_gone: 0, schema_changed: 0 },
  verdicts: { identical: 1, projected: 0, differs: 0, nothing_to_compare: 0 },
  ...{
    events: { old: 9, new: 9, equal: 166_349, changed: 0, added: 0, removed: 0, dropped: 0 },
  },
};
const VERSIONS: DemoVersions = {
  ...{ feed: 'kraken', day: DAY, promoted: 3, rolled_back: 4, seconds: 21.4 },
  same: { version: 'v2', outcome: 'promoted', days: NO_DAYS },
  md1: {
    ...{ version: 'v3', outcome: 'not_promoted' },
    days: { ...NO_DAYS, events: { ...NO_DAYS.events, new: 120_001, dropped: 46_348 } },
  },
  replay: {
    ...{ outcome: 'ended', events: 312, messages: 312, events_per_second: 52, late_max_ms: 0 },
    ...{
      spacing: [
        { speed: 10, messages: 312, p50_us: 300, p90_us: 600, p99_us: 1_210, max_us: 2_000 },
      ],
    },
    ...{ unseen_symbols: [], id: 'demo', feed: 'kraken', subject: 'replay.demo.>' },
    ...{ from: `${DAY}T12:00:00Z`, to: `${DAY}T12:01:00Z` },
    position: {
      ...{ state: 'ended', t: '0', at: '1970-01-01T00:00:00Z', speed: 10 },
      ...{ pass: 1, events: 312, late_ms: 0, share: 1 },
    },
  },
};

function reportOf(feeds: readonly string[], holes: readonly Hole[]): DemoReport {
  const archive: DemoReport['days'][number]['archive'] = {
    ...{ outcome: 'committed', complete: holes.length === 0, gaps: holes.length, qa: 'qa/x' },
    ...{
      objects: 242,
      plain_bytes: 9_000_000,
      records: 166_349,
      records_by_type: { book: 54_941, trade: 37_212 },
    },
    ...{ from_bus: 0, from_raw: 242, bytes: 4_140_000, content_id: 'x', manifest: 'm' },
    ...{ feed: 'kraken', day: DAY, version: 'v1' },
  };
  return {
    ...{ held: true, faults: [], seconds: 79.7, temporal_ui: 'http://127.0.0.1:8243' },
    nats: 'nats://127.0.0.1:4232',
    versions: VERSIONS,
    live: feeds.map((feed) => ({
      ...{ feed, source: 'simulator' as const, frames: 1_819, events: 2_602 },
      ...{ frames_per_second: 86, gaps: 0, state: 'READY' },
    })),
    days: feeds.map((feed) => ({
      ...{ feed, day: DAY, source: 'simulator' as const, frames: 209_273, raw_bytes: 6_380_000 },
      ...{ faults: 0, archive, seconds: 25.2, holes, audit: { outcome: 'passed' } },
      qa: { outcome: 'available', checks: { checks: 14, passed: 14 } },
    })),
    reports: ['.ssmd/demo/s3/objects/ssmd-demo-normalized/qa/kraken/2026/11/20/report.html'],
    object: '.ssmd/demo/s3/objects/ssmd-demo-normalized/normalized/v1/kraken/x.capnp.zst',
  };
}

function linesAt(columns: number | null, report: DemoReport, stays = false): string[] {
  let said = '';
  const write = (text: string): void => void (said += text);
  const stdout = columns === null ? { write } : { write, columns, isTTY: true };
  const output = createOutput({ stdout, stderr: { write }, env: { NO_COLOR: '1' } });
  printSummary(report, output, { data: '.ssmd/demo', stays });
  return said.trimEnd().split('\n');
}

test('nothing of it is wider than 80 columns but the path of a file', () => {
  const lines = linesAt(80, reportOf(['kraken', 'binance-usdm'], [hole(0, 60)]));
  assert.deepEqual(
    lines.filter((line) => line.length > 80 && !line.includes('/s3/objects/')),
    [],
  );
  assert.match(lines.join('\n'), /archived +kraken +binance-usdm\nday +2026-11-20 +2026-11-20\n/);
});

test('many days stand in several tables', () => {
  const feeds = ['a', 'b', 'c', 'd'].map((name) => `feed-${name}`);
  const text = linesAt(80, reportOf(feeds, [])).join('\n');
  assert.match(text, /archived +feed-a +feed-b +feed-c\n/);
  assert.match(text, /archived +feed-d\n/);
});

test('the holes of a day are listed with cause, from and to; the rest of many is counted', () => {
  const few = linesAt(80, reportOf(['kraken'], [hole(3_661, 86_400)])).join('\n');
  assert.match(few, /holes of kraken 2026-11-20 +shard +from +to/);
  assert.match(few, /epoch_ended +tier1 +01:01:01\.000 +24:00:00\.000/);
  const many = Array.from({ length: 20 }, (_, index) => hole(index, index + 1));
  const text = linesAt(null, reportOf(['kraken'], many)).join('\n');
  assert.equal(text.match(/epoch_ended/g)?.length, 12);
  assert.match(
    text,
    /and 8 more: npx ssmd dataset show --feed kraken --date 2026-11-20 --env demo/,
  );
});

test('the commands to look next with are the same, broken or whole', () => {
  const printed = (columns: number | null): string[] => {
    const text = linesAt(columns, reportOf(['kraken'], [])).join('\n');
    const from = text.slice(text.indexOf('Where to look next'));
    const joined = from.replaceAll(/ \\\n +/g, ' ').replaceAll(/\|\n +/g, '| ');
    return joined.match(/(npx ssmd|zstd) .*/g) ?? [];
  };
  assert.ok(printed(null).length >= 6);
  assert.deepEqual(printed(80), printed(null));
});

test('every command names the environment: another stack may be up', () => {
  for (const stays of [false, true]) {
    const lines = linesAt(null, reportOf(['kraken'], []), stays);
    const commands = lines.filter((line) => line.includes('npx ssmd '));
    assert.ok(commands.length >= 5);
    assert.deepEqual(
      commands.filter((line) => !line.includes('--env demo')),
      [],
    );
    const text = lines.join('\n');
    assert.equal(/npx ssmd up --env demo --detach/.test(text), !stays);
    assert.equal(/npx ssmd worker --env demo/.test(text), !stays);
    assert.ok(stays || text.indexOf('ssmd up') < text.indexOf('job list'));
  }
  const [live] = reportOf(['kraken'], []).live;
  const real = { ...reportOf(['kraken'], []), live: [{ ...live, source: 'live' as const }] };
  assert.match(
    linesAt(null, real as DemoReport, true).join('\n'),
    /SSMD_NATS_URL=nats:\S+ npx ssmd sub 'md\.kraken\.>' --env demo-live/,
  );
});

test('holes are read from the manifest that the store keeps as a file, first one first', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'ssmd-summary-'));
  try {
    const folder = join(dir, 's3', 'objects', 'bucket', 'day');
    await mkdir(folder, { recursive: true });
    const objects = [
      { key: 'large', records: 9 },
      { key: 'small', records: 1 },
    ];
    const gaps = [hole(50, 60), hole(0, 10, 'before_first_take')];
    await writeFile(join(folder, 'm.json'), JSON.stringify({ objects, gaps }));
    const files = archivedFiles(dir, 'bucket');
    assert.deepEqual(await files.holesOf('day/m.json'), gaps.toReversed());
    assert.equal(await files.exampleOf('day/m.json'), files.pathOf('small'));
    const key = (type: string): string =>
      `normalized/v1/kraken/${type}/BTCUSD/2026/11/20/00-00.capnp.zst`;
    const typed = [
      { key: key('status'), records: 1 },
      { key: key('book'), records: 5 },
    ];
    await writeFile(join(folder, 'm.json'), JSON.stringify({ objects: typed, gaps }));
    assert.equal(await files.exampleOf('day/m.json'), files.pathOf(key('book')));
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
});
