/**
 * One market of the simulated Bybit with everyone who listens to it. What the market does becomes the
 * topics' messages: trades at once, the rest gathered to the topic's pace on a fixed grid, whoever
 * listens, so that a second listener changes nothing for the first.
 */
import type { Candle } from '../simulator/candles.ts';
import { Market, type Fill } from '../simulator/market.ts';
import { Random, hash32 } from '../simulator/random.ts';
import type { About } from '../simulator/venue.ts';
import { ToldBook, gridAfter } from './venue-books.ts';
import { contractOf, type Contract } from './venue-contracts.ts';
import {
  candleText,
  liquidationsText,
  tickerFields,
  tickerText,
  tradesText,
} from './venue-texts.ts';

const DEPTHS: readonly number[] = [1, 50, 200, 1000];
const TICKER_US = 100e3;
/** Mark price and open interest move whatever the market does. */
const MARK_US = 5e6;
const CANDLE_US = 1e6;
const LIQUIDATION_US = 500e3;
const MINUTE_US = 60e6;
/** Of a thousand takers, those who were forced. */
const FORCED_PER_MILLE = 8;

/** Topics of the simulated venue without their market; of the candles it keeps minutes only. */
export const TOPICS: readonly string[] = [
  ...DEPTHS.map((depth) => `orderbook.${depth}`),
  'publicTrade',
  'tickers',
  'kline.1',
  'allLiquidation',
];

/** Hears a message at an instant. */
export type Listener = { readonly hear: (text: string, about: About, us: number) => void };

type Topic = { readonly about: About; readonly listeners: Set<Listener> };

/** When each topic next sends; Infinity where it has nothing to send. */
type Dues = { ticker: number; mark: number; candle: number; liquidation: number };

export class BybitListing {
  readonly market: Market;
  readonly contract: Contract;
  readonly #topics: ReadonlyMap<string, Topic>;
  readonly #books: readonly ToldBook[];
  readonly #random: Random;
  readonly #dues: Dues;
  /** The ticker as it was last told. */
  #fields: ReadonlyMap<string, string>;
  #candle: Candle | null = null;
  #forced: Fill[] = [];
  /** Counts over all markets, here by leaps. */
  #seq: number;

  constructor(symbol: string, seed: number, rate: number, start_us: number) {
    this.contract = contractOf(symbol);
    this.market = new Market(this.contract, seed, rate, start_us);
    this.#random = new Random(seed, `bybit ids ${symbol}`);
    this.#seq = 7_000_000_000 + hash32(symbol);
    this.#topics = new Map(
      TOPICS.map((topic) => [
        topic,
        { about: { channel: channelOf(topic), symbol }, listeners: new Set<Listener>() },
      ]),
    );
    this.#books = DEPTHS.map(
      (depth) => new ToldBook(this.contract, this.market, depth, seed, start_us),
    );
    this.#fields = tickerFields(this.contract, this.market, Math.floor(start_us / 1000));
    const mark = gridAfter(start_us, MARK_US);
    this.#dues = { ticker: Infinity, mark, candle: Infinity, liquidation: Infinity };
  }

  get nextUs(): number {
    const { ticker, mark, candle, liquidation } = this.#dues;
    let next = Math.min(this.market.next_us, ticker, mark, candle, liquidation);
    for (const { due_us } of this.#books) if (due_us < next) next = due_us;
    return next;
  }

  /** Everything due exactly at `us`: gathered messages first, then the market's own event. */
  advance(us: number): void {
    const dues = this.#dues;
    for (const book of this.#books) {
      if (book.due_us !== us) continue;
      const text = book.tell(us, this.#seq);
      if (text !== null) this.#tell(`orderbook.${book.depth}`, us, text);
    }
    if (dues.mark === us) {
      dues.mark = us + MARK_US;
      dues.ticker = us;
    }
    if (dues.ticker === us) this.#sendTicker(us);
    if (dues.candle === us) this.#sendCandle(us);
    if (dues.liquidation === us) {
      dues.liquidation = Infinity;
      const ms = Math.floor(us / 1000);
      this.#tell('allLiquidation', us, liquidationsText(this.contract, this.#forced, ms));
      this.#forced = [];
    }
    if (this.market.next_us === us) this.#step();
  }

  /** Adds a listener; of books and tickers it is told the state at once. */
  listen(topic: string, listener: Listener, us: number): void {
    const { about, listeners } = this.#topics.get(topic) as Topic;
    listeners.add(listener);
    const book = this.#books.find(({ depth }) => topic === `orderbook.${depth}`);
    if (book !== undefined) listener.hear(book.snapshot(us, this.#seq), about, us);
    if (topic === 'tickers') {
      const place = { ms: Math.floor(us / 1000), seq: this.#seq };
      listener.hear(tickerText(this.contract, 'snapshot', this.#fields, place), about, us);
    }
  }

  leave(topic: string, listener: Listener): void {
    this.#topics.get(topic)?.listeners.delete(listener);
  }

  #step(): void {
    const { market } = this;
    const before = market.lastTick;
    market.step();
    const us = market.now_us;
    const dues = this.#dues;
    this.#seq += 1 + this.#random.below(400);
    const forced = this.#random.below(1000) < FORCED_PER_MILLE;
    const { fills } = market;
    if (market.changes.length > 0) for (const book of this.#books) book.touch(us);
    if (market.quote_changed || fills.length > 0) {
      dues.ticker = Math.min(dues.ticker, gridAfter(us, TICKER_US));
    }
    if (fills.length === 0) return;
    const place = { ms: Math.floor(us / 1000), seq: this.#seq, before };
    if (this.#isHeard('publicTrade')) {
      this.#tell('publicTrade', us, tradesText(this.contract, fills, place));
    }
    this.#candle = market.minutes.last ?? null;
    dues.candle = Math.min(dues.candle, gridAfter(us, CANDLE_US));
    if (!forced) return;
    this.#forced.push(...fills);
    dues.liquidation = Math.min(dues.liquidation, gridAfter(us, LIQUIDATION_US));
  }

  #sendTicker(us: number): void {
    this.#dues.ticker = Infinity;
    const ms = Math.floor(us / 1000);
    const fields = tickerFields(this.contract, this.market, ms);
    const changed = [...fields].filter(([name, value]) => this.#fields.get(name) !== value);
    this.#fields = fields;
    if (changed.length === 0) return;
    const place = { ms, seq: this.#seq };
    this.#tell('tickers', us, tickerText(this.contract, 'delta', changed, place));
  }

  /** The minute so far, at most once a second; at its end once more, as closed. */
  #sendCandle(us: number): void {
    const candle = this.#candle;
    this.#dues.candle = Infinity;
    if (candle === null) return;
    const close_us = candle.begin_us + MINUTE_US;
    const last = Math.floor((this.market.history.at(-1) as Fill).us / 1000);
    this.#tell('kline.1', us, candleText(this.contract, candle, Math.floor(us / 1000), last));
    if (us >= close_us) this.#candle = null;
    else this.#dues.candle = close_us;
  }

  #isHeard(topic: string): boolean {
    return (this.#topics.get(topic) as Topic).listeners.size > 0;
  }

  #tell(topic: string, us: number, text: string): void {
    const { about, listeners } = this.#topics.get(topic) as Topic;
    for (const listener of listeners) listener.hear(text, about, us);
  }
}

/** What a fault names: all deep books are one channel. */
export function channelOf(topic: string): string {
  return topic.startsWith('orderbook.') && topic !== 'orderbook.1' ? 'orderbook' : topic;
}
