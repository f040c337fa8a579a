/**
 * Time as the runtime sees it: one port, so that a whole past day can run through the same code on a
 * virtual clock (`connectors/simulator/clock.ts`).
 */

/** Names a timer of the clock that gave it. */
export type TimerHandle = { readonly id: number };

export type Clock = {
  /** What the wall clock says now, ns since the Unix epoch. It may step, both ways. */
  readonly wallNs: () => bigint;
  /** Ns since an arbitrary point; never goes back, never steps. */
  readonly monoNs: () => bigint;
  /** Runs `run` once, at the earliest `delay_ms` from now. Never before this call has returned. */
  readonly setTimeout: (run: () => void, delay_ms: number) => TimerHandle;
  /** Forgets a timer; a handle that ran or was cleared before is ignored. */
  readonly clearTimeout: (handle: TimerHandle) => void;
};

/** Node refuses longer timers (it would run them at once); a longer delay waits this long. */
const DELAY_MS_MAX = 2 ** 31 - 1;
const NS_PER_MS = 1_000_000n;

/**
 * The machine's clock. The operating system gives Node its wall clock in whole milliseconds; the
 * digits below come from the monotonic clock, anchored to it. The reading never leaves the
 * millisecond the wall clock shows, so a step of the wall clock shows at once, and is not slewed
 * here: that is the log's affair.
 */
export function systemClock(): Clock {
  const timers = new Map<number, NodeJS.Timeout>();
  let timer_last = 0;
  let offset = BigInt(Date.now()) * NS_PER_MS - process.hrtime.bigint();
  return {
    wallNs() {
      const floor = BigInt(Date.now()) * NS_PER_MS;
      const mono = process.hrtime.bigint();
      const estimate = mono + offset;
      if (estimate < floor) offset = floor - mono;
      else if (estimate >= floor + NS_PER_MS) offset = floor + NS_PER_MS - 1n - mono;
      return mono + offset;
    },
    monoNs: () => process.hrtime.bigint(),
    setTimeout(run, delay_ms) {
      const id = ++timer_last;
      const timer = setTimeout(
        () => {
          timers.delete(id);
          run();
        },
        Math.min(delay_ms, DELAY_MS_MAX),
      );
      timers.set(id, timer);
      return { id };
    },
    clearTimeout({ id }) {
      clearTimeout(timers.get(id));
      timers.delete(id);
    },
  };
}

/** Resolves after `delay_ms` of a clock, or as soon as the signal aborts. */
export function pause(clock: Clock, delay_ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clock.clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = clock.setTimeout(done, delay_ms);
    signal.addEventListener('abort', done);
  });
}
