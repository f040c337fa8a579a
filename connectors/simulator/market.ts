/**
 * A market that lives by itself: a seeded flow of orders, cancels and market orders against a full
 * limit order book. Everything a venue tells (trades, quotes, book changes, candles, sums) is read
 * off this one state, so the channels agree with each other. It knows no connection: whoever listens,
 * the same seed gives the same market.
 */
import { BookSide } from './book-side.ts';
import { CandleSeries } from './candles.ts';
import { Random, hash32 } from './random.ts';

/** One market's numbers, all whole: prices in ticks, sizes in lots. */
export type MarketSpec = {
  readonly symbol: string;
  /** Where the price starts. */
  readonly start_tick: number;
  /** Ticks between neighbouring levels, on average. */
  readonly gap: number;
  /** Median order size in lots. */
  readonly size: number;
  /** First trade id. */
  readonly trade_id: number;
};

/** One execution against one resting order. */
export type Fill = {
  readonly id: number;
  readonly us: number;
  readonly tick: number;
  readonly lots: number;
  readonly buy: boolean;
  readonly market_order: boolean;
};

export type Change = { readonly side: 'bid' | 'ask'; readonly tick: number; readonly lots: number };

const LEVELS_MIN = 150;
const LEVELS_MAX = 170;
const FILLS_KEPT = 50;
const WARM_TRADES = 120;
const WARM_S_MIN = 5;
const WARM_S_MAX = 6 * 3600;
/** Shares of the flow: new or changed orders, cancels, and the rest market orders. */
const SHARE_SET = 0.62;
const SHARE_CANCEL = 0.78;
/** Now and then an event is answered on the other side at once: one message changes both. */
const SHARE_ANSWERED = 0.04;
/** A part of the events follow the one before closely, as in life. */
const BURST_SHARE = 0.3;
const BURST_PACE = 0.05;
const MINUTE_US = 60e6;

export class Market {
  readonly spec: MarketSpec;
  readonly bids = new BookSide('bid');
  readonly asks = new BookSide('ask');
  readonly minutes = new CandleSeries(MINUTE_US, 60);
  readonly hours = new CandleSeries(60 * MINUTE_US, 24);
  /** The newest trades, oldest first. */
  readonly history: Fill[] = [];
  /** What the last step did. */
  readonly changes: Change[] = [];
  fills: Fill[] = [];
  quote_changed = false;
  /** When the last step was, and when the next one is. */
  now_us: number;
  next_us: number;
  readonly #random: Random;
  readonly #pace_us: number;
  #anchor: number;
  #trade_id: number;

  constructor(spec: MarketSpec, seed: number, rate: number, start_us: number) {
    this.spec = spec;
    this.#random = new Random(seed, `market ${spec.symbol}`);
    this.#pace_us = 1e6 / (rate * (1 - BURST_SHARE + BURST_SHARE * BURST_PACE));
    this.#anchor = spec.start_tick;
    this.#trade_id = spec.trade_id;
    const trades_per_s = rate * (1 - SHARE_CANCEL);
    const warm_s = Math.min(WARM_S_MAX, Math.max(WARM_S_MIN, WARM_TRADES / trades_per_s));
    this.now_us = start_us - Math.ceil(warm_s) * 1e6;
    this.#fillSide(this.bids, spec.start_tick - 1);
    this.#fillSide(this.asks, spec.start_tick + 1);
    this.next_us = this.now_us + this.#pause();
    while (this.next_us <= start_us) this.step();
    this.#trade(true);
    this.changes.length = 0;
    this.fills = [];
  }

  /** Half the way between best bid and best offer, in ticks; may end in .5. */
  get mid(): number {
    return ((this.bids.ticks[0] as number) + (this.asks.ticks[0] as number)) / 2;
  }

  get lastTick(): number {
    return (this.history[this.history.length - 1] as Fill).tick;
  }

