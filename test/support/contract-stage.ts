/**
 * Where a scenario of the contract plays: real servers shared by the scenarios of a file, and of each
 * scenario its own environment on them, with a stream, buckets and logs that no other one sees.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { auditDay } from '../../activities/audit-day.ts';
import type { AuditFinding } from '../../activities/audit-report.ts';
import { resolveDay } from '../../activities/day-input.ts';
import { plainContext } from '../../activities/deps.ts';
import type { JobDeps } from '../../activities/deps.ts';
import { streamName } from '../../bus/subjects.ts';
import { VERSION_PREFIX } from '../../dataset/keys.ts';
import { FEEDS } from '../../connectors/registry.ts';
import { endpointsOf, stackVariables } from '../../environments/endpoints.ts';
import { readEnvironment } from '../../environments/env.ts';
import type { Environment } from '../../environments/env.ts';
import type { Day } from '../../schema/time.ts';
import { addDays } from '../../schema/time.ts';
import { createS3ObjectStore } from '../../storage/s3.ts';
import { openBus } from '../../workers/adapters.ts';
import { jetstreamManager } from '@nats-io/jetstream';
import type { JetStreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { archiveDay } from './archive-run.ts';
import { assertSameArchive, jobsOf } from './e2e.ts';
import type { Stage, Twins } from './e2e.ts';
import type { TestServers } from './servers.ts';

export const FEED = 'kraken';
export const SHARD = 'tier1';
/** The markets of `scenarioEnvironment`, ours and the venue's. */
export const MARKETS = { BTCUSD: 'BTC/USD', ETHUSD: 'ETH/USD' } as const;

export type Scenario = Stage & {
  readonly name: string;
  /** Root of the logs of a host of that name. */
  readonly host: (name: string) => string;
};

/** What a run of a scenario may be varied by; the soak varies it. */
export type Variation = {
  readonly seed: number;
  /** Market events a second and symbol. */
  readonly rate: number;
};

/** Two markets of Kraken, in one shard or in one each. */
export function scenarioEnvironment(name: string, shards: 1 | 2 = 1): Environment {
  const known = [...FEEDS.values()].map((it) => ({ id: it.id, ...it.protocol }));
  return readEnvironment(name, scenarioEnvironmentText(name, shards), known);
}

/** The same as a file has it. */
export function scenarioEnvironmentText(name: string, shards: 1 | 2 = 1): string {
  const second = shards === 1 ? '' : '    tier2: { selector: { tier: 2 } }\n';
  return `apiVersion: ssmd/v1
kind: Environment
metadata: { name: ${name} }
spec:
  symbols:
    BTCUSD: { feed: kraken, external: BTC/USD, tier: 1 }
    ETHUSD: { feed: kraken, external: ETH/USD, tier: ${shards} }
  shards:
    tier1: { selector: { tier: 1 } }
${second}  transport:
    type: nats
    subject_prefix: ${name}
    subjects:
      internal: 'internal.{shard}.{feed}.{type}.{symbol}'
      client: 'md.{feed}.{type}.{symbol}'
  storage:
    raw: { bucket: ${name}-raw, retention_days: -1 }
    normalized: { bucket: ${name}-normalized, retention_days: -1 }
  jetstream: { retention_hours: 48, max_bytes: 100MB }
  origin: simulator
`;
}

