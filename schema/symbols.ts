/** Names: feeds, shards, symbols, and the configuration a fold runs under. */

/** Our name of a market: `BTCUSD`, perpetuals `BTCUSDT-PERP`. */
export const SYMBOL_PATTERN = /^[A-Z0-9][A-Z0-9_-]{0,63}$/;
/** A feed (`kraken`), a shard (`tier1`), an environment: lower case, safe in subjects and keys. */
export const NAME_PATTERN = /^[a-z0-9][a-z0-9-]{0,31}$/;

/** One market as a shard subscribes to it. */
export type SymbolConfig = {
  readonly symbol: string;
  /** The venue's spelling, verbatim: `BTC/USD`. */
  readonly external: string;
  /** `l1`: best prices and trades only, no book. */
  readonly depth: 'l1' | 'l2';
};

/**
 * Everything outside the frames that the fold depends on. It enters the log as a `_config` line and
 * resolves at that line's `t`; nothing else may influence the fold.
 */
export type FoldConfig = {
  readonly feed: string;
  readonly shard: string;
  readonly symbols: readonly SymbolConfig[];
  /** Channels subscribed to, in the venue's words. */
  readonly channels: readonly string[];
  /** Book levels a side to subscribe to. */
  readonly book_depth: number;
};
