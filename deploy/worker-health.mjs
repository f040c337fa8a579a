// Healthy when a worker polls the task queue: asked of Temporal itself, over its HTTP API
// (SSMD_TEMPORAL_HTTP). Used by the container's healthcheck; one worker runs there.

const AGE_MS_MAX = 120_000;

const base = process.env.SSMD_TEMPORAL_HTTP ?? 'http://127.0.0.1:7243';
const namespace = process.env.TEMPORAL_NAMESPACE ?? 'default';
const url = `${base}/api/v1/namespaces/${namespace}/task-queues/ssmd`;

const answer = await fetch(url, { signal: AbortSignal.timeout(4_000) });
const { pollers = [] } = await answer.json();
const fresh = pollers.filter(
  ({ identity, lastAccessTime }) =>
    identity.startsWith('ssmd-worker@') && Date.now() - Date.parse(lastAccessTime) < AGE_MS_MAX,
);
if (fresh.length === 0) {
  console.error(`no worker polls ssmd; others that did: ${pollers.length}`);
  process.exit(1);
}
