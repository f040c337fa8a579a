/** Scripts that once failed, each the least that did, with what was wrong. */
import type { Script } from './script.ts';

const calm = {
  seed: 1,
  grid_ms: 500,
  silence_ms: 7_200_000,
  queue_events_max: 60_000,
  lingers: true,
};

export const REGRESSIONS: readonly { readonly what: string; readonly script: Script }[] = [
  {
    what: 'frozen between its claim and its _take, it took the day from the one that had the shard',
    script: {
      ...calm,
      ...{ seed: 45, lead_ms: 10_386, silence_ms: 20_000, queue_events_max: 3 },
      actions: [
        { do: 'freeze', who: 0, after: 9 },
        { do: 'start', host: 1 },
        { do: 'wait', ms: 1_000 },
      ],
    },
  },
  {
    what: 'asleep over midnight, it opened the day hours before, where nobody looks',
    script: {
      ...calm,
      ...{ seed: 216, lead_ms: 5_897_815, grid_ms: 1_000, silence_ms: 5_000, queue_events_max: 3 },
      actions: [{ do: 'freeze', who: 2, after: 16 }, { do: 'wait', ms: 100 }, { do: 'quiet' }],
    },
  },
  {
    what: 'fenced as it woke at midnight, it opened connections for an epoch that was over',
    script: {
      ...calm,
      ...{ seed: 276, lead_ms: 2_652_117, silence_ms: 5_000, queue_events_max: 3, lingers: false },
      actions: [
        { do: 'freeze', who: 1, after: 17 },
        { do: 'start', host: 1 },
        { do: 'wait', ms: 1_364 },
        { do: 'quiet' },
      ],
    },
  },
  {
    what: 'a store that refused the inventory ended the whole connector',
    script: {
      ...calm,
      ...{ seed: 2_996, lead_ms: 3_458, grid_ms: 1_000, queue_events_max: 12, lingers: false },
      actions: [
        { do: 'ticks', n: 6, gap_ms: 240, seed: 3_294_560_036 },
        { do: 'stop', who: 0 },
        { do: 'start', host: 0 },
        { do: 'store', how: 'lost_error', n: 3 },
        { do: 'ticks', n: 5, gap_ms: 73, seed: 3_322_302_820 },
      ],
    },
  },
  {
    what: 'two that gave way to an owner of the future took one name',
    script: {
      ...calm,
      ...{ seed: 3_439, lead_ms: 1_657_876, grid_ms: 250, silence_ms: 20_000 },
      actions: [
        { do: 'clock', host: 0, step_ms: 3_600_000 },
        { do: 'start', host: 1 },
        { do: 'start', host: 0 },
        { do: 'clock', host: 0, step_ms: -2_000 },
      ],
    },
  },
];
