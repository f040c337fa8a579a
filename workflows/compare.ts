/** Two versions of a day side by side; what differs is a result, never a failure of the run. */
import type { DayComparison } from '../activities/compare.ts';
import type { CompareInput } from '../schema/jobs.ts';
import { admit } from './lib/admit.ts';
import { fileUnder } from './lib/attributes.ts';
import { createShow } from './lib/progress.ts';
import { io } from './proxies.ts';

export async function compare(input: CompareInput): Promise<DayComparison> {
  const { wanted, day, search_attributes: known } = await admit('compare', input);
  const { feed, left, right } = wanted;
  fileUnder(known, { SsmdFeed: feed, SsmdDay: day, SsmdVersion: right, SsmdStage: 'compare' });
  const title = `compare ${feed} ${day} ${left}..${right}`;
  const show = createShow(title, ['compare']);
  show('compare', 'reading both');
  const summary = `${feed} ${day} ${left}..${right}`;
  const found = await io.compareFeedDay.executeWithOptions({ summary }, [
    { feed, day, left, right },
  ]);
  fileUnder(known, { SsmdStage: 'done', SsmdOutcome: found.verdict });
  const { changed, added, removed } = found.events;
  const counts = `${changed} changed, ${added} added, ${removed} removed`;
  show(null, `**${found.verdict}**: ${counts}. Report: \`${found.html}\``);
  return found;
}
