/**
 * The log: what a connector writes, one JSON object a line, before anything acts on it.
 *
 * - first line of a segment: `{"_capture":{...}}` (`Capture`)
 * - a frame: `{"t":"<ns>","c":<connection>,"raw":<frame>}`, or `"text":"..."` / `"base64":"..."`
 *   where the frame is not one line of valid JSON / not UTF-8. Readers slice `raw`, they never
 *   re-serialize it.
 * - a fact of our own: `{"t":"<ns>","_open":{...}}` and so on (`Facts`)
 * - last line: `{"_end":{...}}` (`SegmentEnd`)
 *
 * `t` is strictly increasing within an epoch: one number is a position and a watermark.
 */
import type { FoldConfig } from './symbols.ts';

/** Log format; a reader refuses a higher one. */
export const LOG_FORMAT = 1;

/** Where data came from. Origins are never mixed in a version. */
export type Origin = 'live' | 'import' | 'simulator';

/** First line of every segment: where, when, by what and how well timed it was captured. */
export type Capture = {
  readonly format: typeof LOG_FORMAT;
  readonly feed: string;
  readonly shard: string;
  /** The epoch: the connector's start in ms since the Unix epoch. */
  readonly epoch: number;
  /** Counts from 0 within the epoch. */
  readonly segment: number;
  /** sha256 of the previous segment's plain content; null for the first. */
  readonly previous_sha256: string | null;
  readonly origin: Origin;
  /** For imports: the file's name. For simulators: seed and faults. */
  readonly source: string | null;
  readonly location_id: string;
  readonly datacenter: string;
  readonly host: string;
  readonly proximity: 'exchange-colo' | 'same-metro' | 'remote' | 'unknown';
  readonly clock_source: 'hardware' | 'ptp' | 'gps' | 'ntp' | 'unsynced';
  readonly clock_sync_status: 'synced' | 'degraded' | 'unsynced';
  readonly clock_offset_us: number | null;
  readonly clock_last_sync: string | null;
  readonly connector_version: string;
  readonly connector_commit: string;
  readonly connector_build: string;
  /** `kraken@1`: the feed and the number of its normalizer. */
  readonly normalizer: string;
  /** sha256 of the fold's configuration in force at the segment's start. */
  readonly config_sha256: string;
};

/** Our own facts, by the key they have in the line. */
export type Facts = {
  /** A socket is open. `day` is the UTC day whose fold it serves (§ The day, in fold/SPEC.md). */
  readonly _open: { readonly c: number; readonly url: string; readonly day: string };
  /** What we sent, verbatim. */
  readonly _sent: { readonly c: number; readonly text: string };
  readonly _close: {
    readonly c: number;
    readonly code: number | null;
    readonly reason: string;
    readonly by: 'venue' | 'us' | 'network';
  };
  /**
   * Frames that could not be written: how many, since when, why. `bytes` of one refused for its size
   * (`frame_too_large`) are at least so many: who refuses it may know the limit only.
   */
  readonly _drop: {
    readonly c: number;
    readonly frames: number;
    readonly bytes: number;
    readonly from: string;
    readonly reason: string;
  };
  /**
   * A timer or a limit acted, or the venue's answer was matched to the request it refuses: written first,
   * so that the fold sees it too.
   */
  readonly _alarm: {
    readonly kind:
      'no_ack' | 'silent' | 'stale' | 'resubscribe' | 'resubscribe_limit' | 'refused' | 'disk';
    readonly c: number | null;
    readonly channel: string | null;
    readonly symbol: string | null;
    readonly detail: string;
  };
  /** The wall clock and the log's clock parted by more than slewing covers. */
  readonly _clock: {
    readonly step_ns: string;
    readonly bad: boolean;
    readonly detail: string;
  };
  readonly _config: { readonly sha256: string; readonly config: FoldConfig };
  /**
   * From here connections opened for `day` warm up that day's fold; a `_config` line follows at once.
   * `taken`: whether this epoch already speaks (it wrote its `_take` before).
   */
  readonly _day: { readonly day: string; readonly taken: boolean };
  /** The first thing at or past midnight; its `t` is exactly 00:00:00 of `day`. */
  readonly _midnight: { readonly day: string };
  /**
   * This epoch speaks from here. `ids`: the last trade id of each symbol the previous one published.
   * `seen`: the last event the bus had of the shard, and whose it was: where RAW of that epoch ends before
   * it, power took what readers of the bus had seen. Absent where the bus had none, or was away.
   */
  readonly _take: {
    readonly prev: { readonly epoch: number; readonly t: string } | null;
    readonly ids: Readonly<Record<string, string>>;
    readonly seen?: { readonly epoch: number; readonly t: string };
  };
};
export type FactKey = keyof Facts;
export const FACT_KEYS = [
  '_open',
  '_sent',
  '_close',
  '_drop',
  '_alarm',
  '_clock',
  '_config',
  '_day',
  '_midnight',
  '_take',
] as const satisfies readonly FactKey[];

/** Last line of a segment: the plain content before it, counted and hashed. */
export type SegmentEnd = {
  /** Lines before this one, the `_capture` line included. */
  readonly lines: number;
  readonly bytes: number;
  /** First and last `t` in the segment; null in one without a line of its own. */
  readonly first: string | null;
  readonly last: string | null;
  /** sha256 of all bytes before this line. */
  readonly sha256: string;
};

/**
 * What an epoch left, written by the owning host at day's end, at shutdown, or at its next start:
 * `raw/{feed}/_manifests/{day}/{shard}-{epoch}.json`.
 */
export type Inventory = {
  readonly format: typeof LOG_FORMAT;
  readonly feed: string;
  readonly shard: string;
  readonly epoch: number;
  readonly day: string;
  readonly origin: Origin;
  readonly host: string;
  readonly connections: readonly {
    readonly c: number;
    readonly opened: string;
    readonly closed: string | null;
    readonly frames: number;
  }[];
  readonly segments: readonly {
    readonly key: string;
    readonly segment: number;
    /** sha256 of the plain content, `_end` line included. */
    readonly sha256: string;
    readonly bytes: number;
    readonly lines: number;
    readonly first: string | null;
    readonly last: string | null;
  }[];
  /** `day`: the day ended and the epoch goes on; `shutdown`; `crash`: found and shipped later. */
  readonly end: 'day' | 'shutdown' | 'crash';
};
