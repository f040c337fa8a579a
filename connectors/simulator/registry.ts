/** Every feed that can be simulated. A feed's venue is its `venue.ts` and one line here. */
import { createBinanceUsdmVenue } from '../binance-usdm/venue.ts';
import { createBybitLinearVenue } from '../bybit-linear/venue.ts';
import { createCoinbaseVenue } from '../coinbase/venue.ts';
import { createKrakenVenue } from '../kraken/venue.ts';
import { createOkxVenue } from '../okx/venue.ts';
import type { CreateVenue } from './venue.ts';

export const VENUES: ReadonlyMap<string, CreateVenue> = new Map([
  ['binance-usdm', createBinanceUsdmVenue],
  ['bybit-linear', createBybitLinearVenue],
  ['coinbase', createCoinbaseVenue],
  ['kraken', createKrakenVenue],
  ['okx', createOkxVenue],
]);
