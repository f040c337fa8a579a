/** Rebuilds days from RAW and compares them with the archive; what does not hold is named. */
import { setCurrentDetails } from '@temporalio/workflow';
import type { DayAudit } from '../activities/audit-report.ts';
import type { AuditInput } from '../schema/jobs.ts';
import { admit } from './lib/admit.ts';
import { fileUnder } from './lib/attributes.ts';
import { io } from './proxies.ts';

export type AuditReport = {
  readonly outcome: 'passed' | 'failed';
  readonly days: readonly DayAudit[];
};

export async function audit(input: AuditInput): Promise<AuditReport> {
  const { wanted, day, feeds, search_attributes: known } = await admit('audit', input);
  fileUnder(known, { SsmdDay: day, SsmdStage: 'audit' });
  if (wanted.feed !== undefined) fileUnder(known, { SsmdFeed: wanted.feed });
  const days: DayAudit[] = [];
  for (const feed of feeds) {
    setCurrentDetails(`auditing ${feed} ${day} (${days.length + 1} of ${feeds.length})`);
    const target = { ...wanted, feed, day };
    const summary = `${feed} ${day}`;
    days.push(await io.auditFeedDay.executeWithOptions({ summary }, [target]));
  }
  const outcome = days.every((day) => day.outcome === 'passed') ? 'passed' : 'failed';
  fileUnder(known, { SsmdStage: 'done', SsmdOutcome: outcome });
  setCurrentDetails(days.map(summaryOf).join('\n\n'));
  return { outcome, days };
}

function summaryOf(day: DayAudit): string {
  const findings = day.findings.map(({ kind, detail }) => `- ${kind}: ${detail}`);
  return [`**${day.feed} ${day.day}: ${day.outcome}**`, ...findings].join('\n');
}
