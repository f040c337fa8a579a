/**
 * A connector without sockets: the real log, fold and publisher of an epoch, fed with Kraken trades as
 * fast as a test wants, and a record of what was offered to compare the bus with.
 */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Bus } from '../../bus/bus.ts';
import { decodeEvents } from '../../codec/md2.ts';
import type { EventArena } from '../../codec/event-arena.ts';
import { kraken } from '../../connectors/kraken/feed.ts';
import type { Clock } from '../../connectors/runtime/clock.ts';
import { systemClock } from '../../connectors/runtime/clock.ts';
import type { EpochLog } from '../../connectors/runtime/epoch-log.ts';
import { createEpochLog } from '../../connectors/runtime/epoch-log.ts';
import { unsyncedFiles } from '../../connectors/runtime/log-files.ts';
import { openLog } from '../../connectors/runtime/log-writer.ts';
import type { PublisherLimits } from '../../connectors/runtime/publisher-limits.ts';
import type { Publisher } from '../../connectors/runtime/publisher.ts';
import { createPublisher } from '../../connectors/runtime/publisher.ts';
import { openWal } from '../../connectors/runtime/wal-reader.ts';
import { createShardFold } from '../../fold/shard-fold.ts';
import { EVENT_TYPES } from '../../schema/events.ts';
import type { FoldConfig } from '../../schema/symbols.ts';
import { dayOf } from '../../schema/time.ts';
import { sampleCapture } from './log.ts';

const SYMBOLS = ['BTC', 'ETH', 'SOL', 'XRP', 'ADA', 'DOT', 'LTC', 'XMR'];

export type Rig = {
  readonly epoch: number;
  /** Its segment files. */
  readonly dir: string;
  readonly publisher: Publisher;
  readonly log: EpochLog;
  /** `type/symbol/t/index` of every event offered, in order. */
  readonly offered: string[];
  /** Events of the publisher's own log, by name. */
  readonly noted: string[];
  /** Claims and begins to speak. */
  readonly take: (options?: {
    readonly warm?: boolean;
    readonly standby?: boolean;
  }) => Promise<void>;
  /** Writes `frames` frames of one to three trades each. */
  readonly trade: (frames: number) => void;
  /** A frame the decoder rejects. */
  readonly garbage: () => void;
  readonly close: () => Promise<void>;
};

export function startRig(options: {
  readonly bus: Bus;
  readonly dir: string;
  readonly shard: string;
  readonly epoch: number;
  readonly limits?: Partial<PublisherLimits>;
  readonly clock?: Clock;
  readonly writer?: string;
}): Rig {
  const { bus, shard, epoch } = options;
  const clock = options.clock ?? systemClock();
  const dir = join(options.dir, shard, `${epoch}`);
  mkdirSync(dir, { recursive: true });
  const config: FoldConfig = {
    feed: 'kraken',
    shard,
    symbols: SYMBOLS.map((name) => ({
      symbol: `${name}USD`,
      external: `${name}/USD`,
      depth: 'l1' as const,
    })),
    channels: ['trade'],
    book_depth: 10,
  };
  const offered: string[] = [];
  const noted: string[] = [];
  const note = (facts: Readonly<Record<string, unknown>>): void =>
    void noted.push(String(facts['event']));
  const fold = createShardFold(kraken, shard);
  const file = openLog({
    dir,
    capture: () => ({ ...sampleCapture, shard, epoch }),
    files: unsyncedFiles,
  });
  const log = createEpochLog({
    clock,
    log: file,
    fold,
    day: dayOf(clock.wallNs()),
    config: { sha256: '0'.repeat(64), config },
    offer(out) {
      offered.push(...identitiesIn(out));
      publisher.offer(out);
    },
    onFaults: () => undefined,
    onMidnight: () => undefined,
    onClock: () => undefined,
  });
  const publisher = createPublisher({
    ...{ bus, shard, epoch, clock, feed: 'kraken', normalizer: 'kraken@1' },
    writer: options.writer ?? 'rig',
    log: { info: note, warn: note, error: note },
    fold: () => fold,
    openWal: (after) => openWal(dir, after),
    watermark: () => log.watermark(),
    limits: options.limits ?? {},
  });
  log.openDay(dayOf(clock.wallNs()));
  log.fact('_open', { c: 1, url: 'wss://test', day: dayOf(clock.wallNs()) });
  let id = 0;
  return {
    epoch,
    dir,
    publisher,
    log,
    offered,
    noted,
    async take({ warm = true, standby = false } = {}) {
      const { signal } = new AbortController();
      log.take(await publisher.claim({ standby, warm: () => warm, signal }));
    },
    trade(frames) {
      for (let frame = 0; frame < frames; frame++) {
        const trades: string[] = [];
        for (let count = 0; count <= id % 3; count++) trades.push(tradeText(++id));
        const text = `{"channel":"trade","type":"update","data":[${trades.join(',')}]}`;
        log.frame(1, new TextEncoder().encode(text));
      }
    },
    garbage: () => void log.frame(1, new TextEncoder().encode('{"channel":"trade","data":[{]}')),
    async close() {
      await publisher.close({ deadline_ms: 10_000 });
      file.close();
    },
  };
}

function tradeText(id: number): string {
  const symbol = `${SYMBOLS[Math.floor(id / 2) % SYMBOLS.length]}/USD`;
  return (
    `{"symbol":"${symbol}","side":"buy","price":${(id % 997) + 0.5},"qty":0.${1 + (id % 9)},` +
    `"ord_type":"limit","trade_id":${id},"timestamp":"2026-11-20T10:00:00.000000Z"}`
  );
}

function identitiesIn(out: EventArena): string[] {
  return Array.from(
    { length: out.count },
    (_, at) =>
      `${EVENT_TYPES[out.type[at] as number]}/${out.symbol[at]}/${out.t[at]}/${out.index[at]}`,
  );
}

export type OnBus = {
  /** Identities in stream order, repeats left out. */
  readonly events: string[];
  /** Messages that carried them, repeats included. */
  readonly messages: number;
  readonly repeats: number;
  readonly late: number;
  readonly ctl: number;
};

/** What the bus holds of a shard and epoch. */
export async function readBus(bus: Bus, shard: string, epoch: number): Promise<OnBus> {
  const seen = new Set<string>();
  const found = { messages: 0, repeats: 0, late: 0, ctl: 0 };
  for await (const message of bus.readRange({ shard, feed: 'kraken', from_seq: 1 })) {
    if (message.subject.startsWith('ctl.')) found.ctl += 1;
    if (message.subject.startsWith('ctl.') || message.header('epoch') !== `${epoch}`) continue;
    found.messages += 1;
    if (message.header('late') === '1') found.late += 1;
    let count = 0;
    for (const { type, symbol, t, index } of decodeEvents(message.data)) {
      count += 1;
      const identity = `${type}/${symbol}/${t}/${index}`;
      if (seen.has(identity)) found.repeats += 1;
      seen.add(identity);
    }
    assert.equal(`${count}`, message.header('count'));
  }
  return { events: [...seen], ...found };
}

/** Compares long lists and shows the first difference only. */
export function assertSame(found: readonly string[], wanted: readonly string[]): void {
  const at = wanted.findIndex((value, index) => found[index] !== value);
  const shown = at < 0 ? '' : `at ${at}: expected ${wanted[at]}, received ${found[at]}`;
  assert.equal(shown, '');
  assert.equal(found.length, wanted.length);
}
