/** What a comparison of two streams counts, and the first of what differs, kept to be looked at. */
import type { Md1Record } from '../codec/md1.ts';
import { formatDecimal } from '../schema/decimal.ts';
import type { Decimal } from '../schema/decimal.ts';
import { formatEventId } from '../schema/event-id.ts';
import type { MarketEvent } from '../schema/events.ts';

/** The side of a comparison. */
export type Side = 'old' | 'new';

/**
 * Records by what became of them: `old` is equal + changed + removed + dropped, `new` is equal +
 * changed + added.
 */
export type DiffCounts = {
  readonly old: number;
  readonly new: number;
  readonly equal: number;
  readonly changed: number;
  readonly added: number;
  readonly removed: number;
  /** What a projection leaves out by its rule. */
  readonly dropped: number;
};

/**
 * Why the md1 projection has no record of an event:
 * - `other_type`: md1 knows trades, quotes and books only
 * - `trade_without_side`: the venue did not say who was the aggressor
 * - `book_part`: a part of a book that is cut into several, not the last
 * - `book_unverified`: nothing the venue sends proves the book after this event
 * - `book_not_whole`: no snapshot was stated since the day began or since a gap opened
 */
export const DROP_REASONS = [
  'other_type',
  'trade_without_side',
  'book_part',
  'book_unverified',
  'book_not_whole',
] as const;
export type DropReason = (typeof DROP_REASONS)[number];

/** A record as JSON has it: 64-bit integers and decimals as text. */
export type PlainRecord = Readonly<Record<string, unknown>>;

export type DiffSample = {
  readonly kind: 'changed' | 'added' | 'removed';
  /** The event's name for `ssmd trace`; null for a record of md1 that no event stands behind. */
  readonly id: string | null;
  /** Of a record of md1, which has no identity: its place in the stream, from 0. */
  readonly place: number | null;
  /** Names of the fields that differ; empty where one side has none. */
  readonly fields: readonly string[];
  readonly old: PlainRecord | null;
  readonly new: PlainRecord | null;
};

/** Differing records a stream keeps, the first. */
export const SAMPLES_PER_STREAM = 5;
/** Levels a side of a book shows in a sample, from the first that differs. */
const LEVELS_SHOWN_MAX = 12;

/** What differs but for any field: bytes of another writer, or an event out of its order. */
export const FIELD_ENCODING = '(encoding)';
export const FIELD_ORDER = '(order)';

/** The counts of one stream while it is compared. */
export type Tally = {
  counts: { -readonly [K in keyof DiffCounts]: number };
  readonly fields: Map<string, number>;
  readonly dropped: Map<DropReason, number>;
  readonly samples: DiffSample[];
};

export function createTally(): Tally {
  const counts = { old: 0, new: 0, equal: 0, changed: 0, added: 0, removed: 0, dropped: 0 };
  return { counts, fields: new Map(), dropped: new Map(), samples: [] };
}

export function countOf<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

/** One record of a side, decoded; `place` where its schema has no identities. */
export type Told =
  | { readonly event: MarketEvent; readonly place?: undefined }
  | { readonly record: Md1Record; readonly place: number; readonly of?: MarketEvent };

/** Counts a pair that is not equal; `more` are differences that no field shows. */
export function tellChanged(
  tally: Tally,
  old: Told,
  now: Told,
  more: readonly string[] = [],
): void {
  const [left, right] = [valuesOf(old), valuesOf(now)];
  const named = differingFields(left, right);
  const fields = named.length + more.length > 0 ? [...named, ...more] : [FIELD_ENCODING];
  tally.counts.changed++;
  for (const field of fields) countOf(tally.fields, field);
  if (tally.samples.length >= SAMPLES_PER_STREAM) return;
  tally.samples.push({
    kind: 'changed',
    ...nameOf(old, now),
    fields,
    old: plainRecord(left, right),
    new: plainRecord(right, left),
  });
}

/** Counts a record that only one side has. */
export function tellAlone(tally: Tally, side: Side, told: () => Told): void {
  const kind = side === 'old' ? 'removed' : 'added';
  tally.counts[kind]++;
  if (tally.samples.length >= SAMPLES_PER_STREAM) return;
  const it = told();
  const plain = plainRecord(valuesOf(it), null);
  const both = side === 'old' ? { old: plain, new: null } : { old: null, new: plain };
  tally.samples.push({ kind, ...nameOf(it, it), fields: [], ...both });
}

function nameOf(old: Told, now: Told): Pick<DiffSample, 'id' | 'place'> {
  const event = eventOf(old) ?? eventOf(now);
  const place = old.place ?? now.place ?? null;
  return { id: event === undefined ? null : formatEventId(event), place };
}

function eventOf(told: Told): MarketEvent | undefined {
  return 'event' in told ? told.event : told.of;
}

type Values = Readonly<Record<string, unknown>>;

function valuesOf(told: Told): Values {
  return 'event' in told ? told.event : told.record;
}

/** Names of the fields, in their order, whose values are not exactly the same. */
export function differingFields(old: Values, now: Values): string[] {
  const names = new Set([...Object.keys(old), ...Object.keys(now)]);
  return [...names].filter((name) => !isSame(old[name], now[name]));
}

function isSame(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  const [left, right] = [Object.entries(a), Object.entries(b)];
  return (
    left.length === right.length &&
    left.every(([name, value], at) => name === right[at]?.[0] && isSame(value, right[at][1]))
  );
}

/** A record's values as JSON; of long lists what lies around the first difference to `other`. */
function plainRecord(values: Values, other: Values | null): PlainRecord {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => {
      if (!Array.isArray(value)) return [name, plainOf(value)];
      const beside: unknown = other?.[name];
      return [name, shortList(value, Array.isArray(beside) ? beside : null)];
    }),
  );
}

function shortList(list: readonly unknown[], other: readonly unknown[] | null): unknown[] {
  const differs = other === null ? 0 : list.findIndex((it, at) => !isSame(it, other[at]));
  // Where the lists agree as far as this one goes, its end is what is to be seen.
  const first = differs < 0 ? Math.max(0, list.length - LEVELS_SHOWN_MAX) : differs;
  const from = list.length <= LEVELS_SHOWN_MAX ? 0 : first;
  const shown = list.slice(from, from + LEVELS_SHOWN_MAX).map(plainOf);
  const after = list.length - from - shown.length;
  return [
    ...(from > 0 ? [`${from} before`] : []),
    ...shown,
    ...(after > 0 ? [`${after} more`] : []),
  ];
}

function plainOf(value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (typeof value !== 'object' || value === null) return value;
  if (isDecimal(value)) return formatDecimal(value);
  if (isLevel(value)) return [plainOf(value.price), plainOf(value.size)];
  return Object.fromEntries(Object.entries(value).map(([name, it]) => [name, plainOf(it)]));
}

function isDecimal(value: object): value is Decimal {
  return 'mantissa' in value && 'exponent' in value;
}

function isLevel(value: object): value is { readonly price: unknown; readonly size: unknown } {
  return 'price' in value && 'size' in value;
}
