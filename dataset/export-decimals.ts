/**
 * Exact decimals in columns of one type. A reader that opens many files at once gives them all the
 * types of the first and rounds what does not fit, without a word: so a column has one type in a whole
 * export, and it is chosen from all that stands in it before anything is written.
 *
 * The rule: the scale is the most digits behind the point that the wire had anywhere in the column (its
 * trailing zeros count), the precision is 18 where every value fits it, else 38. What needs more than 38
 * digits is an error.
 */
import type { Decimal } from '../schema/decimal.ts';
import { SsmdError } from '../schema/errors.ts';
import type { BookLevel } from '../schema/events.ts';
import type { DecimalType, TableLevel } from '../schema/table.ts';
import type { ExportColumn, ExportRow } from './export-columns.ts';

/** What a column's decimals need: digits behind the point, and before it. */
export type DecimalExtent = { readonly scale: number; readonly whole: number };
/** By column; a book's levels as `levels.price` and `levels.size`, of both sides together. */
export type DecimalExtents = Readonly<Record<string, DecimalExtent>>;

export const LEVEL_PRICE = 'levels.price';
export const LEVEL_SIZE = 'levels.size';

/** Counts what the decimals of one type's rows need. */
export class DecimalSurvey {
  /** By column and exponent, the largest mantissa without its sign: one comparison a value. */
  readonly #largest = new Map<string, Map<number, bigint>>();
  readonly #decimals: readonly string[];
  readonly #levels: readonly string[];

  constructor(columns: readonly ExportColumn[]) {
    const named = (kind: ExportColumn['kind']): string[] =>
      columns.filter((it) => it.kind === kind).map(({ name }) => name);
    this.#decimals = named('decimal');
    this.#levels = named('levels');
  }

  add(row: ExportRow): void {
    for (const name of this.#decimals) this.#see(name, row[name] as Decimal | null);
    for (const name of this.#levels) {
      for (const { price, size } of row[name] as readonly BookLevel[]) {
        this.#see(LEVEL_PRICE, price);
        this.#see(LEVEL_SIZE, size);
      }
    }
  }

  extents(): DecimalExtents {
    const entries = [...this.#largest].map(([name, byExponent]) => {
      const of = [...byExponent].map(([exponent, mantissa]) => extentOf({ mantissa, exponent }));
      return [name, of.reduce(wider)] as const;
    });
    return Object.fromEntries(entries);
  }

  #see(name: string, value: Decimal | null): void {
    if (value === null) return;
    let byExponent = this.#largest.get(name);
    if (byExponent === undefined) this.#largest.set(name, (byExponent = new Map()));
    const { mantissa, exponent } = value;
    const size = mantissa < 0n ? -mantissa : mantissa;
    const largest = byExponent.get(exponent);
    if (largest === undefined || size > largest) byExponent.set(exponent, size);
  }
}

function extentOf({ mantissa, exponent }: Decimal): DecimalExtent {
  const digits = mantissa === 0n ? 0 : mantissa.toString().length;
  return {
    scale: Math.max(-exponent, 0),
    whole: digits === 0 ? 0 : Math.max(digits + exponent, 0),
  };
}

function wider(a: DecimalExtent, b: DecimalExtent): DecimalExtent {
  return { scale: Math.max(a.scale, b.scale), whole: Math.max(a.whole, b.whole) };
}

/** What two parts of a column need together. */
export function mergeExtents(a: DecimalExtents, b: DecimalExtents): DecimalExtents {
  const merged: Record<string, DecimalExtent> = { ...a };
  for (const [name, extent] of Object.entries(b)) {
    const known = merged[name];
    merged[name] = known === undefined ? extent : wider(known, extent);
  }
  return merged;
}

/** Digits a decimal of a file may have; more fit no reader's type. */
export const DECIMAL_DIGITS_MAX = 38;

/** The type of a column; of one that has no value, the smallest. @throws SSMD_LIMIT */
export function decimalTypeOf(name: string, extent: DecimalExtent | undefined): DecimalType {
  const { scale, whole } = extent ?? { scale: 0, whole: 0 };
  const digits = scale + whole;
  if (digits <= 18) return { precision: 18, scale };
  if (digits <= DECIMAL_DIGITS_MAX) return { precision: 38, scale };
  throw new SsmdError(
    'SSMD_LIMIT',
    `column ${name} needs ${whole} digits before the point and ${scale} behind it, together more ` +
      `than the ${DECIMAL_DIGITS_MAX} of DECIMAL_DIGITS_MAX, and is never rounded; csv and jsonl hold ` +
      'it as it is',
    { facts: { column: name, scale, whole } },
  );
}

const POWERS = Array.from({ length: 128 }, (_, at) => 10n ** BigInt(at));

/** A value times ten to the scale. @throws RangeError where the type does not hold it exactly */
export function unscaled(
  { mantissa, exponent }: Decimal,
  { precision, scale }: DecimalType,
): bigint {
  const up = POWERS[scale + exponent];
  const value = up === undefined ? null : mantissa * up;
  const limit = POWERS[precision] as bigint;
  if (value === null || value >= limit || value <= -limit) {
    throw new RangeError(`${mantissa}e${exponent} is no DECIMAL(${precision},${scale})`);
  }
  return value;
}

/** One side of a book message, as cells. */
export function unscaledLevels(
  levels: readonly { readonly price: Decimal; readonly size: Decimal }[],
  types: { readonly price: DecimalType; readonly size: DecimalType },
): TableLevel[] {
  return levels.map(({ price, size }) => ({
    price: unscaled(price, types.price),
    size: unscaled(size, types.size),
  }));
}
