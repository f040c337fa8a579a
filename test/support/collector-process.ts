/** The collector as its command, a process of its own, against simulated venues over real sockets. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { CollectorStatus } from '../../connectors/collector/collector.ts';
import type { FaultPlan } from '../../connectors/simulator/faults.ts';
import { startSimulator } from '../../connectors/simulator/server.ts';
import type { Simulator } from '../../connectors/simulator/server.ts';
import { byConnection } from './collector.ts';
import type { ReadRow } from './collector.ts';
import { startCountingProxy } from './e2e-proxy.ts';
import type { CountingProxy } from './e2e-proxy.ts';
import { projectRoot } from './project.ts';

const MARKETS: Readonly<Record<string, readonly string[]>> = {
  'binance-usdm': ['BTCUSDT', 'ETHUSDT'],
  'bybit-linear': ['BTCUSDT', 'ETHUSDT'],
  okx: ['BTC-USDT-SWAP', 'ETH-USDT-SWAP'],
};

/** An environment of the three venues, written into a folder; its path. */
export function writeThreeVenues(dir: string): string {
  const marketOf = (at: number): string =>
    Object.entries(MARKETS)
      .map(([feed, externals]) => `${feed}: { external: ${externals[at]} }`)
      .join(', ');
  const file = join(dir, 'three.yaml');
  writeFileSync(
    file,
    `apiVersion: ssmd/v1
kind: Environment
metadata: { name: three }
spec:
  origin: simulator
  symbols:
    BTCUSDT-PERP: { feeds: { ${marketOf(0)} }, tier: 1 }
    ETHUSDT-PERP: { feeds: { ${marketOf(1)} }, tier: 1 }
  shards: { tier1: { selector: { tier: 1 } } }
  transport:
    type: nats
    subjects:
      internal: 'internal.{shard}.{feed}.{type}.{symbol}'
      client: 'md.{feed}.{type}.{symbol}'
  storage:
    raw: { bucket: three-raw, retention_days: -1 }
    normalized: { bucket: three-normalized, retention_days: -1 }
  jetstream: { retention_hours: 48, max_bytes: 1GB }
`,
  );
  return file;
}

export type Venues = AsyncDisposable & {
  readonly simulators: ReadonlyMap<string, Simulator>;
  readonly proxies: ReadonlyMap<string, CountingProxy>;
  /** As `--url` takes them. */
  readonly urls: string;
};

export async function startVenues(rate: number, faults: FaultPlan = {}): Promise<Venues> {
  const simulators = new Map<string, Simulator>();
  const proxies = new Map<string, CountingProxy>();
  for (const [feed, symbols] of Object.entries(MARKETS)) {
    const simulator = await startSimulator({ feed, symbols, rate, seed: 5, faults });
    simulators.set(feed, simulator);
    proxies.set(feed, await startCountingProxy(simulator.url));
  }
  return {
    ...{ simulators, proxies },
    urls: [...proxies].map(([feed, { url }]) => `${feed}=${url}`).join(','),
    async [Symbol.asyncDispose]() {
      await Promise.all([...proxies.values()].map((it) => it.stop()));
      await Promise.all([...simulators.values()].map((it) => it.stop()));
    },
  };
}

export type Line = { readonly event: string } & Readonly<Record<string, unknown>>;

export type CollectorChild = {
  readonly url: string;
  readonly lines: readonly Line[];
  /** What came on standard output and was no line of JSON. */
  readonly strange: readonly string[];
  readonly stop: (signal: NodeJS.Signals) => Promise<number | null>;
};

/** Returns when its status page answers. */
export async function startCollectorChild(
  args: readonly string[],
  variables: Readonly<Record<string, string>> = {},
): Promise<CollectorChild> {
  const program = [join(projectRoot, 'cli', 'main.ts'), 'collector', '--port', '0', ...args];
  const child: ChildProcess = spawn(process.execPath, program, {
    env: { PATH: process.env['PATH'], ...variables },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines: Line[] = [];
  const strange: string[] = [];
  const told: string[] = [];
  if (child.stdout === null || child.stderr === null) throw new Error('no pipes');
  createInterface({ input: child.stdout }).on('line', (line) => {
    try {
      lines.push(JSON.parse(line) as Line);
    } catch {
      strange.push(line);
    }
  });
  const url = await new Promise<string>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`it ended with ${code}: ${told.join('\n')}`)));
    if (child.stderr === null) return;
    createInterface({ input: child.stderr }).on('line', (line) => {
      told.push(line);
      const found = /^status: (\S+)\/status$/.exec(line)?.[1];
      if (found !== undefined) resolve(found);
    });
  });
  return {
    ...{ url, lines, strange },
    async stop(signal) {
      const gone = once(child, 'close');
      child.kill(signal);
      await gone;
      return child.exitCode;
    },
  };
}

export async function statusOf({ url }: { readonly url: string }): Promise<CollectorStatus> {
  return (await (await fetch(`${url}/status`)).json()) as CollectorStatus;
}

/**
 * Each connection's rows are what one connection was handed: the frame its number says. Whole from the
 * first frame on, but where the process was `killed`: of its last flush some files are there.
 */
export function assertRelayed(
  rows: readonly ReadRow[],
  { proxies }: Venues,
  killed = 'none',
): void {
  const left = new Map(
    [...proxies].map(([feed, proxy]) => [feed, new Set(proxy.relayed)] as const),
  );
  for (const [connection, own] of byConnection(rows)) {
    const relayed = left.get(own[0]?.exchange ?? '');
    const match = [...(relayed ?? [])].find((it) =>
      own.every((row) => row.payload === it.frames[row.sequence - 1]),
    );
    assert.ok(match !== undefined, `rows of ${connection} are not what was sent`);
    relayed?.delete(match);
    const holes = own.flatMap((row, at) => (row.sequence === at + 1 ? [] : [row.ts_recv]));
    if (!connection.startsWith(killed)) assert.deepEqual(holes, [], connection);
    else {
      const tail = (own.at(-1)?.ts_recv ?? 0n) - (holes[0] ?? own.at(-1)?.ts_recv ?? 0n);
      assert.ok(tail < 8_000_000_000n, `${connection}: a hole ${tail} ns before its end`);
    }
  }
}
