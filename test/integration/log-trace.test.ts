/**
 * `ssmd log` and `ssmd trace` as a user runs them, over a shard's log that the production connector wrote
 * across a midnight into a real S3 store, with its events on a real bus and in a committed day.
 */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { ExitWith } from '../../cli/command.ts';
import { buildProgram } from '../../cli/main.ts';
import { createOutput, exitCodeOf, printError } from '../../cli/output.ts';
import { decodeEvents } from '../../codec/md2.ts';
import { parseRawSegmentKey } from '../../dataset/keys.ts';
import { formatEventId } from '../../schema/event-id.ts';
import type { MarketEvent } from '../../schema/events.ts';
import type { Day } from '../../schema/time.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { zstd } from '../../storage/zstd.ts';
import { archiveDay } from '../support/archive-run.ts';
import { inStep, runStretch } from '../support/e2e-day.ts';
import { jobsOf, manifestOf, openStage, plainOf } from '../support/e2e.ts';

const FROM = '2026-11-19T23:48:00Z';
const UNTIL = '2026-11-20T00:08:30Z';
const DAY = '2026-11-20' as Day;
const NOW = '2026-12-01T06:00:00Z';

const stage = await openStage();
after(() => stage[Symbol.asyncDispose]());
const { raw, bus, environment, servers } = stage;
const root = servers.dir;
const log_dir = join(root, 'local-log');
const environment_file = join(root, 'test.yaml');

await runStretch(
  {
    ...{ feed: 'kraken', seed: 5, rate: 1, market_from: '2026-11-19T12:00:00Z' },
    faults: { list: [{ kind: 'refuse', channel: 'ohlc', symbol: 'ETH/USD' }] },
    ...{ from: FROM, until: UNTIL },
  },
  { store: raw, bus, dir: join(root, 'stretch'), ready: inStep(FROM) },
);
const normalized = await stage.bucket('test-normalized');
const jobs = jobsOf(environment, NOW, { raw, normalized, bus });
await archiveDay(jobs, { feed: 'kraken', day: DAY });
const dataset = { feed: 'kraken', day: DAY, version: 'v1' };
const manifest = await manifestOf({ normalized } as never, dataset);
writeFileSync(
  environment_file,
  `apiVersion: ssmd/v1
kind: Environment
metadata: { name: test }
spec:
  symbols:
    BTCUSD: { feed: kraken, external: BTC/USD, tier: 1 }
    ETHUSD: { feed: kraken, external: ETH/USD, tier: 1 }
  shards:
    tier1: { selector: { tier: 1 } }
  transport:
    type: nats
    subjects:
      internal: 'internal.{shard}.{feed}.{type}.{symbol}'
      client: 'md.{feed}.{type}.{symbol}'
  storage:
    raw: { bucket: test-raw, retention_days: -1 }
    normalized: { bucket: test-normalized, retention_days: -1 }
  jetstream: { retention_hours: 48, max_bytes: 1GB }
  capture: { log_dir: '${log_dir}' }
  origin: simulator
`,
);

type Run = { readonly code: number | null; readonly stdout: string; readonly stderr: string };

/** The command line in this process: what it prints, and the code it would end with. */
async function ssmd(...args: readonly string[]): Promise<Run> {
  let stdout = '';
  let stderr = '';
  const env = stage.variables;
  const output = createOutput({
    stdout: { write: (text) => (stdout += text) },
    stderr: { write: (text) => (stderr += text) },
    env,
  });
  const { signal } = new AbortController();
  const program = buildProgram({ root, env, output, interrupted: signal });
  try {
    await program.parseAsync([...args], { from: 'user' });
    return { code: 0, stdout, stderr };
  } catch (error) {
    if (error instanceof ExitWith) return { code: error.code, stdout, stderr };
    printError(error, output, args.includes('--json'));
    return { code: exitCodeOf(error), stdout, stderr };
  }
}

const shard = ['--env', environment_file, '--feed', 'kraken', '--shard', 'tier1', '--date', DAY];

function rows(text: string): Record<string, unknown>[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

async function keysOf(store: ObjectStore): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list('raw/')) {
    if (parseRawSegmentKey(key) !== null) keys.push(key);
  }
  return keys;
}

