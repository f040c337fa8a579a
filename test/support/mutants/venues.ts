/**
 * The mutants of every venue, and the known mistakes that cannot be made about it, each with the reason.
 * A new venue is one entry here; a test holds that every mistake is accounted for.
 */
import { BINANCE_MUTANTS } from './binance-usdm.ts';
import { BYBIT_MUTANTS } from './bybit.ts';
import { COINBASE_MUTANTS } from './coinbase.ts';
import { KRAKEN_MUTANTS } from './kraken.ts';
import { MISTAKES } from './mistakes.ts';
import type { Mistake } from './mistakes.ts';
import type { RuleMutant } from './mutant.ts';
import { OKX_MUTANTS } from './okx.ts';

type VenueMutants = {
  readonly feed: string;
  readonly mutants: readonly RuleMutant[];
  /** Why a mistake cannot be made here. */
  readonly spared: { readonly [M in Mistake]?: string };
};

export const VENUE_MUTANTS: readonly VenueMutants[] = [
  {
    feed: 'kraken',
    mutants: KRAKEN_MUTANTS,
    spared: {
      'U == u + 1 demanded of futures': 'books have no ids; the checksum is their chain',
      'u of 1 seen as a gap': 'books have no ids',
      'keep-alive seen as a gap': 'a book that does not change is not told',
    },
  },
  {
    feed: 'binance-usdm',
    mutants: BINANCE_MUTANTS,
    spared: {
      'u of 1 seen as a gap':
        'ids never begin anew by one message; where they do, 50 old ones tell',
      'keep-alive seen as a gap': 'a diff without levels chains like any other',
      'checksum 0 seen as a mismatch': 'books have no checksum',
      'heartbeat counted as data': 'pings are WebSocket frames, which no decoder sees',
    },
  },
  {
    feed: 'okx',
    mutants: OKX_MUTANTS,
    spared: {
      'U == u + 1 demanded of futures': 'a message has one id and that of the one before',
      'u of 1 seen as a gap': 'ids that begin anew still chain, a mutant of its own',
    },
  },
  {
    feed: 'coinbase',
    mutants: COINBASE_MUTANTS,
    spared: {
      'no truncation to depth': 'every level is told, and none falls off',
      'U == u + 1 demanded of futures': 'frames are numbered, not books',
      'u of 1 seen as a gap': 'frames are numbered from 0 on each connection',
      'keep-alive seen as a gap': 'heartbeats are numbered like all frames, a mutant of its own',
      'checksum 0 seen as a mismatch': 'books have no checksum',
    },
  },
  {
    feed: 'bybit-linear',
    mutants: BYBIT_MUTANTS,
    spared: {
      'U == u + 1 demanded of futures': 'a message has one id, and it is one above the last',
      'keep-alive seen as a gap': 'a book that does not change says so by a snapshot with its id',
      'checksum 0 seen as a mismatch': 'books have no checksum',
    },
  },
];

/** A cell of the table mistake x venue: the rules that are broken, or why there are none. */
export type MistakeCell = {
  readonly feed: string;
  readonly mistake: Mistake;
  readonly rules: readonly string[];
  readonly spared: string | null;
};

/** The whole table, a row a mistake. */
export function mistakeTable(): readonly MistakeCell[] {
  return MISTAKES.flatMap((mistake) =>
    VENUE_MUTANTS.map(({ feed, mutants, spared }) => ({
      feed,
      mistake,
      rules: mutants.filter((it) => it.mistake === mistake).map(({ rule }) => rule),
      spared: spared[mistake] ?? null,
    })),
  );
}
