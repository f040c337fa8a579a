/** The job `compare` of a day, started and followed. */
import type { Client } from '@temporalio/client';
import type { DayComparison } from '../../activities/compare.ts';
import type { CompareInput } from '../../schema/jobs.ts';
import { compareId } from '../../workflows/lib/ids.ts';
import type { CliContext } from '../command.ts';
import { followJob } from '../follow-job.ts';

/** @throws what the job failed with; SSMD_INTERRUPTED at Ctrl-C: the job goes on */
export function followCompare(
  client: Client,
  input: CompareInput & { readonly day: string },
  context: CliContext,
): Promise<DayComparison> {
  return followJob(client, { type: 'compare', id: compareId(input), input }, context);
}
