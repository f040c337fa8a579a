/**
 * A live connector as a process of its own, on a wall clock that its parent moves:
 * `node contract-processes-child.ts '<JSON of its options>'`, with a channel to the parent.
 */
import { systemClock } from '../../connectors/runtime/clock.ts';
import type { PublisherLimits } from '../../connectors/runtime/publisher-limits.ts';
import { endpointsOf } from '../../environments/endpoints.ts';
import type { Environment } from '../../environments/env.ts';
import { NS_PER_MS } from '../../schema/time.ts';
import { startConnector } from '../../workers/connector.ts';
import { testEnvironment } from './connector-process.ts';

export type LifeOptions = {
  /** Of the environment: buckets and subjects of its own. */
  readonly environment: string;
  /** The host: where logs lie. Two connectors of two hosts have two. */
  readonly root: string;
  readonly url: string;
  readonly feed: string;
  readonly variables: Readonly<Record<string, string>>;
  /** Wall clock minus the machine's, at the start. */
  readonly offset_ns: string;
  /**
   * In place of `offset_ns`: the wall clock stands still here for the first `STANDS_NS`, so that
   * connectors of several hosts read the same millisecond as they start.
   */
  readonly starts_ns?: string;
  readonly publisher?: Partial<PublisherLimits>;
};

/** Less than what a connector takes for a step of its clock. */
const STANDS_NS = 200n * NS_PER_MS;

/** What a parent asks for: the wall clock steps. */
export type Order = { readonly step_ns: string };

/** The test environment under another name: a stream, subjects and buckets that no other has. */
export function environmentNamed(name: string): Environment {
  const base = testEnvironment();
  const { spec } = base;
  return {
    ...base,
    name,
    spec: {
      ...spec,
      transport: { ...spec.transport, subject_prefix: name },
      storage: {
        ...spec.storage,
        raw: { ...spec.storage.raw, bucket: `${name}-raw` },
        normalized: { ...spec.storage.normalized, bucket: `${name}-normalized` },
      },
    },
  };
}

/** One line on standard output, as the connector's own log events. */
function tell(event: string, facts: object): void {
  process.stdout.write(`${JSON.stringify({ event, ...facts })}\n`);
}

if (import.meta.main) {
  const options = JSON.parse(process.argv[2] ?? '{}') as LifeOptions;
  const environment = environmentNamed(options.environment);
  const system = systemClock();
  const begun = system.wallNs();
  const stands = options.starts_ns === undefined ? 0n : STANDS_NS;
  let offset =
    options.starts_ns === undefined
      ? BigInt(options.offset_ns)
      : BigInt(options.starts_ns) - begun - stands;
  const wallNs = (): bigint => {
    const now = system.wallNs();
    return (now < begun + stands ? begun + stands : now) + offset;
  };
  const clock = { ...system, wallNs };
  process.on('message', (order: Order) => {
    offset += BigInt(order.step_ns);
  });
  // Whoever started it is gone: nobody is to find it running later.
  process.on('disconnect', () => process.exit(1));
  tell('life.begun', { wall_ns: `${clock.wallNs()}` });
  const running = await startConnector({
    environment,
    endpoints: endpointsOf(environment, options.variables),
    feed: options.feed,
    shard: 'tier1',
    url: options.url,
    root: options.root,
    port: 0,
    clock,
    ...(options.publisher === undefined ? {} : { publisher: options.publisher }),
  });
  tell('life.serving', { url: running.status_url });
  process.on('SIGTERM', () => void running.stop());
  await running.stopped;
  process.removeAllListeners('disconnect');
  process.disconnect();
}
