/**
 * Where every field of `md2.capnp` lies, derived from `EVENT_FIELDS` by the rule the Cap'n Proto
 * compiler uses: ordinals in order, each into the smallest hole that fits. A test compares every
 * offset with what `capnp compile` says of the schema file, so the two cannot drift.
 *
 * A decimal takes two ordinals (mantissa, exponent), a u64, an instant and a u32 two (value, known),
 * a side and a text one. A book's lists of levels come before its fields, so that fields can be
 * appended.
 */
import { EVENT_FIELDS, EVENT_TYPES } from '../schema/events.ts';
import type { FieldKind } from '../schema/events.ts';

/** Kinds as small numbers, for tables of the hot path. */
export const KIND = { decimal: 0, u64: 1, instant: 1, u32: 2, side: 3, text: 4 } as const;

/** The layout of one struct; every array has one entry per field, in the order of `EVENT_FIELDS`. */
export type StructLayout = {
  readonly data_words: number;
  readonly pointers: number;
  readonly names: readonly string[];
  readonly kinds: readonly FieldKind[];
  readonly kind: Uint8Array;
  /**
   * Position of the value in the data section, counted in units of its size: 64 bits for a mantissa,
   * u64 and instant, 32 for a u32, 16 for a side; of a text, its pointer's index.
   */
  readonly value: Uint16Array;
  /** A decimal's exponent: position in bytes. The known mark of u64, instant, u32: in bits. */
  readonly mark: Uint16Array;
};

const LG_BIT = 0;
const LG_BYTE = 3;
const LG_16 = 4;
const LG_32 = 5;
const LG_64 = 6;

/** The compiler's allocation of a struct's data section. */
class DataSection {
  words = 0;
  /** By lg of the size in bits: position of a free place of that size; 0 is none. */
  readonly #holes = [0, 0, 0, 0, 0, 0];

  /** Position in units of `2^lg` bits. */
  take(lg: number): number {
    const hole = this.#fromHole(lg);
    if (hole > 0) return hole;
    const position = this.words++ * 2 ** (LG_64 - lg);
    for (let size = lg, free = position + 1; size < LG_64; size++) {
      this.#holes[size] = free;
      free = Math.floor((free + 1) / 2);
    }
    return position;
  }

  #fromHole(lg: number): number {
    if (lg >= LG_64) return 0;
    const hole = this.#holes[lg] as number;
    if (hole > 0) {
      this.#holes[lg] = 0;
      return hole;
    }
    const larger = this.#fromHole(lg + 1);
    if (larger === 0) return 0;
    this.#holes[lg] = larger * 2 + 1;
    return larger * 2;
  }
}

const VALUE_LG: { readonly [K in FieldKind]: number } = {
  decimal: LG_64,
  u64: LG_64,
  instant: LG_64,
  u32: LG_32,
  side: LG_16,
  text: -1,
};

function layOut(fields: Readonly<Record<string, FieldKind>>, pointersBefore: number): StructLayout {
  const section = new DataSection();
  let pointers = pointersBefore;
  const kinds = Object.values(fields);
  const value = new Uint16Array(kinds.length);
  const mark = new Uint16Array(kinds.length);
  kinds.forEach((kind, field) => {
    value[field] = kind === 'text' ? pointers++ : section.take(VALUE_LG[kind]);
    if (kind === 'decimal') mark[field] = section.take(LG_BYTE);
    else if (kind !== 'text' && kind !== 'side') mark[field] = section.take(LG_BIT);
  });
  return {
    data_words: section.words,
    pointers,
    names: Object.keys(fields),
    kinds,
    kind: Uint8Array.from(kinds, (kind) => KIND[kind]),
    value,
    mark,
  };
}

/** `struct Event`: positions in the units named. */
export const EVENT = (() => {
  const section = new DataSection();
  const t_64 = section.take(LG_64);
  const ts_event_64 = section.take(LG_64);
  const sequence_64 = section.take(LG_64);
  const index_32 = section.take(LG_32);
  const flags_32 = section.take(LG_32);
  const sequence_known_bit = section.take(LG_BIT);
  const type_16 = section.take(LG_16);
  return {
    t_64,
    ts_event_64,
    sequence_64,
    index_32,
    flags_32,
    sequence_known_bit,
    /** The union's tag: a type code. */
    type_16,
    data_words: section.words,
    /** Pointers, by index. */
    shard: 0,
    feed: 1,
    symbol: 2,
    body: 3,
    pointers: 4,
  };
})();

/** `struct Level`: price and size mantissas in 64 bits, exponents in bytes. */
export const LEVEL = (() => {
  const section = new DataSection();
  const price_64 = section.take(LG_64);
  const size_64 = section.take(LG_64);
  const price_exponent_8 = section.take(LG_BYTE);
  const size_exponent_8 = section.take(LG_BYTE);
  return { price_64, size_64, price_exponent_8, size_exponent_8, data_words: section.words };
})();

export const LEVEL_BYTES = LEVEL.data_words * 8;

/** A framed message: the segment table (one segment), the root pointer, then struct Event. */
export const FRAME_WORDS = 1;
export const ROOT_BYTES = (FRAME_WORDS + 1) * 8;

/** A book's pointers. */
export const BIDS = 0;
export const ASKS = 1;

/** Bodies by type code. */
export const BODY: readonly StructLayout[] = EVENT_TYPES.map((type) =>
  layOut(EVENT_FIELDS[type], type === 'book' ? 2 : 0),
);

/** `trade_id` in a record, `tradeId` in the schema. */
export function camelCase(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
