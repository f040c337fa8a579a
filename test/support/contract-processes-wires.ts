/**
 * Wires that a test may hold, delay or cut: TCP in between, knowing nothing of what it carries.
 */
import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { portOf } from './forgetful-proxy.ts';

export type Wire = AsyncDisposable & {
  readonly port: number;
  /** Connections that were made to it, and bytes clients have sent so far. */
  readonly counts: () => { readonly connections: number; readonly sent: number };
  /** From here on connections are carried; before, they were accepted and held. */
  readonly open: () => void;
};

export type WireOptions = {
  /** Held until `open`. */
  readonly held?: boolean;
  /** What the server says reaches the client this much later. */
  readonly delay_ms?: number;
};

/** A wire to a port on this machine. */
export async function stretchWire(target: number, options: WireOptions = {}): Promise<Wire> {
  const { delay_ms = 0 } = options;
  const sockets = new Set<Socket>();
  const waiting: (() => void)[] = [];
  let held = options.held === true;
  let connections = 0;
  let sent = 0;
  const server: Server = createServer((client) => {
    connections += 1;
    sockets.add(client);
    client.on('error', () => client.destroy());
    const carry = (): void => {
      const upstream = connect(target, '127.0.0.1');
      sockets.add(upstream);
      client.on('data', (chunk) => {
        sent += chunk.length;
        upstream.write(chunk);
      });
      upstream.on('data', (chunk) => {
        if (delay_ms === 0) client.write(chunk);
        else setTimeout(() => client.write(chunk), delay_ms);
      });
      client.on('close', () => upstream.destroy());
      upstream.on('close', () => client.destroy());
      upstream.on('error', () => client.destroy());
    };
    if (held) waiting.push(carry);
    else carry();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: portOf(server),
    counts: () => ({ connections, sent }),
    open() {
      held = false;
      for (const carry of waiting.splice(0)) carry();
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** The same URL on another port. */
export function onPort(url: string, port: number): string {
  const changed = new URL(url);
  changed.port = `${port}`;
  return changed.href.replace(/\/$/, '');
}
