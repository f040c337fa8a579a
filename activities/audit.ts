/** Rebuilds a day from RAW and compares it with the archive: every difference is named. */
import { auditDay } from './audit-day.ts';
import type { DayAudit } from './audit-day.ts';
import { resolveDay } from './day-input.ts';
import type { JobDeps } from './deps.ts';
import { activity } from './run.ts';

export type { DayAudit } from './audit-day.ts';

export type AuditTarget = {
  readonly feed: string;
  readonly day: string;
  readonly version?: string;
};

export function createAuditActivities(deps: JobDeps) {
  return {
    /** Which days are audited: one of one feed, or yesterday of all feeds. */
    listAuditDays: activity(
      async (input: { feed?: string; day?: string; version?: string }): Promise<AuditTarget[]> => {
        const feeds = input.feed === undefined ? deps.configuredFeeds : [input.feed];
        const version = input.version === undefined ? {} : { version: input.version };
        const day = input.day === undefined ? {} : { day: input.day };
        const targets = feeds.map((feed) => resolveDay(deps, { feed, ...day }));
        return Promise.resolve(
          targets.map((it) => ({ feed: it.feed.id, day: it.day as string, ...version })),
        );
      },
    ),

    auditFeedDay: activity((target: AuditTarget, context): Promise<DayAudit> => {
      const resolved = resolveDay(deps, target);
      return auditDay(deps, { ...resolved, version: target.version ?? null }, context);
    }),
  };
}

export type AuditActivities = ReturnType<typeof createAuditActivities>;
