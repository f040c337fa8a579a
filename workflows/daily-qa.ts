/** Runs a feed's check suite over a committed day; findings are results, never failures of the run. */
import { patched, sleep } from '@temporalio/workflow';
import type { QaReport } from '../activities/qa.ts';
import type { QaDay } from '../activities/qa-version.ts';
import type { DailyQaInput } from '../schema/jobs.ts';
import { admit } from './lib/admit.ts';
import { fileUnder } from './lib/attributes.ts';
import { runTimeMs } from './lib/clock.ts';
import { codeOf } from './lib/failures.ts';
import { nominalMs } from './lib/nominal.ts';
import { createShow } from './lib/progress.ts';
import type { Show } from './lib/progress.ts';
import { sessionOf, skip } from './lib/session.ts';
import type { Skipped } from './lib/session.ts';
import { io, records } from './proxies.ts';

const STAGES = ['version', 'checks'];
const PATCH = 'qa-waits-for-archive';
/** Between two looks at whether the day is committed. */
const ARCHIVE_CHECK = '5 minutes';
const ARCHIVE_WAIT_MS = 24 * 3_600_000;

export async function dailyQa(input: DailyQaInput): Promise<QaReport | Skipped> {
  const { wanted, day, search_attributes: known } = await admit('daily-qa', input);
  fileUnder(known, { SsmdFeed: wanted.feed, SsmdDay: day, SsmdStage: 'qa' });
  const show = createShow(`daily-qa ${wanted.feed} ${day}`, STAGES);
  const session = await sessionOf({ feed: wanted.feed, day });
  if (session?.expected === false && input?.day === undefined) {
    const skipped = skip({ feed: wanted.feed, day }, session, known);
    show(null, `**${skipped.outcome}**`);
    return skipped;
  }
  show('version');
  const of = await committed({ ...wanted, day }, show);
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

/**
 * A scheduled run does not name a day, and may come before the archive of it: it waits for that, as long as
 * the archive itself waits for what is late. Who names a day is told at once.
 */
async function committed(
  wanted: DailyQaInput & { readonly day: string },
  show: Show,
): Promise<QaDay> {
  const due_ms = nominalMs();
  for (;;) {
    try {
      return await records.resolveQaDay(wanted);
    } catch (error) {
      const patient = due_ms !== null && runTimeMs() < due_ms + ARCHIVE_WAIT_MS;
      if (!patient || codeOf(error) !== 'SSMD_NOT_FOUND' || !patched(PATCH)) throw error;
      show('version', 'waiting for the archive of the day');
      await sleep(ARCHIVE_CHECK, { summary: `waiting for daily-archive of ${wanted.day}` });
    }
  }
}

function nextWords({ outcome, feed, day, reasons, report }: QaReport): string {
  const why = reasons.map((reason) => `- ${reason}`).join('\n');
  const look =
    outcome === 'available' ? '' : `\n\n\`npx ssmd gaps list --feed ${feed} --date ${day}\``;
  return `**${outcome}**. Report: \`${report}\`${why === '' ? '' : `\n\n${why}`}${look}`;
}
