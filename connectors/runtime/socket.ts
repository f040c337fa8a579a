/**
 * The socket port: what the runtime needs of a WebSocket. Adapters: `ws-socket.ts` (the network) and
 * `connectors/simulator/memory-socket.ts` (a simulated venue on a virtual clock).
 */
import type { Facts } from '../../schema/log.ts';

export type CloseBy = Facts['_close']['by'];

/**
 * What happens to a socket, in order: `onOpen`, frames, `onClose`; or `onUpgradeRefused` alone; or,
 * where no connection came about at all, `onClose` alone. Exactly one of the last two ends a socket,
 * nothing follows it, and nothing is called before `openSocket` has returned.
 */
export type SocketHandlers = {
  readonly onOpen: () => void;
  /** The payload of one message exactly as sent. The bytes are the receiver's to keep. */
  readonly onFrame: (bytes: Uint8Array) => void;
  /** A WebSocket ping arrived and was answered: a sign of life that is no frame. */
  readonly onPing: () => void;
  /**
   * A message over the adapter's limit came and was not taken; it is at least so many bytes long. The
   * connection cannot go on: `onClose` follows, and no frame before it.
   */
  readonly onTooLarge: (bytes: number) => void;
  /** `code` is null where the connection broke without a close frame. */
  readonly onClose: (code: number | null, reason: string, by: CloseBy) => void;
  /** The venue answered the upgrade with plain HTTP: 429 too many, 5xx, ... Header names are lower case. */
  readonly onUpgradeRefused: (status: number, headers: Readonly<Record<string, string>>) => void;
};

export type Socket = {
  /** Sends one text message; dropped where the socket is not open. */
  readonly send: (text: string) => void;
  /** Starts the closing handshake; `onClose` follows, by `us`. */
  readonly close: (code: number, reason: string) => void;
  /** Ends at once, without a handshake; `onClose` follows, by `us`. */
  readonly terminate: () => void;
};

export type OpenSocket = (url: string, handlers: SocketHandlers) => Socket;

/** Seconds a venue asks us to wait (`Retry-After`, as seconds; a date is not supported), or null. */
export function retryAfterSeconds(headers: Readonly<Record<string, string>>): number | null {
  const text = headers['retry-after'];
  return text !== undefined && /^\d{1,6}$/.test(text) ? Number(text) : null;
}
