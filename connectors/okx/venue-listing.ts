/**
 * One market of the simulated OKX with everyone who listens to it. What the market does becomes the
 * channels' messages: trades at once, the rest gathered to the channel's pace on a fixed grid, whoever
 * listens, so that a second listener changes nothing for the first.
 */
import type { Candle } from '../simulator/candles.ts';
import type { Fill } from '../simulator/market.ts';
import { Market } from '../simulator/market.ts';
import { Random, hash32 } from '../simulator/random.ts';
import type { About } from '../simulator/venue.ts';
import { instrumentOf, type Instrument } from './venue-instruments.ts';
import { CHANNELS, type ChannelName } from './venue-requests.ts';
import {
  bboText,
  bestLevels,
  bookText,
  candleText,
  changedLevels,
  checksumOf,
  fundingText,
  tickerText,
  tradeText,
} from './venue-texts.ts';

const BOOK_US = 100e3;
const BBO_US = 10e3;
const TICKER_US = 100e3;
const CANDLE_US = 1e6;
const FUNDING_US = 60e6;
const MINUTE_US = 60e6;
/** A book that did not change says so after this long. */
const QUIET_US = 60e6;
const LEVELS = 400;
/** Since the spring of 2026 the checksum of every message is 0 (2026-05-01 here). */
const CHECKSUMS_END_MS = 1_777_593_600_000;

/** Hears a message at an instant. */
export type Listener = { readonly hear: (text: string, about: About, us: number) => void };

/** When each channel next sends; Infinity where it has nothing to send. */
type Dues = { book: number; quiet: number; bbo: number; ticker: number; candle: number };

export class OkxListing {
  readonly market: Market;
  readonly instrument: Instrument;
  readonly #listeners: { readonly [C in ChannelName]: Set<Listener> };
  /** Subscribed to the book, and waiting for the next instant of its grid to be told it. */
  readonly #fresh = new Set<Listener>();
  readonly #about: { readonly [C in ChannelName]: About };
  readonly #random: Random;
  readonly #dues: Dues;
  /** Changes since the book was last told. */
  readonly #bids = new Map<number, number>();
  readonly #asks = new Map<number, number>();
  #id: number;
  /** Id of the book as it was last told. */
  #told: number;
  #funding_due: number;
  #candle: Candle | null = null;

