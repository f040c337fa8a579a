/** Why a recording of which no frame is data was probably given wrongly, by what its frames decode to. */
import type { Fault } from '../../schema/errors.ts';
import type { FoldConfig } from '../../schema/symbols.ts';

/**
 * `decoded` counts frames by what the feed's decoder makes of them, such as `ignored:symbol_not_configured`.
 * Other markets come before another feed: only frames of this feed are found to be of a market.
 */
export function noDataFault(
  decoded: Readonly<Record<string, number>>,
  { feed, symbols }: Pick<FoldConfig, 'feed' | 'symbols'>,
): Fault & { readonly hint: string } {
  if ((decoded[OTHER_MARKET] ?? 0) > 0) {
    const markets = symbols.map(({ symbol, external }) => `${symbol}=${external}`).join(',');
    const what = `no frame is of a market named, which are ${markets}`;
    return { where: '--symbols', what, hint: 'name those of the recording, OURS=THEIRS' };
  }
  const hint = "is it another feed's recording?";
  return { where: '--feed', what: `no frame is data of ${feed}`, hint };
}

const OTHER_MARKET = 'ignored:symbol_not_configured';
