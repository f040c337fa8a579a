/**
 * Lives of one shard's connector in a scenario: some end in good order, some by SIGKILL in the midst of
 * publishing. Those are processes of their own (`contract-child.ts`); time is virtual in all of them.
 */
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { PublisherLimits } from '../../connectors/runtime/publisher-limits.ts';
import type { FaultPlan } from '../../connectors/simulator/faults.ts';
import { parseRawSegmentKey } from '../../dataset/keys.ts';
import { formatIso, unixNs } from '../../schema/time.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { FEED, SHARD } from './contract-stage.ts';
import type { Scenario, Variation } from './contract-stage.ts';
import { holdUntil, inStep, lastWords, runStretch } from './e2e-day.ts';
import type { StretchDeps, StretchOptions, StretchResult } from './e2e-day.ts';
import { assertEpochsOnBus, eventsOnBus, readEpochs } from './e2e.ts';
import type { Events } from './e2e.ts';
import type { ReadLine } from './runtime.ts';

/** Hours pass in seconds here: positions are told by what was sent, not by the clock. */
export const CTL_MESSAGES = 4;
/** An epoch is warm within this long; time waits then until it has the shard. */
const WARM_NS = 4_000_000_000n;
/** Events offered that no position covers yet; time waits for the bus above it. */
const UNTOLD_MAX = 8;

/** Virtual time goes no faster than the bus: its positions are never more than a few events behind. */
export function inPace(from: string): NonNullable<StretchDeps['ready']> {
  const step = inStep(from, WARM_NS);
  return (publisher, clock) => {
    const untold = (): boolean => publisher.position().queued > UNTOLD_MAX;
    return step(publisher, clock) ?? (untold() ? holdUntil(() => !untold()) : undefined);
  };
}

export type Life = {
  /** ISO text. */
  readonly from: string;
  readonly until: string;
};

/** What all lives of a scenario share: one market, one host. */
export type Shared = Variation & {
  readonly market_from: string;
  readonly host: string;
  readonly faults?: FaultPlan;
};

export type ChildOptions = StretchOptions & {
  /** Name of the scenario, whose environment it is. */
  readonly scenario: string;
  readonly variables: Readonly<Record<string, string>>;
  readonly dir: string;
  readonly limits: Partial<PublisherLimits>;
  /** Kills itself at the first event offered at or after this instant. ISO text. */
  readonly dies_at: string;
  /** The bus is taken away and comes back: it dies in the midst of catching up. ISO text. */
  readonly outage: { readonly from: string; readonly to: string } | null;
  /** The store does not answer any more from here on; null: it always does. ISO text. */
  readonly store_until: string | null;
};

/** What a child asks of its parent, who holds the servers. */
export type Ask = 'nats.kill' | 'nats.restart';

function stretchOf({ host: _, faults = {}, ...shared }: Shared, life: Life): StretchOptions {
  return { feed: FEED, ...shared, ...life, faults };
}

/** A life that ends in good order, in this process. */
export function live(
  scenario: Scenario,
  shared: Shared,
  life: Life,
  deps: Partial<StretchDeps> = {},
): Promise<StretchResult> {
  const { environment, raw, bus, host } = scenario;
  return runStretch(stretchOf(shared, life), {
    ...{ environment, store: raw, bus, dir: host(shared.host) },
    limits: { ctl_messages: CTL_MESSAGES },
    ready: inPace(life.from),
    ...deps,
  });
}

/** A life that is killed; returns `t` of the last event it had offered. */
export async function liveAndDie(
  scenario: Scenario,
  shared: Shared,
  life: Life & Pick<ChildOptions, 'dies_at'>,
  { limits = {}, outage = null, store_until = null }: Partial<ChildOptions> = {},
): Promise<bigint> {
  const { name, variables, servers } = scenario;
  const dir = scenario.host(shared.host);
  const options: ChildOptions = {
    ...stretchOf(shared, life),
    ...{ scenario: name, variables, dir, dies_at: life.dies_at, outage, store_until },
    limits: { ctl_messages: CTL_MESSAGES, ...limits },
  };
  const child = fork(CHILD, [JSON.stringify(options)], {
    execArgv: [],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  child.on('message', (ask: Ask) => {
    const done = ask === 'nats.kill' ? servers.nats.kill() : servers.nats.restart();
    void done.then(() => child.send('done'));
  });
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  assert.equal(signal ?? code, 'SIGKILL', 'it died as it was to');
  return BigInt(readFileSync(lastWords(dir), 'utf8'));
}
const CHILD = new URL('contract-child.ts', import.meta.url).pathname;

/** When the successor of one that died at `t` starts. */
export const successorOf = (t: bigint, later_ns = 2_000_000_000n): string =>
  formatIso(unixNs(t + later_ns));

export type Epochs = readonly (readonly [number, readonly ReadLine[]])[];

export type Told = {
  readonly epochs: Epochs;
  /** Of each epoch, what it offered and the bus never got: identities, in order. */
  readonly missing: readonly (readonly string[])[];
  /** Everything the shard said, each epoch up to the next one's `_take`. */
  readonly spoken: Events;
};

/** A store in which there is but one shard's RAW. */
function ofShard(raw: ObjectStore, shard: string): ObjectStore {
  async function* list(prefix: string) {
    for await (const it of raw.list(prefix)) {
      if (parseRawSegmentKey(it.key)?.shard === shard) yield it;
    }
  }
  return { ...raw, list };
}

/** RAW and the bus of a scenario's shard, held against each other. */
export async function readBoth(
  { raw, bus }: Pick<Scenario, 'raw' | 'bus'>,
  shard = SHARD,
): Promise<Told & { readonly repeats: number; readonly late: number }> {
  const epochs = [...(await readEpochs(ofShard(raw, shard), FEED))];
  const { events, repeats, late } = await eventsOnBus(bus, { shard, feed: FEED });
  return { epochs, ...assertEpochsOnBus(FEED, events, epochs, shard), repeats, late };
}
