/** Writes what the bus holds of closed windows, shard by shard; commits nothing. */
import type { TierReport } from '../activities/archive-bus.ts';
import type { ArchiveTierInput } from '../schema/jobs.ts';
import { admit } from './lib/admit.ts';
import { fileUnder } from './lib/attributes.ts';
import { createShow } from './lib/progress.ts';
import { io } from './proxies.ts';

export type ArchiveTierReport = {
  readonly outcome: 'archived' | 'nothing_closed';
  readonly windows: number;
  readonly objects: number;
  readonly records: number;
  readonly shards: readonly TierReport[];
};

export async function archiveTier(input: ArchiveTierInput): Promise<ArchiveTierReport> {
  const { wanted, shards, search_attributes: known } = await admit('archive-tier', input);
  if (wanted.feed !== undefined) fileUnder(known, { SsmdFeed: wanted.feed });
  const show = createShow(`archive-tier ${wanted.feed ?? 'all feeds'}`, ['archive']);
  let done = 0;
  show('archive', `closed windows of ${shards.length} shards, from the bus`);
  const reports = await Promise.all(
    shards.map(async (of) => {
      const summary = `${of.feed} ${of.shard}`;
      const report = await io.archiveShardTier.executeWithOptions({ summary }, [of]);
      show('archive', `${++done} of ${shards.length} shards`);
      return report;
    }),
  );
  const sum = (of: (report: TierReport) => number): number =>
    reports.reduce((total, report) => total + of(report), 0);
  const windows = sum((report) => report.windows.length);
  const left = sum((report) => report.unproven);
  show(null, `${windows} windows archived, ${left} left to RAW`);
  fileUnder(known, { SsmdOutcome: windows > 0 ? 'archived' : 'nothing_closed' });
  return {
    outcome: windows > 0 ? 'archived' : 'nothing_closed',
    windows,
    objects: sum((report) => report.objects),
    records: sum((report) => report.records),
    shards: reports,
  };
}
