/** Requests to a venue, in order and no faster than it allows. */
import type { Request } from '../feed.ts';
import type { Clock, TimerHandle } from './clock.ts';

export type Outbox = {
  readonly push: (...requests: readonly Request[]) => void;
  /** Forgets what was not sent. */
  readonly stop: () => void;
};

export function createOutbox(
  clock: Clock,
  options: { readonly per_second: number; readonly send: (request: Request) => void },
): Outbox {
  const waiting: Request[] = [];
  const gap_ns = BigInt(Math.ceil(1e9 / options.per_second));
  let next_ns = clock.monoNs();
  let timer: TimerHandle | null = null;
  let stopped = false;

  function flush(): void {
    while (!stopped && timer === null && waiting.length > 0) {
      const now_ns = clock.monoNs();
      if (now_ns < next_ns) {
        timer = clock.setTimeout(
          () => {
            timer = null;
            flush();
          },
          Number(next_ns - now_ns) / 1e6,
        );
        return;
      }
      next_ns = now_ns + gap_ns;
      options.send(waiting.shift() as Request);
    }
  }

  return {
    push(...requests) {
      waiting.push(...requests);
      flush();
    },
    stop() {
      stopped = true;
      waiting.length = 0;
      if (timer !== null) clock.clearTimeout(timer);
    },
  };
}
