/**
 * One venue's sockets, up to the queue: the runtime's connections, subscriptions and decoders, with a
 * row where the connector has a line of its log. Each frame becomes one row, as it came. What the venue
 * is asked for is asked once a connection; a book that breaks is left broken.
 */
import { EventBuffer } from '../../codec/event-buffer.ts';
import { createSymbolTable } from '../../codec/symbol-table.ts';
import type { FoldConfig } from '../../schema/symbols.ts';
import { NS_PER_DAY, dayOf } from '../../schema/time.ts';
import { decoderOf } from '../feed.ts';
import type { Decode, Feed } from '../feed.ts';
import type { Clock } from '../runtime/clock.ts';
import { createConnection } from '../runtime/connection.ts';
import type { Connection, ConnectionDeps } from '../runtime/connection.ts';
import type { OpenSocket } from '../runtime/socket.ts';
import type { Say } from './events.ts';
import { timeOf } from './gaps.ts';
import type { GapTracker } from './gaps.ts';
import type { RawRow } from './raw-schema.ts';

/** Streams of frames that belong to no channel: answers and signs of life; and what nobody understands. */
export const CONTROL_STREAM = 'control';
export const UNKNOWN_STREAM = 'unknown';

export type CollectedVenue = {
  readonly feed: Feed;
  readonly config: FoldConfig;
  /** Base URL. */
  readonly url: string;
  readonly openSocket: OpenSocket;
};

export type IntakeDeps = {
  readonly clock: Clock;
  readonly openSocket: OpenSocket;
  readonly random: () => number;
  readonly run: string;
  /** Numbers sockets over all venues of the process. */
  readonly nextC: () => number;
  readonly gaps: GapTracker;
  readonly say: Say;
  /** A row to be queued; whether it was is the receiver's affair. */
  readonly onRow: (row: RawRow) => void;
  /** A frame that the socket's own limit refused. */
  readonly onTooLarge: () => void;
  readonly onConnect: () => void;
  readonly onDisconnect: () => void;
  readonly onAlarm: (alarm: string) => void;
};

export type Intake = {
  readonly exchange: string;
  readonly connections: readonly Connection[];
  readonly open: () => void;
  readonly close: () => void;
};

/** Sockets of one venue; none is open before `open`. */
export function createIntake(venue: CollectedVenue, deps: IntakeDeps): Intake {
  const { feed, config, url } = venue;
  const { clock, gaps } = deps;
  const read = createReader(feed, config);
  const sequences = new Map<number, number>();
  let request_last = 0;

  function counted(c: number): number {
    const sequence = (sequences.get(c) ?? 0) + 1;
    sequences.set(c, sequence);
    return sequence;
  }

  const connectionDeps: ConnectionDeps = {
    clock,
    openSocket: deps.openSocket,
    feed,
    config,
    random: deps.random,
    nextC: deps.nextC,
    nextRequestId: () => `${++request_last}`,
    resubscribes: null,
    fact(key, fact) {
      if (key === '_open' && 'url' in fact) {
        gaps.opened(fact.c);
        deps.onConnect();
        deps.say('ws_connect', {
          exchange: feed.id,
          connection: `${deps.run}.${fact.c}`,
          url: fact.url,
        });
      }
    },
    frame(c, bytes) {
      const t = clock.wallNs();
      const buffer = read(bytes, t);
      const stream = streamOf(buffer, config);
      deps.onRow({
        exchange: feed.id,
        stream,
        symbol: config.symbols[buffer.frame_symbol]?.external ?? null,
        ts_event: buffer.count > 0 ? timeOf(buffer, 0) : null,
        ts_recv: t,
        connection: `${deps.run}.${c}`,
        sequence: counted(c),
        payload: bytes,
      });
      gaps.frame(c, buffer, stream, t);
      return buffer;
    },
    drop(c) {
      counted(c);
      deps.onTooLarge();
    },
    alarm: (alarm) => deps.onAlarm(alarm),
    log(event, facts) {
      if (event !== 'connection.closed') return;
      const c = Number(facts['c']);
      gaps.closed(c);
      sequences.delete(c);
      if (facts['open_ms'] !== null) deps.onDisconnect();
      const { by, reason, open_ms } = facts;
      const connection = `${deps.run}.${c}`;
      deps.say('ws_disconnect', { exchange: feed.id, connection, by, reason, open_ms });
    },
  };
  const day = dayOf(clock.wallNs());
  const connections = feed.protocol
    .endpoints(config)
    .map((endpoint) =>
      createConnection(connectionDeps, { url: url + endpoint.path, endpoint, day }),
    );
  return {
    ...{ exchange: feed.id, connections },
    open: () => connections.forEach((it) => it.start()),
    close: () => connections.forEach((it) => it.close('shutdown', 'at_once')),
  };
}

/** Reads a frame with the decoder of its day. The buffer is the next frame's as well. */
function createReader(
  feed: Feed,
  config: FoldConfig,
): (bytes: Uint8Array, t: bigint) => EventBuffer {
  const symbols = createSymbolTable(config.symbols);
  const buffer = new EventBuffer();
  /** The frame, with the byte after it that scanners may read. */
  let scratch = new Uint8Array(8 * 1024);
  let day = -1n;
  let decode: Decode = feed.decoders[0].decode;
  return (bytes, t) => {
    if (t / NS_PER_DAY !== day) {
      day = t / NS_PER_DAY;
      decode = decoderOf(feed, dayOf(t));
    }
    if (bytes.length >= scratch.length) scratch = new Uint8Array(bytes.length * 2);
    scratch.set(bytes);
    scratch[bytes.length] = 0;
    decode(scratch, 0, bytes.length, symbols, buffer);
    return buffer;
  };
}

/** A channel of the subscriptions, or one of the two names for what belongs to none. */
function streamOf({ kind, channel }: EventBuffer, config: FoldConfig): string {
  switch (kind) {
    case 'data':
    case 'ignored':
    case 'rejected':
      return channel !== null && config.channels.includes(channel) ? channel : UNKNOWN_STREAM;
    case 'heartbeat':
    case 'pong':
    case 'ack':
    case 'refused':
    case 'system':
      return CONTROL_STREAM;
    default:
      return kind satisfies never;
  }
}