async function eventsOf(type: string): Promise<MarketEvent[]> {
  const objects = manifest.objects.filter(({ key }) => key.split('/')[3] === type);
  const streams = await Promise.all(
    objects.map(({ key }) => plainOf({ normalized } as never, key)),
  );
  return streams.flatMap((stream) => [...decodeEvents(stream)]);
}

test('what happened around midnight is told in plain words', async () => {
  const before = await ssmd('log', 'show', ...shard.slice(0, -1), '2026-11-19');
  assert.equal(before.code, 0, before.stderr);
  for (const words of [
    'the fold of 2026-11-19 begins, empty; this epoch does not speak yet',
    'configuration',
    'opened ws://venue/v2, for 2026-11-19',
    'sent {"method":"subscribe"',
    'the venue accepted: c1 book 2 (BTCUSD ETHUSD)',
    'the venue REFUSED ETHUSD',
    'TAKES the shard: no epoch is known before it',
    'the fold of 2026-11-20 begins, empty; this epoch speaks already',
    'its hash agrees; follows the one before',
  ]) {
    assert.ok(before.stdout.includes(words), `${words} in\n${before.stdout}`);
  }
  const midnight = await ssmd(
    'log',
    'show',
    ...shard,
    '--from',
    '00:00',
    '--to',
    '00:01',
    '--json',
  );
  const told = rows(midnight.stdout);
  assert.equal(told[0]?.['kind'], 'segment');
  assert.deepEqual(
    [told[1]?.['kind'], told[1]?.['words']],
    ['midnight', 'midnight: 2026-11-20 begins'],
  );
  assert.equal(told.at(-1)?.['kind'], 'end');
  const times = told.map((it) => String(it['time'] ?? '')).filter((it) => it !== '');
  assert.ok(times.every((time) => time >= '2026-11-20T00:00:00' && time < '2026-11-20T00:01'));
});

test('every segment is verified, whatever its name is given by', async () => {
  const all = await ssmd('log', 'verify', ...shard, '--json');
  assert.equal(all.code, 0, all.stdout + all.stderr);
  const verified = rows(all.stdout);
  assert.equal(verified.length, 9);
  assert.ok(
    verified.every((it) => it['ok'] === true && it['chain'] === 'holds'),
    all.stdout,
  );
  const [key = ''] = (await keysOf(raw)).filter((it) => it.includes('/2026/11/20/00/05-'));
  const stored = await raw.get(key);
  const path = join(root, 'copy.jsonl.zst');
  writeFileSync(path, stored?.body ?? '');
  const named = await ssmd('log', 'verify', `s3://test-raw/${key}`, '--env', environment_file);
  assert.equal(named.code, 0, named.stderr);
  assert.match(named.stdout, /follows the one before/, 'it is looked up for its hash');
  const copied = await ssmd('log', 'verify', path);
  assert.equal(copied.code, 0, copied.stderr);
  assert.match(copied.stdout, /the one before is not at hand/);
});

test('statistics agree with a count of the lines', async () => {
  const run = await ssmd('log', 'stats', ...shard, '--json');
  assert.equal(run.code, 0, run.stderr);
  const [stats = {}] = rows(run.stdout);
  const keys = (await keysOf(raw)).filter((it) => it.includes('/2026/11/20/'));
  let lines = 0;
  let bytes = 0;
  for (const key of keys) {
    const plain = Buffer.from(zstd.decompress((await raw.get(key))?.body ?? new Uint8Array(0)));
    lines += plain.toString('latin1').split('\n').length - 1;
    bytes += plain.length;
  }
  assert.equal(stats['segments'], keys.length);
  assert.deepEqual([stats['lines'], stats['bytes']], [lines, bytes]);
  assert.equal(stats['faults'], 0);
  const { frames = 0, facts = 0 } = stats as { frames?: number; facts?: number };
  assert.equal(frames + facts, lines - 2 * keys.length, 'but _capture and _end');
});

