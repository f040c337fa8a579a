/**
 * A replay as its parts speak of it: a past span of a feed, sent again over the bus at a speed. The
 * command line, the workflow and the process that does it share these words.
 */

/** Slowest and fastest multiple of the original spacing. */
export const REPLAY_SPEED_MIN = 0.1;
export const REPLAY_SPEED_MAX = 10_000;
/** Days a replay may span. */
export const REPLAY_DAYS_MAX = 31;
/** Names a replay on the bus: one word of a subject. */
export const REPLAY_ID_PATTERN = /^[a-z0-9][a-z0-9-]{0,23}$/;

/** A multiple of the original spacing, or as fast as the bus takes it. */
export type ReplaySpeed = number | 'max';

/**
 * Where a replay is, exactly: of pass `pass`, every event before `t` was sent, and the first `k` of
 * those at `t`. A pass begins at the start and at every seek. Instants are ns as decimal text.
 */
export type ReplayCursor = {
  readonly pass: number;
  readonly t: string;
  readonly k: number;
};

/** A cursor whose events are all stored, and the number of its stream's last message; 0 where none was. */
export type ReplayMark = ReplayCursor & { readonly seq: number };

/** `starting` until the first event was sent: its day is folded from the beginning. */
export type ReplayState = 'starting' | 'playing' | 'paused' | 'stopped' | 'ended';

/** Where a replay is, for people and programs. */
export type ReplayPosition = {
  readonly state: ReplayState;
  /** The last event sent, or where the pass begins: ns as decimal text, and the same as ISO text. */
  readonly t: string;
  readonly at: string;
  readonly speed: ReplaySpeed;
  readonly pass: number;
  /** Events sent in this pass. */
  readonly events: number;
  /** How far behind its timeline the replay is; 0 at `max`. */
  readonly late_ms: number;
  /** Of the span's time, 0 to 1. */
  readonly share: number;
};

/** What a running replay can be told. */
export type ReplayCommand =
  | { readonly op: 'pause' | 'resume' | 'stop' | 'position' }
  | { readonly op: 'speed'; readonly speed: ReplaySpeed }
  /** To an instant, ns as decimal text. */
  | { readonly op: 'seek'; readonly to: string };

/** What it says to that: done, or why not; and where it is now. */
export type ReplayAnswer = {
  /** Null where it was done. */
  readonly refusal: string | null;
  readonly position: ReplayPosition;
};

/** How far from their intended instants messages were sent at one speed. */
export type SpacingError = {
  readonly speed: ReplaySpeed;
  readonly messages: number;
  readonly p50_us: number;
  readonly p90_us: number;
  readonly p99_us: number;
  readonly max_us: number;
};

/** What a replay came to. */
export type ReplayResult = {
  readonly outcome: 'ended' | 'stopped';
  readonly position: ReplayPosition;
  /** All that this process sent, over all passes. */
  readonly events: number;
  readonly messages: number;
  /** While it was sending: paused time left out. */
  readonly events_per_second: number;
  /** None at `max`: there is no timeline to be off. */
  readonly spacing: readonly SpacingError[];
  readonly late_max_ms: number;
  /** Symbols that were asked for and had no event. */
  readonly unseen_symbols: readonly string[];
};

/** Whether a value is a speed. */
export function isReplaySpeed(value: unknown): value is ReplaySpeed {
  if (value === 'max') return true;
  return typeof value === 'number' && value >= REPLAY_SPEED_MIN && value <= REPLAY_SPEED_MAX;
}

/** `10x`, `max`. */
export function speedWords(speed: ReplaySpeed): string {
  return speed === 'max' ? 'max' : `${speed}x`;
}
