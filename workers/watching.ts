/** What a worker does beside its jobs: it serves its pages and watches the environment's metrics. */
import type { ConnectionLike } from '@temporalio/client';
import type { Logger } from 'pino';
import type { JobDeps } from '../activities/deps.ts';
import type { NoticeDesk } from '../activities/notices.ts';
import { openStatusServer } from '../connectors/runtime/status-server.ts';
import type { NotifySettings } from '../environments/alerts-file.ts';
import type { Endpoints } from '../environments/endpoints.ts';
import type { Environment } from '../environments/env.ts';
import { watchAlerts } from './alerts.ts';
import type { Target } from './alerts.ts';
import { openNotices } from './notices.ts';
import { createQaMetrics } from './qa-metrics.ts';
import { listStatus } from './status-files.ts';

export type Watching = {
  readonly status_url: string | null;
  readonly stop: () => Promise<void>;
};

export async function startWatching(
  options: {
    readonly environment: Environment;
    readonly endpoints: Endpoints;
    readonly root: string;
    readonly notify?: NotifySettings;
    readonly port?: number;
  },
  of: {
    readonly connection: ConnectionLike;
    readonly desk: NoticeDesk;
    readonly deps: JobDeps;
    readonly logger: Logger;
  },
): Promise<Watching> {
  const { environment, endpoints, root, notify, port } = options;
  const { connection, desk, deps, logger } = of;
  const { namespace } = endpoints.temporal;
  const qa = createQaMetrics({
    store: deps.normalized,
    feeds: deps.configuredFeeds,
    now: deps.now,
  });
  const rules = notify?.rules ?? [];
  const status = () => ({
    ...{ environment: environment.name, state: 'RUNNING', address: endpoints.temporal.address },
    alerts: rules.map(({ name }) => name),
  });
  const server =
    port === undefined
      ? null
      : await openStatusServer({ status, metrics: qa.text, ready: () => true }, { port });
  const place = { root, environment: environment.name };
  const targets = async (): Promise<Target[]> => [
    ...(await listStatus(place)),
    ...(notify?.metrics ?? []).map((url) => ({ url, feed: null, shard: null })),
  ];
  const open = async (): Promise<string[]> => [
    ...(await openNotices(connection, namespace, 'alert/')),
    ...(await openNotices(connection, namespace, 'qa/')),
  ];
  const stopping = new AbortController();
  const watched = watchAlerts(
    { rules, desk, open, targets, own: qa.samples, now_ms: Date.now, logger },
    stopping.signal,
  );
  return {
    status_url: server?.url ?? null,
    stop: async () => {
      stopping.abort();
      await server?.close();
      await watched;
    },
  };
}
