/**
 * The texts of Kraken's WebSocket v2, as the venue prints them: prices and quantities of `book` and
 * `trade` at the pair's precision with trailing zeros, those of `ticker` and `ohlc` as short as they
 * go, increments with an exponent. Source: docs.kraken.com "Spot WebSockets v2" and recorded frames.
 */
import { daySums, type Candle, type CandleSeries } from '../simulator/candles.ts';
import { fixed, isoMicros, isoNanos, shortest } from '../simulator/format.ts';
import type { Fill, Market } from '../simulator/market.ts';
import type { Pair } from './venue-pairs.ts';

const MINUTE_US = 60e6;

export function statusText(connection_id: string): string {
  return `{"channel":"status","type":"update","data":[{"version":"2.0.10","system":"online","api_version":"v2","connection_id":${connection_id}}]}`;
}

export const HEARTBEAT = '{"channel":"heartbeat"}';

export function bookText(
  pair: Pair,
  type: 'snapshot' | 'update',
  sides: string,
  checksum: number,
  us: number,
): string {
  return `{"channel":"book","type":"${type}","data":[{"symbol":"${pair.symbol}",${sides},"checksum":${checksum},"timestamp":"${isoMicros(us)}"}]}`;
}

export function tradeText(pair: Pair, type: 'snapshot' | 'update', fills: readonly Fill[]): string {
  const { price_decimals, tick_units, qty_decimals } = pair;
  let entries = '';
  for (const fill of fills) {
    const price = fixed(fill.tick * tick_units, price_decimals);
    const order = fill.market_order ? 'market' : 'limit';
    entries += `${entries === '' ? '' : ','}{"symbol":"${pair.symbol}","side":"${fill.buy ? 'buy' : 'sell'}","price":${price},"qty":${fixed(fill.lots, qty_decimals)},"ord_type":"${order}","trade_id":${fill.id},"timestamp":"${isoMicros(fill.us)}"}`;
  }
  return `{"channel":"trade","type":"${type}","data":[${entries}]}`;
}

export function tickerText(
  pair: Pair,
  type: 'snapshot' | 'update',
  market: Market,
  us: number,
): string {
  const price = (ticks: number): string => shortest(ticks * pair.tick_units, pair.price_decimals);
  const qty = (lots: number): string => shortest(lots, pair.qty_decimals);
  const { bids, asks } = market;
  const day = daySums(market.hours);
  const last = market.lastTick;
  const change = last - day.open;
  const fields = [
    `"symbol":"${pair.symbol}"`,
    `"bid":${price(bids.ticks[0] as number)},"bid_qty":${qty(bids.lots[0] as number)}`,
    `"ask":${price(asks.ticks[0] as number)},"ask_qty":${qty(asks.lots[0] as number)}`,
    `"last":${price(last)},"volume":${qty(day.lots)}`,
    `"vwap":${meanPrice(pair, day.value, day.lots)}`,
    `"low":${price(day.low)},"high":${price(day.high)},"change":${price(change)}`,
    `"change_pct":${shortest(Math.round((change * 10_000) / day.open), 2)}`,
    `"trades":${day.trades},"timestamp":"${isoMicros(us)}"`,
  ];
  return `{"channel":"ticker","type":"${type}","data":[{${fields.join(',')}}]}`;
}

export function ohlcText(
  pair: Pair,
  type: 'snapshot' | 'update',
  series: CandleSeries,
  us: number,
): string {
  const { candles } = series;
  const shown = type === 'snapshot' ? candles : candles.slice(-1);
  const entries = shown.map((candle) => candleText(pair, candle, series.interval_us));
  const stamp = isoNanos(us, (us * 7) % 1000);
  return `{"channel":"ohlc","type":"${type}","timestamp":"${stamp}","data":[${entries.join(',')}]}`;
}

function candleText(pair: Pair, candle: Candle, interval_us: number): string {
  const price = (ticks: number): string => shortest(ticks * pair.tick_units, pair.price_decimals);
  const volume = shortest(candle.lots, pair.qty_decimals);
  const vwap = meanPrice(pair, candle.value, candle.lots);
  const begin = isoNanos(candle.begin_us, 0);
  const end = isoMicros(candle.begin_us + interval_us);
  return `{"symbol":"${pair.symbol}","open":${price(candle.open)},"high":${price(candle.high)},"low":${price(candle.low)},"close":${price(candle.close)},"trades":${candle.trades},"volume":${volume},"vwap":${vwap},"interval_begin":"${begin}","interval":${interval_us / MINUTE_US},"timestamp":"${end}"}`;
}

/** Value over volume, rounded to the pair's price precision. */
function meanPrice(pair: Pair, value: bigint, lots: number): string {
  const volume = BigInt(lots);
  const units = (value * BigInt(pair.tick_units) * 2n + volume) / (volume * 2n);
  return shortest(units, pair.price_decimals);
}

export function instrumentText(pairs: readonly Pair[]): string {
  const names = new Set(pairs.flatMap((pair) => [pair.base, pair.quote]));
  const assets = [...names].sort().map((name) => {
    const decimals = name === 'USD' ? 4 : 10;
    return `{"id":"${name}","status":"enabled","precision":${decimals},"precision_display":${decimals / 2},"borrowable":true,"collateral_value":1.0,"margin_rate":0.02}`;
  });
  const rows = pairs.map((pair) => {
    const price_increment = increment(pair.tick_units, pair.price_decimals);
    return `{"symbol":"${pair.symbol}","base":"${pair.base}","quote":"${pair.quote}","status":"online","qty_precision":${pair.qty_decimals},"qty_increment":${increment(1, pair.qty_decimals)},"price_precision":${pair.price_decimals},"cost_precision":5,"marginable":true,"has_index":true,"cost_min":0.5,"margin_initial":0.2,"position_limit_long":300,"position_limit_short":240,"tick_size":${price_increment},"price_increment":${price_increment},"qty_min":0.0001}`;
  });
  return `{"channel":"instrument","type":"snapshot","data":{"assets":[${assets.join(',')}],"pairs":[${rows.join(',')}]}}`;
}

/** `0.1`, `0.0001`, but `5e-05`, `1e-08`: as the venue's own language prints small numbers. */
function increment(units: number, decimals: number): string {
  if (decimals <= 4) return shortest(units, decimals);
  return `${units}e-${String(decimals).padStart(2, '0')}`;
}
