/** What a collector counts: totals since its start, and the last fifteen minutes, minute by minute. */

export type Totals = {
  frames: number;
  bytes: number;
  /** Frames that found the queue full, and those a limit of the socket refused. */
  queue_full: number;
  too_large: number;
  /** Frames a writer that failed gave up. */
  write_lost: number;
  written: number;
  gaps: number;
  connects: number;
  disconnects: number;
};

export const NO_TOTALS: Totals = {
  ...{ frames: 0, bytes: 0, queue_full: 0, too_large: 0, write_lost: 0 },
  ...{ written: 0, gaps: 0, connects: 0, disconnects: 0 },
};

/** Minutes that `/status` looks back. */
export const MINUTES_KEPT = 15;
const MINUTE_MS = 60_000;

export type Recent = {
  /** Minutes covered, the running one included: fewer after a start. */
  readonly minutes: number;
  readonly frames_per_second: number;
  /** The fullest the queue was seen, 0..1. */
  readonly queue_ratio_max: number;
  readonly totals: Readonly<Totals>;
};

export type RecentFigures = {
  /** Once a second or so. */
  readonly add: (now_ms: number, totals: Readonly<Totals>, queue_ratio: number) => void;
  readonly read: () => Recent;
};

/** `start_ms` is when counting began, by the same clock as `now_ms`. */
export function createRecentFigures(start_ms: number): RecentFigures {
  type Minute = { readonly at: number; readonly before: Totals; queue_ratio: number };
  const minutes: Minute[] = [{ at: minuteOf(start_ms), before: NO_TOTALS, queue_ratio: 0 }];
  let latest: Totals = NO_TOTALS;
  let latest_ms = start_ms;
  return {
    add(now_ms, totals, queue_ratio) {
      const at = minuteOf(now_ms);
      if (at !== minutes.at(-1)?.at) minutes.push({ at, before: latest, queue_ratio: 0 });
      while ((minutes[0]?.at ?? at) <= at - MINUTES_KEPT) minutes.shift();
      const minute = minutes.at(-1);
      if (minute !== undefined) minute.queue_ratio = Math.max(minute.queue_ratio, queue_ratio);
      latest = { ...totals };
      latest_ms = now_ms;
    },
    read() {
      const [first] = minutes;
      const begun_ms = Math.max(start_ms, (first?.at ?? 0) * MINUTE_MS);
      const seconds = Math.max((latest_ms - begun_ms) / 1000, 1);
      const totals = difference(latest, first?.before ?? NO_TOTALS);
      return {
        minutes: minutes.length,
        frames_per_second: Math.round(totals.frames / seconds),
        queue_ratio_max: Math.max(...minutes.map((it) => it.queue_ratio)),
        totals,
      };
    },
  };
}

function minuteOf(ms: number): number {
  return Math.floor(ms / MINUTE_MS);
}

function difference(a: Readonly<Totals>, b: Readonly<Totals>): Totals {
  return {
    frames: a.frames - b.frames,
    bytes: a.bytes - b.bytes,
    queue_full: a.queue_full - b.queue_full,
    too_large: a.too_large - b.too_large,
    write_lost: a.write_lost - b.write_lost,
    written: a.written - b.written,
    gaps: a.gaps - b.gaps,
    connects: a.connects - b.connects,
    disconnects: a.disconnects - b.disconnects,
  };
}
