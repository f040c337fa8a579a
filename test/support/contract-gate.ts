/** A gate before a server: it passes everything, nothing, or only what clients say. */
import { connect, createServer } from 'node:net';
import type { Socket } from 'node:net';
import { portOf } from './forgetful-proxy.ts';
import { tieSockets } from './tie-sockets.ts';

export type Gate = AsyncDisposable & {
  readonly port: number;
  /** Cuts all connections; new ones are cut as they come, until `open`. */
  readonly shut: () => void;
  readonly open: () => void;
  /** The server hears, its answers are lost, until the connections are cut. */
  readonly deafen: () => void;
};

export async function startGate(target: number): Promise<Gate> {
  let mode: 'open' | 'shut' | 'deaf' = 'open';
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    if (mode === 'shut') return void client.destroy();
    const upstream = connect(target, '127.0.0.1');
    client.pipe(upstream);
    upstream.on('data', (chunk) => void (mode === 'open' && client.write(chunk)));
    tieSockets(client, upstream, sockets);
  });
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: portOf(server),
    shut() {
      mode = 'shut';
      cut();
    },
    open() {
      mode = 'open';
    },
    deafen() {
      mode = 'deaf';
    },
    async [Symbol.asyncDispose]() {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
