/** A connector on a virtual clock against a simulated venue, for tests of the runtime. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { zstdDecompress } from 'node:zlib';
import type { TestContext } from 'node:test';
import { LineCursor, LogLine, parseLogLine } from '../../codec/log-line.ts';
import { FEEDS } from '../../connectors/registry.ts';
import type { Feed } from '../../connectors/feed.ts';
import { systemClock } from '../../connectors/runtime/clock.ts';
import { createConnector } from '../../connectors/runtime/connector.ts';
import type { Connector, ConnectorDeps } from '../../connectors/runtime/connector.ts';
import { unsyncedFiles } from '../../connectors/runtime/log-files.ts';
import { captureTemplate, hashConfig } from '../../connectors/runtime/provenance.ts';
import { publishNowhere } from '../../connectors/runtime/publishing.ts';
import type { OpenSocket } from '../../connectors/runtime/socket.ts';
import { virtualClock } from '../../connectors/simulator/clock.ts';
import type { VirtualClock } from '../../connectors/simulator/clock.ts';
import type { Fault } from '../../connectors/simulator/faults.ts';
import { openHarness } from '../../connectors/simulator/harness.ts';
import type { Harness } from '../../connectors/simulator/harness.ts';
import { memoryVenue } from '../../connectors/simulator/memory-socket.ts';
import { Random } from '../../connectors/simulator/random.ts';
import { VENUES } from '../../connectors/simulator/registry.ts';
import { parseRawSegmentKey } from '../../dataset/keys.ts';
import { UNSYNCED } from '../../schema/clock.ts';
import type { Facts, FactKey, Inventory } from '../../schema/log.ts';
import type { SymbolConfig } from '../../schema/symbols.ts';
import { NS_PER_SECOND, parseIso } from '../../schema/time.ts';
import { createMemoryObjectStore } from '../../storage/memory.ts';
import type { ObjectStore } from '../../storage/object-store.ts';

const unpack = promisify(zstdDecompress);

/** A folder that is gone after the test. */
export function scratchDirectory(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'ssmd-runtime-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

export function instant(iso: string): bigint {
  const ns = parseIso(iso);
  if (ns === null) throw new Error(`not an instant: ${iso}`);
  return ns;
}

/** What arrived on a socket, as the venue's bytes, in order of arrival over all sockets. */
export type Heard = { readonly frames: string[]; readonly sockets: number[] };

export type Rig = {
  readonly clock: VirtualClock;
  readonly harness: Harness;
  readonly store: ObjectStore;
  readonly connector: Connector;
  readonly dir: string;
  readonly feed: Feed;
  readonly heard: Heard;
  readonly events: { readonly level: string; readonly event: string; readonly facts: object }[];
  readonly stop: AbortController;
  readonly running: Promise<void>;
  /** Lets `seconds` of virtual time pass. */
  readonly pass: (seconds: number) => Promise<void>;
  /** Stops in good order and waits until all is in the store. */
  readonly finish: () => Promise<void>;
};

/** What a rig subscribes to, by feed. */
export const SYMBOLS: Readonly<Record<string, readonly SymbolConfig[]>> = {
  kraken: [
    { symbol: 'BTCUSD', external: 'BTC/USD', depth: 'l2' },
    { symbol: 'ETHUSD', external: 'ETH/USD', depth: 'l2' },
  ],
  'binance-usdm': [{ symbol: 'BTCUSDT-PERP', external: 'BTCUSDT', depth: 'l2' }],
  'bybit-linear': [{ symbol: 'BTCUSDT-PERP', external: 'BTCUSDT', depth: 'l2' }],
  okx: [
    { symbol: 'BTCUSDT', external: 'BTC-USDT', depth: 'l2' },
    { symbol: 'BTCUSDT-PERP', external: 'BTC-USDT-SWAP', depth: 'l2' },
  ],
  coinbase: [
    { symbol: 'BTCUSD', external: 'BTC-USD', depth: 'l2' },
    { symbol: 'ETHUSD', external: 'ETH-USD', depth: 'l2' },
  ],
};

export function startRig(options: {
  readonly dir: string;
  readonly at: string;
  readonly feed?: string;
  readonly rate?: number;
  readonly seed?: number;
  readonly faults?: readonly Fault[];
  readonly store?: ObjectStore;
  readonly deps?: Partial<ConnectorDeps>;
  readonly clock?: VirtualClock;
  readonly harness?: Harness;
  /** A market that is asked for, and that the venue has not. */
  readonly unknown?: SymbolConfig;
}): Rig {
  const id = options.feed ?? 'kraken';
  const feed = FEEDS.get(id);
  const create = VENUES.get(id);
  if (feed === undefined || create === undefined) throw new Error(`no feed ${id}`);
  const symbols = SYMBOLS[id] ?? [];
  const seed = options.seed ?? 7;
  const start_ns = instant(options.at);
  const clock = options.clock ?? virtualClock(start_ns);
  const harness =
    options.harness ??
    openHarness({
      create,
      seed,
      rate: options.rate ?? 4,
      symbols: symbols.map((it) => it.external),
      start_ns,
      faults: { list: options.faults ?? [] },
    });
  const config = hashConfig({
    feed: id,
    shard: 'tier1',
    symbols: options.unknown === undefined ? symbols : [...symbols, options.unknown],
    channels: feed.protocol.channels,
    book_depth: feed.protocol.book_depths[0] ?? 10,
  });
  const random = new Random(seed, 'rig');
  const heard: Heard = { frames: [], sockets: [] };
  const events: { level: string; event: string; facts: object }[] = [];
  const store = options.store ?? createMemoryObjectStore();
  const connector = createConnector({
    feed,
    config,
    url: `ws://venue${new URL(feed.protocol.url).pathname.replace(/\/$/, '')}`,
    clock,
    shipping_clock: systemClock(),
    openSocket: listening(memoryVenue({ harness, clock, seed }), heard),
    random: () => random.unit(),
    dir: options.dir,
    files: unsyncedFiles,
    store,
    log_bytes_max: 1e12,
    logger: (level, event, facts) => void events.push({ level, event, facts }),
    capture: (epoch) =>
      captureTemplate({
        feed,
        shard: 'tier1',
        epoch,
        config_sha256: config.sha256,
        origin: 'simulator',
        source: `seed ${seed}`,
        software: { connector_version: '0', connector_commit: 'test', connector_build: 'test' },
        clock: UNSYNCED,
        host: 'rig',
      }),
    publish: () => publishNowhere(),
    ...options.deps,
  });
  const stop = new AbortController();
  const running = connector.run(stop.signal);
  running.catch(() => undefined);
  return {
    ...{ clock, harness, store, connector, dir: options.dir, feed, heard, events, stop, running },
    async pass(seconds) {
      const until = clock.nowNs() + BigInt(Math.round(seconds * 1000)) * (NS_PER_SECOND / 1000n);
      await clock.runUntil(until, { yield_every: 16 });
    },
    async finish() {
      stop.abort();
      await running;
    },
  };
}

function listening(open: OpenSocket, heard: Heard): OpenSocket {
  let opened = 0;
  return (url, handlers) => {
    const socket = ++opened;
    return open(url, {
      ...handlers,
      onFrame(bytes) {
        heard.frames.push(Buffer.from(bytes).toString('latin1'));
        heard.sockets.push(socket);
        handlers.onFrame(bytes);
      },
    });
  };
}

export type ReadLine =
  | { readonly t: bigint; readonly type: 'frame'; readonly c: number; readonly frame: string }
  | {
      readonly t: bigint;
      readonly type: 'fact';
      readonly key: FactKey;
      readonly fact: Facts[FactKey];
    };

/** Every segment of the store in order of (epoch, number): its lines, checked. */
export async function readLog(store: ObjectStore): Promise<readonly ReadLine[]> {
  const found: { epoch: number; segment: number; lines: ReadLine[] }[] = [];
  for await (const { key } of store.list('raw/')) {
    const id = parseRawSegmentKey(key);
    if (id === null) continue;
    const object = await store.get(key);
    if (object === null) throw new Error(`${key} went away`);
    const plain = await unpack(object.body);
    found.push({ epoch: id.epoch, ...readSegment(plain) });
  }
  found.sort((a, b) => a.epoch - b.epoch || a.segment - b.segment);
  return found.flatMap((it) => it.lines);
}

export function readSegment(plain: Uint8Array): { segment: number; lines: ReadLine[] } {
  const cursor = new LineCursor(plain);
  const line = new LogLine();
  const lines: ReadLine[] = [];
  let segment = -1;
  while (cursor.next()) {
    if (!parseLogLine(plain, cursor.start, cursor.end, line)) throw new Error(line.reason);
    if (line.capture !== null) segment = line.capture.segment;
    if (line.kind === 'frame') {
      const frame = Buffer.from(line.bytes.subarray(line.from, line.to)).toString('latin1');
      lines.push({ t: line.t, type: 'frame', c: line.c, frame });
    } else if (line.kind === 'fact' && line.key !== null && line.fact !== null) {
      lines.push({ t: line.t, type: 'fact', key: line.key, fact: line.fact });
    }
  }
  return { segment, lines };
}

export function factsOf<K extends FactKey>(
  lines: readonly ReadLine[],
  key: K,
): readonly (Facts[K] & { readonly at: bigint })[] {
  return lines.flatMap((line) =>
    line.type === 'fact' && line.key === key ? [{ ...(line.fact as Facts[K]), at: line.t }] : [],
  );
}

export async function inventories(store: ObjectStore): Promise<readonly Inventory[]> {
  const found: Inventory[] = [];
  for await (const { key } of store.list('raw/')) {
    if (!key.includes('/_manifests/')) continue;
    const object = await store.get(key);
    if (object !== null) found.push(JSON.parse(Buffer.from(object.body).toString()) as Inventory);
  }
  return found;
}
