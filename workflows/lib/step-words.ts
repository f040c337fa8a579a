/** What the timeline shows of a step, where the step itself says nothing better. */
import type { Attributes } from './attributes.ts';

/** The UI shows so many characters. */
export const SUMMARY_CHARS_MAX = 120;

const WORDS: Readonly<Record<string, string>> = {
  admitJob: 'judge the input',
  findCommittedDay: 'is the day committed already?',
  resolveQaDay: 'which version to check',
  planAudit: 'what there is to audit',
  writeAuditReport: 'write the report',
  auditJobRuns: 'runs that ended badly, or not at all',
  auditLeftovers: 'what lies around',
  planExport: 'what there is to export',
  discardExport: 'remove what was written',
  bindReprocessVersion: 'bind the version to its making',
  rangesTo: 'what serves the days now',
  moveDays: 'move the pointer',
  undoMove: 'take a move back',
  askTime: 'what time it is',
  reportUsage: 'count what is there',
  listCleanup: 'what nothing needs any more',
  planBackfill: 'which days have no manifest',
  removeReplay: 'remove its stream',
  tellReplay: 'tell the replay',
};

/** At most 120 characters; `given` is what the caller said. */
export function stepSummary(name: string, given: string | undefined, filed: Attributes): string {
  const about = [filed.SsmdFeed, filed.SsmdDay].filter((it) => it !== undefined).join(' ');
  const words = given ?? [about, WORDS[name] ?? ''].filter((it) => it !== '').join(': ');
  return cutTo(words, SUMMARY_CHARS_MAX);
}

function cutTo(text: string, max: number): string {
  return text.length <= max ? text : `${text.slice(0, max - 3)}...`;
}
