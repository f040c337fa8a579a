import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { createNatsBus } from '../../bus/nats.ts';
import { decodeEvents } from '../../codec/md2.ts';
import { FEEDS } from '../../connectors/registry.ts';
import { startSimulator } from '../../connectors/simulator/server.ts';
import { stackVariables } from '../../environments/endpoints.ts';
import { createShardFold } from '../../fold/shard-fold.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { createS3ObjectStore } from '../../storage/s3.ts';
import type { ProcessOptions } from '../support/connector-process.ts';
import { factsOf, inventories, readLog, scratchDirectory } from '../support/runtime.ts';
import type { ReadLine } from '../support/runtime.ts';
import { startTestServers } from '../support/servers.ts';
import type { TestServers } from '../support/servers.ts';
import { until } from '../support/until.ts';

const PROGRAM = new URL('../support/connector-process.ts', import.meta.url).pathname;
const FEED = 'kraken';

type Child = {
  readonly process: ChildProcess;
  readonly url: string;
  readonly events: string[];
  readonly stop: (signal: NodeJS.Signals) => Promise<number | null>;
};

async function startChild(options: ProcessOptions): Promise<Child> {
  const child = spawn(process.execPath, [PROGRAM, JSON.stringify(options)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const events: string[] = [];
  const url = await new Promise<string>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`connector ended with ${code}`)));
    createInterface({ input: child.stdout }).on('line', (line) => {
      const it = JSON.parse(line) as { event: string; url?: string };
      events.push(it.event);
      if (it.event === 'process.status') resolve(it.url ?? '');
    });
  });
  return {
    process: child,
    url,
    events,
    async stop(signal) {
      const gone = once(child, 'exit');
      child.kill(signal);
      await gone;
      return child.exitCode;
    },
  };
}

type Status = { state: string; phase: string; events: number; frames: number };
async function statusOf(child: Child): Promise<Status> {
  const response = await fetch(`${child.url}/status`);
  return (await response.json()) as Status;
}

function variablesOf(servers: TestServers): Record<string, string> {
  const { nats, s3 } = servers;
  return { ...stackVariables({ nats, s3, temporal: null }), TEMPORAL_ADDRESS: 'none' };
}

function rawStore({ s3 }: TestServers): ReturnType<typeof createS3ObjectStore> {
  return createS3ObjectStore({
    endpoint: s3.endpoint,
    region: s3.region,
    bucket: 'test-raw',
    access_key_id: s3.accessKey,
    secret_access_key: s3.secretKey,
  });
}

/** `epoch shard...` identity of each event on the bus, each once. */
async function eventsOnBus(servers: TestServers): Promise<ReadonlySet<string>> {
  await using bus = await createNatsBus({
    servers: servers.nats.url,
    environment: 'test',
    subject_prefix: '',
    name: 'test',
    wait: false,
  });
  const { first_seq } = await bus.bounds();
  const seen = new Set<string>();
  for await (const message of bus.readRange({ shard: 'tier1', feed: FEED, from_seq: first_seq })) {
    if (message.subject.startsWith('ctl.')) continue;
    for (const it of decodeEvents(message.data))
      seen.add(`${it.t} ${it.type} ${it.symbol} ${it.index}`);
  }
  return seen;
}

/** The same folded from RAW, an epoch at a time; `from` and `to` bound `t`. */
function eventsOfLog(lines: readonly ReadLine[]): readonly string[] {
  const feed = FEEDS.get(FEED);
  if (feed === undefined) throw new Error('no feed');
  const fold = createShardFold(feed, 'tier1');
  const events: string[] = [];
  for (const line of lines) {
    if (line.type === 'fact') fold.fact(line.t, line.key, line.fact);
    else {
      const bytes = Buffer.from(`${line.frame}\0`, 'latin1');
      fold.frame(line.t, line.c, bytes, 0, bytes.length - 1);
    }
    for (let at = 0; at < fold.out.count; at++) {
      for (const it of decodeEvents(fold.out.view(at)))
        events.push(`${it.t} ${it.type} ${it.symbol} ${it.index}`);
    }
    fold.out.clear();
  }
  return events;
}

async function epochsOf(store: ObjectStore): Promise<readonly (readonly ReadLine[])[]> {
  const lines = await readLog(store);
  const starts = lines.flatMap((line, index) =>
    line.type === 'fact' && line.key === '_day' && (line.fact as { taken: boolean }).taken === false
      ? [index]
      : [],
  );
  return starts.map((start, index) => lines.slice(start, starts[index + 1] ?? lines.length));
}

