/** Runs a script: the world with its venue, bus, store and hosts, and everything that befalls them. */
import { createMemoryBus } from '../../../bus/memory.ts';
import type { MemoryBusControl } from '../../../bus/memory.ts';
import type { Bus, BusMessage } from '../../../bus/bus.ts';
import type { JobDeps } from '../../../activities/deps.ts';
import type { Feed } from '../../../connectors/feed.ts';
import { recover } from '../../../connectors/runtime/recovery.ts';
import { createShipper } from '../../../connectors/runtime/shipper.ts';
import { virtualClock } from '../../../connectors/simulator/clock.ts';
import type { VirtualClock } from '../../../connectors/simulator/clock.ts';
import { Random } from '../../../connectors/simulator/random.ts';
import { windowOf } from '../../../dataset/cutter.ts';
import { NS_PER_HOUR, NS_PER_MS, NS_PER_SECOND, dayEnd, dayOf } from '../../../schema/time.ts';
import type { Day } from '../../../schema/time.ts';
import { createMemoryObjectStore } from '../../../storage/memory.ts';
import type { ObjectStore } from '../../../storage/object-store.ts';
import { busFor } from './bus.ts';
import { SYMBOLS, modelConfig, modelFeed } from './feed.ts';
import { LOG_DIR, createModelHost, filesFor, startModelConnector } from './host.ts';
import type { Hearings, ModelConnector, ModelHost } from './host.ts';
import { WINDOW_HOURS, modelJobs, runDaily, runTier } from './jobs.ts';
import type { DayOutcome } from './jobs.ts';
import { createModelProcess } from './process.ts';
import type { ModelProcess } from './process.ts';
import type { Action, Script } from './script.ts';
import { noStoreFaults, storeFor } from './store.ts';
import type { StoreFaults } from './store.ts';
import { storedZstd } from './stored-zstd.ts';
import { createModelVenue } from './venue.ts';
import type { ModelVenue } from './venue.ts';

export const DAY = '2026-03-10' as Day;
const MIDNIGHT = dayEnd(DAY) as bigint;
/** A message or an answer of the bus takes this long. */
const HOP_NS = 1_000_000n;
/** Time after the script in which everything mends itself. */
const SETTLE_MS = 14_000;
/** The same where nobody has to wait for another to fall silent. */
const SETTLED_MS = 3_000;
const END_LIMIT_MS = 120_000;

export type Said = {
  readonly at_ns: bigint;
  readonly pid: number;
  readonly event: string;
  readonly facts: object;
};

/** Everything the equalities look at. */
export type Run = {
  readonly script: Script;
  readonly feed: Feed;
  readonly hosts: readonly ModelHost[];
  readonly connectors: readonly ModelConnector[];
  readonly hearings: Hearings;
  readonly venue: ModelVenue;
  readonly raw: ObjectStore;
  readonly normalized: ObjectStore;
  readonly bus: Bus & MemoryBusControl;
  /** All that a subscriber was sent, in order: what the bus has lost since as well. */
  readonly heard: readonly BusMessage[];
  readonly said: readonly Said[];
  readonly jobs: JobDeps;
  readonly days: readonly Day[];
  readonly outcomes: ReadonlyMap<Day, DayOutcome>;
  /** Hosts that lost power, by name, and hosts whose disk was full. */
  readonly lost_power: ReadonlySet<string>;
  readonly disk_was_full: boolean;
  /** Epochs that were ended in good order when nothing was wrong any more. */
  readonly drained: ReadonlySet<number>;
  /** Objects and manifests that were put again with other content. */
  readonly rewritten: readonly string[];
  /** How far the hosts' clocks ever were from the world's, ns. */
  readonly skews: readonly bigint[];
  /** The stream lost messages that it had acknowledged. */
  readonly stream_lost: boolean;
  readonly virtual_ms: number;
};

/** Steps of the event loop that a job may take without anything else happening. */
const JOB_TURNS_MAX = 40_000;

export async function runScript(script: Script): Promise<Run> {
  const model = new Model(script);
  for (const action of script.actions) await model.act(action);
  return model.finish();
}

