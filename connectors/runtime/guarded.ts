/**
 * A connector's work runs in timers and in the handlers of its sockets, which nobody waits for: what
 * throws there ends the connector, in words, instead of the process with a stack trace.
 */
import type { Clock } from './clock.ts';
import type { OpenSocket } from './socket.ts';

/** The same clock and sockets; what their callbacks throw goes to `onFault`. */
export function guarded(
  { clock, openSocket }: { readonly clock: Clock; readonly openSocket: OpenSocket },
  onFault: (error: unknown) => void,
): { readonly clock: Clock; readonly openSocket: OpenSocket } {
  const guard = <A extends readonly unknown[]>(run: (...args: A) => void) => {
    return (...args: A): void => {
      try {
        run(...args);
      } catch (error) {
        onFault(error);
      }
    };
  };
  return {
    clock: { ...clock, setTimeout: (run, delay_ms) => clock.setTimeout(guard(run), delay_ms) },
    openSocket: (url, handlers) =>
      openSocket(url, {
        onOpen: guard(handlers.onOpen),
        onFrame: guard(handlers.onFrame),
        onPing: guard(handlers.onPing),
        onTooLarge: guard(handlers.onTooLarge),
        onClose: guard(handlers.onClose),
        onUpgradeRefused: guard(handlers.onUpgradeRefused),
      }),
  };
}
