/** A run's history, page by page, and while it goes on, as it grows. */
import type { Client } from '@temporalio/client';
import type { HistoryEvent } from './job-failure-words.ts';

export type RunName = { readonly id: string; readonly run_id: string };

/** Seconds the server may hold the question for what comes next; then it is asked anew. */
const HELD_MS = 15_000;

/** Every event there is; with `follow` also those that come, until the run is over or `signal` aborts. */
export async function* eventsOf(
  client: Client,
  { id, run_id }: RunName,
  options: { readonly follow?: boolean; readonly signal?: AbortSignal } = {},
): AsyncGenerator<HistoryEvent> {
  const { follow = false, signal = new AbortController().signal } = options;
  let token: Uint8Array | null = null;
  do {
    const page = await pageOf(client, { id, run_id, token, follow, signal });
    if (page === null) {
      if (signal.aborted) return;
      continue;
    }
    yield* page.events;
    token = page.token;
  } while (token !== null);
}

type Page = { readonly events: readonly HistoryEvent[]; readonly token: Uint8Array | null };

/** Null where the server had nothing to say for as long as it was asked. */
async function pageOf(
  client: Client,
  of: RunName & {
    readonly token: Uint8Array | null;
    readonly follow: boolean;
    readonly signal: AbortSignal;
  },
): Promise<Page | null> {
  const { id, run_id, token, follow, signal } = of;
  const ask = () =>
    client.workflowService.getWorkflowExecutionHistory({
      namespace: client.options.namespace,
      execution: { workflowId: id, runId: run_id },
      waitNewEvent: follow,
      ...(token === null ? {} : { nextPageToken: token }),
    });
  const { isGrpcServiceError, isGrpcCancelledError } = await import('@temporalio/client');
  try {
    const deadline = Date.now() + (follow ? HELD_MS : HELD_MS * 2);
    const { history, nextPageToken: next } = await client.withAbortSignal(signal, () =>
      client.withDeadline(deadline, ask),
    );
    const more = next != null && next.length > 0 ? next : null;
    return { events: history?.events ?? [], token: more };
  } catch (error) {
    const DEADLINE_EXCEEDED = 4;
    const late = isGrpcServiceError(error) && Number(error.code) === DEADLINE_EXCEEDED;
    if (signal.aborted || (follow && (late || isGrpcCancelledError(error)))) return null;
    throw error;
  }
}
