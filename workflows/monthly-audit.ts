/** Reports what is there, by feed, version, type and month, against what the environment says of it. */
import { workflowInfo } from '@temporalio/workflow';
import type { UsageSummary } from '../activities/usage.ts';
import type { MonthlyAuditInput } from '../schema/jobs.ts';
import { admit } from './lib/admit.ts';
import { fileUnder } from './lib/attributes.ts';
import { createShow } from './lib/progress.ts';
import { io } from './proxies.ts';

export type MonthlyAuditReport = UsageSummary & { readonly outcome: 'reported' };

export async function monthlyAudit(input: MonthlyAuditInput): Promise<MonthlyAuditReport> {
  const { wanted, feeds, search_attributes: known } = await admit('monthly-audit', input);
  fileUnder(known, { SsmdStage: 'count' });
  if (wanted.feed !== undefined) fileUnder(known, { SsmdFeed: wanted.feed });
  const show = createShow(`monthly-audit ${wanted.feed ?? 'all feeds'}`, ['count']);
  show('count');
  const run = workflowInfo().runId.slice(-12);
  const summary = await io.reportUsage({ feeds, feed: wanted.feed ?? null, run });
  fileUnder(known, { SsmdStage: 'done', SsmdOutcome: 'reported' });
  show(null, `Report: \`${summary.html}\``);
  return { outcome: 'reported', ...summary };
}
