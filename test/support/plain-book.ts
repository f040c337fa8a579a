/**
 * A book written the obvious way, to hold the fast one to: a map by exact value, sorted with bigints
 * when asked, checksummed over text by Node's own CRC.
 */
import { crc32 } from 'node:zlib';
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
