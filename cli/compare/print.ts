/** A comparison of two versions of a day in a terminal: the verdict, a table, where to look on. */
import type { CountsByName, DiffDocument } from '../../dataset/diff.ts';
import type { DiffCounts } from '../../dataset/diff-tally.ts';
import { verdictWords } from '../../qa/diff-report.ts';
import { formatCount } from '../format.ts';
import type { Output } from '../output.ts';

/** Fields named after a table, and examples; the report has all. */
const FIELDS_SAID = 8;
const EXAMPLES_SAID = 3;

/** `where`: the whole report, and how to get it. */
export function printDiff(
  diff: DiffDocument,
  where: { readonly json: string; readonly html: string },
  { line, table, color }: Pick<Output, 'line' | 'table' | 'color'>,
): void {
  const { feed, day, old, new: now, verdict } = diff;
  const paint = verdict === 'differs' ? color.red : color.green;
  line(`${color.bold(`${feed} ${day} ${old.version}..${now.version}`)}: ${paint(verdict)}`);
  line(`  ${verdictWords(diff).replaceAll('\u202f', ',')}`);
  if (old.schema !== now.schema) line(`  schema ${old.schema} -> ${now.schema}`);
  table(
    ['type', 'old', 'new', 'equal', 'changed', 'added', 'removed', 'dropped'],
    [
      ...diff.types.map((it) => [it.type, ...cells(it.counts)]),
      ...(diff.types.length > 1 ? [['all', ...cells(diff.events)]] : []),
    ],
    { optional: ['dropped', 'equal'] },
  );
  for (const { type, fields } of diff.types) {
    const said = listed(fields, FIELDS_SAID);
    if (said !== '') line(`  ${type} fields: ${said}`);
  }
  const reasons = listed(diff.dropped_by, FIELDS_SAID);
  if (reasons !== '') line(`  dropped: ${reasons}`);
  const { gaps } = diff;
  const moved = `${gaps.added} added, ${gaps.gone} gone`;
  if (!gaps.equal) line(`  gaps: ${gaps.old} before, ${gaps.new} now: ${moved}`);
  for (const id of examplesOf(diff)) line(`  npx ssmd trace ${id}`);
  line(`  report: ${where.html}`);
  line(`  the same as JSON: ${where.json}`);
}

function cells({ old, new: now, equal, changed, added, removed, dropped }: DiffCounts): string[] {
  return [old, now, equal, changed, added, removed, dropped].map(formatCount);
}

/** The most first: `price 12, side 3`. */
function listed(counts: CountsByName, most: number): string {
  const all = Object.entries(counts).sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
  const said = all.slice(0, most).map(([name, count]) => `${name} ${formatCount(count)}`);
  const more = all.length - said.length;
  return [...said, ...(more > 0 ? [`${more} more`] : [])].join(', ');
}

/** The first of each stream that differs, so that they are of different kinds. */
function examplesOf({ streams }: DiffDocument): string[] {
  return streams.flatMap(({ samples }) => samples[0]?.id ?? []).slice(0, EXAMPLES_SAID);
}
