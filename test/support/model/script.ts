/**
 * What happens in one run of the model, as plain data: made from a seed, and made smaller where a run
 * fails.
 */
import { Random } from '../../../connectors/simulator/random.ts';

export type Action =
  /** `n` things happen at the venue, `gap_ms` apart; which, `seed` says. */
  | { readonly do: 'ticks'; readonly n: number; readonly gap_ms: number; readonly seed: number }
  | { readonly do: 'wait'; readonly ms: number }
  /** Another connector of the shard, on one of the two hosts. */
  | { readonly do: 'start'; readonly host: number }
  /** Of the connectors that live, counted from the oldest. */
  | { readonly do: 'stop'; readonly who: number }
  | { readonly do: 'kill' | 'freeze'; readonly who: number; readonly after: number }
  | { readonly do: 'wake' }
  | { readonly do: 'power'; readonly host: number; readonly kept: number }
  | { readonly do: 'bus'; readonly how: BusFault; readonly n: number }
  | { readonly do: 'store'; readonly how: StoreFault; readonly n: number }
  | { readonly do: 'venue'; readonly how: VenueFault }
  | { readonly do: 'disk'; readonly host: number; readonly full: boolean }
  | { readonly do: 'clock'; readonly host: number; readonly step_ms: number }
  /** Nothing happens anywhere, until shortly before a window of the archive ends. */
  | { readonly do: 'quiet' }
  /**
   * The hourly archive runs; or a day's, by a worker that freezes in the middle of it (0: does not).
   * `force`: without waiting for what may still come, as if a day had passed.
   */
  | { readonly do: 'tier' }
  | { readonly do: 'daily'; readonly after: number; readonly force: boolean };

export type BusFault =
  | 'kill'
  | 'restart'
  | 'power'
  | 'disconnect'
  | 'freeze'
  | 'release'
  | 'forget'
  | 'busy'
  | 'purge'
  | 'age'
  /** Emptied, and every connection lost with it: whether a batch on its way was stored, nobody knows. */
  | 'purge_cut';
export type StoreFault = 'down' | 'up' | 'lost_error' | 'lost_conflict' | 'slow';
export type VenueFault = 'cut_all' | 'cut_newest' | 'refuse' | 'accept' | 'lose_delta';

export type Script = {
  readonly seed: number;
  /** The first connector starts this long before midnight. */
  readonly lead_ms: number;
  /** Timers are late by up to this. */
  readonly grid_ms: number;
  readonly silence_ms: number;
  /** A small queue to the bus, so that backlogs are common. */
  readonly queue_events_max: number;
  /** What a killed process had sent still arrives. */
  readonly lingers: boolean;
  readonly actions: readonly Action[];
};

export const FAMILIES = [
  'process',
  'frozen',
  'power',
  'bus',
  'store',
  'venue',
  'disk',
  'clock',
  'archive',
] as const;
export type Family = (typeof FAMILIES)[number];

/** Share of the runs that go over a midnight; those that stay within a day are short and cost a third. */
const MIDNIGHTS = 0.35;
/** Actions of a run: at least, and fewer than. */
const MIDNIGHT_ACTIONS = [6, 18] as const;
const DAY_ACTIONS = [2, 9] as const;

export function makeScript(seed: number, families: readonly Family[] = FAMILIES): Script {
  const random = new Random(seed, 'script');
  const pick = <T>(from: readonly T[]): T => from[random.below(from.length)] as T;
  const actions: Action[] = [];
  const chosen = families.filter(() => random.unit() < 0.45);
  const midnight = random.unit() < MIDNIGHTS;
  const [least, most] = midnight ? MIDNIGHT_ACTIONS : DAY_ACTIONS;
  const count = least + random.below(most - least);
  for (let at = 0; at < count; at++) {
    const roll = random.unit();
    if (chosen.length > 0 && roll < 0.4) actions.push(fault(pick(chosen), random));
    else if (roll < 0.75) actions.push(ticks(random));
    else {
      const ms = random.unit() < 0.7 ? random.below(1_500) : random.below(9_000);
      actions.push({ do: 'wait', ms });
    }
  }
  if (random.unit() < (midnight ? 0.5 : 0.15)) {
    actions.splice(random.below(actions.length), 0, { do: 'quiet' });
  }
  return {
    seed,
    lead_ms: midnight ? 300 + random.below(30_000) : 600_000 + random.below(7_200_000),
    grid_ms: pick([250, 500, 500, 1_000]),
    silence_ms: pick([5_000, 20_000, 7_200_000]),
    queue_events_max: pick([3, 12, 60_000]),
    lingers: random.unit() < 0.5,
    actions,
  };
}

function ticks(random: Random): Action {
  return {
    do: 'ticks',
    n: 1 + random.below(6),
    gap_ms: random.unit() < 0.5 ? random.below(5) : random.below(400),
    seed: random.bits(),
  };
}

function fault(family: Family, random: Random): Action {
  const pick = <T>(from: readonly T[]): T => from[random.below(from.length)] as T;
  const host = random.below(2);
  const who = random.below(3);
  const after = random.unit() < 0.3 ? 0 : random.below(40);
  switch (family) {
    case 'process':
      return pick<Action>([
        { do: 'start', host },
        { do: 'start', host },
        { do: 'kill', who, after },
        { do: 'stop', who },
      ]);
    case 'frozen':
      return pick<Action>([{ do: 'freeze', who, after }, { do: 'start', host }, { do: 'wake' }]);
    case 'power':
      return pick<Action>([
        { do: 'power', host, kept: random.unit() },
        { do: 'start', host },
      ]);
    case 'bus':
      return {
        do: 'bus',
        how: pick<BusFault>([
          ...(['kill', 'restart', 'restart', 'power', 'disconnect', 'freeze', 'release'] as const),
          ...(['forget', 'busy', 'purge', 'age', 'release', 'purge_cut', 'purge_cut'] as const),
        ]),
        n: 1 + random.below(12),
      };
    case 'store':
      return {
        do: 'store',
        how: pick<StoreFault>(['down', 'up', 'up', 'lost_error', 'lost_conflict', 'slow']),
        n: 1 + random.below(4),
      };
    case 'venue':
      return {
        do: 'venue',
        how: pick<VenueFault>([
          ...(['cut_all', 'cut_newest', 'cut_newest', 'refuse', 'accept', 'lose_delta'] as const),
        ]),
      };
    case 'disk':
      return { do: 'disk', host: 0, full: random.unit() < 0.5 };
    case 'clock':
      return { do: 'clock', host, step_ms: pick([-2_000, 2_000, 300, -300, 3_600_000]) };
    case 'archive':
      return pick<Action>([
        { do: 'tier' },
        { do: 'daily', after: random.below(120), force: random.unit() < 0.3 },
      ]);
    default:
      return family satisfies never;
  }
}
