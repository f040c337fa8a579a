/**
 * What is held after every scenario, whatever happened in it: RAW has what was sent, the bus says what
 * RAW folds to, the archive made with the bus is the one made from RAW alone, and an audit of it passes.
 */
import assert from 'node:assert/strict';
import { auditDay } from '../../activities/audit-day.ts';
import type { JobDeps } from '../../activities/deps.ts';
import { plainContext } from '../../activities/deps.ts';
import { resolveDay } from '../../activities/day-input.ts';
import { decodeEvents } from '../../codec/md2.ts';
import { parseRawConflictKey } from '../../dataset/keys.ts';
import type { ManifestGap } from '../../dataset/manifest.ts';
import type { EventOf } from '../../schema/events.ts';
import { DAY, FEED, LATER, SHARD } from './contract-processes.ts';
import {
  archiveBoth,
  assertArchiveIsSpoken,
  assertEpochsOnBus,
  assertTakeOvers,
  eventsOnBus,
  feedOf,
  foldLines,
  manifestOf,
  plainOf,
  readEpochs,
  statusEvents,
  takeOf,
} from './e2e.ts';
import type { Events, Stage } from './e2e.ts';
import type { Relayed } from './e2e-proxy.ts';
import type { ReadLine } from './runtime.ts';

export type EpochLines = readonly [number, readonly ReadLine[]];

export type Held = {
  /** In the order in which they began. */
  readonly epochs: readonly EpochLines[];
  /** Those that took the shard, in the order in which they did. */
  readonly taking: readonly EpochLines[];
  /** Of each of those, the identities that were never published. */
  readonly missing: readonly (readonly string[])[];
  /** Events on the bus, and how many came twice. */
  readonly bus: { readonly events: Events; readonly repeats: number; readonly late: number };
  /** Hours of the day that the archive took from the bus. */
  readonly bus_hours: readonly number[];
  readonly records: number;
  readonly status: readonly EventOf<'status'>[];
  readonly gaps: readonly ManifestGap[];
  readonly trades: Trades;
  readonly jobs: JobDeps;
};

/** By `{symbol} {id}`. */
export type Trades = {
  /** In no event of the archive, though ids before and after them are. */
  readonly missing: readonly string[];
  /** Of those, the ones that no gap of the archive covers. */
  readonly untold: readonly string[];
  /** In two events. */
  readonly repeated: readonly string[];
};

const of = { feed: FEED, day: DAY, version: 'v1' } as const;

/** Archives the day of a scene whose lives are over, twice, and holds all of it against RAW. */
export async function holdAll(stage: Stage): Promise<Held> {
  const { raw, bus } = stage;
  const epochs = [...(await readEpochs(raw, FEED))];
  const taking = epochs.filter(([, lines]) => takeOf(lines) !== undefined).sort(byTake);
  const found = await eventsOnBus(bus, { shard: SHARD, feed: FEED });
  for (const [epoch, lines] of epochs.filter((it) => !taking.includes(it))) {
    assert.equal(foldLines(feedOf(FEED), { shard: SHARD, epoch }, lines).size, 0);
    const own = [...found.events.keys()].filter((id) => id.startsWith(`${epoch} `));
    assert.deepEqual(own, [], `epoch ${epoch} never took the shard and said nothing`);
  }
  const { missing, spoken } = assertEpochsOnBus(FEED, found.events, taking);
  const conflicts: string[] = [];
  for await (const { key } of raw.list('raw/')) {
    if (parseRawConflictKey(key) !== null) conflicts.push(key);
  }
  assert.deepEqual(conflicts, [], 'no two logs of one name');
  const { live: jobs, bus_hours, compared } = await archiveBoth(stage, { ...of, now: LATER });
  await assertArchiveIsSpoken(jobs, of, spoken);
  const status = await statusEvents(jobs, of);
  assertTakeOvers(status, taking);
  await assertAudited(jobs);
  const { gaps } = await manifestOf(jobs, of);
  return {
    ...{ epochs, taking, missing, bus: found, bus_hours, status, gaps, jobs },
    records: compared.records,
    trades: await tradesOf(jobs, status),
  };
}

/** Rebuilds the day once more and compares: the manifest that stands still verifies. */
export async function assertAudited(jobs: JobDeps): Promise<void> {
  const { findings } = await auditDay(
    jobs,
    { ...resolveDay(jobs, of), version: null },
    plainContext(),
  );
  assert.deepEqual(findings, [], 'an audit finds nothing');
}

