/**
 * What a connector costs that keeps a full Kraken book, a thousand levels a side, at the rate of a busy
 * market: every checksum verified, every frame in the log, compressed and shipped, every event published and
 * acknowledged. The connector is the process its users run, the venue a socket, the bus and the store real
 * servers. A minute where no `--seconds` are given; `--whole` is the hour that the goals speak of.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess, StdioOptions } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { createNatsBus } from '../bus/nats.ts';
import { decodeEvents } from '../codec/md2.ts';
import { stackVariables } from '../environments/endpoints.ts';
import { FLAG } from '../schema/events.ts';
import { startTestServers } from '../test/support/servers.ts';
import type { TestServers } from '../test/support/servers.ts';
import { ENVIRONMENT, FEED, SHARD } from './connector-child.ts';
import type { ChildOptions } from './connector-child.ts';
import { openDeepVenue, toldMore } from './deep-venue.ts';
import type { DeepVenue, Sent } from './deep-venue.ts';
import { spreadOf } from './measure.ts';
import { processorTime } from './processor-time.ts';
import { WrongAnswer, demandEqual } from './question.ts';
import type { Figure, Question } from './question.ts';

const DEPTH = 1000;
const RATE = 4_600;
const SECONDS = 60;
const SECONDS_WHOLE = 3_600;
/** What compiles and warms up is not what it costs. */
const WARM_UP_S = 15;
const SAMPLE_MS = 1_000;
/** Until the rest has come through. */
const SETTLE_MS = 60_000;
const PROGRAM = new URL('connector-child.ts', import.meta.url).pathname;
/** As `bin/ssmd.js` starts a connector. */
const FLAGS = ['--max-semi-space-size=8'];
const CODE_CACHE = new URL('../node_modules/.cache/ssmd/node', import.meta.url).pathname;
/** From here on a run is long enough to say whether memory stays where it is. */
const FLAT_FROM_S = 600;

export const question: Question = {
  name: 'depth1000',
  asks: 'what does a connector cost that keeps a full Kraken book?',
  clock: 'wall',
  open(_messages, { seconds, whole }) {
    const length_s = seconds ?? (whole ? SECONDS_WHOLE : SECONDS);
    const input = `${RATE.toLocaleString('en')} updates a second for ${length_s} s, ${DEPTH} levels a side`;
    return Promise.resolve([
      { name: 'one market, full depth', input, watch: () => watch(length_s) },
    ]);
  },
};

async function watch(length_s: number): Promise<readonly Figure[]> {
  await using servers = await startTestServers({ nats: true, s3: true });
  const venue = await openDeepVenue(DEPTH, RATE);
  const child = await startChild({
    root: join(servers.dir, 'connector'),
    url: venue.url,
    depth: DEPTH,
    variables: variablesOf(servers),
  });
  try {
    await until(async () => (await phaseOf(child.url)) === 'speaking', 'the connector speaks');
    venue.speak(true);
    await wait(WARM_UP_S * 1_000);
    const samples = await sample(child.pid, venue, length_s);
    venue.speak(false);
    await demandAll(servers, venue.sent());
    return figuresOf(samples);
  } finally {
    await child.stop();
    await venue.close();
  }
}

type Sample = { readonly at_ms: number; readonly cpu_ns: number; readonly rss: number } & {
  readonly updates: number;
};

async function sample(pid: number, venue: DeepVenue, length_s: number): Promise<Sample[]> {
  const take = (): Sample => ({
    at_ms: performance.now(),
    cpu_ns: processorTime(pid),
    rss: residentBytes(pid),
    updates: venue.sent().updates,
  });
  const samples = [take()];
  const end_ms = performance.now() + length_s * 1_000;
  while (performance.now() < end_ms) {
    await wait(SAMPLE_MS);
    samples.push(take());
  }
  return samples;
}

function residentBytes(pid: number): number {
  const text = readFileSync(`/proc/${pid}/status`, 'latin1');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(text)?.[1]) * 1_024;
}

