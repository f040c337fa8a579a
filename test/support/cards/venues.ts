/** The venues of the numbered cards: one file and one line each. */
import assert from 'node:assert/strict';
import { BINANCE_CARD } from './binance-usdm.ts';
import { BYBIT_CARD } from './bybit-linear.ts';
import { COINBASE_CARD } from './coinbase.ts';
import { KRAKEN_CARD } from './kraken.ts';
import { OKX_CARD } from './okx.ts';
import type { VenueCard } from './venue.ts';

export const VENUE_CARDS: readonly VenueCard[] = [
  KRAKEN_CARD,
  BINANCE_CARD,
  OKX_CARD,
  COINBASE_CARD,
  BYBIT_CARD,
];

export function cardOf(feed: string): VenueCard {
  return VENUE_CARDS.find((card) => card.feed === feed) ?? assert.fail(`no card of ${feed}`);
}
