/** A server that a running process needs: told once when it is away, and once when it is back. */
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

const LOOK_MS = 1_000;
const ANSWER_MS = 2_000;
/** So many looks in a row find nobody: one alone may be a busy machine. */
const MISSES = 2;

export type Watched = {
  /** `host:port`; where it is anything else nothing is watched. */
  readonly address: string;
  readonly say: (word: 'away' | 'back') => void;
  /** Between looks, ms. */
  readonly look_ms?: number;
};

/**
 * Looks until `over`. Only whether it takes connections: one that takes them and answers nothing is not
 * told, for its clients have deadlines of their own.
 */
export async function watchServer(of: Watched, over: AbortSignal): Promise<void> {
  const match = /^\[?([^\]]+)\]?:(\d+)$/.exec(of.address);
  if (match === null) return;
  const [, host = '', port] = match;
  let misses = 0;
  while (!over.aborted) {
    const there = await takes(host, Number(port));
    if (over.aborted) return;
    if (there && misses >= MISSES) of.say('back');
    misses = there ? 0 : misses + 1;
    if (misses === MISSES) of.say('away');
    await delay(of.look_ms ?? LOOK_MS, undefined, { signal: over, ref: false }).catch(() => null);
  }
}

async function takes(host: string, port: number): Promise<boolean> {
  return await new Promise((settle) => {
    const socket = connect({ host, port });
    const end = (there: boolean): void => {
      socket.destroy();
      settle(there);
    };
    socket.setTimeout(ANSWER_MS, () => end(false));
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
  });
}
