/**
 * What the live questions stand on: real servers, simulated venues that send at a given rate, a connector
 * and what it is held against, each a process of its own as in production.
 */
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { decodeEvents } from '../codec/md2.ts';
import { stackVariables } from '../environments/endpoints.ts';
import { until } from '../test/support/until.ts';
import { openBusStage } from './bus-stage.ts';
import type { BusStage } from './bus-stage.ts';
import type { ConnectorOrder, ConnectorSetup, ConnectorWord } from './live-connector.ts';
import type { VenueOrder, VenueWord } from './live-venue.ts';
import { demandEqual } from './question.ts';

/** As the tests' environment has it. */
const ENVIRONMENT = 'test';
export const SHARD = 'tier1';
export const VENUE_FEED = 'kraken';
export const MARKETS = ['BTC/USD', 'ETH/USD'];

export type Venue = {
  readonly url: string;
  /** Frames a second from now on. */
  readonly send: (rate: number) => void;
  readonly sent: () => Promise<number>;
};

export type Status = Extract<ConnectorWord, { word: 'status' }>;
export type LiveConnector = {
  /** What a clock reading of `hrtime` was set off by, ns. */
  readonly offset: bigint;
  readonly status: () => Promise<Status>;
  /** After a garbage collection. */
  readonly rested: () => Promise<Status>;
  /** In order: what it has is on the bus. */
  readonly stop: () => Promise<void>;
};

export type LiveStage = BusStage & {
  readonly openVenue: () => Promise<Venue>;
  readonly openConnector: (url: string) => Promise<LiveConnector>;
  /** A program of this folder; ended with the stage. */
  readonly start: (program: string, args: readonly string[]) => ChildProcess;
};

export async function openLiveStage(): Promise<LiveStage> {
  const stage = await openBusStage({ s3: true }, ENVIRONMENT);
  const children: ChildProcess[] = [];
  const start: LiveStage['start'] = (program, args) => {
    const child = fork(join(import.meta.dirname, program), args, { execArgv: ['--expose-gc'] });
    children.push(child);
    return child;
  };
  return {
    ...stage,
    start,
    openVenue: () => openVenue(start('live-venue.ts', [VENUE_FEED, ...MARKETS])),
    openConnector: (url) => openConnector(stage, start, url),
    async close() {
      for (const child of children) {
        if (child.exitCode !== null) continue;
        const gone = once(child, 'exit');
        child.kill('SIGKILL');
        await gone;
      }
      await stage.close();
    },
  };
}

async function openVenue(child: ChildProcess): Promise<Venue> {
  const tell = (order: VenueOrder): void => void child.send(order);
  const opened = await nextWord<Extract<VenueWord, { word: 'open' }>>(child, 'open');
  return {
    url: opened.url,
    send: (rate) => tell({ rate }),
    async sent() {
      tell('counts');
      return (await nextWord<Extract<VenueWord, { word: 'counts' }>>(child, 'counts')).sent;
    },
  };
}

async function openConnector(
  { servers }: BusStage,
  start: LiveStage['start'],
  url: string,
): Promise<LiveConnector> {
  const { nats, s3, dir } = servers;
  const offset = BigInt(Date.now()) * 1_000_000n - process.hrtime.bigint();
  const variables = { ...stackVariables({ nats, s3, temporal: null }), TEMPORAL_ADDRESS: 'none' };
  const setup: ConnectorSetup = {
    ...{ root: dir, url, feed: VENUE_FEED, shard: SHARD, offset: `${offset}` },
    variables: variables as Record<string, string>,
  };
  const child = start('live-connector.ts', [JSON.stringify(setup)]);
  const tell = (order: ConnectorOrder): void => void child.send(order);
  const ask = async (order: 'status' | 'rest'): Promise<Status> => {
    tell(order);
    return await nextWord<Status>(child, 'status');
  };
  await until('a connector that is ready', async () => (await ask('status')).ready);
  return {
    offset,
    status: () => ask('status'),
    rested: () => ask('rest'),
    async stop() {
      tell('stop');
      await nextWord(child, 'stopped');
    },
  };
}

/** The next thing of that name a process says. */
export function nextWord<W extends { readonly word: string }>(
  child: ChildProcess,
  word: W['word'],
): Promise<W> {
  return new Promise((resolve, reject) => {
    const hear = (said: unknown): void => {
      if ((said as W).word !== word) return;
      child.off('message', hear);
      child.off('exit', fail);
      resolve(said as W);
    };
    const fail = (code: number | null): void => reject(new Error(`a process ended with ${code}`));
    child.on('message', hear).once('exit', fail);
  });
}

/** Fails unless the stream holds exactly the events that the shard's last position counts, each once. */
export async function demandAllOnBus({ bus }: BusStage): Promise<number> {
  const seen = new Set<string>();
  for await (const message of bus.readRange({ shard: SHARD, feed: VENUE_FEED, from_seq: 1 })) {
    if (message.subject.startsWith('ctl.')) continue;
    for (const { t, type, symbol, index } of decodeEvents(message.data)) {
      seen.add(`${t} ${type} ${symbol} ${index}`);
    }
  }
  const last = await bus.lastCtl(SHARD, VENUE_FEED);
  demandEqual(last?.record.run, 0, 'the run of the last position: nothing was given up');
  demandEqual(seen.size, last?.record.events, 'events on the bus, and what the position counts');
  return seen.size;
}
