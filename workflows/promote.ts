/** Moves committed days to a version, or takes such a move back: the same step in both directions. */
import type { Moved } from '../activities/promotion.ts';
import type { PromoteInput } from '../schema/jobs.ts';
import { daysBetween } from '../schema/time.ts';
import type { Day } from '../schema/time.ts';
import { admit } from './lib/admit.ts';
import { fileUnder } from './lib/attributes.ts';
import { createShow } from './lib/progress.ts';
import { awaited, quick, records } from './proxies.ts';

export type PromoteReport = {
  readonly outcome: 'moved' | 'unchanged';
  readonly feed: string;
  readonly moved: Moved | null;
};

export async function promote(input: PromoteInput): Promise<PromoteReport> {
  const { wanted, day, search_attributes: known } = await admit('promote', input);
  const { feed, version, undo, by, reason } = wanted;
  fileUnder(known, { SsmdFeed: feed, SsmdStage: 'promote' });
  const show = createShow(`promote ${feed} to ${version ?? `before revision ${undo}`}`, ['move']);
  show('move', `${by}: ${reason}`);
  const mover = { by, reason, at: await quick.askTime(null) };
  let moved: Moved | null = null;
  if (undo !== undefined) moved = await awaited.undoMove({ feed, revision: undo, mover });
  else {
    const days = daysBetween((wanted.from ?? day) as Day, (wanted.to ?? day) as Day);
    const ranges = await records.rangesTo({ feed, days, version: version ?? '' });
    if (ranges.length > 0) moved = await awaited.moveDays({ feed, days: ranges, mover });
  }
  const outcome = moved === null ? 'unchanged' : 'moved';
  fileUnder(known, { SsmdStage: 'done', SsmdOutcome: outcome });
  show(
    null,
    moved === null ? 'nothing had to be moved' : `the pointer is at revision ${moved.revision}`,
  );
  return { outcome, feed, moved };
}