const byTake = ([, a]: EpochLines, [, b]: EpochLines): number =>
  Number((takeOf(a)?.at ?? 0n) - (takeOf(b)?.at ?? 0n));

/** Ids count by one on this venue: what lies between the first and the last is there once. */
async function tradesOf(jobs: JobDeps, status: readonly EventOf<'status'>[]): Promise<Trades> {
  const heard = await tradesArchived(jobs);
  assert.ok(heard.size > 0, 'there are trades');
  const missing: string[] = [];
  const untold: string[] = [];
  const repeated: string[] = [];
  for (const [symbol, times] of heard) {
    const holes = holesOf(status, symbol);
    const ids = [...times.keys()].sort((a, b) => Number(a - b));
    for (const id of ids) if ((times.get(id) ?? []).length > 1) repeated.push(`${symbol} ${id}`);
    for (const [index, id] of ids.entries()) {
      const before = ids[index - 1];
      if (before === undefined || id === before + 1n) continue;
      const [from = 0n, to = 0n] = [times.get(before)?.[0], times.get(id)?.at(-1)];
      const told = holes.some((hole) => hole.from <= to && hole.to >= from);
      for (let lost = before + 1n; lost < id; lost++) {
        missing.push(`${symbol} ${lost}`);
        if (!told) untold.push(`${symbol} ${lost}`);
      }
    }
  }
  return { missing: missing.sort(), untold, repeated };
}

/** When each trade of a symbol was heard, by id. */
async function tradesArchived(jobs: JobDeps): Promise<Map<string, Map<bigint, bigint[]>>> {
  const heard = new Map<string, Map<bigint, bigint[]>>();
  for (const { key } of (await manifestOf(jobs, of)).objects) {
    const [, , , type, symbol = ''] = key.split('/');
    if (type !== 'trade') continue;
    const times = heard.get(symbol) ?? new Map<bigint, bigint[]>();
    heard.set(symbol, times);
    for (const event of decodeEvents(await plainOf(jobs, key))) {
      if (event.type !== 'trade' || event.trade_id === null) continue;
      const id = BigInt(event.trade_id);
      times.set(id, [...(times.get(id) ?? []), event.t]);
    }
  }
  return heard;
}

/** The gaps of a symbol's trades, its own and its feed's, as the archive tells them. */
function holesOf(
  status: readonly EventOf<'status'>[],
  symbol: string,
): readonly { readonly from: bigint; readonly to: bigint }[] {
  return status.flatMap((it) => {
    const concerns = it.symbol === symbol || it.symbol === `_FEED-${SHARD}`;
    const trades = it.about === null || it.about === 'trade';
    if (!concerns || !trades || it.kind !== 'gap_closed') return [];
    return [{ from: it.from ?? 0n, to: it.to ?? 0n }];
  });
}

/**
 * Every connection of a log holds the frames of one that was relayed, to the byte and in order, and no
 * connection is missing. Returns, for each of those relayed, the frames that are not in the log, which
 * are the last it was sent.
 */
export function assertRelayed(
  epochs: readonly EpochLines[],
  relayed: readonly Relayed[],
): readonly { readonly relayed: Relayed; readonly lacking: number }[] {
  const left = [...relayed];
  const found: { readonly relayed: Relayed; readonly lacking: number }[] = [];
  for (const [epoch, lines] of epochs) {
    for (const [c, frames] of framesOf(lines)) {
      const at = left.findIndex((it) => frames.every((frame, index) => it.frames[index] === frame));
      const [own] = at < 0 ? [] : left.splice(at, 1);
      assert.ok(own, `epoch ${epoch}, connection ${c}: not the frames of any that was relayed`);
      found.push({ relayed: own, lacking: own.frames.length - frames.length });
    }
  }
  const rest = left.map((it) => it.frames.length);
  assert.deepEqual(
    rest.filter((frames) => frames > 0),
    [],
    'no connection is missing in RAW',
  );
  return found;
}

/** The frames of a log by connection, as latin1 text of their bytes. */
export function framesOf(lines: readonly ReadLine[]): ReadonlyMap<number, readonly string[]> {
  const frames = new Map<number, string[]>();
  for (const line of lines) {
    if (line.type !== 'frame') continue;
    const known = frames.get(line.c);
    if (known === undefined) frames.set(line.c, [line.frame]);
    else known.push(line.frame);
  }
  return frames;
}
