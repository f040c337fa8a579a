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
  const place = placeOf(of.address);
  if (place === null) return;
  let misses = 0;
  while (!over.aborted) {
    const there = (await ask(place.host, place.port)) === 'taken';
    if (over.aborted) return;
    if (there && misses >= MISSES) of.say('back');
    misses = there ? 0 : misses + 1;
    if (misses === MISSES) of.say('away');
    await delay(of.look_ms ?? LOOK_MS, undefined, { signal: over, ref: false }).catch(() => null);
  }
}

/** Of one attempt: connections are taken, or refused at once (nobody there, no such host), or nothing is heard. */
async function ask(host: string, port: number): Promise<'taken' | 'refused' | 'silent'> {
  return await new Promise((settle) => {
    const socket = connect({ host, port });
    const end = (answer: 'taken' | 'refused' | 'silent'): void => {
      socket.destroy();
      settle(answer);
    };
    socket.setTimeout(ANSWER_MS, () => end('silent'));
    socket.once('connect', () => end('taken'));
    socket.once('error', () => end('refused'));
  });
}

/** Whether it is known at once that nobody is at `host:port`; false where it takes time to know. */
export async function isRefused(address: string): Promise<boolean> {
  const place = placeOf(address);
  return place !== null && (await ask(place.host, place.port)) === 'refused';
}

function placeOf(address: string): { readonly host: string; readonly port: number } | null {
  const [, host, port] = /^\[?([^\]]+)\]?:(\d+)$/.exec(address) ?? [];
  return host === undefined ? null : { host, port: Number(port) };
}
