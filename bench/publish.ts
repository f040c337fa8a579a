/**
 * Our publisher against core publish of the same client: one event a message as it is live, and packed
 * as it catches up from the log. Stored in files, acknowledged, and published again to clients.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn, setTimeout as wait } from 'node:timers/promises';
import { EventArena } from '../codec/event-arena.ts';
import { systemClock } from '../connectors/runtime/clock.ts';
import { unsyncedFiles } from '../connectors/runtime/log-files.ts';
import { openLog } from '../connectors/runtime/log-writer.ts';
import type { BacklogFold } from '../connectors/runtime/publisher-backlog.ts';
import type { PublisherLimits } from '../connectors/runtime/publisher-limits.ts';
import { createPublisher } from '../connectors/runtime/publisher.ts';
import type { Publisher } from '../connectors/runtime/publisher.ts';
import { openWal } from '../connectors/runtime/wal-reader.ts';
import { sampleCapture } from '../test/support/log.ts';
import { binanceFrames } from './binance-frames.ts';
import {
  FEED,
  NORMALIZER,
  appendEvent,
  demandStored,
  lineOf,
  openBusStage,
  recordedEvents,
} from './bus-stage.ts';
import type { BusStage, RecordedEvents } from './bus-stage.ts';
import { demandEqual } from './question.ts';
import type { Case, Contestant, Question } from './question.ts';

/** Lines offered before others get their turn: what a socket hands over at once. */
const LINES_A_TURN = 256;
/** Above it no more is offered: half of the queue is more than the server has on the way. */
const QUEUE_RATIO_MAX = 0.5;
/** So small that all but the first events are caught up with. */
const TINY_QUEUE: Partial<PublisherLimits> = { queue_events_max: 64 };
/** Of the log and the events: after now, so that what a claim says lies before. */
const AHEAD_NS = 60_000_000_000n;
const STEP_NS = 1_000n;

type Own = Contestant & { readonly check: () => Promise<void> };

const pids: number[] = [];
/** Of each run one of its own. */
let shards = 0;

export const question: Question = {
  name: 'publish',
  asks: 'how fast are events on the bus for good, compared with core publish?',
  clock: 'busiest',
  servers: () => pids,
  async open(messages) {
    // A server each: what one remembers of message ids is work for it for minutes.
    const stages = [await openBusStage(), await openBusStage()] as const;
    pids.push(...stages.map(({ servers }) => servers.nats.pid()));
    const [stage, other] = stages;
    const first_t = systemClock().wallNs() + AHEAD_NS;
    const events = recordedEvents(messages, first_t, STEP_NS);
    const live = liveContestant(stage, events);
    const packed = packedContestant(other, events);
    const of = { messages, bytes: events.bytes, input: `${messages} events of a recording` };
    const asCase = (name: string, on: BusStage, own: Own, at_least: number): Case => {
      const core = coreContestant(on, events);
      const goals = [{ of: own.name, against: core.name, at_least }];
      const check = (): Promise<void> => own.check().finally(on.close);
      return { ...of, name, contestants: [own, core], goals, check };
    };
    return [
      asCase('live, one event a message', stage, live, 0.12),
      asCase('backlog, packed', other, packed, 0.6),
    ];
  },
};

function coreContestant({ core }: BusStage, { data }: RecordedEvents): Contestant {
  return {
    name: 'core publish',
    async run() {
      for (const one of data) core.publish('bench.core.BTCUSDT', one);
      await core.flush();
      return `${data.length} messages`;
    },
  };
}

function liveContestant(stage: BusStage, events: RecordedEvents): Own {
  return ownContestant(stage, events, {
    kind: 'live',
    open: (shard) => claimed(stage, shard, events, {}),
    async atTurn(own) {
      await turn();
      while (own.queueRatio() > QUEUE_RATIO_MAX) await wait(1);
    },
  });
}

function packedContestant(stage: BusStage, events: RecordedEvents): Own {
  const dir = join(stage.servers.dir, 'packed');
  return ownContestant(stage, events, {
    kind: 'packed',
    open(shard) {
      writeLog(dir, events);
      return claimed(stage, shard, events, { dir, limits: TINY_QUEUE });
    },
    atTurn: null,
  });
}

/** Our publisher, which is offered each event as a line and then drained; a shard of its own each run. */
function ownContestant(
  stage: BusStage,
  events: RecordedEvents,
  way: {
    readonly kind: 'live' | 'packed';
    readonly open: (shard: string) => Promise<Publisher>;
    /** Every so many lines; null where nothing is waited for between them. */
    readonly atTurn: ((own: Publisher) => Promise<void>) | null;
  },
): Own {
  const { kind, open, atTurn } = way;
  let publisher: Publisher | null = null;
  let shard = '';
  const prepare = async (): Promise<void> => {
    await publisher?.close({ deadline_ms: 1_000 });
    await stage.purge();
    shard = `${kind}-${++shards}`;
    publisher = await open(shard);
  };
  const run = async (): Promise<string> => {
    const own = publisher as Publisher;
    const line = new EventArena();
    for (let event = 0; event < events.count; event++) {
      lineOf(events.arena, event, line);
      own.offer(line);
      if (atTurn !== null && event % LINES_A_TURN === 0) await atTurn(own);
    }
    await own.drain(new AbortController().signal);
    return `${own.position().events} events`;
  };
  return {
    ...{ name: `ssmd, ${kind}`, prepare, run },
    async check() {
      await prepare();
      demandEqual(await run(), `${events.count} events`, 'position');
      await demandStored(stage.bus, shard, events);
      await publisher?.close({ deadline_ms: 1_000 });
    },
  };
}

/** A publisher that has its shard; what it reads of the log is in `dir`. */
async function claimed(
  { bus }: BusStage,
  shard: string,
  events: RecordedEvents,
  options: { readonly dir?: string; readonly limits?: Partial<PublisherLimits> },
): Promise<Publisher> {
  const nothing = (): void => undefined;
  const before = (events.arena.t[0] ?? 0n) - 1n;
  const { dir = '', limits = {} } = options;
  const publisher = createPublisher({
    ...{ bus, shard, feed: FEED, epoch: 1, normalizer: NORMALIZER, writer: 'bench', limits },
    clock: systemClock(),
    log: { info: nothing, warn: nothing, error: nothing },
    fold: () => eventsAtHand(events),
    openWal: (after) => openWal(dir, after),
    watermark: () => before,
  });
  const { signal } = new AbortController();
  await publisher.claim({ standby: false, warm: () => true, signal });
  return publisher;
}

/** Yields the event of each line that is read, encoded before: what is left is the publisher. */
function eventsAtHand({ arena }: RecordedEvents, out = new EventArena()): BacklogFold {
  const first = arena.t[0] ?? 0n;
  return {
    out,
    frame: (t) => appendEvent(arena, Number((t - first) / STEP_NS), out),
    fact: () => undefined,
    clone: () => eventsAtHand({ arena, count: 0, bytes: 0, data: [] }),
  };
}

/** A line for each event, with a frame of the recording. */
function writeLog(dir: string, { arena, count }: RecordedEvents): void {
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(dir, { recursive: true });
  const log = openLog({ dir, capture: () => sampleCapture, files: unsyncedFiles });
  const frames = binanceFrames();
  for (let event = 0; event < count; event++) {
    const frame = event % frames.count;
    const [start = 0, end = 0] = [frames.starts[frame], frames.ends[frame]];
    log.frame(arena.t[event] ?? 0n, 1, frames.bytes, start, end);
  }
  log.close();
}
