/**
 * Read-only HTTP about a connector: `/status` (JSON), `/metrics` (Prometheus), `/health` (it runs),
 * `/health/ready` (it does its work). Loopback unless told otherwise; nothing can be changed through
 * it: other methods are answered 405, other paths 404.
 */
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request line or header beyond this is refused by the server itself (431). */
const HEADER_BYTES_MAX = 8 * 1024;
const REQUEST_TIMEOUT_MS = 5_000;

export type StatusSource = {
  readonly status: () => unknown;
  readonly metrics: () => Promise<string>;
  readonly ready: () => boolean;
};

export type StatusServer = { readonly url: string; readonly close: () => Promise<void> };

/** `port` 0 takes any free one. Rejects where the port is taken. */
export async function openStatusServer(
  source: StatusSource,
  { port, host = '127.0.0.1' }: { readonly port: number; readonly host?: string },
): Promise<StatusServer> {
  const server = createServer(
    { maxHeaderSize: HEADER_BYTES_MAX, requestTimeout: REQUEST_TIMEOUT_MS },
    (request, response) => void answer(source, request, response),
  );
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  const { port: bound } = server.address() as AddressInfo;
  return {
    url: `http://${host}:${bound}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(
  source: StatusSource,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const path = (request.url ?? '/').split('?', 1)[0];
  const known = PATHS.includes(path ?? '');
  if (!known) return send(response, 404, { error: 'not found', paths: PATHS });
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD');
    return send(response, 405, { error: 'read-only' });
  }
  if (path === '/status') return send(response, 200, source.status());
  if (path === '/health') return send(response, 200, { status: 'alive' });
  if (path === '/health/ready') {
    const ready = source.ready();
    return send(response, ready ? 200 : 503, { ready });
  }
  const text = await source.metrics();
  response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' });
  response.end(text);
}
const PATHS = ['/status', '/metrics', '/health', '/health/ready'];

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' });
  response.end(`${JSON.stringify(body, null, 2)}\n`);
}
