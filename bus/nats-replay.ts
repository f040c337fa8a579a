/** Replays on NATS JetStream: a stream each, and requests to the process by core NATS. */
import { JetStreamApiError, jetstreamManager } from '@nats-io/jetstream';
import type { JetStreamManager, StreamConfig, StreamInfo } from '@nats-io/jetstream';
import { createInbox } from '@nats-io/transport-node';
import type { Msg, NatsConnection } from '@nats-io/transport-node';
import { SsmdError, invariant } from '../schema/errors.ts';
import type { ReplayAnswer, ReplayCommand, ReplayCursor } from '../schema/replay.ts';
import { MESSAGE_BYTES_MAX } from './bus.ts';
import { encoded, outcomeOf } from './nats-publisher.ts';
import { openConnection } from './nats.ts';
import type { NatsOptions } from './nats.ts';
import {
  REPLAY_ACK_TIMEOUT_MS,
  REPLAY_AGE_HOURS,
  REPLAY_DUPLICATES_S,
  REPLAY_KEPT_AGE_HOURS,
  REPLAY_STREAM_BYTES_MAX,
  REPLAY_WINDOW_BYTES,
  REPLAY_WINDOW_MESSAGES,
} from './replay.ts';
import type {
  ReplayControl,
  ReplayLink,
  ReplayMessage,
  ReplayPlace,
  ReplayRecord,
  ReplayStored,
} from './replay.ts';
import {
  isReplaySubject,
  replayControlSubject,
  replayPattern,
  replayStreamName,
  replayStreamPrefix,
  replaySubject,
} from './subjects.ts';

const NS_PER_HOUR = 3600e9;
const MS_PER_HOUR = 3600e3;
const STREAM_NOT_FOUND = 10059;
const NO_STORAGE = 10047;
const REQUEST_TIMEOUT_MS = 5_000;
/** Where the record lies in the stream's configuration. */
const RECORD = 'ssmd_replay';

/**
 * Opens a replay's stream for writing, made where it is new. Streams of others that have outlived
 * their messages go. @throws SSMD_INVALID_INPUT where the id is another replay's, SSMD_UNAVAILABLE
 */
export async function openReplayLink(
  options: NatsOptions,
  place: ReplayPlace,
  now_ms: number,
): Promise<ReplayLink> {
  // Like every publisher's, this connection never reconnects: what was in flight would be a hole.
  const connection = await openConnection(options, { reconnect: false });
  try {
    const manager = await jetstreamManager(connection, { checkAPI: false });
    await sweep(manager, options.environment, now_ms);
    return await linkOver(connection, manager, options, place);
  } catch (error) {
    await connection.close();
    throw error;
  }
}

async function linkOver(
  connection: NatsConnection,
  manager: JetStreamManager,
  { environment, subject_prefix }: NatsOptions,
  place: ReplayPlace,
): Promise<ReplayLink> {
  const prefix = subject_prefix === '' ? '' : `${subject_prefix}.`;
  const name = replayStreamName(environment, place.id);
  const found = await infoOf(manager, name);
  const record_found = found === null ? null : recordOf(found);
  if (found !== null && record_found?.owner !== place.owner) {
    const owner = record_found?.owner ?? null;
    throw new SsmdError(
      'SSMD_INVALID_INPUT',
      `the replay id "${place.id}" is taken by ${owner ?? 'a stream that is none of ours'}; give ` +
        `another one, or end that one: npx ssmd replay stop ${place.id}`,
      { facts: { id: place.id, owner, stream: name } },
    );
  }
  const over = record_found !== null && record_found.run !== place.run;
  if (over) await manager.streams.delete(name);
  const info = over ? null : found;
  const record = over ? null : record_found;
  if (info === null) await addStream(manager, configOf(name, prefix, place));
  const last = info === null ? null : await lastOf(manager, info);
  const found_stored = { cursor: last, seq: info?.state.last_seq ?? 0 };
  const writer = writerOver(connection, prefix, place.id, found_stored);
  return {
    record,
    async keepRecord(next) {
      const { name: _, ...config } = configOf(name, prefix, place);
      const metadata = { [RECORD]: JSON.stringify(next) };
      await manager.streams.update(name, { ...config, metadata });
    },
    ...writer,
    async serve(answer) {
      connection.subscribe(`${prefix}${replayControlSubject(place.id)}`, {
        callback: (error, message) => {
          if (error === null) void respond(message, answer);
        },
      });
      // Until the server has read it, whoever asks would hear that nobody answers.
      await connection.flush().catch((cause: unknown) => {
        throw new SsmdError('SSMD_UNAVAILABLE', `the replay "${place.id}" lost the bus`, {
          retryable: true,
          facts: { id: place.id },
          cause,
        });
      });
    },
    [Symbol.asyncDispose]: () => connection.close(),
  };
}

