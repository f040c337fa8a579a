/** Reading a JetStream stream: the last record, the last of each subject, a range by sequence. */
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { JetStreamManager, JsMsg } from '@nats-io/jetstream';
import type { MsgHdrs, NatsConnection } from '@nats-io/transport-node';
import { SsmdError } from '../schema/errors.ts';
import type { HeaderName, RangeRequest, StoredMessage, StreamBounds } from './bus.ts';
import type { StoredCtl } from './ctl.ts';
import { parseCtl } from './ctl.ts';
import { ctlSubject } from './subjects.ts';

export type NatsReads = {
  readonly lastCtl: (shard: string, feed: string) => Promise<StoredCtl | null>;
  readonly lastMessages: (pattern: string) => Promise<readonly StoredMessage[]>;
  readonly lastMessage: (pattern: string) => Promise<StoredMessage | null>;
  readonly bounds: () => Promise<StreamBounds>;
  readonly range: (request: RangeRequest) => AsyncIterable<StoredMessage>;
};

/** Messages asked for at once: the drain's speed hangs on it (100, the default, is half as fast). */
const PULL_MESSAGES = 10_000;
const PULL_EXPIRES_MS = 2_000;
const PULL_HEARTBEAT_MS = 500;
/** The server forgets a reader that went away. */
const CONSUMER_IDLE_MS = 30_000;
const RETRY_MS = 250;
/** A range that yields nothing for this long although there is more fails. */
const NO_PROGRESS_MS = 60_000;
/** The server refuses a question that more subjects answer, whatever is asked for at once. */
const LAST_SUBJECTS_MAX = 1024;
const TOO_MANY_RESULTS = 413;
const NOT_FOUND = 404;

export async function natsReads(
  connection: NatsConnection,
  stream: string,
  prefix: string,
  timeout_ms: number,
): Promise<NatsReads> {
  const manager = await jetstreamManager(connection, { checkAPI: false, timeout: timeout_ms });
  return {
    async lastCtl(shard, feed) {
      const subject = `${prefix}${ctlSubject(shard, feed)}`;
      const found = await manager.streams.getMessage(stream, { last_by_subj: subject });
      if (found === null) return null;
      const record = parseCtl(found.data);
      if (record !== null) return { seq: found.seq, record };
      throw new SsmdError(
        'SSMD_CORRUPT',
        `message ${found.seq} on ${subject} of stream ${stream} is not a ctl record; ` +
          `something else publishes there, or a newer version did`,
      );
    },
    lastMessages: (pattern) =>
      unlessLost(connection, lastMessages(manager, stream, prefix, pattern)),
    async lastMessage(pattern) {
      const wanted = { last_by_subj: `${prefix}${pattern}` };
      const found = await manager.streams.getMessage(stream, wanted);
      if (found === null) return null;
      const { seq, subject, data, header } = found;
      return { seq, subject: subject.slice(prefix.length), data, header: headerOf(header) };
    },
    async bounds() {
      const { state, config } = await manager.streams.info(stream);
      return {
        first_seq: state.messages === 0 ? state.last_seq + 1 : state.first_seq,
        last_seq: state.last_seq,
        messages: state.messages,
        bytes: state.bytes,
        max_bytes: config.max_bytes > 0 ? config.max_bytes : null,
      };
    },
    range: (request) => readRange({ connection, manager, stream, prefix, request }),
  };
}

/** The client never ends a batch of direct gets whose connection is gone: whoever waits is told here. */
async function unlessLost<T>(connection: NatsConnection, answer: Promise<T>): Promise<T> {
  const lost = connection.closed().then((cause) => {
    const why = cause instanceof Error ? `: ${cause.message}` : '';
    const facts = { retryable: true, cause };
    throw new SsmdError('SSMD_UNAVAILABLE', `the connection to NATS was lost${why}`, facts);
  });
  return await Promise.race([answer, lost]);
}

async function lastMessages(
  manager: JetStreamManager,
  stream: string,
  prefix: string,
  pattern: string,
): Promise<readonly StoredMessage[]> {
  const found: StoredMessage[] = [];
  const wanted = `${prefix}${pattern}`;
  try {
    found.push(...(await lastOf(manager, stream, prefix, [wanted])));
  } catch (error) {
    if (!hasCode(error, TOO_MANY_RESULTS)) throw error;
    // Named one by one, so many at a time as one answer holds.
    const { state } = await manager.streams.info(stream, { subjects_filter: wanted });
    const subjects = Object.keys(state.subjects ?? {});
    for (let from = 0; from < subjects.length; from += LAST_SUBJECTS_MAX) {
      const some = subjects.slice(from, from + LAST_SUBJECTS_MAX);
      found.push(...(await lastOf(manager, stream, prefix, some)));
    }
  }
  return found.sort((a, b) => a.seq - b.seq);
}

