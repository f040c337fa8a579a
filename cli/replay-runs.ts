/** Replays as the Temporal server knows them: found by their name on the bus, told things, looked at. */
import { WorkflowNotFoundError, WorkflowUpdateFailedError } from '@temporalio/client';
import type { Client, WorkflowHandle } from '@temporalio/client';
import type { HeartbeatKept } from '../activities/replay.ts';
import { SsmdError } from '../schema/errors.ts';
import type { ReplayPosition } from '../schema/replay.ts';
import type { ReplayWhere } from '../workflows/replay.ts';

/** One replay as it is listed. */
export type ReplayRow = {
  readonly id: string;
  readonly workflow_id: string;
  /** Temporal's word: RUNNING, COMPLETED, ... */
  readonly status: string;
  readonly started: string;
  readonly closed: string | null;
};

export type FoundReplay = ReplayRow & { readonly handle: WorkflowHandle };

/** Replays looked through for a name: those that run, then those that ended last. */
const LOOKED_AT_MAX = 1_000;

/** Replays: those that run, then those that ended last. */
export async function listReplays(client: Client, limit: number): Promise<ReplayRow[]> {
  const rows: ReplayRow[] = [];
  for await (const run of client.workflow.list({ query: 'WorkflowType = "replay"' })) {
    rows.push({
      id: nameIn(run.workflowId, run.runId),
      workflow_id: run.workflowId,
      status: run.status.name,
      started: run.startTime.toISOString(),
      closed: run.closeTime?.toISOString() ?? null,
    });
    if (rows.length === limit) break;
  }
  return rows;
}

/** What a run that names itself has at its end; one started by hand is named after its run. */
function nameIn(workflow_id: string, run_id: string): string {
  const [, name] = /^replay\/[^/]+\/[^/]+\/([^/]+)$/.exec(workflow_id) ?? [];
  return name ?? `r${run_id.slice(-8)}`;
}

/** By its name on the bus or its workflow's id; the one that runs before others. @throws SSMD_NOT_FOUND */
export async function findReplay(client: Client, id: string): Promise<FoundReplay> {
  const rows = await listReplays(client, LOOKED_AT_MAX);
  const named = rows.filter((row) => row.id === id || row.workflow_id === id);
  const row = named.find(({ status }) => status === 'RUNNING') ?? named[0];
  if (row !== undefined) return { ...row, handle: client.workflow.getHandle(row.workflow_id) };
  // What was started a moment ago may not be listed yet.
  const handle = client.workflow.getHandle(id);
  try {
    const { type, status, startTime, closeTime, runId } = await handle.describe();
    if (type === 'replay') {
      return {
        ...{ id: nameIn(id, runId), workflow_id: id, status: status.name, handle },
        started: startTime.toISOString(),
        closed: closeTime?.toISOString() ?? null,
      };
    }
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
  }
  throw new SsmdError('SSMD_NOT_FOUND', `no replay "${id}"; see: npx ssmd replay list`, {
    facts: { id },
  });
}

/** Tells a replay something. @throws SSMD_INVALID_INPUT with its reason where it refuses */
export async function tellReplay(
  { handle, id }: Pick<FoundReplay, 'handle' | 'id'>,
  name: string,
  arg: object,
): Promise<ReplayPosition> {
  try {
    return await handle.executeUpdate<ReplayPosition, [object]>(name, { args: [arg] });
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) throw over(id, error);
    if (!(error instanceof WorkflowUpdateFailedError)) throw error;
    const reason = error.cause?.message ?? error.message;
    throw new SsmdError('SSMD_INVALID_INPUT', `${name} ${id}: ${reason}`, {
      facts: { id, reason },
      cause: error,
    });
  }
}

function over(id: string, cause: Error): SsmdError {
  const message = `the replay "${id}" is over; see: npx ssmd replay status ${id}`;
  return new SsmdError('SSMD_INVALID_INPUT', message, { facts: { id }, cause });
}

/** Where it is: what its process said last, within a second, or what its workflow knows. */
export async function whereIs(
  handle: WorkflowHandle,
): Promise<ReplayWhere & { readonly position: ReplayPosition | null }> {
  const [where, { raw }] = await Promise.all([
    handle.query<ReplayWhere>('position'),
    handle.describe(),
  ]);
  const pending = (raw.pendingActivities ?? []).find((it) => it.activityType?.name === 'runReplay');
  return { ...where, position: positionIn(pending?.heartbeatDetails) ?? where.position };
}

function positionIn(
  details: { payloads?: { data?: Uint8Array | null }[] | null } | null | undefined,
): ReplayPosition | null {
  const data = details?.payloads?.[0]?.data;
  if (data === null || data === undefined) return null;
  const cursor = JSON.parse(new TextDecoder().decode(data)) as { readonly done?: string[] };
  const [kept] = cursor.done ?? [];
  return kept === undefined ? null : (JSON.parse(kept) as HeartbeatKept).position;
}
