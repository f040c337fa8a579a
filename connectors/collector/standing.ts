/**
 * The note beside the files: how far this process had put frames away, so that the next one can say for
 * how long nothing was. It is no data: readers of the files do not see it, and without it a start knows of
 * nothing before.
 */
import type { WholeFiles } from '../../storage/whole-files.ts';
import { NS_PER_MS, formatIso, parseUnixNs } from '../../schema/time.ts';
import type { GapKind, LastTimes } from './gaps.ts';

export const STANDING_NOTE = 'collector-standing.json';
const FORMAT = 1;

/** What was put away: the youngest frame, and the last `ts_event` by exchange, stream and symbol. */
export type Standing = {
  readonly last_recv: bigint;
  readonly streams: Readonly<Record<string, LastTimes>>;
};

/** The note, null where there is none or it cannot be understood. */
export async function readStanding(files: WholeFiles): Promise<Standing | null> {
  const bytes = await files.readNote(STANDING_NOTE);
  if (bytes === null) return null;
  try {
    const value = JSON.parse(new TextDecoder().decode(bytes)) as {
      readonly format?: unknown;
      readonly last_recv?: unknown;
      readonly streams?: unknown;
    };
    const last_recv = parseUnixNs(String(value.last_recv));
    if (value.format !== FORMAT || last_recv === null) return null;
    return { last_recv, streams: checkedStreams(value.streams) };
  } catch {
    return null;
  }
}

export async function writeStanding(files: WholeFiles, standing: Standing): Promise<void> {
  const note = { format: FORMAT, last_recv: `${standing.last_recv}`, streams: standing.streams };
  await files.writeNote(STANDING_NOTE, new TextEncoder().encode(`${JSON.stringify(note)}\n`));
}

/** Only what has the shape of times stays. */
function checkedStreams(value: unknown): Standing['streams'] {
  return mapped(value, (streams) =>
    mapped(streams, (symbols) =>
      mapped(symbols, (ts) =>
        typeof ts === 'string' && parseUnixNs(ts) !== null ? ts : undefined,
      ),
    ),
  );
}

function mapped<T>(value: unknown, read: (it: unknown) => T | undefined): Record<string, T> {
  if (typeof value !== 'object' || value === null) return {};
  const pairs: [string, T][] = [];
  for (const [key, held] of Object.entries(value)) {
    const own = read(held);
    if (own !== undefined) pairs.push([key, own]);
  }
  return Object.fromEntries(pairs);
}

/** From the last frame a process before had put away to the first of this one. */
export type OfflineWindow = {
  readonly from: string;
  /** Null while no frame came yet. */
  readonly to: string | null;
  readonly minutes: number;
  /** Streams that went on later than they had been, by exchange. */
  readonly gaps: Readonly<Record<string, number>>;
  readonly gaps_total: number;
};

export type Downtime = {
  readonly frame: (t: bigint) => void;
  readonly gap: (exchange: string, kind: GapKind) => void;
  /** Null where no process was before this one. */
  readonly window: (now: bigint) => OfflineWindow | null;
};

export function createDowntime(before: Standing | null): Downtime {
  let first: bigint | null = null;
  const gaps: Record<string, number> = {};
  return {
    frame(t) {
      first ??= t;
    },
    gap(exchange, kind) {
      if (kind === 'restart') gaps[exchange] = (gaps[exchange] ?? 0) + 1;
    },
    window(now) {
      if (before === null) return null;
      const span = (first ?? now) - before.last_recv;
      return {
        from: formatIso(before.last_recv),
        to: first === null ? null : formatIso(first),
        // Tenths of a minute; a clock that was turned back makes no negative window.
        minutes: span < 0n ? 0 : Math.round(Number(span / NS_PER_MS) / 6_000) / 10,
        gaps: { ...gaps },
        gaps_total: Object.values(gaps).reduce((sum, it) => sum + it, 0),
      };
    },
  };
}