async function addStream(manager: JetStreamManager, config: Config): Promise<void> {
  try {
    await manager.streams.add(config);
  } catch (error) {
    if (!(error instanceof JetStreamApiError && error.code === NO_STORAGE)) throw error;
    throw new SsmdError(
      'SSMD_LIMIT',
      `stream ${config.name} cannot be created: the server has no room for ` +
        `${REPLAY_STREAM_BYTES_MAX} bytes; end another replay (npx ssmd replay list) or free disk space`,
      { facts: { stream: config.name }, cause: error },
    );
  }
}

async function respond(
  message: Msg,
  answer: (command: ReplayCommand) => Promise<ReplayAnswer>,
): Promise<void> {
  try {
    message.respond(JSON.stringify(await answer(message.json<ReplayCommand>())));
  } catch (error) {
    // Whoever asked hears of it; the replay itself goes on or ends by its own errors.
    message.respond(JSON.stringify({ error: String(error) }));
  }
}

type Writer = Pick<ReplayLink, 'stored' | 'publish' | 'hasRoom' | 'room' | 'drain'>;

/** Pipelines messages and matches their answers; each names the one before. */
function writerOver(
  connection: NatsConnection,
  prefix: string,
  id: string,
  found: ReplayStored,
): Writer {
  const inbox = createInbox();
  const sent: { readonly bytes: number; readonly cursor: ReplayCursor }[] = [];
  let stored = found;
  let answered = 0;
  let bytes = 0;
  let follows = `Nats-Expected-Last-Sequence: ${found.seq}`;
  let heard_ms = 0;
  let lost: SsmdError | null = null;
  let wake = (): void => undefined;

  const lose = (why: string): void => {
    lost ??= new SsmdError('SSMD_UNAVAILABLE', `the replay "${id}" lost the bus: ${why}`, {
      retryable: true,
      facts: { id },
    });
    wake();
  };
  void connection.closed().then((error) => {
    lose(error instanceof Error ? error.message : 'the connection was closed');
  });
  connection.subscribe(inbox, {
    callback(error, message) {
      if (error !== null) return lose(error.message);
      heard_ms = performance.now();
      const { cursor, bytes: size } = sent[answered] as (typeof sent)[number];
      bytes -= size;
      answered += 1;
      if (answered >= REPLAY_WINDOW_MESSAGES) {
        sent.splice(0, answered);
        answered = 0;
      }
      const outcome = outcomeOf(message);
      if (outcome.type === 'refused') lose(outcome.detail);
      else if (lost === null) stored = { cursor, seq: outcome.seq };
      wake();
    },
  });
  const inFlight = (): number => sent.length - answered;
  const hasRoom = (): boolean =>
    lost === null && inFlight() < REPLAY_WINDOW_MESSAGES && bytes < REPLAY_WINDOW_BYTES;

  async function until(done: () => boolean): Promise<void> {
    while (!done()) {
      if (lost !== null) throw lost;
      const silent_ms = performance.now() - heard_ms;
      if (silent_ms > REPLAY_ACK_TIMEOUT_MS) lose(`no answer for ${Math.round(silent_ms)} ms`);
      else await nextAnswer(REPLAY_ACK_TIMEOUT_MS - silent_ms + 1);
    }
    if (lost !== null) throw lost;
  }

  async function nextAnswer(wait_ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const late = setTimeout(resolve, wait_ms);
      wake = () => {
        clearTimeout(late);
        resolve();
      };
    });
    wake = () => undefined;
  }

  return {
    stored: () => stored,
    publish(message) {
      const subject = ownSubject(id, message);
      const { data, cursor } = message;
      if (data.length > MESSAGE_BYTES_MAX) {
        throw new SsmdError(
          'SSMD_LIMIT',
          `a message on ${subject} is too large: expected at most ${MESSAGE_BYTES_MAX} bytes, ` +
            `received ${data.length}`,
        );
      }
      const head =
        `NATS/1.0\r\nSchema: md2\r\nNormalizer: ${message.normalizer}\r\nCount: ${message.count}\r\n` +
        `T: ${cursor.t}\r\nK: ${cursor.k}\r\nPass: ${cursor.pass}\r\n` +
        `Nats-Msg-Id: ${message.id}\r\n${follows}\r\n\r\n`;
      if (inFlight() === 0) heard_ms = performance.now();
      sent.push({ bytes: data.length, cursor });
      bytes += data.length;
      follows = `Nats-Expected-Last-Msg-Id: ${message.id}`;
      connection.publish(`${prefix}${subject}`, data, { headers: encoded(head), reply: inbox });
    },
    hasRoom,
    room: () => until(hasRoom),
    drain: () => until(() => inFlight() === 0),
  };
}

