/** What venues sum up of trades: candles of one interval, and the rolling last 24 hours. */

/** One trade, as the sums need it. */
type Print = {
  readonly tick: number;
  readonly lots: number;
  readonly id: number;
  readonly buy: boolean;
};

/** A candle; prices in ticks, sizes in lots, `value` in ticks times lots, exact. */
export type Candle = {
  readonly begin_us: number;
  readonly open: number;
  high: number;
  low: number;
  close: number;
  lots: number;
  value: bigint;
  buy_lots: number;
  buy_value: bigint;
  trades: number;
  readonly first_id: number;
  last_id: number;
};

/** Candles of one interval, newest last; without a trade there is none. */
export class CandleSeries {
  readonly interval_us: number;
  readonly candles: Candle[] = [];
  readonly #kept: number;

  constructor(interval_us: number, kept: number) {
    this.interval_us = interval_us;
    this.#kept = kept;
  }

  get last(): Candle | undefined {
    return this.candles[this.candles.length - 1];
  }

  add(us: number, print: Print): void {
    const { tick, lots, id, buy } = print;
    const begin_us = us - (us % this.interval_us);
    let candle = this.last;
    if (candle === undefined || candle.begin_us !== begin_us) {
      candle = emptyCandle(begin_us, tick, id);
      this.candles.push(candle);
      if (this.candles.length > this.#kept) this.candles.shift();
    }
    if (tick > candle.high) candle.high = tick;
    if (tick < candle.low) candle.low = tick;
    const value = BigInt(tick) * BigInt(lots);
    candle.close = tick;
    candle.lots += lots;
    candle.value += value;
    if (buy) {
      candle.buy_lots += lots;
      candle.buy_value += value;
    }
    candle.trades++;
    candle.last_id = id;
  }
}

export function emptyCandle(begin_us: number, tick: number, id: number): Candle {
  return {
    begin_us,
    open: tick,
    high: tick,
    low: tick,
    close: tick,
    lots: 0,
    value: 0n,
    buy_lots: 0,
    buy_value: 0n,
    trades: 0,
    first_id: id,
    last_id: id,
  };
}

export type DaySums = {
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly lots: number;
  readonly value: bigint;
  readonly trades: number;
};

/** The last 24 hours, in steps of an hour. */
export function daySums(hours: CandleSeries): DaySums {
  const { candles } = hours;
  const first = candles[0] as Candle;
  let { high, low } = first;
  let lots = 0;
  let value = 0n;
  let trades = 0;
  for (const candle of candles) {
    if (candle.high > high) high = candle.high;
    if (candle.low < low) low = candle.low;
    lots += candle.lots;
    value += candle.value;
    trades += candle.trades;
  }
  return { open: first.open, high, low, lots, value, trades };
}
