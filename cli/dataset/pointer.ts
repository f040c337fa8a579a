/** `ssmd dataset current` and `rollback`: which version serves which days, and who moved them. */
import { randomUUID } from 'node:crypto';
import { decodeCurrent } from '../../dataset/current.ts';
import type { Current } from '../../dataset/current.ts';
import { currentKey } from '../../dataset/keys.ts';
import { SsmdError } from '../../schema/errors.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { promoteId } from '../../workflows/lib/ids.ts';
import type { PromoteReport } from '../../workflows/promote.ts';
import type { CliContext } from '../command.ts';
import { givenOf } from '../flag-input.ts';
import { followJob } from '../follow-job.ts';
import { judged } from '../judged-input.ts';
import { withClient } from '../temporal-client.ts';

/** A feed's pointer, or null where no day was committed yet. @throws SSMD_CORRUPT */
export async function readPointer(store: ObjectStore, feed: string): Promise<Current | null> {
  const key = currentKey(feed);
  const stored = await store.get(key);
  return stored === null ? null : decodeCurrent(stored.body, key);
}

/** @throws SSMD_NOT_FOUND where no day of the feed is committed */
export async function pointerOf(store: ObjectStore, feed: string): Promise<Current> {
  const current = await readPointer(store, feed);
  if (current !== null) return current;
  throw new SsmdError('SSMD_NOT_FOUND', `no day of ${feed} is committed yet: it has no pointer`, {
    facts: { feed },
  });
}

export function printPointer(feed: string, current: Current, { output }: CliContext): void {
  const { revision, live, ranges, moves } = current;
  output.line(`${feed}: revision ${revision}, new days go to ${live ?? 'no version yet'}`);
  output.table(
    ['from', 'to', 'served by'],
    ranges.map((it) => [it.from, it.to, it.version]),
  );
  if (moves.length === 0) return;
  output.line('\nMoves, the latest last:');
  output.table(
    ['revision', 'at', 'by', 'days', 'reason'],
    moves.map((move) => [
      String(move.revision),
      move.at.slice(0, 16).replace('T', ' '),
      move.by,
      move.days.map(rangeWords).join(', '),
      move.undoes === null ? move.reason : `${move.reason} (takes ${move.undoes} back)`,
    ]),
    { optional: ['at', 'reason'] },
  );
}

function rangeWords({ from, to, was, version }: Current['moves'][number]['days'][number]): string {
  const days = from === to ? from : `${from}..${to}`;
  return `${days} ${was ?? 'none'} -> ${version ?? 'none'}`;
}

export type RollbackFlags = {
  readonly env?: string;
  readonly feed?: string;
  readonly revision?: number | string;
  readonly by?: string;
  readonly reason?: string;
};

const EXAMPLE =
  "npx ssmd dataset rollback --feed kraken --revision 12 --by ana --reason 'second thoughts'";
const FLAG_OF = { feed: '--feed', undo: '--revision', by: '--by', reason: '--reason' };

/** Before anything is asked of a server. @throws SSMD_INVALID_INPUT with every fault at once */
export async function judgeRollBack(flags: RollbackFlags, context: CliContext): Promise<void> {
  const { feed, by, reason, revision } = flags;
  // What is left out is the last move there is: some revision.
  const input = givenOf({ feed, undo: revision ?? 1, by, reason });
  const shown = { flagOf: FLAG_OF, example: EXAMPLE };
  await judged({ type: 'promote', input }, flags.env, context, shown);
}

/** Takes a move back by the job `promote`: what was judged, its revision known. */
export async function rollBack(
  flags: RollbackFlags,
  undo: number,
  context: CliContext,
): Promise<PromoteReport> {
  const { feed, by, reason } = flags;
  const input = givenOf({ feed, undo, by, reason });
  const id = promoteId({ feed: feed ?? '', request: randomUUID().slice(0, 8) });
  return withClient(flags.env, context, (client) =>
    followJob<PromoteReport>(client, { type: 'promote', id, input }, context),
  );
}