/** The allow-list: what is published lies under the replay's own name, or is not published. */
function ownSubject(id: string, { feed, type, symbol }: ReplayMessage): string {
  const subject = replaySubject(id, feed, type, symbol);
  invariant(isReplaySubject(id, subject), `replay ${id} never publishes to ${subject}`);
  return subject;
}

type Config = Partial<StreamConfig> & { readonly name: string };

function configOf(name: string, prefix: string, place: ReplayPlace): Config {
  const { id, owner, run, keep } = place;
  const first: Partial<ReplayRecord> = { owner, run, keep };
  return {
    name,
    description: `ssmd replay ${owner}`.slice(0, 200),
    subjects: [`${prefix}${replayPattern(id)}`],
    storage: 'file',
    retention: 'limits',
    discard: 'old',
    max_age: (keep ? REPLAY_KEPT_AGE_HOURS : REPLAY_AGE_HOURS) * NS_PER_HOUR,
    max_bytes: REPLAY_STREAM_BYTES_MAX,
    duplicate_window: REPLAY_DUPLICATES_S * 1e9,
    allow_direct: true,
    metadata: { [RECORD]: JSON.stringify(first) },
  };
}

function recordOf({ config }: StreamInfo): ReplayRecord | null {
  const text = config.metadata?.[RECORD];
  if (text === undefined) return null;
  const found = JSON.parse(text) as Partial<ReplayRecord>;
  if (found.owner === undefined) return null;
  const { owner, run = '', keep = false, pass = 0, start = '0', speed = 1, paused = false } = found;
  return { owner, run, keep, pass, start, speed, paused };
}

async function lastOf(manager: JetStreamManager, info: StreamInfo): Promise<ReplayCursor | null> {
  if (info.state.messages === 0) return null;
  const found = await manager.streams.getMessage(info.config.name, { seq: info.state.last_seq });
  if (found === null) return null;
  const number = (name: string): number => Number(found.header.get(name));
  const cursor = { pass: number('Pass'), t: found.header.get('T'), k: number('K') };
  return /^\d+$/.test(cursor.t) ? cursor : null;
}

async function infoOf(manager: JetStreamManager, name: string): Promise<StreamInfo | null> {
  try {
    return await manager.streams.info(name);
  } catch (error) {
    if (error instanceof JetStreamApiError && error.code === STREAM_NOT_FOUND) return null;
    throw error;
  }
}

/** Streams of replays that ended: empty, and nothing was written for longer than messages live. */
async function sweep(
  manager: JetStreamManager,
  environment: string,
  now_ms: number,
): Promise<void> {
  for await (const info of manager.streams.list()) {
    const { config, state, created } = info;
    if (!config.name.startsWith(replayStreamPrefix(environment)) || state.messages > 0) continue;
    const times = [created, state.last_ts].map((it) => Date.parse(it)).filter((it) => it > 0);
    const idle_ms = now_ms - Math.max(...times);
    const lives_ms = (config.max_age / NS_PER_HOUR) * MS_PER_HOUR;
    // One that is paused keeps its record for as long as a kept one its messages.
    const paused = recordOf(info)?.paused === true;
    const limit_ms = paused ? REPLAY_KEPT_AGE_HOURS * MS_PER_HOUR : lives_ms;
    if (idle_ms > limit_ms) await manager.streams.delete(config.name).catch(() => false);
  }
}

/** Opens what tells replays what to do. */
export async function openReplayControl(options: NatsOptions): Promise<ReplayControl> {
  const connection = await openConnection(options, { maxReconnectAttempts: -1 });
  const manager = await jetstreamManager(connection, { checkAPI: false });
  const prefix = options.subject_prefix === '' ? '' : `${options.subject_prefix}.`;
  return {
    async ask(id, command) {
      const subject = `${prefix}${replayControlSubject(id)}`;
      let text: string;
      try {
        const asked = JSON.stringify(command);
        text = (await connection.request(subject, asked, { timeout: REQUEST_TIMEOUT_MS })).string();
      } catch (cause) {
        throw new SsmdError('SSMD_UNAVAILABLE', `the replay "${id}" does not answer`, {
          retryable: true,
          facts: { id },
          cause,
        });
      }
      const answer = JSON.parse(text) as ReplayAnswer & { readonly error?: string };
      if (answer.error === undefined) return answer;
      throw new SsmdError('SSMD_UNAVAILABLE', `the replay "${id}" failed: ${answer.error}`, {
        retryable: true,
        facts: { id },
      });
    },
    async remove(id, owner) {
      const name = replayStreamName(options.environment, id);
      const info = await infoOf(manager, name);
      if (info === null || recordOf(info)?.owner !== owner) return false;
      return await manager.streams.delete(name);
    },
    [Symbol.asyncDispose]: () => connection.close(),
  };
}
