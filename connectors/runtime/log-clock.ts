/**
 * The log's `t`: nanoseconds since the Unix epoch, strictly increasing. The monotonic clock anchored to
 * wall time and slewed towards it, never stepping back. Pure given its `Clock`.
 *
 * Every `SYNC_INTERVAL_NS` of monotonic time the two clocks of the machine are compared:
 * - they part by at most `STEP_NS`: our rate is bent by at most `SLEW_PPM_MAX` until they meet;
 * - the wall clock stepped forward: `t` follows at once (what is received now is received now);
 * - the wall clock stepped back: `t` goes on, slowed by `SLEW_PPM_MAX`, until wall time has caught up.
 * A step is reported once, as bad; once both have agreed for `SETTLE_NS` the clock is reported good
 * again. Between the two, receive times are not to be trusted.
 */
import { NS_PER_MS, NS_PER_SECOND } from '../../schema/time.ts';
import type { Clock } from './clock.ts';

/** Wall and log clock further apart than this is a step, not a drift. */
export const STEP_NS = 250n * NS_PER_MS;
/** The most our rate differs from the monotonic clock's, in parts per million. */
export const SLEW_PPM_MAX = 500n;
export const SYNC_INTERVAL_NS = NS_PER_SECOND;
/** A drift is corrected as if it had to be gone after this long, within `SLEW_PPM_MAX`. */
const SLEW_HORIZON_NS = 10n * NS_PER_SECOND;
/** The clocks agree for this long after a step before receive times are trusted again. */
export const SETTLE_NS = 60n * NS_PER_SECOND;

const MILLION = 1_000_000n;

/** Becomes a `_clock` line. `step_ns`: how far wall time moved against ours, negative for back. */
export type ClockStep = {
  readonly step_ns: bigint;
  readonly bad: boolean;
  readonly detail: string;
};

export type LogClock = {
  /** What the next `t` would be now: after every one issued before, also where no time has passed. */
  readonly peek: () => bigint;
  /** Takes `t` (as `peek` gave it, or a midnight); where it is not ahead of all issued, the next possible. */
  readonly issue: (t: bigint) => bigint;
  /** From here on every `t` is after `past`: a position another machine's clock reached. */
  readonly advancePast: (past: bigint) => void;
  /** The last `t` issued, 0 before the first. */
  readonly last: () => bigint;
  /** A step seen since the last call, in order; null where there is none. */
  readonly takeStep: () => ClockStep | null;
};

export function createLogClock(clock: Clock): LogClock {
  let base = clock.wallNs();
  let base_mono = clock.monoNs();
  let ppm = 0n;
  let last = 0n;
  let seen_wall = base;
  let seen_mono = base_mono;
  let bad = false;
  let stepped_mono = 0n;
  const steps: ClockStep[] = [];

  function read(mono: bigint): bigint {
    const passed = mono - base_mono;
    return ppm === 0n ? base + passed : base + passed + (passed * ppm) / MILLION;
  }

  function sync(mono: bigint): void {
    const wall = clock.wallNs();
    const ours = read(mono);
    const error = wall - ours;
    const jump = wall - seen_wall - (mono - seen_mono);
    const known_step = bad && magnitude(jump) <= STEP_NS;
    if (!known_step && (magnitude(jump) > STEP_NS || magnitude(error) > STEP_NS)) {
      const step_ns = magnitude(jump) > STEP_NS ? jump : error;
      bad = true;
      stepped_mono = mono;
      steps.push({
        step_ns,
        bad: true,
        detail: error > 0n ? 'wall clock ahead' : 'wall clock behind',
      });
    } else if (bad && magnitude(error) <= STEP_NS && mono - stepped_mono >= SETTLE_NS) {
      bad = false;
      steps.push({ step_ns: 0n, bad: false, detail: 'wall clock and log clock agree again' });
    }
    base = error > STEP_NS ? wall : ours;
    base_mono = mono;
    ppm = slewFor(wall - base);
    seen_wall = wall;
    seen_mono = mono;
  }

  return {
    peek() {
      const mono = clock.monoNs();
      if (mono - seen_mono >= SYNC_INTERVAL_NS) sync(mono);
      const t = read(mono);
      return t > last ? t : last + 1n;
    },
    issue(t) {
      last = t > last ? t : last + 1n;
      return last;
    },
    advancePast(past) {
      const mono = clock.monoNs();
      if (read(mono) > past) return;
      base = past + 1n;
      base_mono = mono;
      ppm = 0n;
    },
    last: () => last,
    takeStep: () => steps.shift() ?? null,
  };
}

function slewFor(error: bigint): bigint {
  const wanted = (error * MILLION) / SLEW_HORIZON_NS;
  if (wanted > SLEW_PPM_MAX) return SLEW_PPM_MAX;
  return wanted < -SLEW_PPM_MAX ? -SLEW_PPM_MAX : wanted;
}

function magnitude(ns: bigint): bigint {
  return ns < 0n ? -ns : ns;
}
