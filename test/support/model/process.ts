/**
 * A process of the model: what reaches it from outside goes through here, so that it can be stopped in
 * the middle of anything. A frozen one hears nothing and keeps what arrives, as its kernel would; a dead
 * one hears and does nothing any more, whatever its code still tries.
 */
import type { Clock } from '../../../connectors/runtime/clock.ts';
import type { VirtualClock } from '../../../connectors/simulator/clock.ts';

export type ModelProcess = {
  readonly pid: number;
  readonly clock: Clock;
  readonly alive: () => boolean;
  readonly frozen: () => boolean;
  /** Runs `act` in the process: now, when it wakes, or never. */
  readonly deliver: (act: () => void) => void;
  /** A promise of the world's as the process sees it. */
  readonly seen: <T>(promise: Promise<T>) => Promise<T>;
  /** Before everything it does to the outside; returns false where it is dead, or dies here. */
  readonly acts: () => boolean;
  readonly freeze: () => void;
  /** From when to when it was frozen. */
  readonly sleeps: readonly { readonly from: bigint; readonly to: bigint }[];
  readonly wake: () => void;
  readonly kill: () => void;
  /** Kills or freezes it at the `count`-th thing it does to the outside from now on. */
  readonly stopAfter: (count: number, how: 'kill' | 'freeze') => void;
  /** Nothing is planned for it any more. */
  readonly disarm: () => void;
  readonly onDeath: (hear: () => void) => void;
};

/** Timers shorter than this are exact; the rest are late by up to the grid, as on a busy machine. */
const EXACT_MS = 50;

export function createModelProcess(options: {
  readonly pid: number;
  readonly world: VirtualClock;
  /** How far the host's wall clock is off, ns. */
  readonly skew: () => bigint;
  readonly grid_ms: number;
}): ModelProcess {
  const { pid, world, skew, grid_ms } = options;
  const held: (() => void)[] = [];
  const listeners: (() => void)[] = [];
  const timers = new Set<number>();
  /** No two of them move at the same instant. */
  const phase_ns = BigInt(pid) * 7_300_000n;
  let alive = true;
  let frozen = false;
  const sleeps: { from: bigint; to: bigint }[] = [];
  let asleep_ns = 0n;
  let fuse = -1;
  let fuse_how: 'kill' | 'freeze' = 'kill';

  function deliver(act: () => void): void {
    if (!alive) return;
    if (frozen) held.push(act);
    else act();
  }

  function freeze(): void {
    if (!frozen) asleep_ns = world.nowNs();
    frozen = true;
  }

  function kill(): void {
    if (!alive) return;
    alive = false;
    held.length = 0;
    for (const hear of listeners) hear();
  }

  return {
    pid,
    clock: {
      wallNs: () => world.nowNs() + skew(),
      monoNs: world.monoNs,
      setTimeout(run, delay_ms) {
        if (!alive) return { id: 0 };
        let at_ns = world.nowNs() + BigInt(Math.max(0, Math.round(delay_ms * 1e6)));
        if (delay_ms >= EXACT_MS) {
          const grid_ns = BigInt(grid_ms) * 1_000_000n;
          at_ns += (grid_ns - ((at_ns - phase_ns) % grid_ns)) % grid_ns;
        }
        const timer = world.setTimer(() => {
          deliver(() => {
            if (timers.delete(timer.id)) run();
          });
        }, at_ns);
        timers.add(timer.id);
        return timer;
      },
      clearTimeout(timer) {
        timers.delete(timer.id);
        world.clearTimeout(timer);
      },
    },
    alive: () => alive,
    frozen: () => frozen,
    deliver,
    seen: (promise) =>
      new Promise((resolve, reject) => {
        promise.then(
          (value) => deliver(() => resolve(value)),
          (error: unknown) => deliver(() => reject(error as Error)),
        );
      }),
    acts() {
      if (alive && fuse >= 0 && fuse-- === 0) {
        if (fuse_how === 'kill') kill();
        else freeze();
      }
      return alive;
    },
    freeze,
    sleeps,
    wake() {
      if (!frozen) return;
      frozen = false;
      sleeps.push({ from: asleep_ns, to: world.nowNs() });
      // What piled up is heard in order, each with its turn; what comes meanwhile waits behind it.
      const waiting = held.splice(0);
      for (const act of waiting) world.setTimer(() => deliver(act), world.nowNs());
    },
    kill,
    stopAfter(count, how) {
      fuse = count;
      fuse_how = how;
    },
    disarm: () => void (fuse = -1),
    onDeath: (hear) => void listeners.push(hear),
  };
}
