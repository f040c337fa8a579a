/**
 * A clock that moves only when told to: timers run in the order of their instants, those of one
 * instant in the order they were set, so the same run happens the same way every time.
 */
import type { Clock, TimerHandle } from '../runtime/clock.ts';

/** Steps between two turns of the event loop, so that real I/O started by a timer is heard. */
const YIELD_EVERY_DEFAULT = 1;
/** Instants are kept as whole ns since the start, exact in a double for 104 days. */
const RUN_NS_MAX = 2 ** 53;

export type RunOptions = {
  /** Lets the event loop turn (promises, files, sockets) after this many timers. Default 1. */
  readonly yield_every?: number;
  /**
   * Asked before every timer: a promise it returns is waited for before time moves on, so that what
   * is slow in reality (an upload, a publish) can hold virtual time back.
   */
  readonly ready?: () => Promise<void> | undefined;
  /** Stops between two timers. */
  readonly signal?: AbortSignal;
};

export type VirtualClock = Clock & {
  /** Runs what is due at or before `ns`, in order, then stands at `ns`. Earlier than now: no move. */
  readonly advanceTo: (ns: bigint) => void;
  /** As `advanceTo`, giving way to real I/O between timers. */
  readonly runUntil: (ns: bigint, options?: RunOptions) => Promise<void>;
  /** The instant timers go by: `wallNs` without its steps. */
  readonly nowNs: () => bigint;
  /** The instant of the next timer, or null. */
  readonly nextTimerNs: () => bigint | null;
  /** Runs `run` at an instant of this clock; one that is past runs at the next step. */
  readonly setTimer: (run: () => void, at_ns: bigint) => TimerHandle;
  /** The wall clock jumps by `ns`; timers and the monotonic clock do not. */
  readonly stepWall: (ns: bigint) => void;
};

type Timer = { readonly at: number; readonly id: number; readonly run: () => void };

/** A clock standing at `start_ns`; its instants (`advanceTo`, `setTimer`) ignore `stepWall`. */
export function virtualClock(start_ns: bigint): VirtualClock {
  const heap: Timer[] = [];
  const live = new Set<number>();
  let now = 0;
  let id_last = 0;
  let wall_step = 0n;

  const schedule = (run: () => void, at: number): TimerHandle => {
    const timer: Timer = { at: Math.max(at, now), id: ++id_last, run };
    if (!(timer.at < RUN_NS_MAX)) throw new RangeError(`a timer lies beyond 104 days: ${at} ns`);
    live.add(timer.id);
    push(heap, timer);
    return timer;
  };
  const next = (): Timer | undefined => {
    while (heap.length > 0 && !live.has((heap[0] as Timer).id)) pop(heap);
    return heap[0];
  };
  /** Runs the next timer due at or before `limit`; false where there is none. */
  const step = (limit: number): boolean => {
    const timer = next();
    if (timer === undefined || timer.at > limit) return false;
    pop(heap);
    live.delete(timer.id);
    now = timer.at;
    timer.run();
    return true;
  };
  const offsetOf = (ns: bigint): number => Number(ns - start_ns);

  return {
    wallNs: () => start_ns + wall_step + BigInt(now),
    monoNs: () => BigInt(now),
    nowNs: () => start_ns + BigInt(now),
    setTimeout: (run, delay_ms) => schedule(run, now + Math.max(0, Math.round(delay_ms * 1e6))),
    setTimer: (run, at_ns) => schedule(run, offsetOf(at_ns)),
    clearTimeout: ({ id }) => void live.delete(id),
    nextTimerNs: () => {
      const timer = next();
      return timer === undefined ? null : start_ns + BigInt(timer.at);
    },
    stepWall: (ns) => {
      wall_step += ns;
    },
    advanceTo(ns) {
      const limit = offsetOf(ns);
      while (step(limit));
      now = Math.max(now, limit);
    },
    async runUntil(ns, options = {}) {
      const limit = offsetOf(ns);
      const yield_every = options.yield_every ?? YIELD_EVERY_DEFAULT;
      let steps = 0;
      for (;;) {
        if (options.signal?.aborted) return;
        const waiting = options.ready?.();
        if (waiting !== undefined) await waiting;
        if (!step(limit)) {
          await turn();
          const timer = next();
          if (timer === undefined || timer.at > limit) break;
          continue;
        }
        if (++steps % yield_every === 0) await turn();
      }
      now = Math.max(now, limit);
    },
  };
}

/** One turn of the event loop: what was ready to be heard has been heard. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function before(a: Timer, b: Timer): boolean {
  return a.at < b.at || (a.at === b.at && a.id < b.id);
}

function push(heap: Timer[], timer: Timer): void {
  let at = heap.length;
  heap.push(timer);
  while (at > 0) {
    const parent = (at - 1) >> 1;
    const above = heap[parent] as Timer;
    if (!before(timer, above)) break;
    heap[at] = above;
    at = parent;
  }
  heap[at] = timer;
}

function pop(heap: Timer[]): void {
  const last = heap.pop() as Timer;
  const length = heap.length;
  if (length === 0) return;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= length) break;
    if (child + 1 < length && before(heap[child + 1] as Timer, heap[child] as Timer)) child++;
    if (!before(heap[child] as Timer, last)) break;
    heap[at] = heap[child] as Timer;
    at = child;
  }
  heap[at] = last;
}
