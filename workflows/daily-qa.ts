/** Runs a feed's check suite over a committed day; findings are results, never failures of the run. */
import { setCurrentDetails } from '@temporalio/workflow';
import type { QaReport } from '../activities/qa.ts';
import type { DailyQaInput } from '../schema/jobs.ts';
import { admit } from './lib/admit.ts';
import { fileUnder } from './lib/attributes.ts';
import { io, records } from './proxies.ts';

export async function dailyQa(input: DailyQaInput): Promise<QaReport> {
  const { wanted, day, search_attributes: known } = await admit('daily-qa', input);
  fileUnder(known, { SsmdFeed: wanted.feed, SsmdDay: day, SsmdStage: 'qa' });
  const of = await records.resolveQaDay({ ...wanted, day });
  fileUnder(known, { SsmdVersion: of.version });
  const { stands_for } = of;
  const instead = stands_for === null ? '' : ` (for ${stands_for}, an md1 of the same RAW)`;
  const title = `${of.feed} ${of.day} ${of.version}${instead}`;
  setCurrentDetails(`**daily-qa ${title}**: running the checks`);
  const report = await io.runQaSuite.executeWithOptions({ summary: title }, [of]);
  fileUnder(known, { SsmdStage: 'done', SsmdOutcome: report.outcome });
  setCurrentDetails(`**daily-qa ${title}**: ${report.outcome}. Report: \`${report.report}\``);
  return report;
}