/** Opens a scenario on running servers; disposing of it leaves them up. */
export async function openScenario(
  servers: TestServers,
  name: string,
  shards: 1 | 2 = 1,
): Promise<Scenario> {
  const environment = scenarioEnvironment(name, shards);
  const { nats, s3 } = servers;
  const variables = {
    ...stackVariables({ nats, s3, temporal: null }),
    TEMPORAL_ADDRESS: 'none',
  };
  const endpoints = endpointsOf(environment, variables);
  const opened: AsyncDisposable[] = [];
  const bucket = async (of: string) => {
    const store = createS3ObjectStore({ ...endpoints.s3, bucket: `${name}-${of}` });
    opened.push(store);
    await store.ensureBucket();
    return store;
  };
  const bus = await openBus(environment, endpoints, { name, wait: false });
  const dir = mkdtempSync(join(tmpdir(), `ssmd-${name}-`));
  return {
    ...{ name, servers, environment, endpoints, variables, bus, bucket },
    raw: await bucket('raw'),
    host: (host) => join(dir, host),
    async [Symbol.asyncDispose]() {
      await bus.close();
      for (const store of opened) await store[Symbol.asyncDispose]();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** Long after a day: what has not come by now never will. */
export const longAfter = (day: Day): string => `${addDays(day, 3)}T06:00:00Z`;

let archives = 0;

/** Job dependencies over a normalized bucket of its own. */
export async function jobsFor(
  { environment, raw, bus, bucket }: Scenario,
  { now, from, jobs = {} }: { now: string; from: 'bus' | 'raw'; jobs?: Partial<JobDeps> },
): Promise<JobDeps> {
  const normalized = await bucket(`archive-${++archives}`);
  return jobsOf(environment, now, { ...jobs, raw, bus: from === 'bus' ? bus : null, normalized });
}

/**
 * A day archived with the bus and from RAW alone, equal to the byte; and audited, so that nothing in it
 * is a surprise to who looks later. `jobs`: the worker's own; `after`: another one has worked in the
 * bucket before.
 */
export async function archiveTwice(
  scenario: Scenario,
  day: Day,
  { jobs = {}, after }: { readonly jobs?: Partial<JobDeps>; readonly after?: JobDeps } = {},
): Promise<Twins> {
  const now = longAfter(day);
  const fresh = await jobsFor(scenario, { now, from: 'bus', jobs });
  const live = after === undefined ? fresh : { ...fresh, normalized: after.normalized };
  const rebuilt = await jobsFor(scenario, { now, from: 'raw', jobs });
  const { plan, committed } = await archiveDay(live, { feed: FEED, day });
  await copyKnown(live, rebuilt);
  const other = await archiveDay(rebuilt, { feed: FEED, day });
  assert.equal(other.committed.from_bus, 0, 'the other one has never seen the bus');
  const { version } = plan;
  assert.equal(other.plan.version, version);
  const compared = await assertSameArchive(live, rebuilt, { feed: FEED, day, version });
  assert.equal(committed.from_bus, compared.from_bus);
  const windows = plan.shards.flatMap((it) => it.windows);
  const bus_hours = windows.filter((it) => it.source === 'bus').map((it) => it.hour);
  assert.deepEqual(await auditOf(live, day), [], `the audit of ${day}`);
  return { live, version, compared, bus_hours, complete: committed.complete };
}

/** Which versions there are, and what the bus was once seen to have: both are told, not found in RAW. */
async function copyKnown(from: JobDeps, to: JobDeps): Promise<void> {
  for await (const { key } of from.normalized.list('')) {
    const told = key.startsWith(VERSION_PREFIX) || key.includes('/_seen/');
    const stored = told ? await from.normalized.get(key) : null;
    if (stored !== null) await to.normalized.put(key, stored.body);
  }
}

/** What an audit of a day finds. */
export async function auditOf(jobs: JobDeps, day: Day): Promise<readonly AuditFinding[]> {
  const of = { ...resolveDay(jobs, { feed: FEED, day }), version: null };
  const { findings } = await auditDay(jobs, of, plainContext());
  return findings;
}

/** Does something to the scenario's stream behind everybody's back. */
export async function behindTheBack<T>(
  { servers, environment }: Pick<Scenario, 'servers' | 'environment'>,
  act: (manager: JetStreamManager, stream: string) => Promise<T>,
): Promise<T> {
  const connection = await connect({ servers: servers.nats.url, reconnect: false });
  try {
    return await act(await jetstreamManager(connection), streamName(environment.name));
  } finally {
    await connection.close();
  }
}
