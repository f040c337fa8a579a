/** What changed of a day between two versions: read from the store, compared, reported. */
import type { Feed } from '../connectors/feed.ts';
import type { Day } from '../schema/time.ts';
import type { JobContext, JobDeps } from './deps.ts';

export type DiffDay = {
  readonly feed: Feed;
  readonly day: Day;
  readonly old: string;
  readonly new: string;
};

/** The comparison in a few figures; the report has the rest. */
export type DayDiff = {
  readonly feed: string;
  readonly day: string;
  readonly old: string;
  readonly new: string;
  /**
   * - `identical`: every record of every stream is equal to the byte, and so are the gaps
   * - `projected`: the new one is md1, and is exactly what its projection keeps of the old
   * - `differs`: anything else
   */
  readonly verdict: 'identical' | 'projected' | 'differs';
  /** Events (records) by what became of them. `dropped`: what a projection leaves out by its rule. */
  readonly events: {
    readonly old: number;
    readonly new: number;
    readonly equal: number;
    readonly changed: number;
    readonly added: number;
    readonly removed: number;
    readonly dropped: number;
  };
  readonly gaps: { readonly old: number; readonly new: number; readonly equal: boolean };
  /** Keys of the whole comparison. */
  readonly json: string;
  readonly html: string;
};

export function diffDay(deps: JobDeps, of: DiffDay, context: JobContext): Promise<DayDiff>;
export async function diffDay(): Promise<DayDiff> {
  return Promise.reject(new Error('to come'));
}
