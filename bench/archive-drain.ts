/**
 * What the archive does each hour, from the bus to objects, against receiving the same messages by a
 * core subscription: headers and bodies, and nothing made of them.
 */
import { Worker } from 'node:worker_threads';
import { archiveClosedWindows } from '../activities/archive-bus.ts';
import { plainContext } from '../activities/deps.ts';
import type { JobDeps } from '../activities/deps.ts';
import { unpackObject } from '../dataset/object-codec.ts';
import { EVENT_TYPES } from '../schema/events.ts';
import { memoryJobs } from '../test/support/memory-jobs.ts';
import {
  ARCHIVED_SHARD,
  FEED,
  NORMALIZER,
  eventsOfHour,
  openBusStage,
  publishHour,
} from './bus-stage.ts';
import type { BusStage, RecordedEvents } from './bus-stage.ts';
import type { Echo } from './core-publisher.ts';
import { feedOf } from './frames.ts';
import { WrongAnswer, demandEqual } from './question.ts';
import type { Contestant, Question } from './question.ts';

const SUBJECT = 'bench.echo.BTCUSDT';
const LATER = '2024-08-12T00:00:00Z';

const pids: number[] = [];

export const question: Question = {
  name: 'archive-drain',
  asks: 'how fast does a stream become objects, compared with receiving it?',
  clock: 'busiest',
  servers: () => pids,
  async open(messages) {
    const stage = await openBusStage();
    pids.push(stage.servers.nats.pid());
    const events = eventsOfHour(messages);
    await publishHour(stage, events);
    const echo = openEcho(stage, events);
    const jobs = { bus: stage.bus, feeds: new Map([[FEED, feedOf(FEED)]]) };
    let deps: JobDeps;
    const drain: Contestant = {
      name: 'ssmd, stream to objects',
      prepare() {
        deps = memoryJobs(LATER, {
          ...jobs,
          origin: 'import',
          shardsOf: () => [ARCHIVED_SHARD],
          configuredFeeds: [FEED],
        });
        return Promise.resolve();
      },
      async run() {
        const { records } = await archiveClosedWindows(
          deps,
          { feed: FEED, shard: ARCHIVED_SHARD },
          plainContext(),
        );
        return `${records} events`;
      },
    };
    const core = coreContestant('core subscribe with headers', stage, events, echo, false);
    const read = coreContestant('the same, one header read', stage, events, echo, true);
    return [
      {
        name: 'an hour of live messages, store in memory',
        input: `${messages} messages of one event`,
        messages,
        bytes: events.bytes,
        contestants: [drain, core, read],
        goals: [
          { of: drain.name, against: core.name, at_least: 0.5 },
          { of: drain.name, against: read.name, at_least: 0.5 },
        ],
        async check() {
          try {
            await drain.prepare?.();
            demandEqual(await drain.run(), `${messages} events`, 'records');
            await demandObjects(deps, events);
          } finally {
            await echo.terminate();
            await stage.close();
          }
        },
      },
    ];
  },
};

/** Publishes the same bodies with the same headers whenever it is told to. */
function openEcho({ servers }: BusStage, { arena, data }: RecordedEvents): Worker {
  const shared = new SharedArrayBuffer(arena.used);
  new Uint8Array(shared).set(arena.bytes.subarray(0, arena.used));
  const ends = data.map((it) => it.length);
  const echo: Echo = {
    url: servers.nats.url,
    subject: SUBJECT,
    bodies: shared,
    lengths: ends,
    headers:
      `NATS/1.0\r\nSchema: md2\r\nNormalizer: ${NORMALIZER}\r\nEpoch: 1\r\nShard: ${ARCHIVED_SHARD}\r\n` +
      `Count: 1\r\nNats-Msg-Id: ${ARCHIVED_SHARD}:${FEED}:1:${arena.t[0]}:trade:BTCUSDT:0\r\n\r\n`,
  };
  return new Worker(new URL('./core-publisher.ts', import.meta.url), { workerData: echo });
}

function coreContestant(
  name: string,
  { core }: BusStage,
  { data }: RecordedEvents,
  echo: Worker,
  reads: boolean,
): Contestant {
  return {
    name,
    async run() {
      const done = Promise.withResolvers<void>();
      let messages = 0;
      let bytes = 0;
      const subscription = core.subscribe(SUBJECT, {
        callback(error, message) {
          if (error !== null) return done.reject(error);
          bytes += message.data.length;
          if (reads && message.headers?.get('Epoch') !== '1') done.reject(new Error('no epoch'));
          if (++messages === data.length) done.resolve();
        },
      });
      await core.flush();
      echo.postMessage('again');
      await done.promise;
      subscription.unsubscribe();
      return `${messages} messages, ${bytes} bytes`;
    },
  };
}

/** Each type's object is its events, one behind the other, byte for byte. */
async function demandObjects(deps: JobDeps, { arena, data }: RecordedEvents): Promise<void> {
  const found = new Map<string, Uint8Array[]>();
  const store = deps.normalized;
  for await (const { key } of store.list('')) {
    const type = EVENT_TYPES.find((it) => key.includes(`/${it}/`));
    if (type === undefined || !key.endsWith('.zst')) continue;
    const stored = await store.get(key);
    if (stored === null) throw new WrongAnswer(`${key} is not there`);
    const { plain } = unpackObject(stored.body, deps.zstd, key);
    found.set(type, [...(found.get(type) ?? []), plain]);
  }
  for (const [code, type] of EVENT_TYPES.entries()) {
    const expected = Buffer.concat(data.filter((_, event) => arena.type[event] === code));
    const same = Buffer.compare(Buffer.concat(found.get(type) ?? []), expected) === 0;
    if (!same) throw new WrongAnswer(`the objects of ${type} are not the events published`);
  }
}
