/** Runs a feed's check suite over a committed day; findings are results, never failures of the run. */
import { setCurrentDetails } from '@temporalio/workflow';
import type { QaReport } from '../activities/qa.ts';
import { fileUnder } from './lib/attributes.ts';
import { parseDailyQa } from './lib/messages.ts';
import type { DailyQaInput } from './lib/messages.ts';
import { io, quick } from './proxies.ts';

export async function dailyQa(input: DailyQaInput): Promise<QaReport> {
  const wanted = parseDailyQa(input);
  const known = await quick.knownSearchAttributes();
  fileUnder(known, { SsmdFeed: wanted.feed, SsmdStage: 'qa' });
  const of = await quick.resolveQaDay(wanted);
  fileUnder(known, { SsmdDay: of.day, SsmdVersion: of.version });
  const title = `${of.feed} ${of.day} ${of.version}`;
  setCurrentDetails(`**daily-qa ${title}**: running the checks`);
  const report = await io.runQaSuite.executeWithOptions({ summary: title }, [of]);
  fileUnder(known, { SsmdStage: 'done', SsmdOutcome: report.outcome });
  setCurrentDetails(`**daily-qa ${title}**: ${report.outcome}. Report: \`${report.report}\``);
  return report;
}
