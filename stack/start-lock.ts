/**
 * One start of a stack at a time: two servers on one data folder would write over each other. The lock
 * is an abstract socket named after the folder, so that the kernel frees it however its holder ends.
 */
import { createHash } from 'node:crypto';
import { createServer } from 'node:net';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { throwIfInterrupted } from './interrupted.ts';
import type { Report } from './report.ts';

const POLL_MS = 50;

/** Waits, with a word, for as long as another process starts this folder's stack. */
export async function lockStart(
  dataDir: string,
  log: Report,
  signal?: AbortSignal,
): Promise<AsyncDisposable> {
  for (let waited = false; ; waited = true) {
    const lock = await tryLock(dataDir);
    if (lock !== null) return lock;
    if (!waited) log.line(`another start of ${dataDir} is under way; waiting for it`);
    throwIfInterrupted(signal);
    await sleep(POLL_MS);
  }
}

function tryLock(dataDir: string): Promise<AsyncDisposable | null> {
  // Abstract sockets are Linux's own; elsewhere nobody is kept out.
  if (process.platform !== 'linux') {
    return Promise.resolve({ [Symbol.asyncDispose]: () => Promise.resolve() });
  }
  const name = createHash('sha256').update(resolve(dataDir)).digest('hex').slice(0, 32);
  const server = createServer((socket) => socket.destroy());
  return new Promise((settle, refuse) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') settle(null);
      else refuse(error);
    });
    server.listen({ path: `\0ssmd-start-${name}` }, () => {
      server.unref();
      settle({
        [Symbol.asyncDispose]: () => new Promise((closed) => server.close(() => closed())),
      });
    });
  });
}
