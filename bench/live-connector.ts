/**
 * A process with a connector as it runs in production, on a clock whose readings another process can
 * compare with its own: `hrtime` and a fixed offset.
 */
import { pino } from 'pino';
import { systemClock } from '../connectors/runtime/clock.ts';
import { endpointsOf } from '../environments/endpoints.ts';
import { testEnvironment } from '../test/support/connector-process.ts';
import { startConnector } from '../workers/connector.ts';

export type ConnectorSetup = {
  readonly root: string;
  readonly url: string;
  readonly feed: string;
  readonly shard: string;
  readonly variables: Readonly<Record<string, string>>;
  /** What `hrtime` is to be set off by, ns as text. */
  readonly offset: string;
};
/** `rest`: a garbage collection, then its status. */
export type ConnectorOrder = 'status' | 'rest' | 'stop';
export type ConnectorWord =
  | { readonly word: 'stopped' }
  | {
      readonly word: 'status';
      readonly ready: boolean;
      readonly frames: number;
      readonly drops: number;
      readonly publishing: Readonly<Record<string, unknown>>;
      readonly resident_bytes: number;
      readonly heap_bytes: number;
      readonly processor_ns: number;
    };

const setup = JSON.parse(process.argv[2] ?? '{}') as ConnectorSetup;
const offset = BigInt(setup.offset);
const environment = testEnvironment();
const { feed, shard, url, root } = setup;
const running = await startConnector({
  ...{ environment, feed, shard, url, root, port: null },
  endpoints: endpointsOf(environment, setup.variables),
  logger: pino({ level: 'silent' }),
  clock: { ...systemClock(), wallNs: () => process.hrtime.bigint() + offset },
});

function say(word: ConnectorWord): void {
  process.send?.(word);
}

process.on('message', (order: ConnectorOrder) => {
  if (order === 'stop') return void running.stop().then(() => say({ word: 'stopped' }));
  if (order === 'rest') globalThis.gc?.();
  const { frames, drops, publishing } = running.connector.status();
  const { rss, heapUsed, external } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  say({
    ...{ word: 'status', ready: running.connector.ready(), frames, drops, publishing },
    ...{ resident_bytes: rss, heap_bytes: heapUsed + external },
    processor_ns: (user + system) * 1_000,
  });
});
process.on('disconnect', () => process.exit());
