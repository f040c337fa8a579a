/**
 * Looks for whatever does not hold: days rebuilt from RAW and compared with the archive; and, unless one
 * day alone is asked for, days without manifests, inventories and objects against the buckets, runs that
 * ended badly or not at all, and what lies around. Changes nothing but its own report.
 */
import { isCancellation, workflowInfo } from '@temporalio/workflow';
import type { AuditPlan } from '../activities/audit.ts';
import type { RangeAudit } from '../activities/audit-range.ts';
import type { AuditFinding, DayAudit } from '../activities/audit-report.ts';
import type { AuditInput } from '../schema/jobs.ts';
import { admit } from './lib/admit.ts';
import { fileUnder } from './lib/attributes.ts';
import { carriedDay } from './lib/audit-days.ts';
import { messageOf } from './lib/failures.ts';
import { createShow } from './lib/progress.ts';
import type { Show } from './lib/progress.ts';
import { io, records } from './proxies.ts';

export type AuditReport = {
  readonly outcome: 'passed' | 'failed';
  readonly from: string;
  readonly to: string;
  /** Days that were rebuilt; of many, those that failed first, and not all of their findings. */
  readonly days: readonly DayAudit[];
  readonly days_rebuilt: number;
  /** Of all days, committed or not, that were looked at. */
  readonly ranges: readonly Omit<RangeAudit, 'findings' | 'findings_left_off'>[];
  /** What was found beside the days that were rebuilt: the first few. */
  readonly findings: readonly AuditFinding[];
  /** All there are, in the report. */
  readonly findings_total: number;
  readonly json: string;
  readonly html: string;
};

/** A result has to stay small; the report has it all. */
const DAYS_RETURNED_MAX = 20;
const FINDINGS_RETURNED_MAX = 40;
const FINDINGS_A_DAY_MAX = 5;
const STAGES = ['plan', 'rebuild', 'look around', 'report'];

export async function audit(input: AuditInput): Promise<AuditReport> {
  const { wanted, day, feeds, search_attributes: known } = await admit('audit', input);
  fileUnder(known, {
    ...{ SsmdDay: wanted.to ?? day, SsmdStage: 'audit' },
    SsmdMode: wanted.deep === true ? 'deep' : 'daily',
  });
  if (wanted.feed !== undefined) fileUnder(known, { SsmdFeed: wanted.feed });
  const show = createShow(`audit ${wanted.feed ?? 'all feeds'} ${wanted.to ?? day}`, STAGES);
  show('plan');
  const plan = await records.planAudit({ wanted, day, feeds });
  const { days, failed } = await rebuildDays(plan, wanted, show);
  const looked = plan.standing ? await lookAround(plan, feeds, show) : NOTHING;
  const findings = [...looked.findings, ...failed];
  const passed = findings.length === 0 && days.every((it) => it.outcome === 'passed');
  const outcome = passed ? 'passed' : 'failed';
  const from = plan.feeds.reduce((least, it) => (it.from < least ? it.from : least), day);
  const to = wanted.to ?? day;
  const document = {
    ...({ format: 1, outcome, feed: wanted.feed ?? null, from, to } as const),
    ...{ deep: wanted.deep === true, standing: plan.standing, at: plan.at },
    ...{ since: plan.standing ? plan.since : null, days, ranges: looked.ranges, findings },
  };
  const run = workflowInfo().runId.slice(-12);
  show('report');
  const { json, html } = await records.writeAuditReport({ document, run });
  fileUnder(known, { SsmdStage: 'done', SsmdOutcome: outcome });
  const found = days.reduce((sum, it) => sum + it.findings.length + it.findings_left_off, 0);
  show(null, [...days.map(summaryOf), linesOf(findings), `Report: \`${html}\``].join('\n\n'));
  return {
    ...{ outcome, from, to, days: returned(days), days_rebuilt: days.length },
    ...{ ranges: looked.ranges, findings: findings.slice(0, FINDINGS_RETURNED_MAX) },
    ...{ findings_total: findings.length + found, json, html },
  };
}

type Looked = Pick<AuditReport, 'ranges' | 'findings'>;
const NOTHING: Looked = { ranges: [], findings: [] };

async function rebuildDays(
  plan: AuditPlan,
  wanted: AuditInput,
  show: Show,
): Promise<{ days: DayAudit[]; failed: AuditFinding[] }> {
  const days: DayAudit[] = [];
  const failed: AuditFinding[] = [];
  const all = plan.feeds.flatMap(({ feed, rebuild }) => rebuild.map((day) => ({ feed, day })));
  const { version } = wanted;
  for (const [index, { feed, day }] of all.entries()) {
    show('rebuild', `${feed} ${day}, ${index + 1} of ${all.length} days`);
    const target = { feed, day, ...(version === undefined ? {} : { version }) };
    const summary = `${feed} ${day}`;
    try {
      const audited = await io.auditFeedDay.executeWithOptions({ summary }, [target]);
      days.push(carriedDay(days, audited));
    } catch (error) {
      // One day that cannot be audited hides nothing of the others.
      if (!plan.standing || isCancellation(error)) throw error;
      const detail = messageOf(error).slice(0, 300);
      failed.push({ kind: 'day_unaudited', key: `${feed} ${day}`, detail });
    }
  }
  return { days, failed };
}

async function lookAround(plan: AuditPlan, feeds: readonly string[], show: Show): Promise<Looked> {
  const ranges: Looked['ranges'][number][] = [];
  const findings: AuditFinding[] = [];
  for (const { feed, from, to } of plan.feeds) {
    const summary = `${feed} ${from}..${to}`;
    show('look around', `${summary}: RAW, manifests, objects`);
    const found = await io.auditFeedRange.executeWithOptions({ summary }, [{ feed, from, to }]);
    const { findings: own, findings_left_off, ...range } = found;
    findings.push(...own);
    if (findings_left_off > 0) {
      const detail = `${findings_left_off} more findings of this range are not listed`;
      findings.push({ kind: 'day_unaudited', key: summary, detail });
    }
    ranges.push(range);
  }
  show('look around', 'runs of jobs, and what lies around');
  const own = workflowInfo().workflowId;
  findings.push(...(await records.auditJobRuns({ since: plan.since, own })));
  findings.push(...(await io.auditLeftovers({ feeds })));
  return { ranges, findings };
}

function returned(days: readonly DayAudit[]): DayAudit[] {
  const failed = days.filter((it) => it.outcome === 'failed');
  const shown = [...failed, ...days.filter((it) => it.outcome === 'passed')];
  if (days.length <= 2) return shown;
  return shown.slice(0, DAYS_RETURNED_MAX).map((day) => {
    const findings = day.findings.slice(0, FINDINGS_A_DAY_MAX);
    const more = day.findings.length - findings.length;
    return { ...day, findings, findings_left_off: day.findings_left_off + more };
  });
}

function summaryOf(day: DayAudit): string {
  return `**${day.feed} ${day.day}: ${day.outcome}**\n${linesOf(day.findings)}`;
}

function linesOf(findings: readonly AuditFinding[]): string {
  const shown = findings.slice(0, FINDINGS_RETURNED_MAX);
  return shown.map(({ kind, key, detail }) => `- ${kind}: ${key}: ${detail}`).join('\n');
}
