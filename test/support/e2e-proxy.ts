/**
 * Stands between a connector and a venue and remembers every message it passed on: what RAW has to
 * hold, counted by someone who is neither of the two.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';

/** One client's connection, in the order of acceptance. */
export type Relayed = {
  readonly path: string;
  /** Messages handed to the client, as latin1 text of their bytes, and when (`performance.now`). */
  readonly frames: string[];
  readonly at_ms: number[];
  /** The client's side is open. */
  open: boolean;
};

export type CountingProxy = {
  /** Base URL for the connector, in place of the venue's. */
  readonly url: string;
  readonly relayed: readonly Relayed[];
  /** From here on nothing is passed on to clients any more, nor counted. */
  readonly pause: () => void;
  /** The connections that were open when it was paused: each was handed all its frames. */
  readonly quiet: ReadonlySet<Relayed>;
  readonly stop: () => Promise<void>;
};

/** What a venue sends is passed on as it is, whether or not it is text. */
const PLAIN = { perMessageDeflate: false, skipUTF8Validation: true } as const;
/** Close codes that never travel. */
const NO_CLOSE_FRAME = new Set([1005, 1006]);

/** `venue` is the base URL of the venue, with its path. */
export async function startCountingProxy(venue: string): Promise<CountingProxy> {
  const target = new URL(venue);
  const relayed: Relayed[] = [];
  const quiet = new Set<Relayed>();
  let paused = false;
  const server = createServer();
  const sockets = new WebSocketServer({ server, ...PLAIN });
  sockets.on('connection', (client, request) => {
    const connection: Relayed = { path: request.url ?? '/', frames: [], at_ms: [], open: true };
    relayed.push(connection);
    const upstream = new WebSocket(`ws://${target.host}${connection.path}`, PLAIN);
    const early: string[] = [];
    client.on('message', (data: Buffer) => {
      const text = data.toString();
      if (upstream.readyState === WebSocket.OPEN) upstream.send(text);
      else early.push(text);
    });
    upstream.on('open', () => early.splice(0).forEach((text) => upstream.send(text)));
    upstream.on('message', (data: Buffer) => {
      if (paused) return;
      connection.frames.push(data.toString('latin1'));
      connection.at_ms.push(performance.now());
      client.send(data, { binary: false });
    });
    upstream.on('ping', (data) => client.ping(data));
    client.on('error', () => upstream.terminate());
    client.on('close', () => {
      connection.open = false;
      upstream.terminate();
    });
    upstream.on('error', () => undefined);
    // In good order, so that what was passed on before arrives.
    upstream.on('close', (code) => client.close(NO_CLOSE_FRAME.has(code) ? 1011 : code));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `ws://127.0.0.1:${port}${target.pathname.replace(/\/$/, '')}`,
    relayed,
    quiet,
    pause() {
      paused = true;
      for (const connection of relayed) if (connection.open) quiet.add(connection);
    },
    async stop() {
      for (const client of sockets.clients) client.terminate();
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
