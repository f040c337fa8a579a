/** Symbols as people write them in a suite: `BTCUSD`, `BTC/USD` and `btc-usd` are one market. */
import type { ExpectedSymbol } from './check.ts';

/** The market a spelling means: exactly, else by its letters and digits; null for none. */
export function findSymbol(
  spelling: string,
  symbols: readonly ExpectedSymbol[],
): ExpectedSymbol | null {
  const exact = symbols.find((it) => it.symbol === spelling || it.external === spelling);
  if (exact !== undefined) return exact;
  const bare = bareSpelling(spelling);
  const near = symbols.filter(
    (it) => bareSpelling(it.symbol) === bare || bareSpelling(it.external) === bare,
  );
  const distinct = new Set(near.map(({ symbol }) => symbol));
  return distinct.size === 1 ? (near[0] ?? null) : null;
}

function bareSpelling(text: string): string {
  return text.toUpperCase().replace(/[^A-Z0-9]/g, '');
}
