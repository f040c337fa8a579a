/**
 * Lives of connectors, as a test tells them: processes of their own against a venue in real time, on a
 * wall clock that the test moves, each behind a counting proxy of its own. Stopped, frozen and woken by
 * their process id alone.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Bus } from '../../bus/bus.ts';
import type { ConnectorStatus } from '../../connectors/runtime/connector.ts';
import type { PublisherLimits } from '../../connectors/runtime/publisher-limits.ts';
import { startSimulator } from '../../connectors/simulator/server.ts';
import type { Simulator, SimulatorOptions } from '../../connectors/simulator/server.ts';
import { endpointsOf, stackVariables } from '../../environments/endpoints.ts';
import { NS_PER_MS } from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';
import { createS3ObjectStore } from '../../storage/s3.ts';
import { openBus, openStores } from '../../workers/adapters.ts';
import { environmentNamed } from './contract-processes-child.ts';
import type { LifeOptions, Order } from './contract-processes-child.ts';
import type { Stage } from './e2e.ts';
import { startCountingProxy } from './e2e-proxy.ts';
import type { CountingProxy } from './e2e-proxy.ts';
import { instant } from './runtime.ts';
import type { TestServers } from './servers.ts';
import { until } from './until.ts';

export const FEED = 'kraken';
export const SHARD = 'tier1';
/** The day all of it happens on, and an instant long after it. */
export const DAY = '2026-11-20' as Day;
export const LATER = '2026-12-01T06:00:00Z';
/** When lives begin: the hour after it is whole once they have been moved there and beyond. */
export const BEGINS = `${DAY}T13:30:00Z`;

const PROGRAM = new URL('./contract-processes-child.ts', import.meta.url).pathname;
const SYMBOLS = ['BTC/USD', 'ETH/USD'];
/** Nothing here is timed: a condition that does not hold by then never will. */

/** One line of a connector's own log. */
export type Told = { readonly event: string; readonly [fact: string]: unknown };

export type Life = {
  readonly pid: number;
  /** All it has told of itself so far. */
  readonly told: readonly Told[];
  /** What it was sent by the venue, counted by someone in between. */
  readonly proxy: CountingProxy;
  readonly root: string;
  readonly status: () => Promise<ConnectorStatus>;
  /** Its wall clock steps by so much. */
  readonly step: (ns: bigint) => void;
  readonly signal: (signal: NodeJS.Signals) => void;
  /** Ends it and waits; the exit code, or the signal that ended it. */
  readonly end: (signal: 'SIGTERM' | 'SIGKILL') => Promise<number | NodeJS.Signals | null>;
};

/** An environment of its own on given servers, with a venue, and the lives begun in it. */
export type Scene = AsyncDisposable & {
  readonly stage: Stage;
  readonly simulator: Simulator;
  readonly lives: readonly Life[];
  /** Begins a connector's life; resolves when its status can be asked for. */
  readonly begin: (options: {
    readonly root: string;
    /** In place of the scene's servers. */
    readonly variables?: Readonly<Record<string, string>>;
    readonly publisher?: Partial<PublisherLimits>;
    /** Its wall clock stands exactly here as it starts. */
    readonly starts_ns?: bigint;
    /** Where it finds the venue, given where its proxy listens. */
    readonly route?: (url: string) => Promise<string>;
  }) => Promise<Life>;
  /** Every life's wall clock goes to this instant (ISO text), in turn: the speaker's first. */
  readonly moveTo: (iso: string) => Promise<void>;
};

export async function openScene(
  servers: TestServers,
  name: string,
  venue: Partial<SimulatorOptions> = {},
): Promise<Scene> {
  const stage = await openNamedStage(servers, name);
  const simulator = await startSimulator({ feed: FEED, symbols: SYMBOLS, ...venue });
  const lives: Life[] = [];
  /** What the wall clocks of this scene show, less the machine's. */
  let offset = instant(BEGINS) - BigInt(Date.now()) * NS_PER_MS;
  return {
    ...{ stage, simulator, lives },
    async begin({ root, variables, publisher, starts_ns, route }) {
      const proxy = await startCountingProxy(simulator.url);
      const life = await beginLife(proxy, {
        ...{ environment: name, root, feed: FEED, offset_ns: `${offset}` },
        url: route === undefined ? proxy.url : await route(proxy.url),
        variables: variables ?? stage.variables,
        ...(publisher === undefined ? {} : { publisher }),
        ...(starts_ns === undefined ? {} : { starts_ns: `${starts_ns}` }),
      });
      lives.push(life);
      return life;
    },
    async moveTo(iso) {
      const step = instant(iso) - (BigInt(Date.now()) * NS_PER_MS + offset);
      assert.ok(step > 0n, `${iso} is over already`);
      offset += step;
      for (const life of await speakerFirst(lives)) await moveLife(life, step, instant(iso));
    },
    async [Symbol.asyncDispose]() {
      for (const life of lives) await life.end('SIGKILL');
      for (const { proxy } of lives) await proxy.stop();
      await simulator.stop();
      await stage[Symbol.asyncDispose]();
    },
  };
}

