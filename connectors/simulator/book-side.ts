/** One side of the venue's full order book: levels, best first, in whole ticks and lots. */
export class BookSide {
  /** Prices in ticks; falling on the bid side, rising on the ask side. */
  readonly ticks: number[] = [];
  /** Sizes in lots, by the same index; never 0. */
  readonly lots: number[] = [];
  readonly #sign: 1 | -1;

  constructor(side: 'bid' | 'ask') {
    this.#sign = side === 'bid' ? -1 : 1;
  }

  get length(): number {
    return this.ticks.length;
  }

  /** Index of the first level at `tick` or behind it. */
  indexOf(tick: number): number {
    const { ticks } = this;
    const sign = this.#sign;
    const key = tick * sign;
    let at = 0;
    while (at < ticks.length && (ticks[at] as number) * sign < key) at++;
    return at;
  }

  /** The tick `steps` behind (`steps` > 0) or before this one. */
  behind(tick: number, steps: number): number {
    return tick + steps * this.#sign;
  }

  /** Sets a level's size; 0 removes it. Returns the index it had or has. */
  set(tick: number, lots: number): number {
    const at = this.indexOf(tick);
    const there = this.ticks[at] === tick;
    if (lots === 0) {
      if (there) this.remove(at);
    } else if (there) {
      this.lots[at] = lots;
    } else {
      this.ticks.splice(at, 0, tick);
      this.lots.splice(at, 0, lots);
    }
    return at;
  }

  remove(at: number): void {
    this.ticks.splice(at, 1);
    this.lots.splice(at, 1);
  }
}
