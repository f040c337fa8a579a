/** Writes what the bus holds of closed windows, shard by shard; commits nothing. */
import { setCurrentDetails } from '@temporalio/workflow';
import type { TierReport } from '../activities/archive-bus.ts';
import type { ArchiveTierInput } from '../schema/jobs.ts';
import { admit } from './lib/admit.ts';
import { fileUnder } from './lib/attributes.ts';
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
  setCurrentDetails(`archiving closed windows of ${shards.length} shards from the bus`);
  const reports = await Promise.all(
    shards.map((of) =>
      io.archiveShardTier.executeWithOptions({ summary: `${of.feed} ${of.shard}` }, [of]),
    ),
  );
  const sum = (of: (report: TierReport) => number): number =>
    reports.reduce((total, report) => total + of(report), 0);
  const windows = sum((report) => report.windows.length);
  fileUnder(known, { SsmdOutcome: windows > 0 ? 'archived' : 'nothing_closed' });
  return {
    outcome: windows > 0 ? 'archived' : 'nothing_closed',
    windows,
    objects: sum((report) => report.objects),
    records: sum((report) => report.records),
    shards: reports,
  };
}
