/** Every feed ssmd knows. Adding a venue is one folder and one line here. */
import type { Feed } from './feed.ts';
import { binanceUsdm } from './binance-usdm/feed.ts';
import { bybitLinear } from './bybit-linear/feed.ts';
import { coinbase } from './coinbase/feed.ts';
import { kraken } from './kraken/feed.ts';
import { okx } from './okx/feed.ts';

export const FEEDS: ReadonlyMap<string, Feed> = new Map(
  [binanceUsdm, bybitLinear, coinbase, kraken, okx].map((feed) => [feed.id, feed]),
);