/** Notes what replaces an object or a manifest, and lets it happen. */
function immutable(store: ObjectStore, rewritten: string[]): ObjectStore {
  return {
    ...store,
    async put(key, body, options) {
      const held = /\.capnp\.zst$|\/_manifests\//.test(key) ? await store.get(key) : null;
      if (held !== null && Buffer.compare(held.body, body) !== 0) rewritten.push(key);
      await store.put(key, body, options);
    },
  };
}

class Model {
  readonly #script: Script;
  readonly #world: VirtualClock;
  readonly #feed: Feed;
  readonly #random: Random;
  /** Their clocks are apart by enough that no two epochs have one name. */
  readonly #hosts = [createModelHost('a', 0n), createModelHost('b', 33_300_000n)];
  readonly #skews = this.#hosts.map((it) => it.skew_ns);
  readonly #connectors: ModelConnector[] = [];
  readonly #workers: { readonly process: ModelProcess; done: boolean }[] = [];
  readonly #hearings: Hearings = new Map();
  readonly #venue: ModelVenue;
  readonly #raw = createMemoryObjectStore();
  /** Keys of what may never change, and did. */
  readonly #rewritten: string[] = [];
  readonly #normalized = immutable(createMemoryObjectStore(), this.#rewritten);
  readonly #faults: StoreFaults = noStoreFaults();
  readonly #bus: Bus & MemoryBusControl;
  readonly #listening = new AbortController();
  readonly #stream: Promise<AsyncIterable<BusMessage>>;
  readonly #said: Said[] = [];
  readonly #lost_power = new Set<string>();
  readonly #failures: unknown[] = [];
  readonly #start_ns: bigint;
  #disk_was_full = false;
  #stream_lost = false;
  #pid = 0;

