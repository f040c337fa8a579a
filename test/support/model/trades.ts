/** Equality 1 to its end: every trade of the venue is archived, or something says that it may be missing. */
import { decodeEvents } from '../../../codec/md2.ts';
import { dayEnd, dayStart } from '../../../schema/time.ts';
import { SYMBOLS } from './feed.ts';
import { factOf } from './oracle.ts';
import type { EpochLog, Line, Spoken } from './oracle.ts';
import type { Run } from './run.ts';
import { holds } from './violation.ts';
import type { DayArchive } from './violation.ts';

/** The clocks of two hosts may be apart by this much. */
const CLOCKS_APART_NS = 100_000_000n;

type Hole = { readonly symbol: string | null; readonly from: bigint; readonly to: bigint };

/** Slower than any way through the model's network, and any wait for a timer. */
const ON_THE_WAY_NS = 200_000_000n;

/** 1: every trade the venue made while the days were captured is in the archive, or in a hole of it. */
export function checkTrades(
  run: Run,
  epochs: readonly EpochLog[],
  days: readonly DayArchive[],
): void {
  const archived = new Set<string>();
  const holes: Hole[] = [];
  for (const { day, manifest, events } of days) {
    if (run.outcomes.get(day) === 'late_raw') return;
    if (manifest === null) holes.push({ symbol: null, from: dayStart(day), to: dayEnd(day) });
    for (const gap of manifest?.gaps ?? []) {
      holes.push({ symbol: null, from: BigInt(gap.from), to: BigInt(gap.to) });
    }
    for (const [series, list] of events) {
      const [type = '', symbol = ''] = series.split(' ');
      if (type === 'trade') {
        for (const event of list) archived.add(`${symbol} ${tradeIdOf(event)}`);
      } else if (type === 'status') holes.push(...holesIn(symbol, list, dayEnd(day)));
    }
  }
  for (const { raw } of epochs) holes.push(...unknownIn(raw), ...dropsIn(raw));
  const earliest = run.skews.reduce((x, y) => (y < x ? y : x), 0n);
  const latest = run.skews.reduce((x, y) => (y > x ? y : x), 0n);
  for (const { symbol, id, sent_ns } of run.venue.trades) {
    if (archived.has(`${symbol} ${id}`)) continue;
    const own = holes.filter((it) => it.symbol === null || it.symbol === symbol);
    // By the clock of a host that would have heard it, or did when it woke: a step back may take an
    // instant to anywhere between what the clock said before and after.
    const lost = (at_ns: bigint): boolean =>
      own.some((it) => it.from <= at_ns + latest + ON_THE_WAY_NS && it.to >= at_ns + earliest);
    const known =
      lost(sent_ns) ||
      handedAt(run, symbol, id).some(lost) ||
      wakesAfter(run, sent_ns).some(lost) ||
      isBehindTake(epochs, symbol, id);
    holds(known, () => `1: trade ${symbol} ${id} of ${sent_ns} is neither archived nor in a hole`);
  }
}

/**
 * Whether a trade lies behind the take of an epoch that counts it among those its predecessor published,
 * since that one's clock was ahead: subscribers have the trade, and the archive does not.
 */
function isBehindTake(epochs: readonly EpochLog[], symbol: string, id: number): boolean {
  const text = tradeText(symbol, id);
  return epochs.some(({ raw }, at) => {
    const line = raw.find((it) => it.key === '_take');
    const take = line === undefined ? null : factOf(line, '_take');
    if (line === undefined || Number(take?.ids[symbol] ?? -1) < id) return false;
    return epochs.slice(0, at).some((older) => {
      return older.raw.some((it) => it.frame === text && it.t > line.t);
    });
  });
}

/** What RAW says was dropped, also where another epoch spoke by the time it could be said. */
function dropsIn(lines: readonly Line[]): Hole[] {
  return lines.flatMap((line) => {
    const drop = factOf(line, '_drop');
    return drop === null ? [] : [{ symbol: null, from: BigInt(drop.from), to: line.t }];
  });
}

/** When those that slept at an instant woke: what they missed is a hole from there on, by their clock. */
function wakesAfter(run: Run, at_ns: bigint): bigint[] {
  const sleeps = run.connectors.flatMap(({ process }) => process.sleeps);
  return sleeps
    .filter(({ from, to }) => from <= at_ns + ON_THE_WAY_NS && at_ns <= to)
    .map(({ to }) => to);
}

/** When processes were handed a trade. */
function handedAt(run: Run, symbol: string, id: number): bigint[] {
  const text = tradeText(symbol, id);
  const frames = [...run.hearings.values()].flatMap((it) => it.handed);
  return frames.filter((it) => it.text === text).map((it) => it.at_ns);
}

/**
 * What nobody can know: an epoch that was not told the last trade of a symbol hears its first one, and
 * whether any came between its beginning and that one the venue does not say (a quiet market is no gap).
 */
function unknownIn(lines: readonly Line[]): Hole[] {
  const take = lines.findIndex((it) => it.key === '_take');
  if (take < 0) return [];
  const { ids = {} } = factOf(lines[take] as Line, '_take') ?? {};
  return SYMBOLS.filter(({ symbol }) => ids[symbol] === undefined).map(({ symbol, external }) => {
    const first = lines
      .slice(take)
      .find(({ frame }) => frame?.startsWith(`{"k":"trade","s":"${external}"`));
    const from = (lines[take] as Line).t - CLOCKS_APART_NS;
    return { symbol, from, to: first?.t ?? 2n ** 63n };
  });
}

function tradeText(symbol: string, id: number): string {
  const external = SYMBOLS.find((it) => it.symbol === symbol)?.external;
  return JSON.stringify({ k: 'trade', s: external, id: `${id}` });
}

function tradeIdOf({ bytes }: Spoken): string {
  for (const event of decodeEvents(bytes)) if (event.type === 'trade') return event.trade_id ?? '';
  return '';
}

/** Holes that events tell of: one that is never closed lasts as long as the day. */
function holesIn(symbol: string, statuses: readonly Spoken[], end: bigint): Hole[] {
  const open = new Map<string, bigint>();
  const holes: Hole[] = [];
  const of = symbol.startsWith('_') ? null : symbol;
  for (const { bytes } of statuses) {
    for (const event of decodeEvents(bytes)) {
      if (event.type !== 'status' || event.kind?.startsWith('gap_') !== true) continue;
      if (event.about !== null && event.about !== 'trade') continue;
      const from = event.from ?? event.t;
      const name = `${event.about} ${event.cause} ${from}`;
      if (event.kind === 'gap_opened') open.set(name, from);
      else if (open.delete(name)) holes.push({ symbol: of, from, to: event.to ?? event.t });
    }
  }
  for (const from of open.values()) holes.push({ symbol: of, from, to: end });
  return holes;
}
