/** Lists what nothing needs any more; with the digest of such a list, takes it away and records that. */
import type { CleanupDone, CleanupSummary } from '../activities/cleanup.ts';
import type { CleanupInput } from '../schema/jobs.ts';
import { admit } from './lib/admit.ts';
import { fileUnder } from './lib/attributes.ts';
import { createShow } from './lib/progress.ts';
import { io } from './proxies.ts';

export type CleanupReport = {
  /** `refused`: listed, and too much to be taken at once. */
  readonly outcome: 'nothing_to_delete' | 'listed' | 'refused' | 'deleted';
  readonly list: CleanupSummary;
  readonly done: CleanupDone | null;
};

const KEEP_VERSIONS = 3;
const OLDER_THAN_DAYS = 90;
const STAGES = ['list', 'check', 'delete'];

export async function weeklyCleanup(input: CleanupInput): Promise<CleanupReport> {
  const { wanted, feeds, search_attributes: known } = await admit('weekly-cleanup', input);
  const { feed, confirm } = wanted;
  const stage = confirm === undefined ? 'list' : 'delete';
  fileUnder(known, { SsmdStage: stage, SsmdMode: confirm === undefined ? 'dry-run' : 'delete' });
  if (feed !== undefined) fileUnder(known, { SsmdFeed: feed });
  const show = createShow(`weekly-cleanup ${feed ?? 'all feeds'}`, STAGES);
  if (confirm === undefined) {
    show('list');
    const { keep_versions = KEEP_VERSIONS, older_than_days = OLDER_THAN_DAYS } = wanted;
    const list = await io.listCleanup({ feeds, keep_versions, older_than_days });
    const outcome = list.keys === 0 ? 'nothing_to_delete' : list.over_limit ? 'refused' : 'listed';
    fileUnder(known, { SsmdStage: 'done', SsmdOutcome: outcome });
    show(
      null,
      `${wordsOf(list)} Nothing was deleted. To take it: \`npx ssmd cleanup --confirm ${list.digest}\``,
    );
    return { outcome, list, done: null };
  }
  show('check', confirm);
  const list = await io.checkCleanup.executeWithOptions({ summary: confirm }, [confirm]);
  show('delete', wordsOf(list));
  const done = await io.runCleanup.executeWithOptions({ summary: confirm }, [confirm]);
  fileUnder(known, { SsmdStage: 'done', SsmdOutcome: 'deleted' });
  show(null, `${done.deleted} keys deleted, ${done.bytes} bytes. Record: \`${done.tombstone}\``);
  return { outcome: 'deleted', list, done };
}

function wordsOf({ keys, bytes, superseded, share }: CleanupSummary): string {
  const percent = (share * 100).toFixed(1);
  return `${keys} keys, ${bytes} bytes, ${superseded.length} versions, ${percent} % of the bucket.`;
}
