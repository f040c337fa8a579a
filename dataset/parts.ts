/**
 * How a day's symbols are shared out over workers. Which part builds a symbol changes nothing of its
 * bytes; a good share only makes the slowest part quicker.
 */

export type Share = {
  readonly parts: number;
  /** Part, from 0, by symbol; what is not named goes where its name falls. */
  readonly assigned: Readonly<Record<string, number>>;
};

/** Workers one shard's day may be shared over. */
export const PARTS_MAX = 16;

/** Heaviest first, each to the part that has the least so far. */
export function shareOut(weights: ReadonlyMap<string, number>, parts: number): Share {
  const loads = Array.from({ length: parts }, () => 0);
  const assigned: Record<string, number> = {};
  const heaviest = [...weights].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
  for (const [symbol, weight] of heaviest) {
    const least = loads.indexOf(Math.min(...loads));
    assigned[symbol] = least;
    loads[least] = (loads[least] ?? 0) + weight;
  }
  return { parts, assigned };
}

/** The part that tells of a symbol: one of them, whoever asks. */
export function partOf({ parts, assigned }: Share, symbol: string): number {
  const known = Object.hasOwn(assigned, symbol) ? assigned[symbol] : undefined;
  if (known !== undefined) return known % parts;
  let sum = 0;
  for (let at = 0; at < symbol.length; at++) sum = (sum * 31 + symbol.charCodeAt(at)) >>> 0;
  return sum % parts;
}
