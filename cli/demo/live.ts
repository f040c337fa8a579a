/** The demo's first part: live connectors against venues, real or simulated, with their real rates. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConnectorStatus } from '../../connectors/runtime/connector.ts';
import type { Output } from '../output.ts';
import { formatCount } from '../format.ts';
import { startService } from './service.ts';
import type { Service } from './service.ts';

export type LiveOptions = {
  readonly root: string;
  readonly dataDir: string;
  /** Variables for the children: where the servers are. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly feeds: readonly string[];
  readonly shard: string;
  /** Try the real venues first. */
  readonly real: boolean;
  readonly seconds: number;
  readonly output: Output;
  readonly signal: AbortSignal;
  /** What is started is added here; the caller ends it. */
  readonly services: Service[];
  /** Called after each start. */
  readonly onStarted: () => Promise<void>;
};

export type LiveResult = {
  readonly feed: string;
  readonly source: 'simulator' | 'live';
  readonly frames: number;
  readonly events: number;
  readonly frames_per_second: number;
  readonly gaps: number;
  readonly state: string;
};

/** The real venue has this long to answer before the simulated one stands in. */
const VENUE_MS_MAX = 8_000;

export async function runLive(options: LiveOptions): Promise<LiveResult[]> {
  const sources = await Promise.all(
    options.feeds.map(async (feed) => ({ feed, source: await sourceOf(feed, options) })),
  );
  const running = await Promise.all(
    sources.map(({ feed, source }) => startFeed(feed, source, options)),
  );
  const bar = options.output.progress({ label: 'capturing live', total: options.seconds });
  try {
    for (let second = 1; second <= options.seconds; second++) {
      await sleep(1000, undefined, { signal: options.signal });
      const now = await Promise.all(running.map((it) => statusOf(it.url)));
      bar.update(second, now.map(words));
    }
  } finally {
    bar.end();
  }
  const last = await Promise.all(running.map((it) => statusOf(it.url)));
  const frames = last.map((it) => `${it.feed} ${formatCount(it.frames)} frames`);
  options.output.note(`captured live for ${options.seconds} s: ${frames.join(', ')}`);
  return last.map((status, index): LiveResult => {
    const { feed, source } = sources[index] as (typeof sources)[number];
    const { frames, events, frames_per_second, gaps, state } = status;
    return { feed, source, frames, events, frames_per_second, gaps, state };
  });
}

function words({ feed, frames_per_second, frames, events, state }: ConnectorStatus): string {
  const rate = `${formatCount(frames_per_second).padStart(6)} msg/s`;
  const counts = `${formatCount(frames).padStart(8)} frames  ${formatCount(events).padStart(8)} events`;
  return `${feed.padEnd(13)} ${rate} ${counts}  ${state}`;
}

/** A venue that cannot be reached is said to be so, and simulated. */
async function sourceOf(feed: string, options: LiveOptions): Promise<'simulator' | 'live'> {
  if (!options.real) return 'simulator';
  const { FEEDS } = await import('../../connectors/registry.ts');
  const url = FEEDS.get(feed)?.protocol.url ?? '';
  const reached = await reaches(url);
  if (reached) return 'live';
  options.output.note(`${feed}: ${url} cannot be reached from here; using its simulated venue`);
  return 'simulator';
}

async function reaches(url: string): Promise<boolean> {
  const { wsSockets } = await import('../../connectors/runtime/ws-socket.ts');
  return new Promise((resolve) => {
    const open = wsSockets({ handshake_timeout_ms: VENUE_MS_MAX });
    const socket = open(url, {
      onOpen() {
        resolve(true);
        socket.close(1000, 'only a look');
      },
      onFrame: () => undefined,
      onPing: () => undefined,
      onTooLarge: () => undefined,
      onClose: () => resolve(false),
      onUpgradeRefused: () => resolve(false),
    });
  });
}

async function startFeed(
  feed: string,
  source: 'simulator' | 'live',
  { root, env, shard, dataDir, services, onStarted }: LiveOptions,
): Promise<{ readonly url: string }> {
  const start = async (name: string, args: readonly string[]): Promise<Service> => {
    const service = await startService({ name: `${name}-${feed}`, args, root, dataDir, env });
    services.push(service);
    await onStarted();
    return service;
  };
  const of = ['--feed', feed, '--shard', shard];
  const args = ['connector', '--mode', 'live', ...of];
  if (source === 'live') args.push('--env', 'demo-live');
  else {
    const venue = await start('venue', [
      'simulate',
      'serve',
      ...of,
      '--rate',
      '20',
      '--env',
      'demo',
    ]);
    args.push('--env', 'demo', '--url', await venue.said(/^(wss?:\/\/\S+)$/m));
  }
  const connector = await start('connector', args);
  return { url: await connector.said(/^status: (\S+)$/m) };
}

async function statusOf(url: string): Promise<ConnectorStatus> {
  const response = await fetch(url);
  return (await response.json()) as ConnectorStatus;
}