  constructor(symbol: string, seed: number, rate: number, start_us: number) {
    this.instrument = instrumentOf(symbol);
    this.market = new Market(this.instrument, seed, rate, start_us);
    this.#random = new Random(seed, `okx ids ${symbol}`);
    this.#id = 300_000_000_000 + hash32(symbol) * 10;
    this.#told = this.#id;
    const names = Object.keys(CHANNELS) as ChannelName[];
    const each = <T>(of: (channel: ChannelName) => T) =>
      Object.fromEntries(names.map((name) => [name, of(name)])) as { [C in ChannelName]: T };
    this.#listeners = each(() => new Set<Listener>());
    this.#about = each((channel) => ({ channel, symbol }));
    this.#dues = {
      book: Infinity,
      quiet: start_us + QUIET_US,
      bbo: Infinity,
      ticker: Infinity,
      candle: Infinity,
    };
    this.#funding_due = this.instrument.swap ? gridAfter(start_us, FUNDING_US) : Infinity;
  }

  get nextUs(): number {
    const { book, quiet, bbo, ticker, candle } = this.#dues;
    return Math.min(this.market.next_us, book, quiet, bbo, ticker, candle, this.#funding_due);
  }

  serves(channel: ChannelName): boolean {
    return channel !== 'funding-rate' || this.instrument.swap;
  }

  /** Everything due exactly at `us`: gathered messages first, then the market's own event. */
  advance(us: number): void {
    const dues = this.#dues;
    if (dues.book === us) this.#sendBook(us);
    if (dues.quiet === us) this.#sendQuiet(us);
    if (dues.bbo === us) {
      dues.bbo = Infinity;
      this.#tell('bbo-tbt', us, () => this.#bbo(us));
    }
    if (dues.ticker === us) {
      dues.ticker = Infinity;
      this.#tell('tickers', us, () => this.#ticker(us));
    }
    if (dues.candle === us) this.#sendCandle(us);
    if (this.#funding_due === us) {
      this.#funding_due += FUNDING_US;
      this.#tell('funding-rate', us, () => this.#funding(us));
    }
    if (this.market.next_us === us) this.#step();
  }

  /** Adds a listener; but for candles of a minute without trades it is told the state at once. */
  listen(channel: ChannelName, listener: Listener, us: number): void {
    const about = this.#about[channel];
    if (channel === 'books') {
      this.#fresh.add(listener);
      this.#dues.book = Math.min(this.#dues.book, gridAfter(us, BOOK_US));
      return;
    }
    this.#listeners[channel].add(listener);
    if (channel === 'bbo-tbt') listener.hear(this.#bbo(us), about, us);
    else if (channel === 'tickers') listener.hear(this.#ticker(us), about, us);
    else if (channel === 'funding-rate') listener.hear(this.#funding(us), about, us);
    else if (channel === 'trades') listener.hear(this.#lastTrade(), about, us);
    else {
      const candle = this.market.minutes.last;
      if (candle === undefined || candle.begin_us + MINUTE_US <= us) return;
      listener.hear(candleText(this.instrument, candle, false), about, us);
    }
  }

  leave(channel: ChannelName, listener: Listener): void {
    this.#listeners[channel].delete(listener);
    if (channel === 'books') this.#fresh.delete(listener);
  }

  #step(): void {
    const { market } = this;
    market.step();
    const us = market.now_us;
    const dues = this.#dues;
    this.#id += 1 + this.#random.below(90);
    for (const fills of groupByPrice(market.fills)) {
      this.#tell('trades', us, () => tradeText(this.instrument, fills, this.#id));
    }
    for (const { side, tick, lots } of market.changes) {
      (side === 'bid' ? this.#bids : this.#asks).set(tick, lots);
    }
    if (market.changes.length > 0) dues.book = Math.min(dues.book, gridAfter(us, BOOK_US));
    const traded = market.fills.length > 0;
    if (market.quote_changed) dues.bbo = Math.min(dues.bbo, gridAfter(us, BBO_US));
    if (market.quote_changed || traded) {
      dues.ticker = Math.min(dues.ticker, gridAfter(us, TICKER_US));
    }
    if (!traded) return;
    this.#candle = market.minutes.last ?? null;
    dues.candle = Math.min(dues.candle, gridAfter(us, CANDLE_US));
  }

  #sendBook(us: number): void {
    this.#dues.book = Infinity;
    const { instrument, market } = this;
    if (this.#bids.size > 0 || this.#asks.size > 0) {
      const place = { ...this.#place(us), id: this.#id, previous: this.#told };
      this.#tell('books', us, () => {
        const asks = changedLevels(instrument, this.#asks, 1);
        const bids = changedLevels(instrument, this.#bids, -1);
        return bookText(instrument, 'update', asks, bids, place);
      });
      this.#told = this.#id;
      this.#bids.clear();
      this.#asks.clear();
      this.#dues.quiet = us + QUIET_US;
    }
    if (this.#fresh.size === 0) return;
    const asks = bestLevels(instrument, market.asks, LEVELS);
    const bids = bestLevels(instrument, market.bids, LEVELS);
    const text = bookText(instrument, 'snapshot', asks, bids, this.#place(us));
    for (const listener of this.#fresh) {
      this.#listeners.books.add(listener);
      listener.hear(text, this.#about.books, us);
    }
    this.#fresh.clear();
  }

  /** `seqId` equal to `prevSeqId`, and no levels. */
  #sendQuiet(us: number): void {
    this.#dues.quiet = us + QUIET_US;
    const place = { ...this.#place(us), previous: this.#told };
    this.#tell('books', us, () => bookText(this.instrument, 'update', '', '', place));
  }

  #place(us: number): { ms: number; checksum: number; id: number; previous: number } {
    const ms = Math.floor(us / 1000);
    const heard = this.#listeners.books.size + this.#fresh.size > 0;
    const summed = heard && ms < CHECKSUMS_END_MS;
    const checksum = summed ? checksumOf(this.instrument, this.market) : 0;
    return { ms, checksum, id: this.#told, previous: -1 };
  }

  /** The minute so far, at most once a second; at its end once more, as closed. */
  #sendCandle(us: number): void {
    const candle = this.#candle;
    this.#dues.candle = Infinity;
    if (candle === null) return;
    const close_us = candle.begin_us + MINUTE_US;
    const closed = us >= close_us;
    this.#tell('candle1m', us, () => candleText(this.instrument, candle, closed));
    if (closed) this.#candle = null;
    else this.#dues.candle = close_us;
  }

  #bbo(us: number): string {
    return bboText(this.instrument, this.market, Math.floor(us / 1000), this.#id);
  }

  #ticker(us: number): string {
    return tickerText(this.instrument, this.market, Math.floor(us / 1000));
  }

  #funding(us: number): string {
    return fundingText(this.instrument, Math.floor(us / 1000));
  }

  /** What was last told as one trade: the newest executions of one instant and price. */
  #lastTrade(): string {
    const { history } = this.market;
    const last = history[history.length - 1] as Fill;
    const fills = history.filter(({ us, tick }) => us === last.us && tick === last.tick);
    return tradeText(this.instrument, fills, this.#id);
  }

  #tell(channel: ChannelName, us: number, text: () => string): void {
    const listeners = this.#listeners[channel];
    if (listeners.size === 0) return;
    const message = text();
    for (const listener of listeners) listener.hear(message, this.#about[channel], us);
  }
}

/** The next instant of a grid, after `us`. */
function gridAfter(us: number, every_us: number): number {
  return us - (us % every_us) + every_us;
}

/** A taker's executions, cut where the price changes. */
function groupByPrice(fills: readonly Fill[]): Fill[][] {
  const groups: Fill[][] = [];
  for (const fill of fills) {
    const last = groups[groups.length - 1];
    if (last !== undefined && last[0]?.tick === fill.tick) last.push(fill);
    else groups.push([fill]);
  }
  return groups;
}
