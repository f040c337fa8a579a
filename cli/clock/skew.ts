/**
 * Skew as it was archived: of our receive times against the venue's, by location, and of two environments'
 * locations against each other where both captured the same trades.
 */
import { parseObjectKey } from '../../dataset/keys.ts';
import type { Manifest } from '../../dataset/manifest.ts';
import { createSkewSeries } from '../../qa/skew-series.ts';
import type { SkewSeries, SkewStep } from '../../qa/skew-series.ts';
import type { SkewSummary, SkewTrend } from '../../qa/skew.ts';
import { SsmdError } from '../../schema/errors.ts';
import type { Day } from '../../schema/time.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { tradesOf } from '../../workers/archived-trades.ts';
import type { CliContext } from '../command.ts';
import { chosenManifest, withBucket } from '../dataset/chosen.ts';

export type SkewWanted = {
  readonly env?: string;
  readonly feeds: readonly string[];
  readonly days: readonly Day[];
  readonly example: string;
};

type Told = SkewSummary & SkewTrend & { readonly steps: readonly SkewStep[] };
export type ExchangeSkew = { readonly location_id: string; readonly feed: string } & Told;
export type LocationSkew = { readonly location_a: string; readonly location_b: string } & Told;

/** Trades of one symbol and day that are held to compare; the rest are counted and passed over. */
export const TRADES_HELD_MAX = 2_000_000;
const STEPS_EACH = 6;

/** By location: trades' receive time less the venue's. @throws SSMD_NOT_FOUND for days not committed */
export async function exchangeSkew(
  wanted: SkewWanted,
  context: CliContext,
): Promise<ExchangeSkew[]> {
  const series = new Map<string, SkewSeries>();
  await withBucket(bucketOf(wanted), context, async (store) => {
    for (const manifest of await manifestsOf(store, wanted, context)) {
      for await (const { trade, location } of tradesOf(
        store,
        manifest,
        null,
        context.interrupted,
      )) {
        if (trade.ts_event === null) continue;
        const us = Number(trade.t - trade.ts_event) / 1_000;
        seriesAt(series, `${location} ${manifest.feed}`).add(trade.t, us);
      }
    }
  });
  return told(series).map(({ name, ...it }) => {
    const [location_id = '', feed = ''] = name.split(' ');
    return { location_id, feed, ...it };
  });
}

/** By pair of locations: the receive time at the first less that at the second, of the same trade. */
export async function locationSkew(
  wanted: SkewWanted & { readonly against: string },
  context: CliContext,
): Promise<LocationSkew[]> {
  const series = new Map<string, SkewSeries>();
  let passed_over = 0;
  const of = bucketOf(wanted);
  await withBucket(of, context, (here) =>
    withBucket({ ...of, env: wanted.against }, context, async (there) => {
      const [ours, theirs] = [
        await manifestsOf(here, wanted, context),
        await manifestsOf(there, wanted, context),
      ];
      for (const manifest of ours) {
        const { feed } = manifest;
        const other = theirs.find((it) => it.day === manifest.day && it.feed === feed);
        if (other === undefined) continue;
        for (const symbol of symbolsOf(manifest)) {
          const held = new Map<string, { readonly t: bigint; readonly location: string }>();
          for await (const { id, trade, location } of tradesOf(
            here,
            manifest,
            symbol,
            context.interrupted,
          )) {
            if (held.size >= TRADES_HELD_MAX) passed_over += 1;
            else if (!held.has(id)) held.set(id, { t: trade.t, location });
          }
          for await (const { id, trade, location } of tradesOf(
            there,
            other,
            symbol,
            context.interrupted,
          )) {
            const mine = held.get(id);
            if (mine === undefined || mine.location === location) continue;
            const [a, b] = [mine.location, location].toSorted();
            const us = Number(mine.t - trade.t) / 1_000;
            seriesAt(series, `${a} ${b}`).add(trade.t, mine.location === a ? us : -us);
            // A trade that was archived twice, over a take-over, is one trade.
            held.delete(id);
          }
        }
      }
    }),
  );
  if (passed_over > 0) context.output.note(`${passed_over} trades were not compared: too many`);
  return told(series).map(({ name, ...it }) => {
    const [location_a = '', location_b = ''] = name.split(' ');
    return { location_a, location_b, ...it };
  });
}

/** The first feed stands for all: which flags are right does not depend on it. */
function bucketOf({ feeds, days, ...of }: SkewWanted) {
  const [feed = ''] = feeds;
  return { ...of, feed, date: days[0] ?? '' };
}

function seriesAt(all: Map<string, SkewSeries>, name: string): SkewSeries {
  let found = all.get(name);
  if (found === undefined) all.set(name, (found = createSkewSeries()));
  return found;
}

function told(all: ReadonlyMap<string, SkewSeries>): (Told & { readonly name: string })[] {
  return [...all].toSorted().flatMap(([name, series]) => {
    const summary = series.told();
    return summary === null ? [] : [{ name, ...summary, steps: series.steps(STEPS_EACH) }];
  });
}

/** Days that are not committed are named and passed over; where none is, that is the error. */
async function manifestsOf(
  store: ObjectStore,
  { feeds, days }: SkewWanted,
  { output }: CliContext,
): Promise<Manifest[]> {
  const found: Manifest[] = [];
  let missing: SsmdError | null = null;
  for (const of of feeds.flatMap((feed) => days.map((date) => ({ feed, date })))) {
    try {
      found.push(await chosenManifest(store, of));
    } catch (error) {
      if (!(error instanceof SsmdError) || error.code !== 'SSMD_NOT_FOUND') throw error;
      missing = error;
    }
  }
  const asked = feeds.length * days.length;
  if (found.length === 0 && missing !== null) {
    if (asked === 1) throw missing;
    const what = `none of ${asked} days of ${feeds.join(', ')} is committed; see npx ssmd dataset list`;
    throw new SsmdError('SSMD_NOT_FOUND', what, { facts: { feeds, days } });
  }
  if (missing !== null) {
    output.note(
      `${asked - found.length} of ${asked} days of ${feeds.join(', ')} are not committed`,
    );
  }
  for (const { feed, day, version, schema, captures } of found) {
    if (schema !== 'md2') {
      const what = `${feed} ${day} ${version} is of ${schema}, whose records have no receive time`;
      throw new SsmdError('SSMD_INVALID_INPUT', what, { facts: { feed, day, version, schema } });
    }
    if (captures === undefined) {
      output.note(`the manifest of ${feed} ${day} ${version} does not say where it was captured`);
    }
  }
  return found;
}

function symbolsOf({ objects }: Manifest): string[] {
  return [...new Set(objects.map(({ key }) => parseObjectKey(key)?.symbol ?? ''))].toSorted();
}
