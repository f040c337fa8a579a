/**
 * From the socket's callback to a subscriber: a connector that logs, folds, publishes for good, and the
 * server that publishes again, against a bare forwarder of frames to core NATS. In turns of some seconds,
 * at the same rate, received by one subscriber; and the connector again beside an archive drain.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { readHeader } from '../codec/md2.ts';
import { until } from '../test/support/until.ts';
import { eventsOfHour, publishHour } from './bus-stage.ts';
import type { DrainOrder, DrainWord } from './live-drain.ts';
import { FORWARDED } from './live-forwarder.ts';
import { MARKETS, VENUE_FEED, demandAllOnBus, nextWord, openLiveStage } from './live-stage.ts';
import type { LiveConnector, LiveStage } from './live-stage.ts';
import { spreadOf } from './measure.ts';
import { WrongAnswer, demandEqual } from './question.ts';
import type { Figure, Question } from './question.ts';

const RATE = 5_000;
/** Of each contestant, over all rounds. */
const SECONDS = 20;
/** To whoever is not measured: enough that nothing is taken for silent. */
const RATE_BESIDE = 20;
const SETTLE_MS = 500;
const DRAINED_EVENTS = 60_000;

type Sample = {
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly n: number;
};

export const question: Question = {
  name: 'latency',
  asks: 'how long from the socket to a subscriber, compared with a bare forwarder?',
  clock: 'wall',
  open(_, { rounds, seconds }) {
    const all = seconds ?? SECONDS;
    return Promise.resolve([
      {
        name: 'socket callback to subscriber',
        input: `${RATE} frames of Kraken a second, ${rounds} turns of ${(all / rounds).toFixed(1)} s each`,
        watch: () => watch(rounds, (all * 1_000) / rounds),
      },
    ]);
  },
};

async function watch(rounds: number, turn_ms: number): Promise<Figure[]> {
  const stage = await openLiveStage();
  try {
    return await turns(stage, rounds, turn_ms);
  } finally {
    await stage.close();
  }
}

async function turns(stage: LiveStage, rounds: number, turn_ms: number): Promise<Figure[]> {
  const { servers } = stage;
  await publishHour(stage, eventsOfHour(DRAINED_EVENTS));
  const [ours, theirs] = [await stage.openVenue(), await stage.openVenue()];
  const connector = await stage.openConnector(ours.url);
  stage.start('live-forwarder.ts', [servers.nats.url, theirs.url, VENUE_FEED, ...MARKETS]);
  const drain = stage.start('live-drain.ts', [servers.nats.url, 'test']);
  const heard = listen(stage, connector);
  await until('a forwarder that forwards', () => heard.forwards());
  const take = async (venue: typeof ours): Promise<Sample> => {
    ours.send(venue === ours ? RATE : RATE_BESIDE);
    theirs.send(venue === theirs ? RATE : RATE_BESIDE);
    await wait(SETTLE_MS);
    heard.begin(venue === ours ? 'connector' : 'forwarder');
    await wait(turn_ms);
    return heard.end();
  };
  const samples: Record<'forwarder' | 'connector' | 'beside', Sample[]> = {
    ...{ forwarder: [], connector: [], beside: [] },
  };
  let drained = 0;
  for (let round = -1; round < rounds; round++) {
    const forwarder = await take(theirs);
    const alone = await take(ours);
    drain.send('on' satisfies DrainOrder);
    const beside = await take(ours);
    drain.send('off' satisfies DrainOrder);
    drained += (await nextWord<DrainWord>(drain, 'drained')).records;
    if (round < 0) continue;
    samples.forwarder.push(forwarder);
    samples.connector.push(alone);
    samples.beside.push(beside);
  }
  await demandWhole(stage, ours, connector);
  if (drained === 0) throw new WrongAnswer('nothing was drained');
  return figuresOf(samples, drained);
}

/** Every frame that was sent is counted, and every event is on the bus. */
async function demandWhole(
  stage: LiveStage,
  venue: Awaited<ReturnType<LiveStage['openVenue']>>,
  connector: LiveConnector,
): Promise<void> {
  venue.send(0);
  await wait(SETTLE_MS);
  const { frames, drops } = await connector.status();
  demandEqual(frames, await venue.sent(), 'frames received, and sent');
  demandEqual(drops, 0, 'frames dropped');
  await connector.stop();
  await demandAllOnBus(stage);
}

function figuresOf(
  samples: Readonly<Record<'forwarder' | 'connector' | 'beside', readonly Sample[]>>,
  drained: number,
): Figure[] {
  const figures: Figure[] = [];
  const median = (of: keyof typeof samples, name: 'p50' | 'p99' | 'p999'): number =>
    spreadOf(samples[of].map((it) => it[name])).median;
  const goals = { connector: 1, beside: 3, forwarder: null };
  const names = {
    forwarder: 'forwarder',
    connector: 'ssmd',
    beside: 'ssmd beside a drain',
  } as const;
  for (const who of ['forwarder', 'connector', 'beside'] as const) {
    for (const name of ['p50', 'p99', 'p999'] as const) {
      const at_most = name === 'p99' ? goals[who] : null;
      const { low, high } = spreadOf(samples[who].map((it) => it[name]));
      const unit = `ms (${low.toFixed(2)} .. ${high.toFixed(2)})`;
      const shown = name === 'p999' ? 'p99.9' : name;
      figures.push({ name: `${names[who]}, ${shown}`, value: median(who, name), unit, at_most });
    }
  }
  const ratio = median('connector', 'p99') / median('forwarder', 'p99');
  figures.push({ name: 'p99, ssmd to forwarder', value: ratio, unit: '', at_most: 2.5 });
  const n = samples.connector.reduce((sum, it) => sum + it.n, 0);
  figures.push({ name: 'messages of ssmd measured', value: n, unit: '', at_most: null });
  figures.push({ name: 'events archived beside it', value: drained, unit: '', at_most: null });
  return figures;
}

/** Hears both; keeps the latencies, ms, of the one that is measured. */
function listen(
  { core }: LiveStage,
  { offset }: LiveConnector,
): {
  readonly begin: (of: 'connector' | 'forwarder') => void;
  readonly end: () => Sample;
  /** Whether anything came from the forwarder yet. */
  readonly forwards: () => boolean;
} {
  let forwards = false;
  let measured: 'connector' | 'forwarder' | null = null;
  let found: number[] = [];
  core.subscribe('md.>', {
    callback(error, { data }) {
      if (error !== null || measured !== 'connector') return;
      const sent = readHeader(data, 0).t - offset;
      found.push(Number(process.hrtime.bigint() - sent) / 1e6);
    },
  });
  core.subscribe(FORWARDED, {
    callback(error, { data }) {
      forwards = true;
      if (error !== null || measured !== 'forwarder') return;
      const sent = Buffer.from(data.buffer, data.byteOffset, 8).readBigInt64LE();
      found.push(Number(process.hrtime.bigint() - sent) / 1e6);
    },
  });
  return {
    forwards: () => forwards,
    begin(of) {
      found = [];
      measured = of;
    },
    end() {
      measured = null;
      const sorted = Float64Array.from(found).sort();
      if (sorted.length === 0) throw new WrongAnswer('nothing was received');
      const at = (share: number): number => sorted[Math.floor(share * (sorted.length - 1))] ?? NaN;
      return { p50: at(0.5), p99: at(0.99), p999: at(0.999), n: sorted.length };
    },
  };
}
