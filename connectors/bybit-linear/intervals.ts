/**
 * The lengths of Bybit's candles, by the word its topics use. A month has no fixed length.
 * Source: Bybit v5 documentation, "WebSocket Stream / Kline", read 2026-11.
 */
const SECONDS: Readonly<Record<string, number | null>> = {
  '1': 60,
  '3': 180,
  '5': 300,
  '15': 900,
  '30': 1800,
  '60': 3600,
  '120': 7200,
  '240': 14_400,
  '360': 21_600,
  '720': 43_200,
  D: 86_400,
  W: 604_800,
  M: null,
};

export type Interval = {
  /** The channel's name: `kline.1`. */
  readonly name: string;
  /** As the topic and the candle spell it. */
  readonly word: string;
  readonly seconds: number | null;
};

export const INTERVALS: readonly Interval[] = Object.entries(SECONDS).map(([word, seconds]) => {
  return { name: `kline.${word}`, word, seconds };
});
