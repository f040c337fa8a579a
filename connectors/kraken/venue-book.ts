/**
 * The venue's side of Kraken's book channel: what a subscriber of one depth has been told, what has
 * to be told next, and the checksum that comes with it.
 *
 * A view is the full book cut to the depth. An update holds every change inside the view: levels that
 * left the book, levels that changed, levels that are new in the view, also those that moved up from
 * behind it. It holds nothing of a level that merely fell off the end. Source: Kraken's guide
 * "Book checksum (v2)", and a recorded session (2023-07-30).
 */
import type { BookSide } from '../simulator/book-side.ts';
import { fixed } from '../simulator/format.ts';
import type { Market } from '../simulator/market.ts';

/** How many levels a side the checksum covers. */
const CHECKSUM_LEVELS = 10;

export type PairFormat = {
  readonly price_decimals: number;
  /** Units of the last decimal in a tick. */
  readonly tick_units: number;
  readonly qty_decimals: number;
};

/** Told levels of one side, best first. */
type Told = { readonly ticks: number[]; readonly lots: number[] };

export class BookView {
  readonly depth: number;
  readonly #bids: Told = { ticks: [], lots: [] };
  readonly #asks: Told = { ticks: [], lots: [] };
  readonly #format: PairFormat;

  constructor(depth: number, format: PairFormat) {
    this.depth = depth;
    this.#format = format;
  }

  /** `"bids":[...],"asks":[...]` of the whole view; from now on it counts as told. */
  snapshot(market: Market): string {
    this.#bids.ticks.length = 0;
    this.#asks.ticks.length = 0;
    const bids = this.#tell(market.bids, this.#bids);
    const asks = this.#tell(market.asks, this.#asks);
    return `"bids":[${bids}],"asks":[${asks}]`;
  }

  /** `"bids":[...],"asks":[...]` of what changed in the view since it was last told; null: nothing. */
  update(market: Market): string | null {
    const bids = this.#tell(market.bids, this.#bids);
    const asks = this.#tell(market.asks, this.#asks);
    return bids === '' && asks === '' ? null : `"bids":[${bids}],"asks":[${asks}]`;
  }

  /** Levels gone first, then the others from the best on; afterwards `told` is the side's top. */
  #tell(side: BookSide, told: Told): string {
    const depth = Math.min(this.depth, side.length);
    let same = depth === told.ticks.length;
    for (let at = 0; same && at < depth; at++) {
      same = side.ticks[at] === told.ticks[at] && side.lots[at] === told.lots[at];
    }
    if (same) return '';
    const { text, known } = this.#gone(side, told);
    let entries = text;
    for (let at = 0; at < depth; at++) {
      const tick = side.ticks[at] as number;
      const lots = side.lots[at] as number;
      if (known.get(tick) !== lots) entries += this.#entry(tick, lots, entries === '');
    }
    told.ticks.length = depth;
    told.lots.length = depth;
    for (let at = 0; at < depth; at++) {
      told.ticks[at] = side.ticks[at] as number;
      told.lots[at] = side.lots[at] as number;
    }
    return entries;
  }

  #gone(side: BookSide, told: Told): { text: string; known: Map<number, number> } {
    let text = '';
    const known = new Map<number, number>();
    for (let at = 0; at < told.ticks.length; at++) {
      const tick = told.ticks[at] as number;
      known.set(tick, told.lots[at] as number);
      if (side.ticks[side.indexOf(tick)] !== tick) text += this.#entry(tick, 0, text === '');
    }
    return { text, known };
  }

  #entry(tick: number, lots: number, first: boolean): string {
    const { price_decimals, tick_units, qty_decimals } = this.#format;
    const price = fixed(tick * tick_units, price_decimals);
    return `${first ? '' : ','}{"price":${price},"qty":${fixed(lots, qty_decimals)}}`;
  }
}

/**
 * The checksum of a market's top ten: of each level the digits of price and quantity at the pair's
 * precision, without point and leading zeros, asks from the lowest, then bids from the highest.
 */
export class BookChecksum {
  readonly #format: PairFormat;
  readonly #asks = new DigitCache();
  readonly #bids = new DigitCache();

  constructor(format: PairFormat) {
    this.#format = format;
  }

  of(market: Market): number {
    const { tick_units } = this.#format;
    let crc = 0xffffffff;
    crc = this.#asks.extend(crc, market.asks, tick_units);
    crc = this.#bids.extend(crc, market.bids, tick_units);
    return (crc ^ 0xffffffff) >>> 0;
  }
}

/** The digits of the levels last seen at each place, so that only a changed place is printed anew. */
class DigitCache {
  readonly #ticks: number[] = [];
  readonly #lots: number[] = [];
  readonly #digits: string[] = [];

  extend(crc: number, side: BookSide, tick_units: number): number {
    const count = Math.min(CHECKSUM_LEVELS, side.length);
    let result = crc;
    for (let at = 0; at < count; at++) {
      const tick = side.ticks[at] as number;
      const lots = side.lots[at] as number;
      if (this.#ticks[at] !== tick || this.#lots[at] !== lots) {
        this.#ticks[at] = tick;
        this.#lots[at] = lots;
        this.#digits[at] = `${tick * tick_units}${lots}`;
      }
      result = crcOfDigits(result, this.#digits[at] as string);
    }
    return result;
  }
}

const CRC_TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});

function crcOfDigits(crc: number, digits: string): number {
  let result = crc;
  for (let at = 0; at < digits.length; at++) {
    result = (result >>> 8) ^ (CRC_TABLE[(result ^ digits.charCodeAt(at)) & 0xff] as number);
  }
  return result;
}