function figuresOf(samples: readonly Sample[]): Figure[] {
  const [first, last] = [samples[0], samples.at(-1)];
  if (first === undefined || last === undefined) return [];
  const passed_ns = (last.at_ms - first.at_ms) * 1e6;
  const updates = last.updates - first.updates;
  const cpu_ns = last.cpu_ns - first.cpu_ns;
  const mib = (list: readonly Sample[]): number[] => list.map(({ rss }) => rss / 1_048_576);
  const quarter = Math.ceil(samples.length / 4);
  const [early, late] = [mib(samples.slice(0, quarter)), mib(samples.slice(-quarter))];
  const growth = spreadOf(late).median / spreadOf(early).median - 1;
  const is_long = passed_ns >= FLAT_FROM_S * 1e9;
  return [
    { name: 'updates', value: updates / (passed_ns / 1e9), unit: 'a second', at_most: null },
    { name: 'processor', value: (cpu_ns / passed_ns) * 100, unit: '% of a core', at_most: 25 },
    { name: 'processor', value: cpu_ns / updates / 1_000, unit: 'us an update', at_most: null },
    { name: 'resident, most', value: spreadOf(mib(samples)).high, unit: 'MiB', at_most: 200 },
    {
      name: 'resident, last quarter over the first',
      value: growth * 100,
      unit: '%',
      at_most: is_long ? 10 : null,
    },
  ];
}

async function phaseOf(url: string): Promise<string> {
  const response = await fetch(`${url}/status`);
  return ((await response.json()) as { readonly phase: string }).phase;
}

/** Each update is on the bus once, in order, and none is in doubt: so says what is stored there. */
async function demandAll(servers: TestServers, sent: Sent): Promise<void> {
  const options = { servers: servers.nats.url, environment: ENVIRONMENT, subject_prefix: '' };
  await using bus = await createNatsBus({ ...options, name: 'bench', wait: false });
  let [updates, told, from_seq] = [0, 0, 1];
  const doubtful = FLAG.UNVERIFIED | FLAG.SNAPSHOT;
  await until(async () => {
    for await (const message of bus.readRange({ shard: SHARD, feed: FEED, from_seq })) {
      from_seq = message.seq + 1;
      if (message.subject.startsWith('ctl.')) continue;
      for (const event of decodeEvents(message.data)) {
        if (event.type !== 'book' || (event.flags & doubtful) !== 0) continue;
        updates++;
        told = toldMore(told, event.checksum ?? 0);
      }
    }
    return updates >= sent.updates;
  }, `${sent.updates} updates on the bus`);
  demandEqual({ updates, snapshots: 1, told }, sent, 'updates on the bus');
}

type Child = { readonly pid: number; readonly url: string; readonly stop: () => Promise<void> };

async function startChild(options: ChildOptions): Promise<Child> {
  const env = { ...process.env, NODE_COMPILE_CACHE: CODE_CACHE };
  const args = [...FLAGS, PROGRAM, JSON.stringify(options)];
  const stdio: StdioOptions = ['ignore', 'pipe', 'inherit'];
  const child: ChildProcess = spawn(process.execPath, args, { stdio, env });
  const { stdout, pid } = child;
  const url = await new Promise<string>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the connector ended with ${code}`)));
    if (stdout === null) return;
    createInterface({ input: stdout }).on('line', (line) => {
      const it = JSON.parse(line) as { event: string; url?: string };
      if (it.event === 'child.status') resolve(it.url ?? '');
    });
  });
  return {
    pid: pid ?? 0,
    url,
    async stop() {
      const gone = once(child, 'exit');
      child.kill('SIGTERM');
      await gone;
    },
  };
}

function variablesOf({ nats, s3 }: TestServers): Record<string, string> {
  return { ...stackVariables({ nats, s3, temporal: null }), TEMPORAL_ADDRESS: 'none' };
}

async function until(isSo: () => Promise<boolean>, what: string): Promise<void> {
  const end_ms = performance.now() + SETTLE_MS;
  while (!(await isSo())) {
    if (performance.now() > end_ms) throw new WrongAnswer(`${what}: not within ${SETTLE_MS} ms`);
    await wait(SAMPLE_MS / 4);
  }
}
