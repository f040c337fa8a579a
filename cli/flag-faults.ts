/** Faults of flags that several commands take, each in the same words. */
import type { Fault } from '../schema/errors.ts';
import { nearMiss } from '../schema/near-miss.ts';

/** What is wrong with `--feed`; null where it is one of `known`. */
export function feedFault(received: string | undefined, known: readonly string[]): Fault | null {
  if (received !== undefined && known.includes(received)) return null;
  const expected = `expected one of ${known.join(', ')}`;
  if (received === undefined) return { where: '--feed', what: `${expected}, received nothing` };
  const near = nearMiss(received, known);
  const hint = near === null ? {} : { hint: `did you mean "${near}"?` };
  return { where: '--feed', what: `${expected}, received '${received}'`, ...hint };
}
