/**
 * A book written the obvious way, to hold the fast one to: a map by exact value, sorted with bigints
 * when asked, checksummed over text by Node's own CRC.
 */
import { crc32 } from 'node:zlib';
import type { BookSide } from '../../books/book-side.ts';
import { EventBuffer } from '../../codec/event-buffer.ts';
import { hi32, lo32 } from '../../codec/halves.ts';
import { compareDecimals, formatDecimal } from '../../schema/decimal.ts';
import type { Decimal } from '../../schema/decimal.ts';
import type { BookLevel } from '../../schema/events.ts';

export class PlainSide {
  readonly #bids: boolean;
  /** By price without trailing zeros. */
  #levels = new Map<string, BookLevel>();

  constructor(bids: boolean) {
    this.#bids = bids;
  }

  apply(level: BookLevel): void {
    const key = canonical(level.price);
    this.#levels.delete(key);
    if (level.size.mantissa !== 0n) this.#levels.set(key, level);
  }

  remove(price: Decimal): boolean {
    return this.#levels.delete(canonical(price));
  }

  get size(): number {
    return this.#levels.size;
  }

  truncate(depth: number): void {
    this.#levels = new Map(
      this.levels()
        .slice(0, depth)
        .map((level) => [canonical(level.price), level]),
    );
  }

  clear(): void {
    this.#levels.clear();
  }

  /** Best first. */
  levels(): BookLevel[] {
    const sign = this.#bids ? -1 : 1;
    return [...this.#levels.values()].sort((a, b) => sign * compareDecimals(a.price, b.price));
  }
}

function canonical({ mantissa, exponent }: Decimal): string {
  if (mantissa === 0n) return '0';
  let value = mantissa;
  let power = exponent;
  while (value % 10n === 0n) {
    value /= 10n;
    power++;
  }
  return `${value}e${power}`;
}

/** Kraken's checksum as its documentation words it. */
export function plainChecksum(asks: readonly BookLevel[], bids: readonly BookLevel[]): number {
  const strip = (value: Decimal): string =>
    formatDecimal(value).replace('.', '').replace(/^0+/, '');
  const text = [...asks.slice(0, 10), ...bids.slice(0, 10)]
    .map(({ price, size }) => strip(price) + strip(size))
    .join('');
  return crc32(text);
}

/** Applies one level to a side of the fast book, as a message of one level does; a size of zero deletes. */
export function applyLevel(side: BookSide, level: BookLevel): void {
  const buffer = new EventBuffer();
  appendLevel(buffer, level);
  side.apply(buffer, 0, 1);
}

export function appendLevel(buffer: EventBuffer, { price, size }: BookLevel): void {
  buffer.level(
    hi32(price.mantissa),
    lo32(price.mantissa),
    price.exponent,
    hi32(size.mantissa),
    lo32(size.mantissa),
    size.exponent,
  );
}
