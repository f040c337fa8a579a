/** The audit's activities: what to look at, days rebuilt, days of a range, runs of jobs, the report. */
import { jsonDocument } from '../dataset/canonical.ts';
import type { Current } from '../dataset/current.ts';
import { LAST_AUDIT_KEY, auditKey } from '../dataset/keys.ts';
import { renderAudit } from '../qa/audit-report.ts';
import type { AuditDocument } from '../qa/audit-report.ts';
import type { AuditInput } from '../schema/jobs.ts';
import { addDays, dayStart, formatIso, parseDay, parseIso } from '../schema/time.ts';
import type { Day } from '../schema/time.ts';
import { auditDay } from './audit-day.ts';
import { auditRange } from './audit-range.ts';
import type { RangeAudit } from './audit-range.ts';
import type { AuditFinding, DayAudit } from './audit-report.ts';
import { auditRuns } from './audit-runs.ts';
import type { JobRuns } from './audit-runs.ts';
import { daysOf, resolveDay, yesterdayOf } from './day-input.ts';
import { JSON_TYPE, readCurrent } from './datasets.ts';
import type { JobContext, JobDeps } from './deps.ts';
import { findLeftovers } from './leftovers.ts';
import type { Leftover } from './leftovers.ts';
import { RANGE_DAYS_MAX } from './reprocess-plan.ts';
import { activity } from './run.ts';

export type AuditDeps = JobDeps & {
  readonly runs: JobRuns;
  /** What is wrong with the schedules that start jobs; left out, nobody looks. */
  readonly schedules?: () => Promise<readonly AuditFinding[]>;
};

export type AuditTarget = {
  readonly feed: string;
  readonly day: string;
  readonly version?: string;
};

export type AuditPlan = {
  /** Not of one day alone: ranges, runs and leftovers are looked at as well. */
  readonly standing: boolean;
  /** When it was asked; ISO 8601. */
  readonly at: string;
  /** Runs that ended since then are looked at. */
  readonly since: string;
  readonly feeds: readonly {
    readonly feed: string;
    readonly from: string;
    readonly to: string;
    /** Days to rebuild from RAW. */
    readonly rebuild: readonly string[];
  }[];
};

/** Days a standing audit looks at where none are named. */
export const STANDING_DAYS = 7;
/** Runs are looked at so far back where no audit was before. */
const RUNS_DAYS = 7;
/** What nothing refers to is a finding once a weekly cleanup should have taken it. */
export const LEFTOVER_DAYS = 8;
const MS_PER_DAY = 86_400_000;

export function createAuditActivities(deps: AuditDeps) {
  return {
    auditFeedDay: activity((target: AuditTarget, context): Promise<DayAudit> => {
      const resolved = resolveDay(deps, target);
      return auditDay(deps, { ...resolved, version: target.version ?? null }, context);
    }),

    planAudit: activity(
      (of: {
        readonly wanted: AuditInput;
        readonly day: string;
        readonly feeds: readonly string[];
      }) => planAudit(deps, of),
    ),

    auditFeedRange: activity(
      (
        of: { readonly feed: string; readonly from: string; readonly to: string },
        context,
      ): Promise<RangeAudit> => auditRange(deps, of, context),
    ),

    auditJobRuns: activity(
      async (of: { readonly since: string; readonly own: string }, context) => {
        const now = deps.now();
        const since = parseIso(of.since) ?? now;
        const found = await auditRuns(deps.runs, { since, now, own: of.own }, context);
        return [...found, ...((await deps.schedules?.()) ?? [])];
      },
    ),

    auditLeftovers: activity((of: { readonly feeds: readonly string[] }, context) =>
      auditLeftovers(deps, of.feeds, context),
    ),

    writeAuditReport: activity(
      async (of: { readonly document: AuditDocument; readonly run: string }) => {
        const { document, run } = of;
        const day = parseDay(document.to) ?? yesterdayOf(deps.now());
        const at = { scope: document.feed ?? 'all', day, run };
        const keys = {
          json: auditKey({ ...at, as: 'json' }),
          html: auditKey({ ...at, as: 'html' }),
        };
        await deps.normalized.put(keys.json, jsonDocument(document), JSON_TYPE);
        const html = new TextEncoder().encode(renderAudit(document));
        await deps.normalized.put(keys.html, html, { contentType: 'text/html; charset=utf-8' });
        if (document.standing && document.feed === null) {
          const last = jsonDocument({ format: 1, at: document.at, report: keys.json });
          await deps.normalized.put(LAST_AUDIT_KEY, last, JSON_TYPE);
        }
        return keys;
      },
    ),
  };
}

