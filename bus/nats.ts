/**
 * The bus on NATS JetStream. One shared connection that always reconnects, for reading; publishers
 * have connections of their own that never do (`nats-publisher.ts`).
 */
import { connect } from '@nats-io/transport-node';
import type { NatsConnection, NodeConnectionOptions, Subscription } from '@nats-io/transport-node';
import { SsmdError } from '../schema/errors.ts';
import { NAME_PATTERN } from '../schema/symbols.ts';
import type { Bus, BusMessage, StreamLimits } from './bus.ts';
import { publisherOver } from './nats-publisher.ts';
import { headerOf, natsReads } from './nats-reads.ts';
import { createStreams, ensureStreams } from './nats-streams.ts';
import { streamName } from './subjects.ts';

export type NatsOptions = {
  /** `nats://127.0.0.1:4222`; several are one cluster. */
  readonly servers: string | readonly string[];
  readonly environment: string;
  /** Keeps environments on one server apart (`subjects.ts`); '' for none. */
  readonly subject_prefix: string;
  /** Shown by the server beside the connection. */
  readonly name: string;
  /** Wait for a server that is not there yet; else fail at once. */
  readonly wait: boolean;
  /** Told when the shared connection is lost, and when it is there again; it is tried for ever. */
  readonly onLink?: (link: 'lost' | 'back') => void;
  readonly request_timeout_ms?: number;
};

/** Atomic batches exist since 2.12; what we rely on is proven from here on. */
const VERSION_MIN = [2, 14] as const;
const REQUEST_TIMEOUT_MS = 2_000;

/**
 * Connects. Throws `SSMD_UNAVAILABLE` where no server answers (unless `wait`), `SSMD_INVALID_CONFIG`
 * where the server is too old or has no JetStream.
 */
export async function createNatsBus(options: NatsOptions): Promise<Bus & AsyncDisposable> {
  const { environment, subject_prefix } = options;
  if (!NAME_PATTERN.test(environment) || !/^([a-z0-9][a-z0-9-]{0,31})?$/.test(subject_prefix)) {
    throw new SsmdError(
      'SSMD_INVALID_CONFIG',
      `bus names are ${NAME_PATTERN}: received environment '${environment}', ` +
        `subject prefix '${subject_prefix}'`,
    );
  }
  const prefix = subject_prefix === '' ? '' : `${subject_prefix}.`;
  const stream = streamName(environment);
  const timeout_ms = options.request_timeout_ms ?? REQUEST_TIMEOUT_MS;
  const connection = await openConnection(options, {
    reconnect: true,
    maxReconnectAttempts: -1,
    waitOnFirstConnect: options.wait,
    reconnectTimeWait: 250,
  });
  if (options.onLink !== undefined) void tellLink(connection, options.onLink);
  const reads = await natsReads(connection, stream, prefix, timeout_ms);

  let limits: StreamLimits | null = null;
  async function close(): Promise<void> {
    if (!connection.isClosed()) await connection.close();
  }
  return {
    async ensureStreams(wanted) {
      await ensureStreams(connection, environment, prefix, wanted);
      limits = wanted;
    },
    async openPublisher(publisher) {
      const own = await openConnection(options, {
        reconnect: false,
        timeout: publisher.connect_timeout_ms,
        name: `${options.name}-publisher`,
      });
      try {
        // A server that comes back with an empty folder has no streams any more.
        if (limits !== null) await createStreams(own, environment, prefix, limits);
        const own_reads = await natsReads(own, stream, prefix, timeout_ms);
        return publisherOver(own, prefix, own_reads, publisher);
      } catch (error) {
        await own.close();
        throw error;
      }
    },
    lastCtl: reads.lastCtl,
    bounds: reads.bounds,
    readRange: reads.range,
    async subscribe(pattern, { signal }) {
      const subscription = connection.subscribe(`${prefix}${pattern}`);
      await connection.flush();
      return messagesOf(subscription, prefix, signal);
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** Until the connection is closed. */
async function tellLink(
  connection: NatsConnection,
  told: (link: 'lost' | 'back') => void,
): Promise<void> {
  for await (const { type } of connection.status()) {
    if (type === 'disconnect') told('lost');
    else if (type === 'reconnect') told('back');
  }
}

/** A connection as `options` say, to a server that is new enough; `more` goes to the client. */
export async function openConnection(
  options: NatsOptions,
  more: NodeConnectionOptions,
): Promise<NatsConnection> {
  const { servers, name } = options;
  let connection: NatsConnection;
  try {
    connection = await connect({
      servers: typeof servers === 'string' ? servers : [...servers],
      name,
      noAsyncTraces: true,
      // A server that is frozen rather than gone is noticed after two unanswered pings.
      pingInterval: 1_000,
      maxPingOut: 2,
      ...more,
    });
  } catch (cause) {
    throw new SsmdError(
      'SSMD_UNAVAILABLE',
      `no NATS server at ${String(servers)}: ${cause instanceof Error ? cause.message : String(cause)}; ` +
        `start one with 'ssmd up'`,
      { retryable: true, cause },
    );
  }
  const fault = serverFault(connection);
  if (fault === null) return connection;
  await connection.close();
  throw new SsmdError('SSMD_INVALID_CONFIG', `the NATS server at ${String(servers)} ${fault}`);
}

function serverFault(connection: NatsConnection): string | null {
  const { version = '0', jetstream = false } = connection.info ?? {};
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major < VERSION_MIN[0] || (major === VERSION_MIN[0] && minor < VERSION_MIN[1])) {
    return `is too old: expected at least ${VERSION_MIN.join('.')}, received ${version}`;
  }
  return jetstream === true ? null : `has no JetStream: start it with -js`;
}

async function* messagesOf(
  subscription: Subscription,
  prefix: string,
  signal: AbortSignal,
): AsyncGenerator<BusMessage> {
  const stop = (): void => subscription.unsubscribe();
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop);
  try {
    for await (const message of subscription) {
      yield {
        subject: message.subject.slice(prefix.length),
        data: message.data,
        header: headerOf(message.headers),
      };
    }
  } finally {
    signal.removeEventListener('abort', stop);
    stop();
  }
}
