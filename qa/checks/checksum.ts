/**
 * `checksum`: the share of book messages that the venue's own proof (checksum, chain of ids,
 * partial book) found right, as the flags and gaps in the archive tell it. What nothing proves is
 * counted apart: it is not wrong, and it is never called right.
 */
import { FLAG } from '../../schema/events.ts';
import type { MarketEvent } from '../../schema/events.ts';
import type { Finding, QaCheck } from '../check.ts';
import { rowOf, Samples, shortText } from '../samples.ts';

export type ChecksumConfig = {
  readonly dataset?: 'book' | undefined;
  /** Of the messages that could be proven at all; 1 where it is not given. */
  readonly min_verified_ratio?: number | undefined;
  /** Of all book messages; no bound where it is not given. */
  readonly max_unverified_ratio?: number | undefined;
};

/** Causes of gaps that say a book was proven wrong. */
const PROVEN_WRONG: ReadonlySet<string> = new Set(['checksum', 'sequence', 'book', 'crossed']);

type Group = {
  verified: number;
  unverified: number;
  suspect: number;
  mismatches: number;
  readonly samples: Samples;
};

export const checksum: QaCheck<ChecksumConfig> = {
  type: 'checksum',
  severity: 'fail',
  subjects: () => ['book'],
  open(config, context) {
    const groups = new Map<string, Group>();
    const groupOf = (symbol: string): Group => {
      let group = groups.get(symbol);
      if (group === undefined) {
        const samples = new Samples(context.sample_rows);
        group = { verified: 0, unverified: 0, suspect: 0, mismatches: 0, samples };
        groups.set(symbol, group);
      }
      return group;
    };
    return {
      step(event) {
        if (event.type === 'book') hearBook(groupOf(event.symbol), event);
        else if (isMismatch(event)) hearMismatch(groupOf(event.symbol), event);
      },
      finish() {
        for (const { symbol } of context.symbols) groupOf(symbol);
        return [...groups].map(([symbol, group]) => findingOf(symbol, group, config));
      },
    };
  },
};

function isMismatch(event: MarketEvent): event is MarketEvent & { readonly type: 'status' } {
  return (
    event.type === 'status' &&
    event.kind === 'gap_opened' &&
    event.about === 'book' &&
    PROVEN_WRONG.has(event.cause ?? '')
  );
}

/** The first of several parts stands for the message. */
function hearBook(group: Group, event: MarketEvent & { readonly type: 'book' }): void {
  if (event.part !== null && event.part > 1) return;
  if ((event.flags & FLAG.MAYBE_BAD_BOOK) !== 0) {
    group.suspect++;
    group.samples.add(0, () => ({ row: rowOf(event), reason: 'sent while a gap was open' }));
  } else if ((event.flags & FLAG.UNVERIFIED) !== 0) {
    group.unverified++;
  } else {
    group.verified++;
  }
}

function hearMismatch(group: Group, event: MarketEvent & { readonly type: 'status' }): void {
  group.mismatches++;
  const { cause, expected, received } = event;
  group.samples.add(1, () => ({
    row: rowOf(event),
    reason: shortText(`${cause}: expected ${expected ?? 'none'}, received ${received ?? 'none'}`),
  }));
}

function findingOf(symbol: string, group: Group, config: ChecksumConfig): Finding {
  const { verified, unverified, suspect, mismatches, samples } = group;
  const wrong = suspect + mismatches;
  const provable = verified + wrong;
  const books = provable + unverified;
  const ratio = provable === 0 ? null : verified / provable;
  const unverified_ratio = books === 0 ? null : unverified / books;
  const min = config.min_verified_ratio ?? 1;
  const max = config.max_unverified_ratio ?? null;
  const tooBlind = max !== null && unverified_ratio !== null && unverified_ratio > max;
  return {
    group: { symbol },
    observed: {
      verified,
      mismatches,
      suspect,
      unverified,
      verified_ratio: ratio,
      unverified_ratio,
    },
    threshold: { min_verified_ratio: min, max_unverified_ratio: max },
    evaluated: max === null ? provable : books,
    failed_rows: wrong + (tooBlind ? unverified : 0),
    ...(config.min_verified_ratio === undefined && max === null
      ? {}
      : { holds: (ratio === null || ratio >= min) && !tooBlind }),
    samples: samples.list(),
    samples_truncated: samples.truncated,
    message: messageOf(group, provable, books),
  };
}

function messageOf(group: Group, provable: number, books: number): string {
  if (books === 0) return 'no book messages';
  if (provable === 0) return `nothing the venue sent proves any of ${books} book messages`;
  const wrong = group.mismatches === 0 ? '' : `, proven wrong ${group.mismatches} times`;
  const blind = group.unverified === 0 ? '' : `, ${group.unverified} beyond proof`;
  return `${group.verified} of ${provable} book messages proven right${wrong}${blind}`;
}
