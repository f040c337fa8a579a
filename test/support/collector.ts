/** A collector on a virtual clock against simulated venues, and someone who wrote down what they sent. */
import { DuckDBInstance } from '@duckdb/node-api';
import { createCollector } from '../../connectors/collector/collector.ts';
import type { Collector, CollectorDeps } from '../../connectors/collector/collector.ts';
import type { CollectorEvent } from '../../connectors/collector/events.ts';
import { rawMetadata } from '../../connectors/collector/raw-schema.ts';
import { FEEDS } from '../../connectors/registry.ts';
import { virtualClock } from '../../connectors/simulator/clock.ts';
import type { VirtualClock } from '../../connectors/simulator/clock.ts';
import type { Fault, FaultPlan } from '../../connectors/simulator/faults.ts';
import { openHarness } from '../../connectors/simulator/harness.ts';
import type { Harness } from '../../connectors/simulator/harness.ts';
import { memoryVenue } from '../../connectors/simulator/memory-socket.ts';
import { Random } from '../../connectors/simulator/random.ts';
import { VENUES } from '../../connectors/simulator/registry.ts';
import type { SymbolConfig } from '../../schema/symbols.ts';
import { NS_PER_SECOND, parseIso } from '../../schema/time.ts';
import { parquetTables } from '../../storage/parquet.ts';
import { createFolderWholeFiles } from '../../storage/fs-whole-files.ts';

export const COLLECTED: Readonly<Record<string, readonly SymbolConfig[]>> = {
  'binance-usdm': [
    { symbol: 'BTCUSDT-PERP', external: 'BTCUSDT', depth: 'l2' },
    { symbol: 'ETHUSDT-PERP', external: 'ETHUSDT', depth: 'l2' },
  ],
  'bybit-linear': [
    { symbol: 'BTCUSDT-PERP', external: 'BTCUSDT', depth: 'l2' },
    { symbol: 'ETHUSDT-PERP', external: 'ETHUSDT', depth: 'l2' },
  ],
  okx: [
    { symbol: 'BTCUSDT-PERP', external: 'BTC-USDT-SWAP', depth: 'l2' },
    { symbol: 'ETHUSDT-PERP', external: 'ETH-USDT-SWAP', depth: 'l2' },
  ],
  kraken: [{ symbol: 'BTCUSD', external: 'BTC/USD', depth: 'l2' }],
  coinbase: [{ symbol: 'BTCUSD', external: 'BTC-USD', depth: 'l2' }],
};

/** What a venue sent on one connection, as latin1 text of the bytes, and what it was asked. */
export type Sent = { readonly feed: string; readonly frames: string[]; readonly asked: string[] };

export type CollectorRig = {
  readonly clock: VirtualClock;
  readonly collector: Collector;
  readonly sent: readonly Sent[];
  readonly harnesses: ReadonlyMap<string, Harness>;
  readonly events: readonly { readonly event: CollectorEvent; readonly facts: Facts }[];
  readonly pass: (seconds: number) => Promise<void>;
  readonly finish: () => Promise<void>;
};
type Facts = Readonly<Record<string, unknown>>;

