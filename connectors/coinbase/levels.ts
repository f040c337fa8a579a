/**
 * Levels of a Coinbase book, whose messages list both sides in one array: bids go straight into the
 * event's columns, offers wait here until the array ends, so that each side lies in one piece. The
 * order within a side stays that of the message.
 */
import type { EventBuffer } from '../../codec/event-buffer.ts';

const COLUMNS = 6;

/** Offers of the array being read; one, reused. */
export class WaitingLevels {
  #columns = new Int32Array(256 * COLUMNS);
  #count = 0;

  clear(): void {
    this.#count = 0;
  }

  push(
    price_hi: number,
    price_lo: number,
    price_exp: number,
    size_hi: number,
    size_lo: number,
    size_exp: number,
  ): void {
    const at = this.#count * COLUMNS;
    if (at === this.#columns.length) {
      const larger = new Int32Array(at * 2);
      larger.set(this.#columns);
      this.#columns = larger;
    }
    const columns = this.#columns;
    columns[at] = price_hi;
    columns[at + 1] = price_lo;
    columns[at + 2] = price_exp;
    columns[at + 3] = size_hi;
    columns[at + 4] = size_lo;
    columns[at + 5] = size_exp;
    this.#count++;
  }

  /** Puts them behind what `out` holds, as the offers of event `event`. */
  writeAsks(out: EventBuffer, event: number): void {
    const columns = this.#columns;
    out.beginAsks(event);
    for (let at = 0; at < this.#count * COLUMNS; at += COLUMNS) {
      out.level(
        columns[at] as number,
        columns[at + 1] as number,
        columns[at + 2] as number,
        columns[at + 3] as number,
        columns[at + 4] as number,
        columns[at + 5] as number,
      );
    }
    out.endAsks(event);
  }
}
