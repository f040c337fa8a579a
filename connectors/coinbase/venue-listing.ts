/**
 * One market of the simulated Coinbase with everyone who listens to it. Book, trades and ticker follow
 * each step of the market at once; candles are told once a second while they change, the batched
 * ticker every five, the status every minute: on fixed grids, so that a second listener changes
 * nothing for the first.
 */
import { CandleSeries } from '../simulator/candles.ts';
import { Market } from '../simulator/market.ts';
import type { About } from '../simulator/venue.ts';
import { productOf, type Product } from './venue-products.ts';
import { CHANNELS, type ChannelName } from './venue-requests.ts';
import {
  bookSnapshot,
  bookUpdate,
  candlesEvent,
  statusEvent,
  tickerEvent,
  tradesEvent,
} from './venue-texts.ts';

const CANDLE_US = 1e6;
const BATCH_US = 5e6;
const STATUS_US = 60e6;
const BAR_US = 300e6;
const CANDLES_KEPT = 30;
/** What frames call a channel, where it is not what it is asked for as. */
const WIRE: { readonly [C in ChannelName]?: string } = { level2: 'l2_data' };

/** Hears the events of a message at an instant; the connection gives it a number. */
export type Listener = {
  readonly hear: (channel: string, events: string, about: About, us: number) => void;
};

/** When each channel next sends; Infinity where it has nothing to send. */
type Dues = { candles: number; batch: number; status: number };

export class CoinbaseListing {
  readonly market: Market;
  readonly product: Product;
  readonly #bars = new CandleSeries(BAR_US, CANDLES_KEPT);
  readonly #listeners: { readonly [C in ChannelName]: Set<Listener> };
  readonly #about: { readonly [C in ChannelName]: About };
  readonly #dues: Dues;

  constructor(symbol: string, seed: number, rate: number, start_us: number) {
    this.product = productOf(symbol);
    this.market = new Market(this.product, seed, rate, start_us);
    for (const fill of this.market.history) this.#bars.add(fill.us, fill);
    const each = <T>(of: (channel: ChannelName) => T) =>
      Object.fromEntries(CHANNELS.map((name) => [name, of(name)])) as { [C in ChannelName]: T };
    this.#listeners = each(() => new Set<Listener>());
    this.#about = each((channel) => ({ channel, symbol }));
    this.#dues = { candles: Infinity, batch: Infinity, status: gridAfter(start_us, STATUS_US) };
  }

  get nextUs(): number {
    const { candles, batch, status } = this.#dues;
    return Math.min(this.market.next_us, candles, batch, status);
  }

  /** Everything due exactly at `us`: gathered messages first, then the market's own event. */
  advance(us: number): void {
    const { market, product } = this;
    const dues = this.#dues;
    if (dues.candles === us) {
      dues.candles = Infinity;
      this.#tell('candles', us, () =>
        candlesEvent('update', product, this.#bars.candles.slice(-1)),
      );
    }
    if (dues.batch === us) {
      dues.batch = Infinity;
      this.#tell('ticker_batch', us, () => tickerEvent('update', product, market, false));
    }
    if (dues.status === us) {
      dues.status = us + STATUS_US;
      this.#tell('status', us, () => statusEvent(product));
    }
    if (market.next_us === us) this.#step();
  }

  /** Adds a listener and tells it the state. */
  listen(channel: ChannelName, listener: Listener, us: number): void {
    this.#listeners[channel].add(listener);
    listener.hear(WIRE[channel] ?? channel, this.#stateOf(channel), this.#about[channel], us);
  }

  leave(channel: ChannelName, listener: Listener): void {
    this.#listeners[channel].delete(listener);
  }

  #stateOf(channel: ChannelName): string {
    const { market, product } = this;
    switch (channel) {
      case 'level2':
        return bookSnapshot(product, market);
      case 'market_trades':
        return tradesEvent('snapshot', product, market.history);
      case 'candles':
        return candlesEvent('snapshot', product, this.#bars.candles);
      case 'status':
        return statusEvent(product);
      default:
        return tickerEvent('snapshot', product, market, channel === 'ticker');
    }
  }

  #step(): void {
    const { market, product } = this;
    market.step();
    const us = market.now_us;
    const { changes, fills } = market;
    if (changes.length > 0) this.#tell('level2', us, () => bookUpdate(product, changes, us));
    if (fills.length === 0) return;
    for (const fill of fills) this.#bars.add(fill.us, fill);
    this.#tell('market_trades', us, () => tradesEvent('update', product, fills));
    this.#tell('ticker', us, () => tickerEvent('update', product, market, true));
    this.#dues.candles = Math.min(this.#dues.candles, gridAfter(us, CANDLE_US));
    this.#dues.batch = Math.min(this.#dues.batch, gridAfter(us, BATCH_US));
  }

  #tell(channel: ChannelName, us: number, events: () => string): void {
    const listeners = this.#listeners[channel];
    if (listeners.size === 0) return;
    const text = events();
    for (const listener of listeners) {
      listener.hear(WIRE[channel] ?? channel, text, this.#about[channel], us);
    }
  }
}

/** The next instant of a grid, after `us`. */
function gridAfter(us: number, every_us: number): number {
  return us - (us % every_us) + every_us;
}