async function openNamedStage(servers: TestServers, name: string): Promise<Stage> {
  const environment = environmentNamed(name);
  const { nats, s3 } = servers;
  const variables = { ...stackVariables({ nats, s3, temporal: null }), TEMPORAL_ADDRESS: 'none' };
  const endpoints = endpointsOf(environment, variables);
  const stores = await openStores(environment, endpoints);
  const bus: Bus = await openBus(environment, endpoints, { name: 'reader', wait: true });
  const buckets: AsyncDisposable[] = [stores];
  return {
    ...{ servers, environment, endpoints, variables, bus, raw: stores.raw },
    async bucket(bucket) {
      const store = createS3ObjectStore({ ...endpoints.s3, bucket: `${name}-${bucket}` });
      await store.ensureBucket();
      buckets.push(store);
      return store;
    },
    async [Symbol.asyncDispose]() {
      await bus.close();
      for (const bucket of buckets) await bucket[Symbol.asyncDispose]();
    },
  };
}

async function beginLife(proxy: CountingProxy, options: LifeOptions): Promise<Life> {
  const child = spawn(process.execPath, [PROGRAM, JSON.stringify(options)], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  const told: Told[] = [];
  const serving = new Promise<string>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`a connector ended with ${code}`)));
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      const it = JSON.parse(line) as Told;
      told.push(it);
      if (it.event === 'life.serving') resolve(String(it['url']));
    });
  });
  const url = await serving;
  const { pid } = child;
  assert.ok(pid !== undefined);
  return {
    ...{ pid, told, proxy, root: options.root },
    async status() {
      const response = await fetch(`${url}/status`);
      return (await response.json()) as ConnectorStatus;
    },
    step: (ns) => void child.send({ step_ns: `${ns}` } satisfies Order),
    signal: (signal) => void child.kill(signal),
    end: (signal) => endChild(child, signal),
  };
}

async function endChild(
  child: ChildProcess,
  signal: NodeJS.Signals,
): Promise<number | NodeJS.Signals | null> {
  if (child.exitCode === null && child.signalCode === null) {
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
  }
  return child.signalCode ?? child.exitCode;
}

/** A standby whose clock runs ahead would take the speaker for dead. */
async function speakerFirst(lives: readonly Life[]): Promise<readonly Life[]> {
  const living: { readonly life: Life; readonly speaks: boolean }[] = [];
  for (const life of lives) {
    if (!isAlive(life)) continue;
    living.push({ life, speaks: (await life.status()).phase === 'speaking' });
  }
  return living.sort((a, b) => Number(b.speaks) - Number(a.speaks)).map(({ life }) => life);
}

function isAlive({ pid }: Life): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function moveLife(life: Life, step: bigint, to: bigint): Promise<void> {
  const steps = (): number => countTold(life, 'clock.stepped');
  const before = steps();
  life.step(step);
  await until('the step of the clock is in the log', () => steps() > before);
  const { phase, publishing, state } = await life.status();
  // Who cannot write or has no bus tells no position.
  if (phase !== 'speaking' || publishing['connected'] !== true || state === 'ERROR') return;
  await until('a position after the step is on the bus', async () => {
    const { t } = (await life.status()).publishing;
    return BigInt(String(t)) >= to;
  });
}

export function countTold(life: Life, event: string): number {
  return life.told.filter((it) => it.event === event).length;
}

export async function untilPhase(life: Life, phase: ConnectorStatus['phase']): Promise<void> {
  try {
    await until(`a connector is ${phase}`, async () => (await life.status()).phase === phase);
  } catch (cause) {
    const told = life.told.slice(-12).map((it) => JSON.stringify(it));
    throw new Error(`${String(cause)}; it told last: ${told.join(' ')}`, { cause });
  }
}

/** Waits until it has told so much more than it had. */
export async function untilEvents(life: Life, more: number): Promise<void> {
  const { events } = await life.status();
  await until(`${more} more events`, async () => (await life.status()).events >= events + more);
}

/** Waits until everything it has offered is on the bus, less what came while asking. */
export async function untilPublished(life: Life): Promise<void> {
  const { events } = await life.status();
  await until('what was offered is on the bus', async () => {
    const { publishing } = await life.status();
    return publishing['backlog'] === false && Number(publishing['events']) >= events;
  });
}

/** The venue falls silent to it; resolves when it has taken all that it was sent and that can arrive. */
export async function hush(life: Life): Promise<void> {
  life.proxy.pause();
  const sent = [...life.proxy.quiet].reduce((sum, it) => sum + it.frames.length, 0);
  await until('every frame sent has been taken', async () => {
    const { connections } = await life.status();
    const taken = connections as readonly { readonly open: boolean; readonly frames: number }[];
    return taken.reduce((sum, it) => sum + (it.open ? it.frames : 0), 0) === sent;
  });
}
