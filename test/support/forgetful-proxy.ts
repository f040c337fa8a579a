/** A TCP proxy in front of a server that loses one answer: the request was heard, its sender never told. */
import assert from 'node:assert/strict';
import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { tieSockets } from './tie-sockets.ts';

/** Passes everything on, but cuts the first connection when the server's answer arrives. */
export async function openForgetfulProxy(
  target: number,
): Promise<AsyncDisposable & { port: number; forgotten: () => number }> {
  let forgotten = 0;
  const sockets = new Set<Socket>();
  const proxy = createServer((client) => {
    const upstream = connect(target, '127.0.0.1');
    client.pipe(upstream);
    upstream.on('data', (chunk) => {
      if (forgotten === 0 && !chunk.includes('100 Continue')) {
        forgotten++;
        client.destroy();
        upstream.destroy();
      } else if (!client.destroyed) client.write(chunk);
    });
    tieSockets(client, upstream, sockets);
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  return {
    port: portOf(proxy),
    forgotten: () => forgotten,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => proxy.close(resolve));
    },
  };
}

/** The port a server listens on. */
export function portOf(server: Server): number {
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  return address.port;
}
