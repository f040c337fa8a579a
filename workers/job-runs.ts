/** Runs of jobs as the worker's Temporal server lists them. */
import { ApplicationFailure, Client, WorkflowFailedError } from '@temporalio/client';
import type { ConnectionLike, WorkflowExecutionInfo } from '@temporalio/client';
import { defineSearchAttributeKey } from '@temporalio/common';
import type { JobRuns, RunRow } from '../activities/audit-runs.ts';

const STAGE = defineSearchAttributeKey('SsmdStage', 'KEYWORD');
const FEED = defineSearchAttributeKey('SsmdFeed', 'KEYWORD');
const DAY = defineSearchAttributeKey('SsmdDay', 'KEYWORD');

/** Asks over a connection that is open already. */
export function jobRunsOf(connection: ConnectionLike, namespace: string): JobRuns {
  const client = new Client({ connection, namespace });
  return {
    list: async (query, limit) => {
      const rows: RunRow[] = [];
      if (limit <= 0) return rows;
      for await (const run of client.workflow.list({ query })) {
        rows.push(rowOf(run));
        if (rows.length === limit) break;
      }
      return rows;
    },
    failureOf: async ({ id, run_id }) => {
      try {
        await client.workflow.getHandle(id, run_id).result();
        return { code: 'none', words: '' };
      } catch (error) {
        return failureIn(error);
      }
    },
  };
}

function failureIn(error: unknown): { readonly code: string; readonly words: string } {
  let it: unknown = error;
  while (it instanceof Error && it.cause instanceof Error) {
    if (it instanceof ApplicationFailure && it.type?.startsWith('SSMD_') === true) break;
    it = it.cause;
  }
  const words = it instanceof Error ? it.message : String(it);
  if (it instanceof ApplicationFailure) return { code: it.type ?? 'Error', words };
  const code = error instanceof WorkflowFailedError ? 'failed' : 'unknown';
  return { code, words };
}

function rowOf(run: WorkflowExecutionInfo): RunRow {
  return {
    type: run.type,
    id: run.workflowId,
    run_id: run.runId,
    status: run.status.name,
    started: run.startTime.toISOString(),
    closed: run.closeTime?.toISOString() ?? null,
    events: run.historyLength,
    stage: run.typedSearchAttributes.get(STAGE) ?? null,
    feed: run.typedSearchAttributes.get(FEED) ?? null,
    day: run.typedSearchAttributes.get(DAY) ?? null,
  };
}
