/**
 * The bars of OKX's candlestick channels and their length. A month has no fixed one. Bars from six
 * hours on begin by Hong Kong's day, those ending in `utc` by UTC's.
 * Source: OKX v5 documentation, "WS / Candlesticks channel", read 2026-11.
 */
const SECONDS: Readonly<Record<string, number | null>> = {
  '1s': 1,
  '1m': 60,
  '3m': 180,
  '5m': 300,
  '15m': 900,
  '30m': 1800,
  '1H': 3600,
  '2H': 7200,
  '4H': 14_400,
  '6H': 21_600,
  '12H': 43_200,
  '1D': 86_400,
  '2D': 172_800,
  '3D': 259_200,
  '5D': 432_000,
  '1W': 604_800,
  '1M': null,
  '3M': null,
};
const ALSO_UTC = /^(6H|12H|[1235]D|1W|[13]M)$/;

export type CandleChannel = { readonly name: string; readonly seconds: number | null };

/** Every candlestick channel of traded prices: `candle1m`, `candle6Hutc`, ... */
export const CANDLE_CHANNELS: readonly CandleChannel[] = Object.entries(SECONDS).flatMap(
  ([bar, seconds]) => [
    { name: `candle${bar}`, seconds },
    ...(ALSO_UTC.test(bar) ? [{ name: `candle${bar}utc`, seconds }] : []),
  ],
);