test('an event leads to its frame, and archive, bus and RAW hold the same bytes', async () => {
  for (const type of ['trade', 'book', 'status'] as const) {
    const events = await eventsOf(type);
    const event = events[Math.floor(events.length / 2)] as MarketEvent;
    const id = formatEventId(event);
    const run = await ssmd('trace', id, '--env', environment_file, '--json');
    assert.equal(run.code, 0, `${id}\n${run.stdout}${run.stderr}`);
    const [trace = {}] = rows(run.stdout) as [Trace?];
    assert.equal(trace.t, `${event.t}`);
    assert.equal(trace.events?.[0]?.id, id);
    const stored = trace.events?.[0]?.stored ?? [];
    assert.deepEqual(
      stored.map(({ where, equal }) => [where, equal]),
      [
        ['object', true],
        ['bus', true],
      ],
      id,
    );
    assert.deepEqual(trace.versions, [{ version: 'v1', same_segment: true }]);
    if (type === 'status') continue;
    assert.deepEqual([trace.before?.length, trace.after?.length], [3, 3]);
    assert.ok(trace.asked_by?.text.includes(`"channel":"${type}"`), trace.asked_by?.text);
    assert.equal(trace.connection?.opened?.url, 'ws://venue/v2');
    const plain = zstd.decompress(
      (await raw.get(trace.segment?.key ?? ''))?.body ?? new Uint8Array(0),
    );
    const { at = 0, bytes = 0 } = trace.line ?? {};
    const line = Buffer.from(plain.subarray(at, at + bytes)).toString();
    assert.equal(line, `{"t":"${event.t}","c":${trace.c},"raw":${trace.frame?.text}}`);
  }
});

type Trace = {
  readonly t?: string;
  readonly c?: number;
  readonly segment?: { readonly key: string };
  readonly line?: { readonly at: number; readonly bytes: number };
  readonly frame?: { readonly text: string };
  readonly versions?: readonly object[];
  readonly connection?: { readonly opened: { readonly url: string } | null };
  readonly asked_by?: { readonly text: string } | null;
  readonly events?: readonly {
    readonly id: string;
    readonly stored: readonly { readonly where: string; readonly equal: boolean }[];
  }[];
  readonly before?: readonly object[];
  readonly after?: readonly object[];
};

test('for people: the frame as it came, and what stands around it', async () => {
  const events = await eventsOf('trade');
  const event = events.at(-1) as MarketEvent;
  const run = await ssmd('trace', formatEventId(event), '--env', environment_file, '--around', '1');
  assert.equal(run.code, 0, run.stderr);
  for (const words of [
    '{"channel":"trade","type":"update","data":[',
    'its day was made from this very segment',
    'connection  c2 ws://venue/v2, opened 2026-11-19T23:5',
    'asked by    23:5',
    'equal    v1: normalized/v1/kraken/trade/',
    'equal    bus, epoch',
    'connector 0 (test), normalizer kraken@',
  ]) {
    assert.ok(run.stdout.includes(words), `${words} in\n${run.stdout}`);
  }
});

test('an event that is not there: what was looked at, and what is nearest', async () => {
  const [event] = (await eventsOf('trade')) as [MarketEvent];
  const off = formatEventId({ ...event, t: (event.t + 1n) as typeof event.t });
  const gone = await ssmd('trace', off, '--env', environment_file);
  assert.equal(gone.code, 2, gone.stdout);
  assert.ok(gone.stderr.includes('the line before: '), gone.stderr);
  assert.ok(gone.stderr.includes(`at t ${event.t} `), gone.stderr);
  const other = await ssmd(
    'trace',
    formatEventId({ ...event, index: 77 }),
    '--env',
    environment_file,
  );
  assert.equal(other.code, 2, other.stdout);
  assert.ok(other.stderr.includes(formatEventId(event)), `what it says instead:\n${other.stderr}`);
  const nowhere = formatEventId({ ...event, shard: 'tier9' });
  const foreign = await ssmd('trace', nowhere, '--env', environment_file);
  assert.equal(foreign.code, 2, foreign.stdout);
  assert.match(foreign.stderr, /shards with segments of that day: tier1/);
  const wrong = await ssmd('trace', 'kraken/Tier1/12x/tick/BTC\/USD/0');
  assert.equal(wrong.code, 2);
  for (const part of ['shard', 't', 'type', 'six parts', 'A valid example']) {
    assert.ok(wrong.stderr.includes(part), `${part} in\n${wrong.stderr}`);
  }
});