  constructor(script: Script) {
    this.#script = script;
    this.#feed = modelFeed(script.silence_ms);
    this.#start_ns = MIDNIGHT - BigInt(script.lead_ms) * NS_PER_MS;
    this.#world = virtualClock(this.#start_ns);
    this.#random = new Random(script.seed, 'run');
    const world = this.#world;
    this.#bus = createMemoryBus({
      schedule: (run) => void world.setTimer(run, world.nowNs() + HOP_NS),
    });
    this.#stream = this.#bus.subscribe('>', { signal: this.#listening.signal });
    this.#venue = createModelVenue({
      world,
      random: new Random(script.seed, 'venue'),
      latency_ms: () => ({
        base: 1 + this.#random.below(3) ** 4,
        jitter: this.#random.below(2) * 40,
      }),
    });
    this.#start(0);
  }

  async act(action: Action): Promise<void> {
    const world = this.#world;
    switch (action.do) {
      case 'ticks':
        return this.#ticks(action);
      case 'wait':
        return this.#wait(action.ms);
      case 'start':
        // An epoch is named by its millisecond: two of one are another story.
        await this.#wait(3);
        return this.#start(action.host);
      case 'stop':
        this.#living(action.who)?.stop.abort();
        return;
      case 'kill':
      case 'freeze':
        this.#halt(action);
        return;
      case 'wake':
        for (const { process } of this.#connectors) process.wake();
        return;
      case 'power':
        return this.#power(action);
      case 'bus':
        this.#busFault(action);
        return;
      case 'store':
        this.#storeFault(action);
        return;
      case 'venue':
        this.#venueFault(action);
        return;
      case 'disk':
        this.#disk_was_full ||= action.full;
        this.#host(action.host).full = action.full;
        return;
      case 'clock': {
        const host = this.#host(action.host);
        host.skew_ns += BigInt(action.step_ms) * NS_PER_MS;
        this.#skews.push(host.skew_ns);
        return;
      }
      case 'quiet':
        return this.#quiet();
      case 'tier':
        return this.#job((deps) => runTier(deps, this.#feed), 0);
      case 'daily':
        if (world.nowNs() < MIDNIGHT) return;
        return this.#job(
          (deps) => this.#daily(deps, DAY, action.force).then(() => undefined),
          action.after,
        );
      default:
        return action satisfies never;
    }
  }

  async finish(): Promise<Run> {
    const world = this.#world;
    this.#heal();
    const left = Number((MIDNIGHT - world.nowNs()) / NS_PER_MS);
    // Long before midnight nobody waits for it: that day is archived alone.
    if (left > 0 && left < 60_000) await this.#wait(left + 200);
    await this.#wait(3);
    if (this.#alive().length === 0) this.#start(0);
    const speaks = this.#alive().some(({ connector }) => connector.status().phase === 'speaking');
    await this.#wait(speaks && this.#alive().length === 1 ? SETTLED_MS : SETTLE_MS);
    for (let at = 0; at < 4; at++) this.#venue.tick(at % SYMBOLS.length, at < 2 ? 0 : 0.6);
    await this.#wait(1_500);
    const ending = new Set<number>();
    for (const { stop, process } of this.#alive()) {
      if (!stop.signal.aborted) ending.add(process.pid);
      stop.abort();
    }
    const limit_ns = world.nowNs() + BigInt(END_LIMIT_MS) * NS_PER_MS;
    while (this.#alive().length > 0 && world.nowNs() < limit_ns) await this.#wait(1_000);
    if (this.#alive().length > 0) throw new Error('a connector does not stop');
    await this.#recoverAll();
    const virtual_ms = Number((world.nowNs() - this.#start_ns) / NS_PER_MS);
    const ahead_ns = this.#skews.reduce((a, b) => (b > a ? b : a));
    const days = [...new Set([dayOf(this.#start_ns), dayOf(world.nowNs() + ahead_ns)])];
    await world.runUntil(world.nowNs() + 72n * NS_PER_HOUR);
    const jobs = modelJobs({
      ...{ raw: this.#raw, normalized: this.#normalized, bus: this.#bus, feed: this.#feed },
      now: world.nowNs,
    });
    const outcomes = new Map<Day, DayOutcome>();
    await this.#settled(runTier(jobs, this.#feed));
    for (const day of days) outcomes.set(day, await this.#settled(this.#daily(jobs, day, true)));
    // Workers that stopped in the middle of a day wake long after it was committed.
    for (const worker of this.#workers) worker.process.wake();
    for (const worker of this.#workers) await this.#until(() => worker.done, 'a worker');
    const heard: BusMessage[] = [];
    this.#listening.abort();
    for await (const message of await this.#stream) heard.push(message);
    const [failure] = this.#failures;
    if (failure !== undefined) throw failure as Error;
    return {
      ...{ script: this.#script, feed: this.#feed, hosts: this.#hosts, jobs, days, outcomes },
      ...{ connectors: this.#connectors, hearings: this.#hearings, venue: this.#venue },
      ...{ raw: this.#raw, normalized: this.#normalized, bus: this.#bus, heard, said: this.#said },
      ...{ lost_power: this.#lost_power, disk_was_full: this.#disk_was_full, virtual_ms },
      drained: this.#epochsOf(ending),
      ...{ rewritten: this.#rewritten, skews: this.#skews, stream_lost: this.#stream_lost },
    };
  }

  /** The last epoch of each of these processes. */
  #epochsOf(pids: ReadonlySet<number>): Set<number> {
    const last = new Map<number, number>();
    for (const { event, pid, facts } of this.#said) {
      if (event === 'epoch.opened' && pids.has(pid)) {
        last.set(pid, (facts as { epoch: number }).epoch);
      }
    }
    return new Set(last.values());
  }

  #host(at: number): ModelHost {
    return this.#hosts[at % this.#hosts.length] as ModelHost;
  }

  #alive(): ModelConnector[] {
    return this.#connectors.filter((it) => it.process.alive() && it.ended === 'no');
  }

  #living(who: number): ModelConnector | undefined {
    const alive = this.#alive();
    return alive[who % Math.max(1, alive.length)];
  }

  #process(host: ModelHost | null = null): ModelProcess {
    return createModelProcess({
      pid: ++this.#pid,
      world: this.#world,
      skew: () => host?.skew_ns ?? 0n,
      grid_ms: this.#script.grid_ms,
    });
  }

  #start(at: number): void {
    const host = this.#host(at);
    const process = this.#process(host);
    const { lingers, queue_events_max } = this.#script;
    const random = new Random(this.#script.seed, `process ${process.pid}`);
    const connector = startModelConnector({
      ...{ process, host, world: this.#world, venue: this.#venue, feed: this.#feed },
      bus: busFor(process, { bus: this.#bus, world: this.#world, lingers: () => lingers }),
      store: storeFor(process, { store: this.#raw, faults: this.#faults, world: this.#world }),
      limits: {
        queue_events_max,
        ...{ window_messages: 8, ctl_messages: 6, slice_lines: 5, pack_events_max: 4 },
        ...{ batch_events_max: 20, batch_messages_max: 6 },
      },
      random: () => random.unit(),
      hearings: this.#hearings,
      report: (pid, event, facts) => {
        this.#said.push({ at_ns: this.#world.nowNs(), pid, event, facts });
      },
    });
    this.#connectors.push(connector);
  }

  /** What a connector could not go on from ends its process. */
  #reap(): void {
    for (const { process, ended, failure } of this.#connectors) {
      if (ended === 'no' || !process.alive()) continue;
      process.kill();
      if (ended === 'failed' && !/ENOSPC|process is dead/.test(String(failure))) {
        this.#failures.push(failure);
      }
    }
  }

  async #wait(ms: number): Promise<void> {
    await this.#world.runUntil(this.#world.nowNs() + BigInt(Math.round(ms * 1e6)));
    this.#reap();
  }

  async #ticks({ n, gap_ms, seed }: Action & { do: 'ticks' }): Promise<void> {
    const random = new Random(seed, 'ticks');
    for (let at = 0; at < n; at++) {
      this.#venue.tick(random.below(SYMBOLS.length), random.unit());
      await this.#wait(gap_ms * random.unit());
    }
  }

  #halt({ do: how, who, after }: Action & { do: 'kill' | 'freeze' }): void {
    const connector = this.#living(who);
    if (connector === undefined) return;
    if (after > 0) connector.process.stopAfter(after, how);
    else if (how === 'kill') connector.process.kill();
    else connector.process.freeze();
  }

  #power({ host: at, kept }: Action & { do: 'power' }): void {
    const host = this.#host(at);
    for (const process of host.processes.values()) process.kill();
    host.disk.losePower((bytes) => Math.floor(bytes * kept));
    this.#lost_power.add(host.name);
  }

  #busFault({ how, n }: Action & { do: 'bus' }): void {
    const bus = this.#bus;
    this.#stream_lost ||= ['power', 'purge', 'age', 'purge_cut'].includes(how);
    if (how === 'kill') bus.kill();
    else if (how === 'restart') bus.restart();
    else if (how === 'power') {
      bus.kill();
      bus.restart(Math.min(n, bus.stored().length));
    } else if (how === 'disconnect') bus.disconnect();
    else if (how === 'freeze') bus.freeze();
    else if (how === 'release') bus.release();
    else if (how === 'forget') bus.forgetIds();
    else if (how === 'busy') bus.refuseBatches(n);
    else if (how === 'purge') bus.purge();
    else if (how === 'purge_cut') {
      bus.purge();
      bus.disconnect();
    } else bus.age(n);
  }

  #storeFault({ how, n }: Action & { do: 'store' }): void {
    const faults = this.#faults;
    if (how === 'down' || how === 'up') faults.down = how === 'down';
    else if (how === 'slow') Object.assign(faults, { slow: n, slow_ms: n * 3_000 });
    else
      Object.assign(faults, { lost_acks: n, lost_as: how === 'lost_error' ? 'error' : 'conflict' });
  }

  #venueFault({ how }: Action & { do: 'venue' }): void {
    const venue = this.#venue;
    if (how === 'cut_all') venue.cut('all');
    else if (how === 'cut_newest') venue.cut('newest');
    else if (how === 'lose_delta') venue.loseDelta();
    else venue.refuse(how === 'refuse');
  }

  /** All sleep until seconds before the running window ends, and wake to see it end. */
  async #quiet(): Promise<void> {
    const world = this.#world;
    const here = world.nowNs();
    const until = windowOf(here, WINDOW_HOURS).end - 3n * NS_PER_SECOND;
    if (until <= here) return;
    const asleep = this.#alive().filter(({ process }) => !process.frozen());
    for (const { process } of asleep) process.freeze();
    await world.runUntil(until);
    for (const { process } of asleep) process.wake();
    await this.#wait(5_000);
  }

  #jobs(process: ModelProcess, bus: Bus | null): JobDeps {
    const world = this.#world;
    const of = { faults: this.#faults, world };
    return modelJobs({
      raw: storeFor(process, { ...of, store: this.#raw }),
      normalized: storeFor(process, { ...of, store: this.#normalized }),
      bus,
      feed: this.#feed,
      now: world.nowNs,
    });
  }

  #daily(deps: JobDeps, day: Day, force: boolean): Promise<DayOutcome> {
    return runDaily(deps, { feed: this.#feed, day }, { force });
  }

  /** Runs a job in a worker of its own, which freezes at the `after`-th thing it does. */
  async #job(run: (deps: JobDeps) => Promise<void>, after: number): Promise<void> {
    const process = this.#process();
    if (after > 0) process.stopAfter(after, 'freeze');
    const worker = { process, done: false };
    this.#workers.push(worker);
    run(this.#jobs(process, this.#bus)).then(
      () => (worker.done = true),
      (error: unknown) => {
        worker.done = true;
        // A job that found the store away is tried again by the workflow.
        if (!/did not answer|is down/.test(String(error))) this.#failures.push(error);
      },
    );
    await this.#until(() => worker.done || process.frozen(), 'a job');
  }

  async #settled<T>(work: Promise<T>): Promise<T> {
    let done = false;
    const settling = work.finally(() => (done = true));
    settling.catch(() => undefined);
    await this.#until(() => done, 'a job');
    return settling;
  }

  async #until(done: () => boolean, what: string): Promise<void> {
    for (let turns = 1; !done(); turns++) {
      if (turns > JOB_TURNS_MAX) throw new Error(`${what} does not end`);
      if (turns % 400 === 0) await this.#wait(1_000);
      else await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }

  #heal(): void {
    this.#bus.restart();
    this.#bus.release();
    this.#bus.refuseBatches(0);
    this.#venue.refuse(false);
    Object.assign(this.#faults, noStoreFaults());
    for (const host of this.#hosts) host.full = false;
    for (const { process } of this.#connectors) {
      process.disarm();
      process.wake();
    }
  }

  /** What the next start on each host would do, and nothing else of it. */
  async #recoverAll(): Promise<void> {
    for (const host of this.#hosts) {
      const process = this.#process(host);
      const store = storeFor(process, {
        store: this.#raw,
        faults: this.#faults,
        world: this.#world,
      });
      const files = filesFor(process, host);
      const report = (event: string, facts: object): void =>
        void this.#said.push({ at_ns: this.#world.nowNs(), pid: process.pid, event, facts });
      const shipper = createShipper({
        ...{ store, files, clock: process.clock, random: () => 0.5 },
        packing: {
          pack: (plain) => Promise.resolve(storedZstd.compress(plain)),
          unpack: (packed) => Promise.resolve(storedZstd.decompress(packed)),
        },
        report: ({ type, ...facts }) => report(`segment.${type}`, facts),
      });
      const processes = {
        self: () => ({ pid: process.pid, started: '', namespace: host.name }),
        look: ({ pid }: { readonly pid: number }) =>
          host.processes.get(pid)?.alive() === true ? ('alive' as const) : ('dead' as const),
      };
      const recovering = recover(LOG_DIR, modelConfig.config, {
        ...{ store, shipper, files, processes, report, own: () => false, now_ms: 0 },
      });
      await this.#settled(recovering);
    }
  }
}
