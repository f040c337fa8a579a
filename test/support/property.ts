/** Settings of property tests: `FC_SEED` replays a failure, `FC_RUNS` deepens a run. */
import fc from 'fast-check';

const seed = process.env['FC_SEED'];
const runs = Number(process.env['FC_RUNS'] ?? '1');

/** Holds `property` for `count` cases (times `FC_RUNS`); a failure prints the seed to replay it. */
export function hold<T>(property: fc.IProperty<T>, count = 200): void {
  fc.assert(property, {
    numRuns: count * runs,
    includeErrorInReport: true,
    ...(seed === undefined ? {} : { seed: Number(seed) }),
  });
}

/** The same for a property that has to wait. */
export async function holdAsync<T>(property: fc.IAsyncProperty<T>, count = 100): Promise<void> {
  await fc.assert(property, {
    numRuns: count * runs,
    includeErrorInReport: true,
    ...(seed === undefined ? {} : { seed: Number(seed) }),
  });
}