test('what is not shipped yet is found in the local log', async () => {
  const keys = (await keysOf(raw)).filter((it) => it.includes('/2026/11/20/00/'));
  const key = keys.at(-1) ?? '';
  const packed = (await raw.get(key))?.body ?? new Uint8Array(0);
  const id = parseRawSegmentKey(key);
  const dir = join(log_dir, 'kraken', 'tier1', `${id?.epoch}`);
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, '00000020.jsonl'), zstd.decompress(packed));
  writeFileSync(join(dir, 'owner.json'), '{}');
  await raw.delete(key);
  try {
    const [event] = (await eventsOf('trade')).filter((it) => it.t >= (id?.t ?? 0n));
    assert.ok(event !== undefined);
    const run = await ssmd('trace', formatEventId(event), '--env', environment_file);
    assert.equal(run.code, 0, run.stdout + run.stderr);
    assert.ok(run.stdout.includes(join(dir, '00000020.jsonl')), run.stdout);
    const shown = await ssmd('log', 'show', ...shard, '--from', '00:07', '--to', '00:09');
    assert.ok(shown.stdout.includes(join(dir, '00000020.jsonl')), shown.stdout);
    assert.match(shown.stdout, /its hash agrees; follows the one before/);
  } finally {
    await raw.put(key, packed);
  }
});

test('what is wrong in the bucket is named, and what is not ours is left alone', async () => {
  const keys = (await keysOf(raw)).filter((it) => it.includes('/2026/11/20/00/'));
  const [first = '', second = ''] = keys;
  const packed = (await raw.get(second))?.body ?? new Uint8Array(0);
  const foreign = `${second.slice(0, second.lastIndexOf('/'))}/notes.txt`;
  await raw.put(foreign, new TextEncoder().encode('hello'));
  try {
    const plain = Buffer.from(zstd.decompress(packed)).toString('latin1');
    const newer = plain.replace('"format":1', '"format":9');
    await raw.put(second, zstd.compress(Buffer.from(newer, 'latin1')));
    const run = await ssmd('log', 'verify', ...shard);
    assert.equal(run.code, 1);
    assert.match(
      run.stderr,
      /ignored, no segment of ours by its name: s3:\/\/test-raw\/.*notes\.txt/,
    );
    assert.match(run.stdout, /log format 9 was written by a newer version/);
    assert.match(run.stdout, /upgrade ssmd to read it/);
    const shifted = plain.replace(/"c":\d+/, '"c":9');
    await raw.put(second, zstd.compress(Buffer.from(shifted, 'latin1')));
    const flipped = await ssmd('log', 'verify', ...shard);
    assert.equal(flipped.code, 1);
    assert.match(flipped.stdout, /end at line \d+, byte \d+: _end\.sha256 does not agree/);
    await raw.delete(second);
    const missing = await ssmd('log', 'verify', ...shard);
    assert.equal(missing.code, 1);
    assert.ok(missing.stdout.includes(`not in sequence, after s3://test-raw/${first}`));
    assert.match(missing.stdout, /expected segment 13\n\s+received segment 14/);
  } finally {
    await raw.put(second, packed);
    await raw.delete(foreign);
  }
  const missing = await ssmd(
    'log',
    'show',
    's3://test-raw/raw/kraken/none.jsonl.zst',
    '--env',
    environment_file,
  );
  assert.equal(missing.code, 2, missing.stderr);
});

test('an archived event that is not what RAW says is told, and ends with 1', async () => {
  const [event] = (await eventsOf('trade')) as [MarketEvent];
  const object = manifest.objects.find(({ key }) => key.includes(`/trade/${event.symbol}/`));
  const key = object?.key ?? '';
  const packed = (await normalized.get(key))?.body ?? new Uint8Array(0);
  try {
    await normalized.put(key, new TextEncoder().encode('gone'));
    const damaged = await ssmd('trace', formatEventId(event), '--env', environment_file);
    assert.match(damaged.stderr, /cannot be read/, damaged.stdout);
    await normalized.delete(key);
    const absent = await ssmd('trace', formatEventId(event), '--env', environment_file);
    assert.equal(absent.code, 1, absent.stdout);
    assert.match(absent.stdout, /absent {3}v1: normalized/);
  } finally {
    await normalized.put(key, packed);
  }
});
