/**
 * A connector as a process of its own, as `ssmd connector` runs one, in an environment of one market of
 * Kraken: `node connector-child.ts '<JSON of ChildOptions>'`. Says where its status pages are.
 */
import { FEEDS } from '../connectors/registry.ts';
import { endpointsOf } from '../environments/endpoints.ts';
import { readEnvironment } from '../environments/env.ts';
import { startConnector } from '../workers/connector.ts';

export type ChildOptions = {
  readonly root: string;
  readonly url: string;
  readonly depth: number;
  /** Where its servers are. */
  readonly variables: Readonly<Record<string, string>>;
};

export const ENVIRONMENT = 'bench';
export const SHARD = 'tier1';
export const FEED = 'kraken';

if (import.meta.main) {
  const options = JSON.parse(process.argv[2] ?? '{}') as ChildOptions;
  const { root, url } = options;
  const known = [...FEEDS.values()].map((it) => ({ id: it.id, ...it.protocol }));
  const environment = readEnvironment(ENVIRONMENT, environmentText(options.depth), known);
  const endpoints = endpointsOf(environment, options.variables);
  const running = await startConnector({
    ...{ environment, endpoints, feed: FEED, shard: SHARD, url, root, port: 0 },
  });
  process.stdout.write(`${JSON.stringify({ event: 'child.status', url: running.status_url })}\n`);
  process.on('SIGTERM', () => void running.stop());
  await running.stopped;
}

function environmentText(depth: number): string {
  return `apiVersion: ssmd/v1
kind: Environment
metadata: { name: ${ENVIRONMENT} }
spec:
  feeds: { ${FEED}: { channels: [book], book_depth: ${depth} } }
  symbols:
    BTCUSD: { feed: ${FEED}, external: BTC/USD, tier: 1 }
  shards:
    ${SHARD}: { selector: { tier: 1 } }
  transport:
    type: nats
    subjects:
      internal: 'internal.{shard}.{feed}.{type}.{symbol}'
      client: 'md.{feed}.{type}.{symbol}'
  storage:
    raw: { bucket: test-raw, retention_days: -1 }
    normalized: { bucket: test-normalized, retention_days: -1 }
  jetstream: { retention_hours: 48, max_bytes: 20GB }
  origin: simulator
`;
}