test('live over a real socket, bus and store: what was spoken is what RAW folds to, also after kill -9', async (t) => {
  await using servers = await startTestServers({ nats: true, s3: true });
  const simulator = await startSimulator({
    feed: FEED,
    symbols: ['BTC/USD', 'ETH/USD'],
    rate: 150,
    seed: 3,
  });
  t.after(() => simulator.stop());
  const options = {
    root: scratchDirectory(t),
    url: simulator.url,
    feed: FEED,
    variables: variablesOf(servers),
  };

  const first = await startChild(options);
  await until('ready', async () => (await fetch(`${first.url}/health/ready`)).status === 200);
  await until('2,000 events', async () => (await statusOf(first)).events > 2_000);
  const metrics = await (await fetch(`${first.url}/metrics`)).text();
  assert.match(
    metrics,
    /ssmd_connector_messages_received_total\{shard="tier1",feed="kraken",symbol="BTCUSD"\} [1-9]/,
  );
  assert.match(metrics, /ssmd_connector_state\{shard="tier1",feed="kraken",state="READY"\} 1/);
  assert.equal((await fetch(`${first.url}/status`, { method: 'POST' })).status, 405);
  assert.equal((await fetch(`${first.url}/nothing`)).status, 404);
  await first.stop('SIGKILL');

  const second = await startChild(options);
  await until('speaking again', async () => (await statusOf(second)).phase === 'speaking');
  await until('2,000 events', async () => (await statusOf(second)).events > 2_000);
  assert.equal(await second.stop('SIGTERM'), 0);

  await using store = rawStore(servers);
  const found = await inventories(store);
  assert.deepEqual(found.map((it) => it.end).sort(), ['crash', 'shutdown']);
  const epochs = await epochsOf(store);
  assert.equal(epochs.length, 2);
  const [killed = [], stopped = []] = epochs;
  const [take] = factsOf(stopped, '_take');
  assert.equal(take?.prev?.epoch, found.find((it) => it.end === 'crash')?.epoch);
  assert.ok((take?.at ?? 0n) > BigInt(take?.prev?.t ?? '0'));

  const bus = await eventsOnBus(servers);
  const spoken = eventsOfLog(stopped);
  const missing = spoken.filter((it) => !bus.has(it));
  const closing = stopped.at(-1)?.t;
  assert.ok(
    missing.every((it) => it.startsWith(`${closing} `)),
    `missing: ${missing.slice(0, 3).join('; ')}`,
  );
  // What the killed one put on the bus was in its log before: nothing is there that RAW does not hold.
  const all = new Set([...eventsOfLog(killed), ...spoken]);
  const invented = [...bus].filter((it) => !all.has(it));
  assert.deepEqual(invented, []);
});

test('bus and store away at the start: capture goes on, and all arrives when they come', async (t) => {
  await using servers = await startTestServers({ nats: true, s3: true });
  await servers.nats.kill();
  await servers.s3.kill();
  const simulator = await startSimulator({
    feed: FEED,
    symbols: ['BTC/USD', 'ETH/USD'],
    rate: 50,
    seed: 4,
  });
  t.after(() => simulator.stop());
  const options = {
    root: scratchDirectory(t),
    url: simulator.url,
    feed: FEED,
    variables: variablesOf(servers),
  };
  const child = await startChild(options);
  await until('speaking', async () => (await statusOf(child)).phase === 'speaking');
  await until('500 events', async () => (await statusOf(child)).events > 500);
  await Promise.all([servers.nats.restart(), servers.s3.restart()]);
  await until('published', async () => {
    const metrics = await (await fetch(`${child.url}/metrics`)).text();
    return Number(/ssmd_connector_lag_seconds\{[^}]*\} (\S+)/.exec(metrics)?.[1] ?? 99) < 3;
  });
  assert.equal(await child.stop('SIGTERM'), 0);
  await using store = rawStore(servers);
  const [lines = []] = await epochsOf(store);
  assert.equal(factsOf(lines, '_take')[0]?.prev, null);
  const bus = await eventsOnBus(servers);
  const spoken = eventsOfLog(lines);
  const closing = lines.at(-1)?.t;
  const missing = spoken.filter((it) => !bus.has(it) && !it.startsWith(`${closing} `));
  assert.deepEqual(missing, []);
  assert.ok(bus.size > 500);
});
