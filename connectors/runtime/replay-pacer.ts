/**
 * When a replayed event is due: its place on the original timeline, stretched by the speed. Pure: it is
 * told what a monotonic clock says and never looks at one.
 *
 * The timeline is anchored at the first event, so that the silence before it is not waited for, and
 * anchored anew where it changes: at a resume, at another speed, after a seek. A replay that is late
 * keeps its timeline, sends what is overdue at once and so catches up; a pause forgives what it was late.
 */
import type { ReplaySpeed } from '../../schema/replay.ts';

export type Pacer = {
  readonly speed: () => ReplaySpeed;
  readonly isPaused: () => boolean;
  /** When the event at `t` is due; `now` where it has no timeline. Both in ns. */
  readonly due: (t: bigint, now: bigint) => bigint;
  /** `next` is the event that waits, null where none is known. */
  readonly setSpeed: (speed: ReplaySpeed, now: bigint, next: bigint | null) => void;
  readonly pause: (now: bigint, next: bigint | null) => void;
  readonly resume: (now: bigint) => void;
  /** Begins a timeline anew at the next event: after a seek. */
  readonly restart: () => void;
};

type Anchor = { readonly t: bigint; readonly now: bigint };

export function createPacer(start: ReplaySpeed, paused = false): Pacer {
  let speed = start;
  let anchor: Anchor | null = null;
  let is_paused = paused;
  /** Where the timeline stands while it is paused. */
  let frozen: bigint | null = null;

  /** Where the timeline is; never beyond the event that waits. */
  function position(now: bigint, next: bigint | null): bigint | null {
    if (is_paused) return frozen;
    if (anchor === null || speed === 'max') return next;
    const at = anchor.t + scaled(now - anchor.now, speed);
    return next !== null && next < at ? next : at;
  }

  return {
    speed: () => speed,
    isPaused: () => is_paused,
    due(t, now) {
      if (speed === 'max') return now;
      anchor ??= { t, now };
      return anchor.now + scaled(t - anchor.t, 1 / speed);
    },
    setSpeed(next_speed, now, next) {
      const at = position(now, next);
      if (!is_paused) anchor = at === null ? null : { t: at, now };
      speed = next_speed;
    },
    pause(now, next) {
      frozen = position(now, next);
      is_paused = true;
    },
    resume(now) {
      anchor = frozen === null ? null : { t: frozen, now };
      frozen = null;
      is_paused = false;
    },
    restart() {
      anchor = null;
      frozen = null;
    },
  };
}

/** A span of ns, `factor` times as long. Days of ns are below 2^53. */
function scaled(ns: bigint, factor: number): bigint {
  return BigInt(Math.round(Number(ns) * factor));
}
