/** Runs a feed's check suite over a committed day; findings are results, never failures of the run. */
import type { QaReport } from '../activities/qa.ts';
import type { DailyQaInput } from '../schema/jobs.ts';
import { admit } from './lib/admit.ts';
import { fileUnder } from './lib/attributes.ts';
import { createShow } from './lib/progress.ts';
import { io, records } from './proxies.ts';

const STAGES = ['version', 'checks'];

export async function dailyQa(input: DailyQaInput): Promise<QaReport> {
  const { wanted, day, search_attributes: known } = await admit('daily-qa', input);
  fileUnder(known, { SsmdFeed: wanted.feed, SsmdDay: day, SsmdStage: 'qa' });
  const show = createShow(`daily-qa ${wanted.feed} ${day}`, STAGES);
  show('version');
  const of = await records.resolveQaDay({ ...wanted, day });
  fileUnder(known, { SsmdVersion: of.version });
  const { stands_for } = of;
  const instead = stands_for === null ? '' : ` (for ${stands_for}, an md1 of the same RAW)`;
  const title = `${of.feed} ${of.day} ${of.version}${instead}`;
  show('checks', title);
  const report = await io.runQaSuite.executeWithOptions({ summary: title }, [of]);
  fileUnder(known, { SsmdStage: 'done', SsmdOutcome: report.outcome });
  show(null, nextWords(report));
  return report;
}

function nextWords({ outcome, feed, day, reasons, report }: QaReport): string {
  const why = reasons.map((reason) => `- ${reason}`).join('\n');
  const look =
    outcome === 'available' ? '' : `\n\n\`npx ssmd gaps list --feed ${feed} --date ${day}\``;
  return `**${outcome}**. Report: \`${report}\`${why === '' ? '' : `\n\n${why}`}${look}`;
}
