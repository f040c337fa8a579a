/**
 * The texts of Coinbase's Advanced Trade channels as the venue prints them: every number a string,
 * prices with all their decimals, sizes as short as they go; times RFC 3339. Key order is that of
 * published frames. `envelope` puts a channel's events under the connection's own number.
 */
import { daySums, type Candle } from '../simulator/candles.ts';
import { fixed, isoMicros, isoNanos, shortest } from '../simulator/format.ts';
import type { Change, Fill, Market } from '../simulator/market.ts';
import type { Product } from './venue-products.ts';

const SECOND_US = 1e6;
const PERCENT_DECIMALS = 14;

/** `events` is the inside of the list. */
export function envelope(channel: string, us: number, number: number, events: string): string {
  const timestamp = isoNanos(us, (us * 7 + number) % 1000);
  return `{"channel":"${channel}","client_id":"","timestamp":"${timestamp}","sequence_num":${number},"events":[${events}]}`;
}

function price(product: Product, tick: number): string {
  return fixed(tick, product.price_decimals);
}

function size(product: Product, lots: number): string {
  return shortest(lots, product.size_decimals);
}

function level(product: Product, side: string, time: string, tick: number, lots: number): string {
  return `{"side":"${side}","event_time":"${time}","price_level":"${price(product, tick)}","new_quantity":"${size(product, lots)}"}`;
}

/** All levels, bids first; the times of a snapshot's levels are placeholders. */
export function bookSnapshot(product: Product, { bids, asks }: Market): string {
  const epoch = '1970-01-01T00:00:00Z';
  const levels = [
    ...bids.ticks.map((tick, at) => level(product, 'bid', epoch, tick, bids.lots[at] as number)),
    ...asks.ticks.map((tick, at) => level(product, 'offer', epoch, tick, asks.lots[at] as number)),
  ];
  return bookEvent('snapshot', product, levels);
}

/** What one step of the market changed; a level changed twice is told once, as it ended. */
export function bookUpdate(product: Product, changes: readonly Change[], us: number): string {
  const last = new Map(changes.map((change) => [`${change.side} ${change.tick}`, change]));
  const time = isoMicros(us);
  const levels = [...last.values()].map(({ side, tick, lots }) =>
    level(product, side === 'bid' ? 'bid' : 'offer', time, tick, lots),
  );
  return bookEvent('update', product, levels);
}

function bookEvent(type: string, { symbol }: Product, levels: readonly string[]): string {
  return `{"type":"${type}","product_id":"${symbol}","updates":[${levels.join(',')}]}`;
}

/** Newest first; the side is the maker's. */
export function tradesEvent(
  type: 'snapshot' | 'update',
  product: Product,
  fills: readonly Fill[],
): string {
  const trades = fills.toReversed().map((fill) => {
    const side = fill.buy ? 'SELL' : 'BUY';
    return `{"product_id":"${product.symbol}","trade_id":"${fill.id}","price":"${price(product, fill.tick)}","size":"${size(product, fill.lots)}","time":"${isoMicros(fill.us)}","side":"${side}"}`;
  });
  return `{"type":"${type}","trades":[${trades.join(',')}]}`;
}

export function tickerEvent(
  type: 'snapshot' | 'update',
  product: Product,
  market: Market,
  withBest: boolean,
): string {
  const { bids, asks, hours, lastTick } = market;
  const day = daySums(hours);
  const change = (BigInt(lastTick - day.open) * 10n ** 16n) / BigInt(day.open);
  const fields = [
    `"type":"ticker","product_id":"${product.symbol}","price":"${price(product, lastTick)}"`,
    `"volume_24_h":"${size(product, day.lots)}","low_24_h":"${price(product, day.low)}"`,
    `"high_24_h":"${price(product, day.high)}","low_52_w":"${price(product, day.low)}"`,
    `"high_52_w":"${price(product, day.high)}"`,
    `"price_percent_chg_24_h":"${shortest(change, PERCENT_DECIMALS)}"`,
  ];
  if (withBest) {
    fields.push(
      `"best_bid":"${price(product, bids.ticks[0] as number)}"`,
      `"best_bid_quantity":"${size(product, bids.lots[0] as number)}"`,
      `"best_ask":"${price(product, asks.ticks[0] as number)}"`,
      `"best_ask_quantity":"${size(product, asks.lots[0] as number)}"`,
    );
  }
  return `{"type":"${type}","tickers":[{${fields.join(',')}}]}`;
}

/** Newest first. */
export function candlesEvent(
  type: 'snapshot' | 'update',
  product: Product,
  candles: readonly Candle[],
): string {
  const texts = candles.toReversed().map((candle) => {
    const { high, low, open, close } = candle;
    const prices = Object.entries({ high, low, open, close }).map(
      ([name, tick]) => `"${name}":"${price(product, tick)}"`,
    );
    return `{"start":"${candle.begin_us / SECOND_US}",${prices.join(',')},"volume":"${size(product, candle.lots)}","product_id":"${product.symbol}"}`;
  });
  return `{"type":"${type}","candles":[${texts.join(',')}]}`;
}

export function statusEvent(product: Product): string {
  const { symbol, base, quote, price_decimals, size_decimals } = product;
  const fields = [
    `"product_type":"SPOT","id":"${symbol}","base_currency":"${base}","quote_currency":"${quote}"`,
    `"base_increment":"${fixed(1, size_decimals)}","quote_increment":"${fixed(1, price_decimals)}"`,
    `"display_name":"${base}/${quote}","status":"online","status_message":"","min_market_funds":"1"`,
  ];
  return `{"type":"snapshot","products":[{${fields.join(',')}}]}`;
}

export function heartbeatEvent(us: number): string {
  const time = isoNanos(us, 0).replace('T', ' ').replace('Z', ' +0000 UTC');
  return `{"current_time":"${time}","heartbeat_counter":${Math.floor(us / SECOND_US) % 1e6}}`;
}

/** All that a connection is subscribed to, by channel. */
export function statementEvent(wants: ReadonlyMap<string, readonly string[]>): string {
  return JSON.stringify({ subscriptions: Object.fromEntries(wants) });
}