export type AuditActivities = ReturnType<typeof createAuditActivities>;

/** Which days are looked at, and which of them are rebuilt. */
export async function planAudit(
  deps: JobDeps,
  of: { readonly wanted: AuditInput; readonly day: string; readonly feeds: readonly string[] },
): Promise<AuditPlan> {
  const { wanted, day } = of;
  const now = deps.now();
  const standing = wanted.day === undefined && wanted.version === undefined;
  const yesterday = yesterdayOf(now);
  const feeds: AuditPlan['feeds'][number][] = [];
  for (const feed of of.feeds) {
    if (!standing) {
      feeds.push({ feed, from: day, to: day, rebuild: [day] });
      continue;
    }
    const served = servedDays(await readCurrent(deps, feed));
    const from = wanted.from ?? firstOf(served, yesterday, wanted.deep === true);
    const to = wanted.to ?? yesterday;
    const own = served.filter((it) => it >= from && it <= to);
    // A named range is sampled by itself, the last days together with all there ever were.
    const pool = wanted.from === undefined ? served.filter((it) => it <= to) : own;
    feeds.push({ feed, from, to, rebuild: wanted.deep === true ? own : sampleOf(pool, yesterday) });
  }
  return { standing, at: formatIso(now), since: await lastAudit(deps), feeds };
}

/** The newest day, and another that goes round day by day: all of them are rebuilt once in a round. */
export function sampleOf(days: readonly Day[], on: Day): Day[] {
  const newest = days.at(-1);
  if (newest === undefined) return [];
  const older = days.slice(0, -1);
  const turn = Number(dayStart(on) / 86_400_000_000_000n);
  const other = older[turn % Math.max(older.length, 1)];
  return other === undefined ? [newest] : [other, newest];
}

function servedDays(current: Current | null): Day[] {
  return (current?.ranges ?? []).flatMap(daysOf).sort();
}

function firstOf(served: readonly Day[], yesterday: Day, deep: boolean): Day {
  const usual = addDays(yesterday, 1 - STANDING_DAYS);
  const [first = usual] = served;
  if (!deep || first > usual) return usual;
  const least = addDays(yesterday, 1 - RANGE_DAYS_MAX);
  return first > least ? first : least;
}

async function lastAudit({ normalized, now }: JobDeps): Promise<string> {
  const stored = await normalized.get(LAST_AUDIT_KEY);
  const usual = formatIso(now() - BigInt(RUNS_DAYS) * 86_400_000_000_000n);
  if (stored === null) return usual;
  try {
    const { at } = JSON.parse(new TextDecoder().decode(stored.body)) as { readonly at: unknown };
    return typeof at === 'string' && parseIso(at) !== null ? at : usual;
  } catch {
    return usual;
  }
}

const LEFTOVER_WORDS: Readonly<Record<Leftover['kind'], string>> = {
  staged: 'staged records of committed days',
  object: 'objects no manifest names',
  abandoned: 'records and objects of rebuilds that were not committed',
};

/** One finding for each version, feed and kind: what a cleanup would take. */
async function auditLeftovers(
  deps: JobDeps,
  feeds: readonly string[],
  context: JobContext,
): Promise<AuditFinding[]> {
  const before_ms = Number(deps.now() / 1_000_000n) - LEFTOVER_DAYS * MS_PER_DAY;
  const groups = new Map<string, { count: number; bytes: number; first: string }>();
  for await (const it of findLeftovers(deps, { feeds, before_ms }, context)) {
    const name = `${it.kind} ${it.version} ${it.feed}`;
    const group = groups.get(name) ?? { count: 0, bytes: 0, first: it.key };
    groups.set(name, { ...group, count: group.count + 1, bytes: group.bytes + it.bytes });
  }
  return [...groups].map(([name, { count, bytes, first }]) => {
    const [kind, version, feed] = name.split(' ');
    const what = LEFTOVER_WORDS[kind as Leftover['kind']];
    const detail = `${count} ${what} of ${feed} ${version}, ${bytes} bytes; npx ssmd cleanup --dry-run`;
    return { kind: kind === 'object' ? 'object_orphan' : 'staging_orphan', key: first, detail };
  });
}
