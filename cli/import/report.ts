/** What an import did, or would do, in words. */
import type { ImportReport, Reject } from '../../connectors/runtime/import.ts';
import { noDataFault } from '../../connectors/import/no-data.ts';
import type { FoldConfig } from '../../schema/symbols.ts';
import { formatIso } from '../../schema/time.ts';
import { countOf, formatBytes, formatCount } from '../format.ts';
import type { Output } from '../output.ts';

/** What became of rejected lines: a file of them, or, where nothing is written, the first ones. */
export type Rejected =
  | { readonly kind: 'file'; readonly path: string | null }
  | { readonly kind: 'shown'; readonly first: readonly Reject[] };

export function printImport(
  report: ImportReport,
  config: FoldConfig,
  rejects: Rejected,
  output: Output,
): void {
  const { color } = output;
  const rejected = Object.entries(report.rejected);
  const counted = (counts: readonly (readonly [string, number])[]): string =>
    counts.map(([name, count]) => `${name} ${formatCount(count)}`).join(', ') || 'none';
  output.table(
    [rejects.kind === 'file' ? 'imported' : 'would be imported', ''],
    [
      ['recording', `${report.source} (${report.format}, ${countOf(report.lines, 'line')})`],
      [
        'into',
        `feed ${report.feed}, shard ${report.shard}, ${report.days.join(', ') || 'nothing'}`,
      ],
      ['frames', formatCount(report.frames)],
      ['decoded', counted(Object.entries(report.decoded))],
      ['rejected', counted(rejected)],
      ['from', report.first === null ? '-' : formatIso(BigInt(report.first))],
      ['to', report.last === null ? '-' : formatIso(BigInt(report.last))],
      ...report.epochs.map((epoch) => [
        `epoch ${epoch.epoch}`,
        `${countOf(epoch.segments, 'segment')}, ${formatBytes(epoch.bytes)} plain`,
      ]),
    ],
  );
  if (report.bad_ts_recv) {
    output.line(color.yellow('receive times are not to be trusted: events carry bad-ts-recv'));
  }
  if (report.nudged > 0) {
    const most = `${report.nudged_ns_max} ns at most`;
    const times = report.nudged === 1 ? '1 time' : `${formatCount(report.nudged)} times`;
    output.line(`receive time did not increase ${times} and was moved, ${most}`);
  }
  for (const key of report.conflicts) {
    output.line(color.red(`other content was there already; ours is kept as ${key}`));
  }
  if (rejects.kind === 'file' && rejects.path !== null)
    output.line(`rejected lines: ${rejects.path}`);
  if (rejects.kind === 'shown') printRejects(report, rejects.first, output);
  for (const problem of problemsOf(report, config)) output.line(color.red(problem));
  if (isTruncated(report) && rejects.kind === 'file') {
    output.line('what came before that is imported; its whole copy would be the same epoch with');
    output.line('other content: set this one aside first (docs/operating.md, Imported recordings)');
  }
}

/** Why an import ends with 1; none where all of the file was read and some of it is data. */
export function problemsOf(report: ImportReport, config: FoldConfig): string[] {
  const problems: string[] = [];
  if (isTruncated(report)) {
    problems.push(`${report.source} ends in the middle of its compression`);
  }
  if (report.frames === 0) problems.push('no frame was imported');
  else if (!isOfUse(report)) {
    const { where, what, hint } = noDataFault(report.decoded, config);
    problems.push(`no frame is of use: ${what} (${where}: ${hint})`);
  }
  return problems;
}

/** Whether any frame is data: one given to the wrong feed is rejected or ignored. */
function isOfUse({ decoded }: ImportReport): boolean {
  return (decoded['data'] ?? 0) > 0;
}

function isTruncated({ rejected }: ImportReport): boolean {
  return (rejected['truncated'] ?? 0) > 0;
}

/** Rejects shown where no file of them is written. */
export const REJECTS_SHOWN = 5;
const REJECT_COLUMNS = 40;

function printRejects(report: ImportReport, first: readonly Reject[], output: Output): void {
  for (const { line, reason, detail, text } of first) {
    output.line(`  line ${line}, ${reason}: ${detail}`);
    if (text !== '') output.line(`    ${text.slice(0, REJECT_COLUMNS)}`);
  }
  const all = Object.values(report.rejected).reduce((sum, count) => sum + count, 0);
  const more = all - first.length;
  if (more > 0) output.line(`  and ${countOf(more, 'line')} more`);
}
