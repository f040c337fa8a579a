/** Rules of the collector (`docs/collector.md`) and of what is said of clocks (`docs/clocks.md`). */
import type { RuleMutant } from './mutant.ts';

const GAPS = 'connectors/collector/gaps.ts';
const TRACKER = 'test/unit/collector-gaps.test.ts';

export const COLLECTOR_RULES: readonly RuleMutant[] = [
  {
    rule: 'a connection that brought a stream beside the one that ends leaves no gap',
    file: GAPS,
    find: 'passed_on && beside !== c',
    replace: 'passed_on',
    by: {
      file: TRACKER,
      test: 'a connection that took over while its old one was open leaves no gap',
    },
  },
  {
    rule: 'of two open connections either may be the one that is left',
    file: GAPS,
    find: 'track.beside = passed_on ? 0 : track.c;',
    replace: 'track.beside = 0;',
    by: {
      file: TRACKER,
      test: 'whoever of two open connections is first, the one that is left leaves no gap',
    },
  },
  {
    rule: 'frames that were given up are told until a flush is whole',
    file: 'connectors/collector/writer.ts',
    find: 'if (!whole) return;',
    replace: '',
    by: {
      file: 'test/unit/collector.test.ts',
      test: 'a file that is put does not hide that another of its flush was given up',
    },
  },
  {
    rule: 'a clock that was set right hours ago is not synced',
    file: 'connectors/runtime/clock-health.ts',
    find: ' && !old;',
    replace: ';',
    by: {
      file: 'test/unit/clock-health.test.ts',
      test: 'a keeper that goes on saying what it said hours ago: degraded, and told',
    },
  },
  {
    rule: 'the skew of a connector is of messages that are of now',
    file: 'connectors/runtime/skew-window.ts',
    find: 'FLAG.SNAPSHOT | FLAG.HISTORY | FLAG.BAD_TS_RECV',
    replace: 'FLAG.SNAPSHOT | FLAG.BAD_TS_RECV',
    by: {
      file: 'test/property/skew.test.ts',
      test: 'of a line the first event that is of now is measured, what is too far off is counted',
    },
  },
  {
    rule: 'the skew of a day is of trades that are of now',
    file: 'workers/archived-trades.ts',
    find: 'FLAG.SNAPSHOT | FLAG.HISTORY | FLAG.BAD_TS_RECV',
    replace: 'FLAG.SNAPSHOT | FLAG.BAD_TS_RECV',
    by: {
      file: 'test/unit/archived-trades.test.ts',
      test: 'history, snapshots and what a stepped clock received are left out',
    },
  },
];
