/** The clock a replay goes by. */

/** One waiter, and the way to wake it before its time. */
export type Waker = { wake: () => void };

export type ReplayClock = {
  /** Ns since an arbitrary point; never goes back. */
  readonly monoNs: () => bigint;
  /** Resolves at `due` at the earliest a little before, or once `waker.wake` is called. */
  readonly wait: (due: bigint, waker: Waker) => Promise<void>;
  /** Lets timers and I/O run. */
  readonly breathe: () => Promise<void>;
};

/** A timer is this much late or more: what is nearer is waited for turn by turn of the event loop. */
const TURNS_NS = 2_000_000n;
const NS_PER_MS = 1_000_000n;
const NONE = (): void => undefined;

export function systemReplayClock(): ReplayClock {
  return {
    monoNs: () => process.hrtime.bigint(),
    wait(due, waker) {
      return new Promise((resolve) => {
        const left = due - process.hrtime.bigint();
        let timer: NodeJS.Timeout | null = null;
        const done = (): void => {
          if (timer !== null) clearTimeout(timer);
          waker.wake = NONE;
          resolve();
        };
        waker.wake = done;
        if (left < TURNS_NS) setImmediate(done);
        else timer = setTimeout(done, Number(left / NS_PER_MS) - 1);
      });
    },
    breathe: () => new Promise((resolve) => setImmediate(resolve)),
  };
}
