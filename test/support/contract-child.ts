/** A connector's life that ends by SIGKILL: `contract-child.ts '<JSON of its options>'`, by `fork`. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import type { Publisher } from '../../connectors/runtime/publisher.ts';
import type { VirtualClock } from '../../connectors/simulator/clock.ts';
import { endpointsOf } from '../../environments/endpoints.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { openBus, openStores } from '../../workers/adapters.ts';
import { inPace } from './contract-lives.ts';
import type { Ask, ChildOptions } from './contract-lives.ts';
import { scenarioEnvironment } from './contract-stage.ts';
import { holdUntil, lastWords, runStretch } from './e2e-day.ts';
import type { StretchDeps } from './e2e-day.ts';
import { instant } from './runtime.ts';

const options = JSON.parse(process.argv[2] ?? '{}') as ChildOptions;
let offered_t = 0n;

/** Something is under way at this very moment: it dies with it. */
function die(): void {
  writeFileSync(lastWords(options.dir), `${offered_t}`);
  process.kill(process.pid, 'SIGKILL');
}

async function ask(what: Ask): Promise<void> {
  process.send?.(what);
  await once(process, 'message');
}

/** The bus is away from one instant to another; in the backlog that is left it dies. */
function throughOutage(from: bigint, to: bigint): NonNullable<StretchDeps['ready']> {
  const step = inPace(options.from);
  let away: 'before' | 'now' | 'over' = 'before';
  return (publisher, clock) => {
    const now = clock.nowNs();
    if (away === 'before' && now >= from) {
      away = 'now';
      return ask('nats.kill');
    }
    if (away === 'now' && now >= to) {
      away = 'over';
      return dieCatchingUp(publisher);
    }
    return away === 'before' ? step(publisher, clock) : undefined;
  };
}

async function dieCatchingUp(publisher: Publisher): Promise<void> {
  assert.ok(publisher.position().backlog, 'its queue has overflowed');
  const { t } = publisher.position();
  await ask('nats.restart');
  // The queue goes out first; what lies beyond it comes from the log, in batches.
  await holdUntil(() => publisher.position().t > t && publisher.position().queued === 0);
  const reached = publisher.position().t;
  await holdUntil(() => publisher.position().t > reached);
  assert.ok(publisher.position().backlog, 'it is still catching up');
  die();
}

/** The store as it is from inside a host that loses its way to it. */
function reachable(store: ObjectStore, clock: () => VirtualClock | null): ObjectStore {
  const until = options.store_until === null ? null : instant(options.store_until);
  const isAway = (): boolean => until !== null && (clock()?.nowNs() ?? 0n) >= until;
  const away = (): Promise<never> => Promise.reject(new Error('the store is away'));
  return {
    ...store,
    get: (...args) => (isAway() ? away() : store.get(...args)),
    put: (...args) => (isAway() ? away() : store.put(...args)),
    putIfAbsent: (...args) => (isAway() ? away() : store.putIfAbsent(...args)),
  };
}

const environment = scenarioEnvironment(options.scenario);
const endpoints = endpointsOf(environment, options.variables);
const stores = await openStores(environment, endpoints);
const bus = await openBus(environment, endpoints, { name: 'life', wait: false });
const dies_at = instant(options.dies_at);
let time: VirtualClock | null = null;
const { outage } = options;
await runStretch(options, {
  ...{ environment, bus, dir: options.dir, limits: options.limits },
  store: reachable(stores.raw, () => time),
  ready:
    outage === null
      ? inPace(options.from)
      : throughOutage(instant(outage.from), instant(outage.to)),
  begins: (clock) => void (time = clock),
  offered(publisher, clock, t) {
    offered_t = t;
    if (outage === null && clock.nowNs() >= dies_at && publisher.position().queued > 0) die();
  },
});
assert.fail('it was to die before');
