/**
 * Trades as the simulated venue made them, from its own market and not from anything it sent, and
 * trades as the archive holds them.
 */
import assert from 'node:assert/strict';
import type { JobDeps } from '../../activities/deps.ts';
import { decodeEvents } from '../../codec/md2.ts';
import { pairOf } from '../../connectors/kraken/venue-pairs.ts';
import { fixed, usFromNs } from '../../connectors/simulator/format.ts';
import { Market } from '../../connectors/simulator/market.ts';
import type { Fill } from '../../connectors/simulator/market.ts';
import { formatDecimal } from '../../schema/decimal.ts';
import type { EventOf } from '../../schema/events.ts';
import { NS_PER_SECOND } from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';
import { FEED, MARKETS } from './contract-stage.ts';
import { manifestOf, plainOf } from './e2e.ts';

export type VenueTrade = {
  readonly id: string;
  /** When the venue made it. */
  readonly at: bigint;
  /** Side, price, size and venue time, as text. */
  readonly content: string;
};

export type ArchivedTrade = Pick<VenueTrade, 'id' | 'content'> & {
  readonly t: bigint;
  readonly flags: number;
};

/** What is compared up to an instant may be archived a while longer. */
const BEYOND_NS = 60n * NS_PER_SECOND;

/**
 * Everything the markets of the venue traded up to `until` and a little beyond, by our symbol; of what
 * they traded before they began, what a history shows.
 */
export function venueTrades(of: {
  readonly seed: number;
  readonly rate: number;
  readonly market_from: bigint;
  readonly until: bigint;
}): ReadonlyMap<string, readonly VenueTrade[]> {
  const found = new Map<string, readonly VenueTrade[]>();
  for (const [symbol, external] of Object.entries(MARKETS)) {
    const pair = pairOf(external);
    const market = new Market(pair, of.seed, of.rate, usFromNs(of.market_from));
    const fills: Fill[] = [...market.history];
    const until = usFromNs(of.until + BEYOND_NS);
    for (; market.next_us <= until; fills.push(...market.fills)) market.step();
    const trades = fills.map(({ id, us, tick, lots, buy }) => {
      const price = fixed(tick * pair.tick_units, pair.price_decimals);
      const size = fixed(lots, pair.qty_decimals);
      const content = `${buy ? 'buy' : 'sell'} ${price} ${size} ${us}`;
      return { id: `${id}`, at: BigInt(us) * 1_000n, content };
    });
    found.set(symbol, trades);
  }
  return found;
}

/** The trades of an archived day, by symbol, in the archive's order. */
export async function archivedTrades(
  jobs: JobDeps,
  day: Day,
  version: string,
): Promise<ReadonlyMap<string, readonly ArchivedTrade[]>> {
  const found = new Map<string, ArchivedTrade[]>();
  const { objects } = await manifestOf(jobs, { feed: FEED, day, version });
  for (const { key } of objects) {
    if (!key.includes(`/${FEED}/trade/`)) continue;
    for (const event of decodeEvents(await plainOf(jobs, key))) {
      if (event.type !== 'trade') continue;
      const known = found.get(event.symbol);
      const trade = archivedTrade(event);
      if (known === undefined) found.set(event.symbol, [trade]);
      else known.push(trade);
    }
  }
  for (const trades of found.values()) trades.sort((a, b) => (a.t < b.t ? -1 : a.t > b.t ? 1 : 0));
  return found;
}

function archivedTrade(event: EventOf<'trade'>): ArchivedTrade {
  const { t, flags, side, price, size, trade_id, ts_event } = event;
  assert.ok(price !== null && size !== null && ts_event !== null, 'a trade of the venue is whole');
  const content = `${side} ${formatDecimal(price)} ${formatDecimal(size)} ${ts_event / 1_000n}`;
  return { id: trade_id ?? '', content, t, flags };
}

/** By symbol, the trades of several archives in the order given. */
export function joined(
  ...days: readonly ReadonlyMap<string, readonly ArchivedTrade[]>[]
): ReadonlyMap<string, readonly ArchivedTrade[]> {
  const symbols = new Set(days.flatMap((it) => [...it.keys()]));
  return new Map([...symbols].map((it) => [it, days.flatMap((day) => day.get(it) ?? [])]));
}

export type Compared = {
  /** Trades the venue made in the stretch. */
  readonly wanted: number;
  /** Of those, what the archive does not hold. */
  readonly missing: readonly (VenueTrade & { readonly symbol: string })[];
  /** Trades the archive holds again; only a take-over may repeat one. */
  readonly repeated: number;
  /** Trades the archive holds that were made before the stretch. */
  readonly early: number;
};

/**
 * Holds archived trades against those the venue made in `[from, until]`. Fails where one is there that
 * was never made, or with other content.
 */
export function compareTrades(
  archived: ReadonlyMap<string, readonly ArchivedTrade[]>,
  venue: ReadonlyMap<string, readonly VenueTrade[]>,
  { from, until }: { readonly from: bigint; readonly until: bigint },
): Compared {
  let wanted = 0;
  let repeated = 0;
  let early = 0;
  const missing: (VenueTrade & { symbol: string })[] = [];
  for (const [symbol, trades] of venue) {
    const made = new Map(trades.map(({ id, content }) => [id, content]));
    const there = archived.get(symbol) ?? [];
    const wrong = there.filter(({ id, content }) => made.get(id) !== content);
    assert.deepEqual(wrong.slice(0, 3), [], `${symbol}: ${wrong.length} were never made`);
    const ids = new Set(there.map(({ id }) => id));
    const due = trades.filter(({ at }) => at >= from && at <= until);
    missing.push(...due.filter(({ id }) => !ids.has(id)).map((it) => ({ ...it, symbol })));
    early += trades.filter(({ id, at }) => at < from && ids.has(id)).length;
    repeated += there.length - ids.size;
    wanted += due.length;
  }
  return { wanted, missing, repeated, early };
}
