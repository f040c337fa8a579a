/**
 * One contract of the simulated Binance USD-M with everyone who listens to it: what its market does
 * becomes the streams' messages, at once (`trade`, `aggTrade`, `bookTicker`) or gathered (`depth` and
 * its partial form, `kline`, `markPrice`).
 */
import { CandleSeries, type Candle } from '../simulator/candles.ts';
import { nsFromUs } from '../simulator/format.ts';
import type { Fill } from '../simulator/market.ts';
import { Market } from '../simulator/market.ts';
import { Random, hash32 } from '../simulator/random.ts';
import type { About, VenueSink } from '../simulator/venue.ts';
import type { Stream } from './venue-streams.ts';
import {
  aggTradeText,
  bestLevels,
  bookTickerText,
  changedLevels,
  contractOf,
  depthText,
  forceOrderText,
  klineText,
  markPriceText,
  tradeText,
  type Contract,
} from './venue-texts.ts';

const KLINE_PAUSE_US = 250e3;
const FORCE_PAUSE_US = 1e6;
const MINUTE_US = 60e6;
const CANDLES_KEPT = 2;
/** One execution in this many is a forced order's. */
const FORCED_SHARE = 193;

export type Listener = { readonly sink: VenueSink; readonly combined: boolean };

/** One stream's listeners, and what the stream itself keeps. */
type StreamFeed = {
  readonly stream: Stream;
  readonly about: About;
  readonly listeners: Set<Listener>;
  readonly gathered: Gathered;
  readonly series: CandleSeries | null;
  candle: Candle | null;
  /** When this stream next sends; Infinity where it has nothing to send. */
  due_us: number;
};

/** Changes since the last message of a `depth` stream. */
type Gathered = {
  readonly bids: Map<number, number>;
  readonly asks: Map<number, number>;
  /** 0: nothing gathered yet. */
  first: number;
  last: number;
  previous: number;
  last_us: number;
};

export class BinanceListing {
  readonly market: Market;
  readonly #contract: Contract;
  readonly #feeds = new Map<string, StreamFeed>();
  readonly #ids: Random;
  #update_id: number;
  #agg_id: number;
  #forced_us = 0;

  constructor(symbol: string, seed: number, rate: number, start_us: number) {
    this.#contract = contractOf(symbol);
    this.market = new Market(this.#contract, seed, rate, start_us);
    this.#ids = new Random(seed, `binance ids ${symbol}`);
    this.#update_id = 5_100_000_000_000 + hash32(symbol) * 16;
    this.#agg_id = 2_000_000_000 + (hash32(symbol) % 900_000_000);
  }

  get nextUs(): number {
    let next = this.market.next_us;
    for (const { due_us } of this.#feeds.values()) if (due_us < next) next = due_us;
    return next;
  }

  /** Everything due exactly at `us`: gathered messages first, then the market's own event. */
  advance(us: number): void {
    for (const feed of this.#feeds.values()) if (feed.due_us === us) this.#sendGathered(feed, us);
    if (this.market.next_us === us) this.#step();
  }

  listen(stream: Stream, listener: Listener, us: number): void {
    const feed = this.#feeds.get(stream.name) ?? this.#openFeed(stream);
    if (feed.listeners.size === 0) {
      feed.gathered.previous = this.#update_id;
      if (stream.kind === 'markPrice') feed.due_us = us - (us % stream.every_us) + stream.every_us;
    }
    feed.listeners.add(listener);
  }

  leave(stream: Stream, listener: Listener): void {
    const feed = this.#feeds.get(stream.name);
    if (feed === undefined) return;
    feed.listeners.delete(listener);
    if (feed.listeners.size === 0) this.#feeds.delete(stream.name);
  }

  #openFeed(stream: Stream): StreamFeed {
    const { channel, kind, every_us } = stream;
    const minutes = every_us === MINUTE_US;
    const series = minutes ? this.market.minutes : new CandleSeries(every_us, CANDLES_KEPT);
    const feed: StreamFeed = {
      stream,
      about: { channel, symbol: this.#contract.symbol },
      listeners: new Set(),
      gathered: { bids: new Map(), asks: new Map(), first: 0, last: 0, previous: 0, last_us: 0 },
      series: kind === 'kline' ? series : null,
      candle: null,
      due_us: Infinity,
    };
    this.#feeds.set(stream.name, feed);
    return feed;
  }

  #step(): void {
    const { market } = this;
    market.step();
    const us = market.now_us;
    const first = this.#update_id + 1 + this.#ids.below(40);
    this.#update_id = first + market.changes.length + this.#ids.below(60);
    const groups = groupByPrice(market.fills);
    const agg_id = this.#agg_id;
    this.#agg_id += groups.length;
    for (const feed of this.#feeds.values()) {
      switch (feed.stream.kind) {
        case 'trade':
          for (const fill of market.fills) this.#send(feed, tradeText(this.#contract, fill), us);
          break;
        case 'aggTrade':
          groups.forEach((fills, at) => {
            this.#send(feed, aggTradeText(this.#contract, agg_id + at, fills), us);
          });
          break;
        case 'bookTicker':
          if (market.quote_changed) this.#sendQuote(feed, us);
          break;
        case 'depth':
        case 'partial':
          if (market.changes.length > 0) this.#gather(feed, first, us);
          break;
        case 'kline':
          if (market.fills.length > 0) this.#gatherCandle(feed, us);
          break;
        case 'forceOrder':
          this.#force(feed, us);
          break;
        case 'markPrice':
          break;
        default:
          feed.stream.kind satisfies never;
      }
    }
  }

  #sendQuote(feed: StreamFeed, us: number): void {
    const ms = Math.floor(us / 1000);
    this.#send(feed, bookTickerText(this.#contract, this.market, this.#update_id, ms), us);
  }

  /** At most one forced order a second is told, as the venue does. */
  #force(feed: StreamFeed, us: number): void {
    const forced = this.market.fills.find((fill) => fill.id % FORCED_SHARE === 0);
    if (forced === undefined || us < this.#forced_us + FORCE_PAUSE_US) return;
    this.#forced_us = us;
    this.#send(feed, forceOrderText(this.#contract, forced), us);
  }

  #gather(feed: StreamFeed, first: number, us: number): void {
    const { gathered, stream } = feed;
    if (gathered.first === 0) {
      gathered.first = first;
      feed.due_us = us - (us % stream.every_us) + stream.every_us;
    }
    gathered.last = this.#update_id;
    gathered.last_us = us;
    if (stream.kind === 'partial') return;
    for (const { side, tick, lots } of this.market.changes) {
      (side === 'bid' ? gathered.bids : gathered.asks).set(tick, lots);
    }
  }

