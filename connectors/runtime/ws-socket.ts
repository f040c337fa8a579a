/** The socket port over the network, with `ws`. */
import { WebSocket } from 'ws';
import type { CloseBy, OpenSocket, Socket, SocketHandlers } from './socket.ts';

export type WsOptions = {
  /** A larger message is told of, not taken, and closes the connection with code 1009. */
  readonly frame_bytes_max: number;
  /** An upgrade that takes longer is given up. */
  readonly handshake_timeout_ms: number;
  /** After our close frame the peer has this long to answer before the connection is cut. */
  readonly close_timeout_ms: number;
};

export const WS_DEFAULTS: WsOptions = {
  frame_bytes_max: 16 * 1024 * 1024,
  handshake_timeout_ms: 10_000,
  close_timeout_ms: 5_000,
};

/** What `ws` calls a message over its limit; how long it would have been it does not say. */
const TOO_LARGE = 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH';
/** Close codes that never travel: they stand for "there was no close frame". */
const NO_CLOSE_FRAME = new Set([1005, 1006]);

/**
 * Opens sockets on the network. Compression is not offered, and text is not checked for UTF-8: what
 * the venue sent reaches the log as it is, garbage included.
 */
export function wsSockets(options: Partial<WsOptions> = {}): OpenSocket {
  const limits = { ...WS_DEFAULTS, ...options };
  return (url, handlers) => openWs(url, handlers, limits);
}

function openWs(url: string, handlers: SocketHandlers, limits: WsOptions): Socket {
  const ws = new WebSocket(url, {
    perMessageDeflate: false,
    skipUTF8Validation: true,
    maxPayload: limits.frame_bytes_max,
    handshakeTimeout: limits.handshake_timeout_ms,
    followRedirects: false,
  });
  let over = false;
  let closed_by_us = false;
  let failure = '';
  let cut: NodeJS.Timeout | null = null;

  ws.on('open', () => handlers.onOpen());
  ws.on('ping', () => handlers.onPing());
  ws.on('message', (payload: Buffer) => {
    if (!over) handlers.onFrame(new Uint8Array(payload));
  });
  ws.on('error', (error: NodeJS.ErrnoException) => {
    failure = error.message;
    if (!over && error.code === TOO_LARGE) handlers.onTooLarge(limits.frame_bytes_max + 1);
  });
  ws.on('unexpected-response', (request, response) => {
    over = true;
    const headers: Record<string, string> = {};
    for (const [name, value] of Object.entries(response.headers)) {
      if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(', ') : value;
    }
    response.resume();
    request.destroy();
    ws.terminate();
    handlers.onUpgradeRefused(response.statusCode ?? 0, headers);
  });
  ws.on('close', (code: number, reason: Buffer) => {
    if (cut !== null) clearTimeout(cut);
    if (over) return;
    over = true;
    const framed = !NO_CLOSE_FRAME.has(code) && failure === '';
    const by: CloseBy = closed_by_us ? 'us' : framed ? 'venue' : 'network';
    handlers.onClose(framed ? code : null, failure || reason.toString('utf8'), by);
  });

  return {
    send(text) {
      if (ws.readyState === WebSocket.OPEN) ws.send(text);
    },
    close(code, reason) {
      if (ws.readyState >= WebSocket.CLOSING) return;
      closed_by_us = true;
      ws.close(code, reason);
      cut = setTimeout(() => ws.terminate(), limits.close_timeout_ms);
    },
    terminate() {
      closed_by_us = true;
      ws.terminate();
    },
  };
}
