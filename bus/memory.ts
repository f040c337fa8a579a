/**
 * The bus in one process: the promises of `nats.ts`, kept by the same contract suite, with the ways a
 * real server breaks under one's hands on demand (`MemoryBusControl`). For simulations on a virtual
 * clock and for tests of everything above the port.
 *
 * What is published lies in its connection's outbox until the server takes it, one message a turn of
 * `schedule`: what a kill finds there is lost, and so is the answer to what was taken but not told.
 */
import { SsmdError } from '../schema/errors.ts';
import type { Bus, BusMessage, BusPublisher, OutMessage, PublisherOptions } from './bus.ts';
import type { StoredMessage } from './bus.ts';
import { MESSAGE_BYTES_MAX } from './bus.ts';
import type { Link, Listener } from './memory-server.ts';
import { MemoryServer } from './memory-server.ts';
import { ctlSubject } from './subjects.ts';

export type MemoryBusControl = {
  /** Ends every connection and refuses new ones, like SIGKILL. What is stored stays. */
  readonly kill: () => void;
  /** Takes connections again, after losing the last `lost` messages (a power failure). */
  readonly restart: (lost?: number) => void;
  /** Cuts the publishers' connections; the server lives on. */
  readonly disconnect: () => void;
  /** Takes nothing and answers nothing, until released. */
  readonly freeze: () => void;
  readonly release: () => void;
  /** Drops all messages; sequences go on. */
  readonly purge: () => void;
  /** Drops the oldest messages, as their age or the stream's size does. */
  readonly age: (count: number) => void;
  /** The window of message ids has passed. */
  readonly forgetIds: () => void;
  /** Refuses the next batches as busy. */
  readonly refuseBatches: (count: number) => void;
  readonly stored: () => readonly StoredMessage[];
};

export function createMemoryBus(
  options: { readonly schedule?: (run: () => void) => void } = {},
): Bus & MemoryBusControl {
  const server = new MemoryServer(options.schedule ?? queueMicrotask);
  return { ...busOver(server), ...controlOver(server) };
}

function busOver(server: MemoryServer): Bus {
  return {
    async ensureStreams(limits) {
      await Promise.resolve();
      server.max_bytes = limits.max_bytes;
    },
    async openPublisher(options) {
      await Promise.resolve();
      server.reach();
      return publisherOver(server, options);
    },
    async lastCtl(shard, feed) {
      await Promise.resolve();
      server.reach();
      return server.lastCtl(shard, feed);
    },
    async bounds() {
      await Promise.resolve();
      const { stored, last_seq, max_bytes } = server;
      const bytes = stored.reduce((sum, message) => sum + message.data.length, 0);
      const first_seq = stored[0]?.seq ?? last_seq + 1;
      return { first_seq, last_seq, messages: stored.length, bytes, max_bytes };
    },
    async *readRange({ shard, feed, from_seq, to_seq = server.last_seq, signal }) {
      for (const message of server.stored) {
        signal?.throwIfAborted();
        const ours =
          message.subject === ctlSubject(shard, feed) ||
          message.subject.startsWith(`internal.${shard}.${feed}.`);
        if (ours && message.seq >= from_seq && message.seq <= to_seq) yield message;
      }
    },
    subscribe: (pattern, { signal }) => Promise.resolve(listen(server.listeners, pattern, signal)),
    close: () => Promise.resolve(server.cut('closed')),
  };
}

function controlOver(server: MemoryServer): MemoryBusControl {
  return {
    kill: () => server.kill(),
    restart: (lost = 0) => server.restart(lost),
    disconnect: () => server.cut('disconnected'),
    freeze: () => server.freeze(),
    release: () => server.release(),
    purge: () => void (server.stored = []),
    age: (count) => void (server.stored = server.stored.slice(count)),
    forgetIds: () => server.forgetIds(),
    refuseBatches: (count) => void (server.refuse_batches = count),
    stored: () => server.stored,
  };
}

function publisherOver(server: MemoryServer, options: PublisherOptions): BusPublisher {
  const ended = Promise.withResolvers<string>();
  const link: Link = { options, outbox: [], end: ended.resolve, open: true };
  server.links.add(link);
  let token = 0;

  async function asked<T>(read: () => T): Promise<T> {
    await new Promise<void>((resolve) => server.schedule(resolve));
    server.reach(link);
    return read();
  }
  return {
    lastCtl: () => asked(() => server.lastCtl(options.shard, options.feed)),
    lastMessages: (pattern) => asked(() => server.lastMessages(pattern)),
    lastMessage: (pattern) => asked(() => server.lastMessage(pattern)),
    publish(message) {
      checkSize(message);
      const at = token++;
      server.enqueue(link, () => {
        const outcome = server.take(message, options);
        return () => options.onOutcome(at, outcome);
      });
      return at;
    },
    publishBatch(messages) {
      messages.forEach(checkSize);
      return new Promise((settle) => {
        server.enqueue(link, () => {
          const outcome = server.takeBatch(messages, options);
          return () => settle(outcome);
        });
      });
    },
    closed: ended.promise,
    async close() {
      link.open = false;
      server.links.delete(link);
      link.end('closed');
      await ended.promise;
    },
  };
}

function checkSize(message: OutMessage): void {
  if (message.data.length <= MESSAGE_BYTES_MAX) return;
  throw new SsmdError(
    'SSMD_LIMIT',
    `message on ${message.subject} is too large: expected at most ${MESSAGE_BYTES_MAX} bytes, ` +
      `received ${message.data.length}; pack fewer events`,
  );
}

/** Listens from the call on, not from the first read on. */
function listen(
  listeners: Set<Listener>,
  pattern: string,
  signal: AbortSignal,
): AsyncIterable<BusMessage> {
  const waiting: BusMessage[] = [];
  let wake = (): void => undefined;
  const listener: Listener = {
    pattern,
    push(message) {
      waiting.push(message);
      wake();
    },
  };
  listeners.add(listener);
  signal.addEventListener('abort', () => wake());
  return (async function* read() {
    try {
      for (;;) {
        const message = waiting.shift();
        if (message !== undefined) yield message;
        else if (signal.aborted) return;
        else await new Promise<void>((resolve) => (wake = resolve));
      }
    } finally {
      listeners.delete(listener);
    }
  })();
}
