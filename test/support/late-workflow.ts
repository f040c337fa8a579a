/** A run whose work outlasts its deadline: a workflow of its own, in a bundle with our interceptors. */
import { sleep } from '@temporalio/workflow';
import { fileUnder } from '../../workflows/lib/attributes.ts';
import { warnedIfLate } from '../../workflows/lib/deadline.ts';
import { createShow } from '../../workflows/lib/progress.ts';

export async function late(of: { readonly ms: number; readonly known: string[] }): Promise<object> {
  const { known } = of;
  fileUnder(known, { SsmdFeed: 'tiny', SsmdDay: '2026-11-20', SsmdStage: 'build' });
  const show = createShow('late tiny 2026-11-20', ['build', 'commit']);
  show('build');
  const deadline_ms = Date.now() + of.ms;
  await warnedIfLate({ title: 'late tiny 2026-11-20', deadline_ms, known }, () => sleep(1_500));
  show('commit');
  fileUnder(known, { SsmdOutcome: 'complete' });
  show(null, 'done');
  return { outcome: 'complete', records: 3, long: ['not', 'a', 'fact'] };
}
