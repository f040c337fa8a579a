/** The gap ledger of a committed day, read from its manifest and its status events, and printed. */
import { parseObjectKey } from '../../dataset/keys.ts';
import type { Manifest } from '../../dataset/manifest.ts';
import type { Hole } from '../../qa/check.ts';
import { concerns, detailOf } from '../../qa/holes.ts';
import { minutesOf } from '../../qa/ledger.ts';
import type { SymbolMinutes } from '../../qa/ledger.ts';
import { invalidInput } from '../../schema/errors.ts';
import { suggestion } from '../../schema/near-miss.ts';
import { formatIso } from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';
import { holesOf } from '../../workers/day-holes.ts';
import { expectedSymbols } from '../../workers/quality.ts';
import type { CliContext } from '../command.ts';
import { chosenManifest, withBucket } from '../dataset/chosen.ts';
import type { DayFlags } from '../dataset/chosen.ts';
import { countOf, formatCount, formatDuration } from '../format.ts';
import { resolveEnvironment } from '../resolve-environment.ts';

export type Ledger = {
  readonly feed: string;
  readonly day: Day;
  readonly version: string;
  /** The manifest's word: whether all of RAW that should be there is. */
  readonly complete: boolean;
  readonly gaps: readonly (Omit<Hole, 'from' | 'to'> & {
    readonly from: string;
    readonly to: string;
    readonly seconds: number;
  })[];
  readonly symbols: readonly SymbolMinutes[];
};

type Wanted = DayFlags & {
  readonly env?: string;
  readonly symbol?: string;
  readonly example: string;
};

/**
 * The ledger of the day that is meant, of all its symbols or of one.
 * @throws SSMD_NOT_FOUND for a day that is not committed, SSMD_INVALID_INPUT for a symbol it has not
 */
export async function readLedger(wanted: Wanted, context: CliContext): Promise<Ledger> {
  const { manifest, holes } = await withBucket(wanted, context, async (store) => {
    const found = await chosenManifest(store, wanted);
    return { manifest: found, holes: await holesOf(store, found, context.interrupted) };
  });
  const { environment } = await resolveEnvironment(wanted.env, context, 'none');
  const { feed, day, version, complete } = manifest;
  const shards = new Map(
    expectedSymbols(environment, feed).map(({ symbol, shard }) => [symbol, shard]),
  );
  const all = [...new Set([...shards.keys(), ...archivedSymbols(manifest)])].toSorted();
  const { symbol } = wanted;
  if (symbol !== undefined && !all.includes(symbol)) {
    const what = `${feed} ${day} has no ${symbol}`;
    const fault = { where: '--symbol', what, hint: suggestion(symbol, all) };
    throw invalidInput('the command line', [fault], wanted.example);
  }
  const shardOf = (name: string): string | null => shards.get(name) ?? null;
  const own =
    symbol === undefined ? holes : holes.filter((it) => concerns(it, symbol, shardOf(symbol)));
  return {
    ...{ feed, day, version, complete },
    gaps: own.map((it) => ({
      ...it,
      from: formatIso(it.from),
      to: formatIso(it.to),
      seconds: Number((it.to - it.from) / 1_000_000n) / 1_000,
    })),
    symbols: (symbol === undefined ? all : [symbol]).map((name) =>
      minutesOf(holes, { symbol: name, shard: shardOf(name), day }),
    ),
  };
}

/** Markets of the day: the feed as a whole is none. */
function archivedSymbols({ objects }: Manifest): string[] {
  const symbols = objects.map(({ key }) => parseObjectKey(key)?.symbol ?? '');
  return symbols.filter((it) => it !== '' && !it.startsWith('_FEED-'));
}

/** Gaps a terminal lists, the longest; `--json` has all. */
const LISTED_MAX = 40;

export function printLedger(ledger: Ledger, { output }: CliContext): void {
  const { line, table, color } = output;
  const { feed, day, version, complete, gaps, symbols } = ledger;
  const said = complete ? color.green('RAW complete') : color.yellow('RAW incomplete');
  line(`${color.bold(`${feed} ${day} ${version}`)}: ${said}, ${countOf(gaps.length, 'gap')}`);
  const rows = atOnce(gaps);
  const shown = [...rows].sort((a, b) => b.gap.seconds - a.gap.seconds).slice(0, LISTED_MAX);
  shown.sort((a, b) => (a.gap.from < b.gap.from ? -1 : a.gap.from > b.gap.from ? 1 : 0));
  if (shown.length > 0) {
    table(
      ['from', 'for', 'symbol', 'about', 'cause', 'repaired', 'detail'],
      shown.map(({ gap, about }) => [
        gap.from.slice(11, 23),
        formatDuration(gap.seconds * 1_000),
        gap.symbol ?? gap.shard ?? 'all',
        about.join(' ') || 'all',
        gap.cause,
        gap.repaired ? 'yes' : 'no',
        detailOf(gap),
      ]),
      { optional: ['detail', 'repaired'] },
    );
  }
  const more = rows.length - shown.length;
  if (more > 0) line(`  and ${formatCount(more)} shorter ones: --json lists all`);
  table(
    ['minutes', 'complete', 'degraded', 'missing'],
    symbols.map((it) => [
      it.symbol,
      ...[it.complete, it.degraded, it.missing].map((count) => formatCount(count)),
    ]),
  );
}

type Row = { readonly gap: Ledger['gaps'][number]; readonly about: string[] };

/** One event opens a gap for each type of a market: they are one row. */
function atOnce(gaps: Ledger['gaps']): Row[] {
  const rows = new Map<string, Row>();
  for (const gap of gaps) {
    const { source, symbol, shard, cause, from, to, repaired } = gap;
    const key = JSON.stringify([source, symbol, shard, cause, from, to, repaired, detailOf(gap)]);
    // What concerns all is a row of its own.
    const own = gap.about === null ? `${key} all` : key;
    const row = rows.get(own) ?? { gap, about: [] };
    row.about.push(...(gap.about ?? []));
    rows.set(own, row);
  }
  return [...rows.values()];
}
