/** A connector as a process of its own, to be killed: `node connector-process.ts '<JSON of its options>'`. */
import { FEEDS } from '../../connectors/registry.ts';
import { endpointsOf } from '../../environments/endpoints.ts';
import { readEnvironment } from '../../environments/env.ts';
import type { Environment } from '../../environments/env.ts';
import { startConnector } from '../../workers/connector.ts';

export type ProcessOptions = {
  readonly root: string;
  readonly url: string;
  readonly feed: string;
  readonly variables: Readonly<Record<string, string>>;
};

/** One market a feed, all in shard `tier1`, with logs below `root`. */
export function testEnvironment(): Environment {
  const known = [...FEEDS.values()].map((it) => ({ id: it.id, ...it.protocol }));
  return readEnvironment('test', YAML, known);
}

const YAML = `apiVersion: ssmd/v1
kind: Environment
metadata: { name: test }
spec:
  symbols:
    BTCUSD: { feed: kraken, external: BTC/USD, tier: 1 }
    ETHUSD:
      feeds: { kraken: { external: ETH/USD }, coinbase: { external: ETH-USD } }
      tier: 1
    BTCUSDT-PERP:
      feeds:
        binance-usdm: { external: BTCUSDT }
        bybit-linear: { external: BTCUSDT }
        okx: { external: BTC-USDT-SWAP }
      tier: 1
  shards:
    tier1: { selector: { tier: 1 } }
  transport:
    type: nats
    subjects:
      internal: 'internal.{shard}.{feed}.{type}.{symbol}'
      client: 'md.{feed}.{type}.{symbol}'
  storage:
    raw: { bucket: test-raw, retention_days: -1 }
    normalized: { bucket: test-normalized, retention_days: -1 }
  jetstream: { retention_hours: 48, max_bytes: 1GB }
  origin: simulator
`;

if (import.meta.main) {
  const options = JSON.parse(process.argv[2] ?? '{}') as ProcessOptions;
  const environment = testEnvironment();
  const running = await startConnector({
    environment,
    endpoints: endpointsOf(environment, options.variables),
    feed: options.feed,
    shard: 'tier1',
    url: options.url,
    root: options.root,
    port: 0,
  });
  process.stdout.write(`${JSON.stringify({ event: 'process.status', url: running.status_url })}\n`);
  process.on('SIGTERM', () => void running.stop());
  await running.stopped;
}
