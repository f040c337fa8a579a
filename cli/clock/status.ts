/** How clocks are kept, here and elsewhere: what the machine, running connectors and RAW say. */
import { askMachine, readClock } from '../../connectors/runtime/clock-health.ts';
import type { ClockReading } from '../../connectors/runtime/clock-health.ts';
import type { ClockStatusReport } from '../../connectors/runtime/clock-watch.ts';
import { latestCaptures } from '../../qa/clock-history.ts';
import type { ClockHealth, Location } from '../../schema/clock.ts';
import { NS_PER_HOUR, formatIso, msFromNs, nsFromMs } from '../../schema/time.ts';
import type { CliContext } from '../command.ts';
import { readClockSegments } from './raw.ts';
import { formatAgo, formatOffset, sinceSync } from './words.ts';

export type ClockRow = ClockHealth & {
  readonly location_id: string;
  /** Who says so: `this machine`, a status page, or RAW of a feed and shard. */
  readonly said_by: string;
  /** When, ms since the Unix epoch. */
  readonly at_ms: number;
  readonly notes: readonly string[];
};

export type StatusWanted = {
  readonly env?: string | undefined;
  /** Pages of running connectors. */
  readonly pages: readonly string[];
  /** RAW of so many hours before now. */
  readonly hours: number;
};

/** A status page that does not answer within this is away. */
const PAGE_MS_MAX = 2_000;

/** This machine first, then pages, then RAW of other locations and hosts. */
export async function clockRows(
  wanted: StatusWanted,
  here: Location,
  context: CliContext,
): Promise<ClockRow[]> {
  const now_ms = Date.now();
  const reading = await readClock(askMachine(context.env), here.clock, now_ms);
  const rows = [rowOfMachine(reading, here, now_ms)];
  for (const page of wanted.pages) {
    const row = await rowOfPage(page);
    if (row === null) context.output.note(`${page} does not answer as a connector's status page`);
    else rows.push(row);
  }
  const to = nsFromMs(now_ms);
  const from = to - BigInt(wanted.hours) * NS_PER_HOUR;
  const span = { from, to, feed: null, steps: false, newest: true };
  const segments = await readClockSegments({ ...span, env: wanted.env }, context);
  for (const { capture, t } of latestCaptures(segments)) {
    const { location_id, feed, shard, host } = capture;
    const { clock_source, clock_sync_status, clock_offset_us, clock_last_sync } = capture;
    const said_by = `RAW of ${feed} ${shard} on ${host}, ${formatIso(t).slice(11, 16)}`;
    const health = { clock_source, clock_sync_status, clock_offset_us, clock_last_sync };
    rows.push({ location_id, ...health, said_by, at_ms: msFromNs(t), notes: [] });
  }
  return rows;
}

export function rowOfMachine(reading: ClockReading, here: Location, at_ms: number): ClockRow {
  const { by, notes, ...health } = reading;
  const said_by = `this machine${by === null ? '' : `, ${by}`}`;
  return { location_id: here.location_id, ...health, said_by, at_ms, notes };
}

/** Null where nobody answers, or somebody else. */
async function rowOfPage(page: string): Promise<ClockRow | null> {
  try {
    const url = `${page.replace(/\/(status)?$/, '')}/status`;
    const response = await fetch(url, { signal: AbortSignal.timeout(PAGE_MS_MAX) });
    const { feed, shard, clock } = (await response.json()) as {
      readonly feed?: string;
      readonly shard?: string;
      readonly clock?: ClockStatusReport | null;
    };
    if (clock == null) return null;
    const { location_id, notes, read_age_s } = clock;
    const { clock_source, clock_sync_status, clock_offset_us, clock_last_sync } = clock;
    const health = { clock_source, clock_sync_status, clock_offset_us, clock_last_sync };
    const at_ms = Date.now() - read_age_s * 1_000;
    return { location_id, ...health, said_by: `${feed} ${shard} at ${page}`, at_ms, notes };
  } catch {
    return null;
  }
}

export function printRows(rows: readonly ClockRow[], { output }: CliContext): void {
  output.table(
    ['LOCATION', 'SOURCE', 'STATUS', 'OFFSET', 'LAST SYNC', 'SAID BY'],
    rows.map((row) => [
      row.location_id,
      row.clock_source,
      row.clock_sync_status,
      formatOffset(row.clock_offset_us),
      // Of what was said then: how long it was since, then.
      formatAgo(sinceSync(row, row.at_ms)),
      row.said_by,
    ]),
    { optional: ['SAID BY'] },
  );
  for (const { location_id, notes } of rows) {
    for (const note of notes) output.line(`  ${location_id}: ${note}`);
  }
}