  /** One event of the market, at `next_us`. */
  step(): void {
    const { bids, asks, changes } = this;
    this.now_us = this.next_us;
    changes.length = 0;
    this.fills = [];
    const bid_tick = bids.ticks[0];
    const bid_lots = bids.lots[0];
    const ask_tick = asks.ticks[0];
    const ask_lots = asks.lots[0];
    const random = this.#random;
    this.#anchor += random.normal() * this.spec.gap * 0.8;
    const { start_tick } = this.spec;
    if (this.#anchor < start_tick * 0.6 || this.#anchor > start_tick * 1.6) this.#anchor = this.mid;
    const pull = Math.max(-1, Math.min(1, (this.#anchor - this.mid) / (20 * this.spec.gap)));
    const kind = random.unit();
    const upward = random.unit() < 0.5 + pull * 0.25;
    if (kind < SHARE_SET) this.#order(upward);
    else if (kind < SHARE_CANCEL) this.#cancel(!upward);
    else this.#trade(upward);
    if (random.unit() < SHARE_ANSWERED) this.#order(!upward);
    this.#keepDeep('bid', bids);
    this.#keepDeep('ask', asks);
    this.quote_changed =
      bid_tick !== bids.ticks[0] ||
      bid_lots !== bids.lots[0] ||
      ask_tick !== asks.ticks[0] ||
      ask_lots !== asks.lots[0];
    this.next_us = this.now_us + this.#pause();
  }

  /** A limit order: changes a level, opens one behind it, or narrows the spread. */
  #order(bid: boolean): void {
    const side = bid ? this.bids : this.asks;
    const random = this.#random;
    const best = side.ticks[0] as number;
    const spread = (this.asks.ticks[0] as number) - (this.bids.ticks[0] as number);
    const narrows = spread > 1 && (spread > 4 * this.spec.gap || random.unit() < 0.2);
    if (narrows) {
      const steps = 1 + random.below(Math.max(2 * this.spec.gap, spread >> 1));
      this.#set(bid, side.behind(best, -Math.min(steps, spread - 1)), this.#size());
      return;
    }
    const at = random.geometric(0.12, side.length - 1);
    const tick = side.ticks[at] as number;
    const fresh = random.unit() < 0.5;
    this.#set(bid, fresh ? side.behind(tick, this.#gap()) : tick, this.#size());
  }

  #cancel(bid: boolean): void {
    const side = bid ? this.bids : this.asks;
    const at = this.#random.geometric(0.1, side.length - 1);
    this.#set(bid, side.ticks[at] as number, 0);
  }

  /** A taker: eats one to three levels of the other side, resting order by resting order. */
  #trade(buy: boolean): void {
    const random = this.#random;
    const side = buy ? this.asks : this.bids;
    const market_order = random.unit() < 0.6;
    let wanted = this.#size();
    for (let level = 0; level < 3 && wanted > 0; level++) {
      const tick = side.ticks[0] as number;
      const resting = side.lots[0] as number;
      let taken = Math.min(wanted, resting);
      wanted -= taken;
      this.#set(!buy, tick, resting - taken);
      while (taken > 0) {
        const part = random.unit() < 0.7 ? taken : 1 + random.below(taken);
        taken -= part;
        this.#print({ id: this.#trade_id++, us: this.now_us, tick, lots: part, buy, market_order });
      }
    }
  }

  #print(fill: Fill): void {
    this.fills.push(fill);
    this.history.push(fill);
    if (this.history.length > FILLS_KEPT) this.history.shift();
    this.minutes.add(fill.us, fill);
    this.hours.add(fill.us, fill);
  }

  #set(bid: boolean, tick: number, lots: number): void {
    (bid ? this.bids : this.asks).set(tick, lots);
    this.changes.push({ side: bid ? 'bid' : 'ask', tick, lots });
  }

  /** Holds the number of levels near its middle, far from the touch. */
  #keepDeep(name: 'bid' | 'ask', side: BookSide): void {
    while (side.length > LEVELS_MAX) {
      this.#set(name === 'bid', side.ticks[side.length - 1] as number, 0);
    }
    while (side.length < LEVELS_MIN) {
      const last = side.ticks[side.length - 1] as number;
      this.#set(name === 'bid', side.behind(last, this.#gap()), this.#size());
    }
  }

  #fillSide(side: BookSide, from: number): void {
    let tick = from;
    for (let level = 0; level < (LEVELS_MIN + LEVELS_MAX) / 2; level++) {
      side.set(tick, this.#size());
      tick = side.behind(tick, this.#gap());
    }
  }

  #gap(): number {
    return 1 + this.#random.geometric(1 / this.spec.gap, 8 * this.spec.gap);
  }

  /** Log-normal around the median; some are round, as people's are. */
  #size(): number {
    const random = this.#random;
    const lots = Math.max(1, Math.round(this.spec.size * Math.exp(random.normal() * 1.1)));
    if (random.unit() >= 0.3) return lots;
    const unit = 10 ** Math.max(0, String(lots).length - 2);
    return Math.max(1, Math.round(lots / unit) * unit);
  }

  #pause(): number {
    const random = this.#random;
    const hour = (this.now_us % 86_400e6) / 3_600e6;
    const burst = random.unit() < BURST_SHARE ? BURST_PACE : 1;
    const pause = (random.exponential() * this.#pace_us * burst) / activity(hour);
    return 1 + Math.floor(pause);
  }
}

/** The day's rhythm by UTC hour, mean 1: busiest in the afternoon, a shoulder in the morning. */
export function activity(hour: number): number {
  const turn = (2 * Math.PI) / 24;
  return 1 + 0.45 * Math.cos((hour - 15) * turn) + 0.15 * Math.cos((hour - 9) * 2 * turn);
}

/** A price for a market nobody described, the same for the same name. */
export function guessedPrice(symbol: string): number {
  return 1000 + (hash32(symbol) % 90_000);
}
