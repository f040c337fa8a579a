/** The time a schedule meant this run for: the same however late it starts, and in a backfill. */
import { workflowInfo } from '@temporalio/workflow';

/** Unix milliseconds; null of a run that no schedule started. */
export function nominalMs(): number | null {
  const [nominal] = workflowInfo().searchAttributes['TemporalScheduledStartTime'] ?? [];
  if (nominal instanceof Date) return nominal.getTime();
  const at = typeof nominal === 'string' ? Date.parse(nominal) : Number.NaN;
  return Number.isNaN(at) ? null : at;
}