/** Returns when the sockets are being opened. */
export async function startCollectorRig(options: {
  readonly dir: string;
  readonly feeds: readonly string[];
  readonly at?: string;
  readonly rate?: number;
  readonly seed?: number;
  readonly faults?: FaultPlan | readonly Fault[];
  readonly deps?: Partial<CollectorDeps>;
}): Promise<CollectorRig> {
  const start_ns = parseIso(options.at ?? '2026-11-21T13:59:40Z') ?? 0n;
  const seed = options.seed ?? 11;
  const clock = virtualClock(start_ns);
  const random = new Random(seed, 'collector rig');
  const sent: Sent[] = [];
  const harnesses = new Map<string, Harness>();
  const events: { event: CollectorEvent; facts: Facts }[] = [];
  const plan = Array.isArray(options.faults) ? { list: options.faults } : (options.faults ?? {});
  const venues = options.feeds.map((id) => {
    const feed = FEEDS.get(id);
    const create = VENUES.get(id);
    if (feed === undefined || create === undefined) throw new Error(`no feed ${id}`);
    const symbols = COLLECTED[id] ?? [];
    const external = symbols.map((it) => it.external);
    const of = { create, seed, rate: options.rate ?? 6, symbols: external, start_ns };
    const harness = tapped(openHarness({ ...of, faults: plan as FaultPlan }), id, sent);
    harnesses.set(id, harness);
    return {
      feed,
      config: {
        ...{ feed: id, shard: 'all', symbols, channels: feed.protocol.channels },
        book_depth: feed.protocol.book_depths[0] ?? 10,
      },
      url: `ws://venue${new URL(feed.protocol.url).pathname.replace(/\/$/, '')}`,
      openSocket: memoryVenue({ harness, clock, seed }),
    };
  });
  const collector = createCollector({
    ...{ venues, clock, run: 'rig' },
    random: () => random.unit(),
    files: createFolderWholeFiles(options.dir),
    openTable: parquetTables('test', rawMetadata('simulator')),
    say: (event, facts) => void events.push({ event, facts }),
    ...options.deps,
  });
  const stop = new AbortController();
  const running = collector.run(stop.signal);
  running.catch(() => undefined);
  const isOver = { now: false };
  const settled = running.finally(() => (isOver.now = true));
  settled.catch(() => undefined);
  while (events.length === 0 && !isOver.now) await new Promise((resolve) => setImmediate(resolve));
  const pass = async (seconds: number): Promise<void> => {
    const until = clock.nowNs() + BigInt(Math.round(seconds * 1000)) * (NS_PER_SECOND / 1000n);
    await clock.runUntil(until, { yield_every: 4 });
  };
  return {
    ...{ clock, collector, sent, harnesses, events, pass },
    async finish() {
      stop.abort();
      // What is put away at the end waits on this clock between two attempts.
      while (!isOver.now) await pass(0.05);
      await settled;
    },
  };
}

/** The same venue; every frame it hands to a connection is written down, in order. */
function tapped(harness: Harness, feed: string, sent: Sent[]): Harness {
  return {
    ...{ feed: harness.feed, base_path: harness.base_path, ledger: harness.ledger },
    counts: () => harness.counts(),
    nextEventNs: () => harness.nextEventNs(),
    advance: (now_ns) => harness.advance(now_ns),
    inject: (fault) => harness.inject(fault),
    connect(path, now_ns, wire) {
      const own: Sent = { feed, frames: [], asked: [] };
      const result = harness.connect(path, now_ns, {
        ...wire,
        frame(payload, at_ns) {
          own.frames.push(Buffer.from(payload as string).toString('latin1'));
          wire.frame(payload, at_ns);
        },
        ping: (at_ns) => wire.ping(at_ns),
        close: (code, reason, at_ns) => wire.close(code, reason, at_ns),
      });
      if ('status' in result) return result;
      sent.push(own);
      return {
        onMessage(text, at_ns) {
          own.asked.push(text);
          result.onMessage(text, at_ns);
        },
        onClosed: () => result.onClosed(),
      };
    },
  };
}

export type ReadRow = {
  readonly exchange: string;
  readonly stream: string;
  readonly symbol: string | null;
  readonly connection: string;
  readonly sequence: number;
  readonly ts_event: bigint | null;
  readonly ts_recv: bigint;
  /** latin1 text of the bytes. */
  readonly payload: string;
};

/** Every row below a folder as DuckDB reads it, by connection and sequence. */
export async function readRaw(dir: string): Promise<readonly ReadRow[]> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '2' });
  const connection = await instance.connect();
  try {
    const reader = await connection.runAndReadAll(
      `SELECT exchange, stream, symbol, connection, sequence::DOUBLE AS sequence,
         epoch_ns(ts_event)::VARCHAR AS ts_event, epoch_ns(ts_recv)::VARCHAR AS ts_recv,
         hex(payload) AS payload
       FROM read_parquet('${dir}/**/*.parquet', hive_partitioning = true)
       ORDER BY exchange, split_part(connection, '.', 1), split_part(connection, '.', 2)::INT, sequence`,
    );
    return reader.getRowObjectsJson().map((row) => ({
      exchange: String(row['exchange']),
      stream: String(row['stream']),
      symbol: row['symbol'] === null ? null : String(row['symbol']),
      connection: String(row['connection']),
      sequence: Number(row['sequence']),
      ts_event: row['ts_event'] === null ? null : BigInt(String(row['ts_event'])),
      ts_recv: BigInt(String(row['ts_recv'])),
      payload: Buffer.from(String(row['payload']), 'hex').toString('latin1'),
    }));
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

/** Rows by connection, in order of their sequence. */
export function byConnection(rows: readonly ReadRow[]): ReadonlyMap<string, readonly ReadRow[]> {
  const found = new Map<string, ReadRow[]>();
  for (const row of rows) {
    const own = found.get(row.connection) ?? [];
    own.push(row);
    found.set(row.connection, own);
  }
  return found;
}
