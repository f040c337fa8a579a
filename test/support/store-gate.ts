/**
 * Between a process and its object store: passes everything on, a little later than it came, and says of
 * each request that it is asked, and that it is answered before anybody heard the answer. What is stopped
 * there is never passed on: whoever waits for it can be killed at exactly that moment.
 */
import { connect, createServer } from 'node:net';
import type { Socket } from 'node:net';
import { setTimeout as elapsed } from 'node:timers/promises';
import { portOf } from './forgetful-proxy.ts';
import { tieSockets } from './tie-sockets.ts';

/** `asked`: the store has not heard of it; `answered`: it has done it, the asker does not know. */
export type Side = 'asked' | 'answered';
/** `request`: method and path, `PUT /bucket/key?x-id=PutObject`. True: it goes no further. */
export type Watch = (request: string, side: Side) => boolean;

export type StoreGate = AsyncDisposable & { readonly port: number };

const REQUEST = /^((?:GET|HEAD|PUT|POST|DELETE) \S+) HTTP\/1\.1\r\n/;

/** A gate to a port of this machine; each request takes `delay_ms` longer. */
export async function openStoreGate(
  target: number,
  delay_ms: number,
  watch: Watch,
): Promise<StoreGate> {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(target, '127.0.0.1');
    // Of the request on its way; a client asks the next on the same connection once it is answered.
    let request: string | null = null;
    let stopped = false;
    const onAsked = async (chunk: Buffer): Promise<void> => {
      const line = REQUEST.exec(chunk.toString('latin1'))?.[1];
      if (line !== undefined) {
        await elapsed(delay_ms);
        request = line;
        stopped ||= watch(line, 'asked');
      }
      if (!stopped) upstream.write(chunk);
    };
    const onAnswered = (chunk: Buffer): void => {
      if (request !== null && !chunk.includes('100 Continue')) {
        stopped ||= watch(request, 'answered');
        request = null;
      }
      if (!stopped) client.write(chunk);
    };
    client.on('data', (chunk: Buffer) => {
      client.pause();
      void onAsked(chunk).then(() => client.resume());
    });
    upstream.on('data', onAnswered);
    tieSockets(client, upstream, sockets);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: portOf(server),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