/** `subjects`: full, or one pattern that at most `LAST_SUBJECTS_MAX` match. */
async function lastOf(
  manager: JetStreamManager,
  stream: string,
  prefix: string,
  subjects: string[],
): Promise<StoredMessage[]> {
  const found: StoredMessage[] = [];
  const wanted = { multi_last: subjects, batch: LAST_SUBJECTS_MAX };
  try {
    for await (const message of await manager.direct.getLastMessagesFor(stream, wanted)) {
      found.push({
        seq: message.seq,
        subject: message.subject.slice(prefix.length),
        data: message.data,
        header: headerOf(message.header),
      });
    }
  } catch (error) {
    if (!hasCode(error, NOT_FOUND)) throw error;
  }
  return found;
}

function hasCode(error: unknown, code: number): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

type Range = {
  readonly connection: NatsConnection;
  readonly manager: JetStreamManager;
  readonly stream: string;
  readonly prefix: string;
  readonly request: RangeRequest;
};

/**
 * A throw-away consumer without acks, made again at the next sequence whenever it or the connection
 * is lost: nothing but the sequence is kept, so nothing can be skipped or redelivered.
 */
async function* readRange(range: Range): AsyncGenerator<StoredMessage> {
  const { request } = range;
  let next = Math.max(1, request.from_seq);
  let last = request.to_seq;
  let progress_ms = performance.now();
  let reason = '';
  while (last === undefined || next <= last) {
    request.signal?.throwIfAborted();
    try {
      last ??= (await range.manager.streams.info(range.stream)).state.last_seq;
      if (next > last) return;
      for await (const message of pull(range, next, last)) {
        next = message.seq + 1;
        yield storedMessage(message, range.prefix);
        progress_ms = performance.now();
      }
      return;
    } catch (error) {
      if (request.signal?.aborted === true || range.connection.isClosed()) throw error;
      reason = error instanceof Error ? error.message : String(error);
      if (performance.now() - progress_ms > NO_PROGRESS_MS) break;
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
  if (last !== undefined && next > last) return;
  throw new SsmdError(
    'SSMD_UNAVAILABLE',
    `reading stream ${range.stream} stopped: expected messages up to ${last ?? 'its end'}, ` +
      `received none from ${next} on for ${NO_PROGRESS_MS / 1000} s: ${reason}`,
    { retryable: true, facts: { next, last } },
  );
}

/** Yields what matches in `[from, last]` and returns; throws when it cannot know that that was all. */
async function* pull(range: Range, from: number, last: number): AsyncGenerator<JsMsg> {
  const { connection, manager, stream, prefix, request } = range;
  const { shard, feed } = request;
  const info = await manager.consumers.add(stream, {
    ack_policy: 'none',
    deliver_policy: 'by_start_sequence',
    opt_start_seq: from,
    filter_subjects: [
      `${prefix}internal.${shard}.${feed}.*.*`,
      `${prefix}${ctlSubject(shard, feed)}`,
    ],
    mem_storage: true,
    inactive_threshold: CONSUMER_IDLE_MS * 1e6,
  });
  if (info.num_pending === 0) return;
  const consumer = await jetstream(connection).consumers.get(stream, info.name);
  const messages = await consumer.consume({
    max_messages: PULL_MESSAGES,
    expires: PULL_EXPIRES_MS,
    idle_heartbeat: PULL_HEARTBEAT_MS,
    abort_on_missing_resource: true,
  });
  const stop = (): void => messages.stop();
  request.signal?.addEventListener('abort', stop);
  try {
    for await (const message of messages) {
      const { streamSequence, pending } = message.info;
      if (streamSequence > last) return;
      yield message;
      if (streamSequence === last || pending === 0) return;
    }
    request.signal?.throwIfAborted();
    throw new Error('the consumer ended before the range did');
  } finally {
    request.signal?.removeEventListener('abort', stop);
    messages.stop();
    if (!connection.isClosed()) void consumer.delete().catch(() => false);
  }
}

function storedMessage(message: JsMsg, prefix: string): StoredMessage {
  return {
    seq: message.seq,
    subject: message.subject.slice(prefix.length),
    data: message.data,
    header: (name) => headerIn(message.headers, name),
  };
}

export function headerOf(headers: MsgHdrs | undefined): (name: HeaderName) => string | null {
  return (name) => headerIn(headers, name);
}

const HEADERS: Readonly<Record<HeaderName, string>> = {
  schema: 'Schema',
  normalizer: 'Normalizer',
  epoch: 'Epoch',
  shard: 'Shard',
  count: 'Count',
  late: 'Late',
  t: 'T',
};

function headerIn(headers: MsgHdrs | undefined, name: HeaderName): string | null {
  const value = headers?.get(HEADERS[name]) ?? '';
  return value === '' ? null : value;
}
