/**
 * What the questions about the bus stand on: a real nats-server with file storage and our streams, and
 * events of the Binance recording as a fold yields them, line by line.
 */
import { jetstreamManager } from '@nats-io/jetstream';
import type { JetStreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import type { NatsConnection } from '@nats-io/transport-node';
import type { Bus } from '../bus/bus.ts';
import { DEFAULT_LIMITS } from '../bus/bus.ts';
import { createNatsBus } from '../bus/nats.ts';
import { internalSubject, streamName } from '../bus/subjects.ts';
import { EventArena } from '../codec/event-arena.ts';
import { EventBuffer } from '../codec/event-buffer.ts';
import { encodeParts } from '../codec/md2.ts';
import { setTimeout as wait } from 'node:timers/promises';
import { decoderOf } from '../connectors/feed.ts';
import { systemClock } from '../connectors/runtime/clock.ts';
import { createPublisher } from '../connectors/runtime/publisher.ts';
import { EVENT_TYPES } from '../schema/events.ts';
import type { EventType } from '../schema/events.ts';
import { NS_PER_HOUR, NS_PER_MINUTE } from '../schema/time.ts';
import { startTestServers } from '../test/support/servers.ts';
import type { TestServers, Wanted } from '../test/support/servers.ts';
import { until } from '../test/support/until.ts';
import { binanceFrames } from './binance-frames.ts';
import { feedOf, marketsOf } from './frames.ts';
import { WrongAnswer, demandEqual } from './question.ts';

export const FEED = 'binance-usdm';
export const NORMALIZER = `${FEED}@${feedOf(FEED).normalizer}`;
const STREAM_BYTES_MAX = 4e9;

export type BusStage = {
  readonly servers: TestServers;
  readonly bus: Bus;
  /** A plain connection of the same client: what the peers use. */
  readonly core: NatsConnection;
  /** Takes everything out of the stream. */
  readonly purge: () => Promise<void>;
  readonly close: () => Promise<void>;
};

/** Servers on free ports with their files in a folder of their own, and an environment's streams. */
export async function openBusStage(wanted: Wanted = {}, environment = 'bench'): Promise<BusStage> {
  const servers = await startTestServers({ ...wanted, nats: true });
  const { url } = servers.nats;
  const options = { servers: url, environment, subject_prefix: '', name: 'bench' };
  const bus = await createNatsBus({ ...options, wait: false });
  await bus.ensureStreams({ ...DEFAULT_LIMITS, max_bytes: STREAM_BYTES_MAX });
  const core = await connect({ servers: url, reconnect: false, noAsyncTraces: true });
  const manager: JetStreamManager = await jetstreamManager(core);
  return {
    servers,
    bus,
    core,
    purge: async () => void (await manager.streams.purge(streamName(environment))),
    async close() {
      await core.close();
      await bus.close();
      await servers[Symbol.asyncDispose]();
    },
  };
}

/** Events one after the other, each of a line of its own, with where each would be published. */
export type RecordedEvents = {
  readonly arena: EventArena;
  readonly count: number;
  readonly bytes: number;
  readonly data: readonly Uint8Array[];
};

/**
 * The first events of the recording, read again and again until there are so many; the first at
 * `first_t`, each `step_ns` after the one before.
 */
export function recordedEvents(count: number, first_t: bigint, step_ns: bigint): RecordedEvents {
  const frames = binanceFrames();
  const table = marketsOf(['BTCUSDT']);
  const decode = decoderOf(feedOf(FEED), '2024-08-08');
  const out = new EventBuffer();
  const arena = new EventArena(count * 256);
  const header = { t: first_t, index: 0, shard: 'bench', feed: FEED, symbol: 'BTCUSDT' };
  for (let frame = 0; arena.count < count; frame = (frame + 1) % frames.count) {
    decode(frames.bytes, frames.starts[frame] ?? 0, frames.ends[frame] ?? 0, table, out);
    if (out.count === 0) continue;
    encodeParts(out, 0, header, arena);
    header.t += step_ns;
  }
  const data = Array.from({ length: arena.count }, (_, event) => arena.view(event));
  return { arena, count: arena.count, bytes: arena.used, data };
}

export function subjectIn(shard: string, { type, symbol }: EventArena, event: number): string {
  const name = EVENT_TYPES[type[event] ?? 0] as EventType;
  return internalSubject(shard, FEED, name, symbol[event] ?? '');
}

/** One event of `from`, alone in `to`, as a fold yields it at its line. */
export function lineOf(from: EventArena, event: number, to: EventArena): void {
  to.clear();
  appendEvent(from, event, to);
}

/** The same behind what is in `to`. */
export function appendEvent(from: EventArena, event: number, to: EventArena): void {
  const length = from.length[event] ?? 0;
  const at = to.reserve(length);
  to.bytes.set(from.view(event), at);
  const { type, symbol, t, index } = from;
  to.commit(length, type[event] ?? 0, symbol[event] ?? '', t[event] ?? 0n, index[event] ?? 0);
}

/** Fails unless a shard's messages hold each event once, byte for byte, in order within its subject. */
export async function demandStored(
  bus: Bus,
  shard: string,
  { arena, data }: RecordedEvents,
): Promise<void> {
  const expected = new Map<string, number[]>();
  data.forEach((_, event) => {
    const subject = subjectIn(shard, arena, event);
    const known = expected.get(subject);
    if (known === undefined) expected.set(subject, [event]);
    else known.push(event);
  });
  const next = new Map<string, number>();
  let found = 0;
  for await (const { subject, data: body } of bus.readRange({ shard, feed: FEED, from_seq: 1 })) {
    if (subject.startsWith('ctl.')) continue;
    const own = expected.get(subject) ?? [];
    for (let at = 0; at < body.length;) {
      const nth = next.get(subject) ?? 0;
      const event = data[own[nth] ?? -1];
      const length = event?.length ?? Infinity;
      const same =
        event !== undefined && Buffer.compare(event, body.subarray(at, at + length)) === 0;
      if (!same) throw new WrongAnswer(`${subject}: event ${nth} is not the one published`);
      next.set(subject, nth + 1);
      found++;
      at += length;
    }
  }
  demandEqual(found, data.length, `events of ${shard} in the stream`);
}

/** 2024-08-08T12:00:00Z, and a shard whose hour from there on is whole. */
export const HOUR_START = 1_723_118_400_000_000_000n;
export const ARCHIVED_SHARD = 'archived';

/** So many events, spread over that hour. */
export function eventsOfHour(count: number): RecordedEvents {
  return recordedEvents(count, HOUR_START + 1n, (NS_PER_HOUR - 2n) / BigInt(count));
}

/** As a connector would: messages of one event with ids, and positions before and after the hour. */
export async function publishHour(
  { bus }: Pick<BusStage, 'bus'>,
  events: RecordedEvents,
): Promise<void> {
  const nothing = (): void => undefined;
  let watermark = HOUR_START - NS_PER_MINUTE;
  const publisher = createPublisher({
    ...{
      bus,
      shard: ARCHIVED_SHARD,
      feed: FEED,
      epoch: 1,
      normalizer: NORMALIZER,
      writer: 'bench',
    },
    clock: systemClock(),
    log: { info: nothing, warn: nothing, error: nothing },
    fold: () => {
      throw new WrongAnswer('the queue was full');
    },
    openWal: () => {
      throw new WrongAnswer('the queue was full');
    },
    watermark: () => watermark,
  });
  const { signal } = new AbortController();
  await publisher.claim({ standby: false, warm: () => true, signal });
  const line = new EventArena();
  for (let event = 0; event < events.count; event++) {
    lineOf(events.arena, event, line);
    publisher.offer(line);
    if (event % 256 === 0)
      do await wait(0);
      while (publisher.queueRatio() > 0.5);
  }
  await publisher.drain(signal);
  watermark = HOUR_START + NS_PER_HOUR + NS_PER_MINUTE;
  await until('a position after the hour', () => publisher.position().t >= watermark);
  await publisher.close({ deadline_ms: 1_000 });
}
