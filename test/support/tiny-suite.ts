/** Checks of the tiny venue's day: one that holds and one that sees its holes. */
import { SAMPLE_ROWS_DEFAULT } from '../../qa/suite.ts';
import type { Suite } from '../../qa/suite.ts';

const common = { severity: 'fail', enabled: true, source: { file: 'tiny.yaml', line: 1 } } as const;

export const TINY_SUITE: Suite = {
  feed: 'tiny',
  file: 'tiny.yaml',
  sha256: null,
  sample_rows: SAMPLE_ROWS_DEFAULT,
  checks: [
    {
      ...common,
      name: 'price-sanity',
      type: 'range',
      config: { field: 'price', min: 0, exclusive_min: true },
    },
    { ...common, name: 'coverage', type: 'presence', config: { min_records_per_hour: 1 } },
  ],
};
