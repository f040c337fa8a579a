/**
 * Brings a server's schedules to what is wanted: what is missing is created, what differs is updated whole, and
 * whether it is paused, and why, stays as it was found. Repeated, it changes nothing; nothing is there twice.
 */
import { setTimeout as delay } from 'node:timers/promises';
import {
  ScheduleAlreadyRunning,
  ScheduleNotFoundError,
  ServiceError,
  isGrpcServiceError,
} from '@temporalio/client';
import type { ScheduleClient, ScheduleDescription } from '@temporalio/client';
import { SsmdError, invalidInput } from '../schema/errors.ts';
import { diffLines, foundLines, toServer, wantedLines } from './schedule-client.ts';
import type { WantedSchedule } from './schedules.ts';

/** What a schedule of ours is marked with: whose it is, and who made it. */
export const MEMO = { environment: 'ssmd_environment', source: 'ssmd_source' } as const;

export type ApplyOptions = {
  readonly environment: string;
  /** Changes nothing. */
  readonly dry_run: boolean;
  /** Deletes what was applied once and is wanted no more. */
  readonly prune: boolean;
};

export type Applied = {
  readonly id: string;
  /** In a dry run, what would be. `unwanted`: applied once and wanted no more; it stays. */
  readonly outcome: 'created' | 'updated' | 'unchanged' | 'unwanted' | 'deleted';
  readonly diff: readonly string[];
  readonly paused: boolean;
};

/** @throws SSMD_INVALID_INPUT, before anything is changed, where another environment has such a schedule */
export async function applySchedules(
  client: ScheduleClient,
  wanted: readonly WantedSchedule[],
  options: ApplyOptions,
): Promise<Applied[]> {
  const found = await Promise.all(wanted.map(({ id }) => describe(client, id)));
  const faults = found.flatMap((it) => {
    const owner = it?.memo?.[MEMO.environment];
    if (it === null || owner === undefined || owner === options.environment) return [];
    return [{ where: it.scheduleId, what: `belongs to the environment ${String(owner)}` }];
  });
  if (faults.length > 0) throw invalidInput('the schedules of this server', faults);
  const applied: Applied[] = [];
  for (const [index, it] of wanted.entries()) {
    applied.push(await applyOne(client, it, found[index] ?? null, options));
  }
  const ids = new Set(wanted.map(({ id }) => id));
  const { environment, prune } = options;
  for await (const { scheduleId: id, memo, state } of client.list()) {
    const ours = memo?.[MEMO.environment] === environment && memo[MEMO.source] === 'apply';
    if (!ours || ids.has(id)) continue;
    if (prune && !options.dry_run) await client.getHandle(id).delete();
    const outcome = prune ? 'deleted' : 'unwanted';
    applied.push({ id, outcome, diff: [], paused: state.paused });
  }
  return applied;
}

async function applyOne(
  client: ScheduleClient,
  wanted: WantedSchedule,
  found: ScheduleDescription | null,
  options: ApplyOptions,
): Promise<Applied> {
  const { id } = wanted;
  const lines = wantedLines(wanted);
  if (found === null) {
    const created = { id, outcome: 'created', diff: diffLines([], lines), paused: false } as const;
    if (options.dry_run) return created;
    try {
      await createSchedule(client, wanted, { ...options, source: 'apply' });
      return created;
    } catch (error) {
      // Somebody else applies at the same moment.
      if (!(error instanceof ScheduleAlreadyRunning)) throw error;
      return applyOne(client, wanted, await describe(client, id), options);
    }
  }
  const diff = diffLines(foundLines(found), lines);
  const { paused } = found.state;
  if (diff.length === 0) return { id, outcome: 'unchanged', diff, paused };
  if (!options.dry_run) {
    await client.getHandle(id).update(({ state }) => ({ ...toServer(wanted), state }));
  }
  return { id, outcome: 'updated', diff, paused };
}

/** @throws ScheduleAlreadyRunning */
export async function createSchedule(
  client: ScheduleClient,
  wanted: WantedSchedule,
  of: {
    readonly environment: string;
    readonly source: 'apply' | 'create';
    readonly paused?: boolean;
  },
): Promise<void> {
  await client.create({
    scheduleId: wanted.id,
    ...toServer(wanted),
    memo: { [MEMO.environment]: of.environment, [MEMO.source]: of.source },
    state: of.paused === true ? { paused: true, note: 'created paused' } : {},
  });
}

/** A server answers by asking the schedule's own run, which on a busy one may not be heard in time. */
const DESCRIBE_TRIES = 3;
const DESCRIBE_PAUSE_MS = 500;

/** Null where there is none. @throws SSMD_UNAVAILABLE where the server does not say */
export async function describe(
  client: ScheduleClient,
  id: string,
): Promise<ScheduleDescription | null> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await client.getHandle(id).describe();
    } catch (error) {
      if (error instanceof ScheduleNotFoundError) return null;
      if (!(error instanceof ServiceError)) throw error;
      if (attempt === DESCRIBE_TRIES) throw notSaid(id, error);
      await delay(DESCRIBE_PAUSE_MS);
    }
  }
}

function notSaid(id: string, error: ServiceError): SsmdError {
  const { cause } = error;
  const why = isGrpcServiceError(cause) ? cause.details : String(cause ?? error.message);
  const message = `Temporal did not say what the schedule '${id}' is: ${why}; try again in a moment`;
  const facts = { schedule: id };
  return new SsmdError('SSMD_UNAVAILABLE', message, { retryable: true, facts, cause: error });
}
