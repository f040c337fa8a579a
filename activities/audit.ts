/** Rebuilds a day from RAW and compares it with the archive: every difference is named. */
import { auditDay } from './audit-day.ts';
import type { DayAudit } from './audit-report.ts';
import { resolveDay } from './day-input.ts';
import type { JobDeps } from './deps.ts';
import { activity } from './run.ts';

export type AuditTarget = {
  readonly feed: string;
  readonly day: string;
  readonly version?: string;
};

export function createAuditActivities(deps: JobDeps) {
  return {
    auditFeedDay: activity((target: AuditTarget, context): Promise<DayAudit> => {
      const resolved = resolveDay(deps, target);
      return auditDay(deps, { ...resolved, version: target.version ?? null }, context);
    }),
  };
}

export type AuditActivities = ReturnType<typeof createAuditActivities>;
