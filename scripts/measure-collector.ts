/**
 * How many frames a second the collector takes on one core: frames of three simulated venues, made
 * beforehand, each handed over once, as fast as it takes them, to Parquet in a folder.
 * `taskset -c 0 node scripts/measure-collector.ts`
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCollector } from '../connectors/collector/collector.ts';
import { rawMetadata } from '../connectors/collector/raw-schema.ts';
import { FEEDS } from '../connectors/registry.ts';
import { systemClock } from '../connectors/runtime/clock.ts';
import type { SocketHandlers } from '../connectors/runtime/socket.ts';
import { openHarness } from '../connectors/simulator/harness.ts';
import { VENUES } from '../connectors/simulator/registry.ts';
import { createFolderWholeFiles } from '../storage/fs-whole-files.ts';
import { parquetTables } from '../storage/parquet.ts';

/** Frames handed over before the event loop turns, as a busy socket does. */
const BURST = 200;
const MARKET_NS = 1_200_000_000_000n;
const RATE = 40;

/** One endpoint's frames of the market's twenty minutes. */
function framesOf(id: string, path: string, asked: readonly string[]): Uint8Array[] {
  const create = VENUES.get(id);
  if (create === undefined) throw new Error(`no venue ${id}`);
  const start_ns = BigInt(Date.now()) * 1_000_000n - MARKET_NS;
  const symbols = symbolsOf(id).map((it) => it.external);
  const harness = openHarness({ create, symbols, seed: 3, rate: RATE, start_ns });
  const frames: Uint8Array[] = [];
  const connection = harness.connect(path, start_ns, {
    frame: (payload) => void frames.push(new Uint8Array(Buffer.from(payload as string))),
    ping: () => undefined,
    close: () => undefined,
  });
  if ('status' in connection) throw new Error(`${id} refused ${path}`);
  for (const text of asked) connection.onMessage(text, start_ns);
  harness.advance(start_ns + MARKET_NS);
  return frames;
}

function symbolsOf(id: string): { symbol: string; external: string; depth: 'l2' }[] {
  const names = id === 'okx' ? ['BTC-USDT-SWAP', 'ETH-USDT-SWAP'] : ['BTCUSDT', 'ETHUSDT'];
  return names.map((external) => ({ symbol: external, external, depth: 'l2' }));
}

const dir = mkdtempSync(join(tmpdir(), 'ssmd-measure-'));
/** Hand over some frames each; false where none are left. */
const pumps: (() => boolean)[] = [];
const venues = ['binance-usdm', 'bybit-linear', 'okx'].map((id) => {
  const feed = FEEDS.get(id);
  if (feed === undefined) throw new Error(`no feed ${id}`);
  const { protocol } = feed;
  const config = {
    ...{ feed: id, shard: 'all', symbols: symbolsOf(id), channels: protocol.channels },
    book_depth: protocol.book_depths[0] ?? 0,
  };
  const frames = new Map(
    protocol.endpoints(config).map(({ path, subscriptions }) => {
      let last = 0;
      const asked = protocol.subscribe(subscriptions, config, () => `${++last}`);
      return [
        path,
        framesOf(
          id,
          path,
          asked.map((it) => it.text),
        ),
      ] as const;
    }),
  );
  const openSocket = (url: string, handlers: SocketHandlers) => {
    const own = frames.get(new URL(url).pathname) ?? [];
    let at = 0;
    setImmediate(() => handlers.onOpen());
    pumps.push(() => {
      for (const end = Math.min(at + BURST, own.length); at < end; at++) {
        handlers.onFrame(own[at] as Uint8Array);
      }
      return at < own.length;
    });
    return { send: () => undefined, close: () => undefined, terminate: () => undefined };
  };
  return { feed, config, url: 'ws://venue', openSocket };
});
const collector = createCollector({
  ...{ venues, clock: systemClock(), run: 'measure', say: () => undefined },
  random: Math.random,
  files: createFolderWholeFiles(dir),
  openTable: parquetTables('measure', rawMetadata('simulator')),
});
const stop = new AbortController();
const running = collector.run(stop.signal);
while (pumps.length < 5) await new Promise((resolve) => setImmediate(resolve));
await new Promise((resolve) => setTimeout(resolve, 50));
const cpu = process.cpuUsage();
const started = performance.now();
for (let more = true; more;) {
  // As fast as it is put away: what is dropped would not count as taken.
  if (collector.status().queue.ratio < 0.5) more = pumps.map((pump) => pump()).includes(true);
  await new Promise((resolve) => setImmediate(resolve));
}
stop.abort();
await running;
const seconds = (performance.now() - started) / 1000;
const { user, system } = process.cpuUsage(cpu);
const { writer, totals } = collector.status();
rmSync(dir, { recursive: true, force: true });
console.log(
  JSON.stringify({
    frames: writer.frames,
    dropped: totals.queue_full,
    seconds: Math.round(seconds),
    gaps: totals.gaps,
    frames_per_second: Math.round(writer.frames / seconds),
    frames_per_cpu_second: Math.round(writer.frames / ((user + system) / 1e6)),
    payload_mb_per_second: Math.round(totals.bytes / seconds / 1e5) / 10,
    bytes_per_frame_stored: Math.round((10 * writer.bytes) / writer.frames) / 10,
    bytes_per_frame: Math.round((10 * totals.bytes) / totals.frames) / 10,
  }),
);
