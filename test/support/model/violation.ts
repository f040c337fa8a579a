/** How an equality says that it does not hold, and a day as the equalities look at it. */
import type { Manifest } from '../../../dataset/manifest.ts';
import type { Day } from '../../../schema/time.ts';
import type { Spoken } from './oracle.ts';

/** What does not hold, in words that begin with the number of the equality. */
export class Violation extends Error {}

export function holds(condition: boolean, what: () => string): asserts condition {
  if (!condition) throw new Violation(what());
}

/** A day as it was archived. */
export type DayArchive = {
  readonly day: Day;
  readonly manifest: Manifest | null;
  /** By series, in order. */
  readonly events: ReadonlyMap<string, readonly Spoken[]>;
};
