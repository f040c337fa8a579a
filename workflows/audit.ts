/** Rebuilds days from RAW and compares them with the archive; what does not hold is named. */
import { setCurrentDetails } from '@temporalio/workflow';
import type { DayAudit } from '../activities/audit.ts';
import { fileUnder } from './lib/attributes.ts';
import { parseAudit } from './lib/messages.ts';
import type { AuditInput } from './lib/messages.ts';
import { io, quick } from './proxies.ts';

export type AuditReport = {
  readonly outcome: 'passed' | 'failed';
  readonly days: readonly DayAudit[];
};

export async function audit(input: AuditInput): Promise<AuditReport> {
  const wanted = parseAudit(input);
  const known = await quick.knownSearchAttributes();
  const targets = await quick.listAuditDays(wanted);
  const [first] = targets;
  if (first !== undefined) fileUnder(known, { SsmdDay: first.day, SsmdStage: 'audit' });
  if (wanted.feed !== undefined) fileUnder(known, { SsmdFeed: wanted.feed });
  const days: DayAudit[] = [];
  for (const target of targets) {
    setCurrentDetails(
      `auditing ${target.feed} ${target.day} (${days.length + 1} of ${targets.length})`,
    );
    const summary = `${target.feed} ${target.day}`;
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
