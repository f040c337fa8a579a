/** A look at objects without their bytes, a few side by side. */
import type { ManifestObject } from '../dataset/manifest.ts';
import { breathe } from './deps.ts';
import type { JobDeps } from './deps.ts';

/** Objects looked at side by side. */
const HEADS_MAX = 16;

/** What the store says of an object; null where it is not there. */
export type Head = { readonly bytes: number; readonly etag: string } | null;

/** Each of `items` with the head of its object, in their order. */
export async function* headsOf<T>(
  { normalized }: Pick<JobDeps, 'normalized'>,
  items: readonly T[],
  objectOf: (item: T) => ManifestObject,
  signal: AbortSignal,
): AsyncGenerator<readonly [T, Head]> {
  for (let first = 0; first < items.length; first += HEADS_MAX) {
    const some = items.slice(first, first + HEADS_MAX);
    const heads = await Promise.all(some.map((it) => normalized.head(objectOf(it).key)));
    for (const [index, item] of some.entries()) yield [item, heads[index] ?? null];
    await breathe(signal);
  }
}
