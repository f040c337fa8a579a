/**
 * What can still be judged of a file whose shape is faulty: its faulty parts are taken out, or replaced
 * by harmless ones, so that the meaning of the rest is checked in the same round.
 */
import type { z } from 'zod';
import { pathOf, valueAt } from './yaml-file.ts';
import type { Path } from './yaml-file.ts';

export type Salvaged<T> = {
  readonly value: T;
  /** Whether a fault of shape is at this path, above it or below it: nothing follows from it. */
  readonly broken: (path: Path) => boolean;
};

/** Each round takes out what the one before uncovered; a file needs as many as it is deep. */
const ROUNDS_MAX = 12;

/** What may stand at a path where something has to; undefined where it is best left out. */
export type Harmless = (path: Path) => unknown;

/** Null where nothing of it can be judged. */
export function salvage<S extends z.ZodType>(
  schema: S,
  given: unknown,
  harmless: Harmless,
): Salvaged<z.output<S>> | null {
  const broken: Path[] = [];
  const value: unknown = structuredClone(given);
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const result = schema.safeParse(value);
    if (result.success) {
      return { value: result.data, broken: (path) => broken.some((it) => touches(it, path)) };
    }
    for (const issue of result.error.issues) {
      const path = pathOf(issue);
      const paths =
        issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [...path, key]) : [path];
      for (const at of paths) {
        if (at.length === 0) return null;
        broken.push(at);
        mend(value, at, harmless);
      }
    }
  }
  return null;
}

/** Puts what is harmless in its place; takes it out where that is nothing, or its holder if it is gone. */
function mend(value: unknown, path: Path, harmless: Harmless): void {
  const holder = valueAt(value, path.slice(0, -1));
  const key = path.at(-1) ?? '';
  const instead = harmless(path);
  if (typeof holder !== 'object' || holder === null) return;
  const held = holder as Record<string | number, unknown>;
  if (instead !== undefined) held[key] = structuredClone(instead);
  else if (Object.hasOwn(held, key)) Reflect.deleteProperty(held, key);
  else if (path.length > 1) mend(value, path.slice(0, -1), harmless);
}

function touches(a: Path, b: Path): boolean {
  const length = Math.min(a.length, b.length);
  return a.slice(0, length).every((step, index) => step === b[index]);
}
