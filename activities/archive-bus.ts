/** The hourly archive: closed windows of a shard, taken from the bus where it holds them whole. */
import { jsonDocument } from '../dataset/canonical.ts';
import { tierCursorKey } from '../dataset/keys.ts';
import type { ManifestObject } from '../dataset/manifest.ts';
import { dayOf, formatIso } from '../schema/time.ts';
import { hourOf } from './archive-plan.ts';
import { BusWindows } from './bus-windows.ts';
import type { ProvenWindow } from './bus-windows.ts';
import {
  JSON_TYPE,
  readManifest,
  readStagedWindow,
  rememberSeen,
  resolveVersion,
  stageWindow,
} from './datasets.ts';
import { resolveDay } from './day-input.ts';
import { breathe } from './deps.ts';
import type { JobContext, JobDeps } from './deps.ts';
import { writeObjects } from './object-writer.ts';

export type TierReport = {
  readonly feed: string;
  readonly shard: string;
  readonly version: string;
  /** Hours written now, `2026-11-20T13`; at most the latest 48 are listed. */
  readonly windows: readonly string[];
  /** Closed windows the bus could not prove: RAW builds them. */
  readonly unproven: number;
  /** Messages of the shard's subjects that are not ours, or a newer version's: left out. */
  readonly unreadable: number;
  readonly objects: number;
  readonly records: number;
  readonly bytes: number;
  /** Where the next run goes on reading. */
  readonly cursor: number | null;
};

const WINDOWS_LISTED_MAX = 48;
const NOTHING_READ = { unproven: 0, unreadable: 0 } as const;
/** Messages between two breaths. */
const MESSAGES_A_STRETCH = 2_000;

/** Reads the shard's messages from its cursor on, writes and stages what is closed and proven. */
export async function archiveClosedWindows(
  deps: JobDeps,
  input: { readonly feed: string; readonly shard: string },
  context: JobContext,
): Promise<TierReport> {
  const { feed } = resolveDay(deps, { feed: input.feed });
  const { shard } = input;
  const version = await resolveVersion(deps, {
    feed: feed.id,
    normalizer: feed.normalizer,
    schema: 'md2',
    window_hours: deps.window_hours,
    origin: deps.origin,
  });
  const of = { feed: feed.id, shard, version };
  const written: ManifestObject[] = [];
  const hours: string[] = [];
  if (deps.bus === null) return report(of, hours, written, NOTHING_READ, null);
  const bounds = await deps.bus.bounds();
  const stored = await readCursor(deps, of);
  // A cursor beyond the end is of a stream that was lost: the new one is read from its beginning.
  const cursor = stored !== null && stored > bounds.last_seq + 1 ? null : stored;
  const from_seq = Math.max(bounds.first_seq, cursor ?? 0);
  const windows = new BusWindows({
    window_hours: deps.window_hours,
    normalizer: `${feed.id}@${feed.normalizer}`,
    anchored: cursor === from_seq,
  });
  const range = { feed: feed.id, shard, from_seq, to_seq: bounds.last_seq, signal: context.signal };
  let read = 0;
  if (bounds.last_seq >= from_seq) {
    for await (const message of deps.bus.readRange(range)) {
      for (const window of windows.take(message)) {
        const objects = await archiveWindow(deps, of, window, context.signal);
        if (objects === null) continue;
        written.push(...objects);
        hours.push(formatIso(window.start).slice(0, 13));
      }
      if (++read % MESSAGES_A_STRETCH === 0) {
        const stage = `${feed.id} ${shard}: reading the bus at ${message.seq} of ${bounds.last_seq}`;
        context.beat({ v: 1, stage, done: hours, records: 0, bytes: 0 });
        await breathe(context.signal);
      }
    }
  }
  await rememberSeen(deps, of, windows.seen);
  const resume = windows.resume_seq ?? cursor;
  if (resume !== null) {
    const body = jsonDocument({ format: 1, from_seq: resume });
    await deps.normalized.put(tierCursorKey(of), body, JSON_TYPE);
  }
  return report(of, hours, written, windows, resume);
}

/** Writes one proven window; null where it was archived before. */
async function archiveWindow(
  deps: JobDeps,
  of: { readonly feed: string; readonly shard: string; readonly version: string },
  window: ProvenWindow,
  signal: AbortSignal,
): Promise<ManifestObject[] | null> {
  const day = dayOf(window.start);
  const id = { ...of, day, hour: hourOf(window.start, day, deps.window_hours) };
  const staged = await readStagedWindow(deps, id);
  if (staged?.source === 'bus' || (await readManifest(deps, { ...of, day })) !== null) return null;
  const { epoch, from_seq, to_seq } = window;
  const basis = `stream sequences ${from_seq} to ${to_seq}`;
  const writer = {
    version: of.version,
    feed: of.feed,
    schema: 'md2',
    source: 'bus',
    processor: 'archive-tier',
    inputs: [`bus ${of.shard} ${of.feed} epoch ${epoch}, ${basis}`],
  } as const;
  const objects = await writeObjects(deps, writer, window.objects, signal);
  await stageWindow(deps, { format: 1, ...id, source: 'bus', epoch, basis, objects });
  return objects;
}

async function readCursor(
  deps: JobDeps,
  of: { readonly feed: string; readonly shard: string; readonly version: string },
): Promise<number | null> {
  const stored = await deps.normalized.get(tierCursorKey(of));
  if (stored === null) return null;
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(stored.body));
    const from_seq = (value as { from_seq?: unknown }).from_seq;
    return typeof from_seq === 'number' && Number.isSafeInteger(from_seq) ? from_seq : null;
  } catch {
    return null;
  }
}

function report(
  of: { readonly feed: string; readonly shard: string; readonly version: string },
  hours: readonly string[],
  written: readonly ManifestObject[],
  { unproven, unreadable }: Pick<TierReport, 'unproven' | 'unreadable'>,
  cursor: number | null,
): TierReport {
  return {
    ...of,
    windows: hours.slice(-WINDOWS_LISTED_MAX),
    unproven,
    unreadable,
    objects: written.length,
    records: written.reduce((sum, it) => sum + it.records, 0),
    bytes: written.reduce((sum, it) => sum + it.bytes, 0),
    cursor,
  };
}
