/**
 * What has to hold of a scenario's days, whatever happened: archived with the bus and from RAW they are
 * the same to the byte, they are what the epochs spoke, and no trade is missing without a word.
 */
import assert from 'node:assert/strict';
import type { JobDeps } from '../../activities/deps.ts';
import type { ManifestGap } from '../../dataset/manifest.ts';
import type { EventOf } from '../../schema/events.ts';
import { NS_PER_SECOND, addDays, dayStart } from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';
import type { Epochs, Shared, Told } from './contract-lives.ts';
import { FEED, SHARD, archiveTwice } from './contract-stage.ts';
import type { Scenario } from './contract-stage.ts';
import { archivedTrades, compareTrades, joined, venueTrades } from './contract-trades.ts';
import type { Compared, VenueTrade } from './contract-trades.ts';
import { assertArchiveIsSpoken, assertTakeOvers, manifestOf, statusEvents, takeOf } from './e2e.ts';
import { instant, inventories } from './runtime.ts';

export const DAY = '2026-11-20' as Day;
export const NEXT = addDays(DAY, 1);
/** The longest way from the venue to the log. */
const WAY_NS = 4n * NS_PER_SECOND;

/** What the archives of the days of a scenario say. */
export type Archived = {
  /** The archive of each day that was made live. */
  readonly jobs: readonly JobDeps[];
  readonly bus_hours: readonly (readonly number[])[];
  readonly gaps: readonly (readonly ManifestGap[])[];
  readonly status: readonly EventOf<'status'>[];
  readonly trades: Compared;
};

/** Where to look for trades: between the first `_take` and the end, of the market as it is, if left out. */
export type Stretch = {
  readonly from: bigint;
  readonly until: bigint;
  readonly venue: ReadonlyMap<string, readonly VenueTrade[]>;
};

/**
 * Archives the days twice, each equal to the byte and equal to what its epochs spoke; every hole between
 * two epochs is told of, and no trade is missing that no hole covers.
 */
export async function archiveDays(
  scenario: Scenario,
  shared: Shared,
  { epochs, spoken }: Told,
  days: readonly Day[],
  stretch: Partial<Stretch> = {},
): Promise<Archived> {
  const jobs: JobDeps[] = [];
  const bus_hours: (readonly number[])[] = [];
  const gaps: (readonly ManifestGap[])[] = [];
  const status: EventOf<'status'>[] = [];
  const trades: Awaited<ReturnType<typeof archivedTrades>>[] = [];
  for (const day of days) {
    const twins = await archiveTwice(scenario, day);
    const of = { feed: FEED, day, version: twins.version };
    await assertArchiveIsSpoken(twins.live, of, spoken);
    jobs.push(twins.live);
    bus_hours.push(twins.bus_hours);
    gaps.push((await manifestOf(twins.live, of)).gaps);
    status.push(...(await statusEvents(twins.live, of)));
    trades.push(await archivedTrades(twins.live, day, twins.version));
  }
  assertTakeOvers(status, epochs);
  const { from = tookAt(epochs, 0), until = lastOf(epochs, epochs.length - 1) - WAY_NS } = stretch;
  const market_from = instant(shared.market_from);
  const venue = stretch.venue ?? venueTrades({ ...shared, market_from, until });
  const archived = joined(...trades);
  const compared = compareTrades(archived, venue, { from, until });
  const old = compareTrades(archived, venue, { from: tookAt(epochs, 0) - WAY_NS, until });
  assert.equal(old.early, 0, 'the first history only says what is known');
  const holes = status.filter(({ repaired }) => repaired !== 1);
  const silent = compared.missing.filter(
    ({ at }) => !holes.some(({ from: since, to }) => isWithin(at, since, to)),
  );
  assert.deepEqual(silent.slice(0, 3), [], `${silent.length} trades are missing without a word`);
  return { jobs, bus_hours, gaps, status, trades: compared };
}

/** Whether a trade made `at` may have been lost in a hole. */
function isWithin(at: bigint, from: bigint | null, to: bigint | null): boolean {
  return from !== null && to !== null && at >= from - WAY_NS && at <= to;
}

/** `cause from to` of each gap of a manifest. */
export const gapsOf = (gaps: readonly ManifestGap[] | undefined): readonly string[] =>
  (gaps ?? []).map(({ cause, from, to }) => `${cause} ${from} ${to}`);

export const tookAt = (epochs: Epochs, epoch: number): bigint =>
  takeOf(epochs[epoch]?.[1] ?? [])?.at ?? 0n;
export const lastOf = (epochs: Epochs, epoch: number): bigint => epochs[epoch]?.[1].at(-1)?.t ?? 0n;
export const beforeFirst = (epochs: Epochs): string =>
  `before_first_take ${dayStart(DAY)} ${tookAt(epochs, 0)}`;

/** How each epoch's stretch of each day ended, by its inventories: `epoch day end`. */
export async function endsOf({ raw }: Scenario, epochs: Epochs): Promise<readonly string[]> {
  const found = await inventories(raw);
  return found
    .map((it) => `${epochs.findIndex(([id]) => id === it.epoch)} ${it.day} ${it.end}`)
    .sort();
}

/** Each epoch knew the one before it, and took over from where that one's last position was. */
export async function assertSuccession({ bus }: Scenario, epochs: Epochs): Promise<void> {
  const prev = epochs.map(([, lines]) => takeOf(lines)?.prev?.epoch ?? null);
  assert.deepEqual(prev, [null, ...epochs.slice(0, -1).map(([epoch]) => epoch)]);
  const last = await bus.lastCtl(SHARD, FEED);
  assert.equal(last?.record.epoch, epochs.at(-1)?.[0], 'the last one has the shard');
}
