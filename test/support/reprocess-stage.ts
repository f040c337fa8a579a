/** Real servers, a recording in RAW, a production worker with its children, and a client. */
import { Client, Connection } from '@temporalio/client';
import { pino } from 'pino';
import { readTimeFrom } from '../../connectors/import/times.ts';
import { systemClock } from '../../connectors/runtime/clock.ts';
import { importRecording } from '../../connectors/runtime/import.ts';
import { readRecording } from '../../connectors/runtime/recording.ts';
import { endpointsOf, stackVariables } from '../../environments/endpoints.ts';
import type { Environment } from '../../environments/env.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { openStores } from '../../workers/adapters.ts';
import type { Stores } from '../../workers/adapters.ts';
import { startWorker } from '../../workers/worker.ts';
import type { RunningWorker } from '../../workers/worker.ts';
import { capturePath } from './captures.ts';
import { testEnvironment } from './connector-process.ts';
import { feedOf } from './e2e.ts';
import { projectRoot } from './project.ts';
import { startTestServers } from './servers.ts';

export type ReprocessStage = AsyncDisposable & {
  readonly environment: Environment;
  readonly raw: ObjectStore;
  readonly normalized: ObjectStore;
  readonly client: Client;
  readonly address: string;
  /** Variables for the command line. */
  readonly variables: Readonly<Record<string, string>>;
  /** Starts one of our workflows and waits for its end. */
  readonly run: <T>(type: string, id: string, input: unknown) => Promise<T>;
  /** Stops the workers there are, and starts one. */
  readonly changeWorker: (start: () => Promise<void>) => Promise<void>;
};

/** `spec` is laid over the test environment's. */
export async function openReprocessStage(
  spec: Partial<Environment['spec']> = {},
): Promise<ReprocessStage> {
  const servers = await startTestServers({ nats: true, s3: true, temporal: true });
  const base = testEnvironment();
  const environment = { ...base, spec: { ...base.spec, ...spec } };
  const { nats, s3, temporal } = servers;
  const variables = {
    ...stackVariables({ nats, s3, temporal: null }),
    TEMPORAL_ADDRESS: temporal.address,
  };
  const endpoints = endpointsOf(environment, variables);
  const stores: Stores = await openStores(environment, endpoints);
  const connection = await Connection.connect({ address: temporal.address });
  const client = new Client({ connection });
  const workers: RunningWorker[] = [];
  const begin = async (): Promise<RunningWorker> => {
    const logger = pino({ level: 'silent' });
    const worker = await startWorker({ environment, endpoints, root: projectRoot, logger });
    workers.push(worker);
    return worker;
  };
  await begin();
  return {
    ...{ environment, client, variables, address: temporal.address },
    raw: stores.raw,
    normalized: stores.normalized,
    async changeWorker(between) {
      for (const worker of workers.splice(0)) await worker.stop();
      await between();
      await begin();
    },
    run: async <T>(type: string, id: string, input: unknown): Promise<T> => {
      const options = { taskQueue: 'ssmd', workflowId: id, args: [input] };
      return (await client.workflow.execute(type, options)) as T;
    },
    async [Symbol.asyncDispose]() {
      for (const worker of workers) await worker.stop();
      await connection.close();
      await stores[Symbol.asyncDispose]();
      await servers[Symbol.asyncDispose]();
    },
  };
}

export type RecordingOf = {
  readonly feed: string;
  readonly path: string;
  readonly symbols: Readonly<Record<string, string>>;
  readonly time_from: string | null;
};

/** Imports a recording under the shard of imports. */
export async function importInto(store: ObjectStore, of: RecordingOf): Promise<void> {
  const feed = feedOf(of.feed);
  await importRecording({
    feed,
    config: {
      ...{ feed: feed.id, shard: 'import', channels: feed.protocol.channels },
      symbols: Object.entries(of.symbols).map(([external, symbol]) => ({
        ...{ symbol, external, depth: 'l2' as const },
      })),
      book_depth: feed.protocol.book_depths[0] ?? 0,
    },
    source: of.path,
    chunks: readRecording(capturePath(of.path)),
    format: null,
    time_from: of.time_from === null ? null : readTimeFrom(of.time_from),
    store,
    software: { connector_version: '0', connector_commit: 'test', connector_build: 'test' },
    host: 'e2e',
    clock: systemClock(),
    random: () => 0.5,
    reject: () => undefined,
  });
}

/** 1,535 frames of four markets, some minutes of one day. */
export const FOUR_MARKETS: RecordingOf = {
  feed: 'binance-usdm',
  path: 'binance-usdm/cryptofeed-20210722.txt',
  symbols: {
    SUSHIUSDT: 'SUSHIUSDT-PERP',
    AKROUSDT: 'AKROUSDT-PERP',
    KEEPUSDT: 'KEEPUSDT-PERP',
    CTKUSDT: 'CTKUSDT-PERP',
  },
  time_from: null,
};