  #gatherCandle(feed: StreamFeed, us: number): void {
    const series = feed.series as CandleSeries;
    if (series !== this.market.minutes) for (const fill of this.market.fills) series.add(us, fill);
    feed.candle = series.last ?? null;
    const close_us = us - (us % feed.stream.every_us) + feed.stream.every_us;
    const soon_us = Math.min(us + KLINE_PAUSE_US, close_us);
    // A due at the candle's end only closes it: a trade before then is told sooner.
    if (feed.due_us > soon_us) feed.due_us = soon_us;
  }

  #sendGathered(feed: StreamFeed, us: number): void {
    feed.due_us = Infinity;
    const { stream } = feed;
    if (stream.kind === 'depth' || stream.kind === 'partial') this.#sendDepth(feed, us);
    else if (stream.kind === 'kline') this.#sendCandle(feed, us);
    else {
      feed.due_us = us + stream.every_us;
      this.#send(feed, markPriceText(this.#contract, this.market, us / 1000), us);
    }
  }

  #sendDepth(feed: StreamFeed, us: number): void {
    const { gathered, stream } = feed;
    const { bids, asks } = this.market;
    const contract = this.#contract;
    const diff = stream.kind === 'depth';
    const bid = diff
      ? changedLevels(contract, gathered.bids)
      : bestLevels(contract, bids, stream.levels);
    const ask = diff
      ? changedLevels(contract, gathered.asks)
      : bestLevels(contract, asks, stream.levels);
    const at = { sent_ms: us / 1000, last_ms: Math.floor(gathered.last_us / 1000) };
    this.#send(feed, depthText(contract, gathered, bid, ask, at), us);
    gathered.previous = gathered.last;
    gathered.first = 0;
    gathered.bids.clear();
    gathered.asks.clear();
  }

  #sendCandle(feed: StreamFeed, us: number): void {
    const candle = feed.candle;
    if (candle === null) return;
    const { every_us, channel } = feed.stream;
    const close_us = candle.begin_us + every_us;
    const at = { sent_ms: Math.floor(us / 1000), closed: us >= close_us };
    const interval = channel.slice('kline_'.length);
    this.#send(feed, klineText(this.#contract, candle, every_us, interval, at), us);
    if (at.closed) feed.candle = null;
    else feed.due_us = close_us;
  }

  #send(feed: StreamFeed, payload: string, us: number): void {
    const at_ns = nsFromUs(us);
    let wrapped: string | null = null;
    for (const { sink, combined } of feed.listeners) {
      if (combined) wrapped ??= `{"stream":"${feed.stream.name}","data":${payload}}`;
      sink.frame(combined ? (wrapped as string) : payload, feed.about, at_ns);
    }
  }
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
