/**
 * Read-only HTTP. Loopback unless told otherwise; nothing can be changed through it: methods other than
 * GET and HEAD are answered 405, other paths 404. A connector's pages: `/status` (JSON), `/metrics`
 * (Prometheus), `/health` (it runs), `/health/ready` (it does its work).
 */
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';

/** A request line or header beyond this is refused by the server itself (431). */
const HEADER_BYTES_MAX = 8 * 1024;
const REQUEST_TIMEOUT_MS = 5_000;

export type StatusSource = {
  readonly status: () => unknown;
  readonly metrics: () => Promise<string>;
  readonly ready: () => boolean;
};

export type StatusServer = { readonly url: string; readonly close: () => Promise<void> };

/** An answer to a path: JSON of `body`, or, where it says its type, the text as it is. */
export type Page =
  | { readonly status: number; readonly body: unknown }
  | { readonly status: number; readonly text: string; readonly type: string };

/** By path; `accept` is what the client said it takes. */
export type Pages = Readonly<Record<string, (accept: string) => Page | Promise<Page>>>;

type Where = { readonly port: number; readonly host?: string };

export const PROMETHEUS_TEXT = 'text/plain; version=0.0.4; charset=utf-8';

/** A connector's pages. `port` 0 takes any free one. Rejects where the port is taken. */
export function openStatusServer(source: StatusSource, where: Where): Promise<StatusServer> {
  return openPages(
    {
      '/status': () => ({ status: 200, body: source.status() }),
      '/metrics': async () => ({
        ...{ status: 200, text: await source.metrics(), type: PROMETHEUS_TEXT },
      }),
      '/health': () => ({ status: 200, body: { status: 'alive' } }),
      '/health/ready': () => {
        const ready = source.ready();
        return { status: ready ? 200 : 503, body: { ready } };
      },
    },
    where,
  );
}

/** Serves pages that are read and never written to. */
export async function openPages(
  pages: Pages,
  { port, host = '127.0.0.1' }: Where,
): Promise<StatusServer> {
  const server = createServer(
    { maxHeaderSize: HEADER_BYTES_MAX, requestTimeout: REQUEST_TIMEOUT_MS },
    (request, response) => {
      // A page that cannot be told is its reader's loss: nobody waits for this, and the capture goes on.
      answer(pages, request, response).catch((error: unknown) => failed(response, error));
    },
  );
  // Neither gets as far as a request: a method that HTTP does not know, and CONNECT.
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    hangUp(socket, REFUSALS[error.code ?? ''] ?? refusal('400 Bad Request'));
  });
  server.on('connect', (_request, socket) => hangUp(socket, READ_ONLY));
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

/** An answer without a body, to what is no request. */
function refusal(status: string, more = ''): string {
  return `HTTP/1.1 ${status}\r\n${more}content-length: 0\r\nconnection: close\r\n\r\n`;
}
const READ_ONLY = refusal('405 Method Not Allowed', 'allow: GET, HEAD\r\n');
const REFUSALS: Readonly<Record<string, string>> = {
  HPE_INVALID_METHOD: READ_ONLY,
  HPE_HEADER_OVERFLOW: refusal('431 Request Header Fields Too Large'),
  ERR_HTTP_REQUEST_TIMEOUT: refusal('408 Request Timeout'),
};

/** The client's end is not waited for, and a reset by it is nothing to us. */
function hangUp(socket: Duplex, text: string): void {
  socket.on('error', () => undefined);
  if (socket.writable) socket.end(text, () => socket.destroy());
  else socket.destroy();
}

async function answer(
  pages: Pages,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const path = (request.url ?? '/').split('?', 1)[0] ?? '/';
  const page = Object.hasOwn(pages, path) ? pages[path] : undefined;
  if (page === undefined) {
    return send(response, { status: 404, body: { error: 'not found', paths: Object.keys(pages) } });
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD');
    return send(response, { status: 405, body: { error: 'read-only' } });
  }
  send(response, await page(request.headers.accept ?? ''));
}

function failed(response: ServerResponse, error: unknown): void {
  if (response.headersSent) return void response.destroy();
  const message = error instanceof Error ? error.message : String(error);
  send(response, { status: 500, body: { error: message } });
}

function send(response: ServerResponse, page: Page): void {
  const isText = 'text' in page;
  const type = isText ? page.type : 'application/json; charset=utf-8';
  const text = isText ? page.text : `${JSON.stringify(page.body, null, 2)}\n`;
  response.writeHead(page.status, { 'content-type': type });
  response.end(text);
}
