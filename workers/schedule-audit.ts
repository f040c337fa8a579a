/**
 * What an audit says of the server's schedules: missing or other than the code wants them, or paused by a
 * failure. Applies nothing itself: a difference may be an operator's wish, and two builds that audit at the
 * same moment would undo each other's schedules.
 */
import type { ScheduleClient } from '@temporalio/client';
import type { AuditFinding } from '../activities/audit-report.ts';
import { SsmdError } from '../schema/errors.ts';
import { applySchedules, describe } from './schedule-apply.ts';
import type { Applied } from './schedule-apply.ts';
import type { WantedSchedule } from './schedules.ts';

/** How the server notes that a failure paused a schedule; what an operator paused has other words. */
const PAUSED_BY_FAILURE = /^paused due to workflow /;
const DETAIL_CHARS_MAX = 300;

/** Schedules of these names are another environment's: this one could never apply its own. */
function orNone(error: unknown): readonly Applied[] {
  if (error instanceof SsmdError && error.code === 'SSMD_INVALID_INPUT') return [];
  throw error;
}

/** Nothing where none was ever applied: whoever starts jobs by hand has no schedules to miss. */
export async function auditSchedules(
  client: ScheduleClient,
  wanted: readonly WantedSchedule[],
  environment: string,
): Promise<AuditFinding[]> {
  const options = { environment, dry_run: true, prune: false };
  const applied = await applySchedules(client, wanted, options).catch(orNone);
  if (applied.every(({ outcome }) => outcome === 'created')) return [];
  const command = `npx ssmd schedule apply --env ${environment}`;
  const findings: AuditFinding[] = [];
  const add = (kind: AuditFinding['kind'], key: string, detail: string): void => {
    findings.push({ kind, key, detail: detail.slice(0, DETAIL_CHARS_MAX) });
  };
  for (const { id, outcome, diff, paused } of applied) {
    if (outcome === 'created') add('schedule_missing', id, `nothing starts its job; ${command}`);
    if (outcome === 'updated') {
      add(
        'schedule_changed',
        id,
        `differs in ${diff.length} lines from what is wanted; ${command}`,
      );
    }
    if (outcome === 'unwanted')
      add('schedule_changed', id, `is wanted no more; ${command} --prune`);
    const note = paused ? (await describe(client, id))?.state.note : undefined;
    if (note === undefined || !PAUSED_BY_FAILURE.test(note)) continue;
    const resume = `npx ssmd schedule resume ${id} --env ${environment}`;
    add('schedule_paused', id, `starts nothing since a run failed; ${resume}; ${note}`);
  }
  return findings;
}
