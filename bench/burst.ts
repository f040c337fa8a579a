/**
 * Ten times the usual for half a minute, through a connector as it runs in production: whether all of it
 * arrives, how long the queue takes to empty, and whether memory comes back to where it was.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { demandAllOnBus, openLiveStage } from './live-stage.ts';
import type { LiveConnector, LiveStage, Status, Venue } from './live-stage.ts';
import { demandEqual } from './question.ts';
import type { Figure, Question } from './question.ts';

/** Frames a second; ten times as many in the burst. */
const RATE = 1_000;
const TIMES = 10;
const SECONDS = 30;
/** Before and after it. */
const CALM_MS = 10_000;
const CALM_LOOKS = 5;
const LOOK_MS = 250;
const DRAIN_MS_MAX = 60_000;
const MIB = 1024 * 1024;

export const question: Question = {
  name: 'burst',
  asks: 'what does a burst do to a connector?',
  clock: 'wall',
  open(_, { seconds }) {
    const burst_s = seconds ?? SECONDS;
    return Promise.resolve([
      {
        name: `a burst of ${burst_s} s`,
        input: `${RATE} frames of Kraken a second, then ${RATE * TIMES}, then ${RATE}`,
        async watch() {
          const stage = await openLiveStage();
          try {
            return await watch(stage, burst_s * 1_000);
          } finally {
            await stage.close();
          }
        },
      },
    ]);
  },
};

async function watch(stage: LiveStage, burst_ms: number): Promise<Figure[]> {
  const venue = await stage.openVenue();
  const connector = await stage.openConnector(venue.url);
  // Once at full rate: the engine has compiled, and buffers have grown, that a burst needs once.
  await atRate(venue, connector, RATE * TIMES, CALM_MS);
  const before = await atRest(venue, connector);
  const sent_before = await venue.sent();
  const peak = await atRate(venue, connector, RATE * TIMES, burst_ms);
  const sent = (await venue.sent()) - sent_before;
  venue.send(RATE);
  const emptied_ms = await untilEmpty(connector);
  const after = await atRest(venue, connector);
  venue.send(0);
  await wait(LOOK_MS);
  const { frames, drops } = await connector.status();
  demandEqual(frames, await venue.sent(), 'frames received, and sent');
  demandEqual(drops, 0, 'frames dropped');
  await connector.stop();
  const events = await demandAllOnBus(stage);
  const figure = (name: string, value: number, unit: string, at_most: number | null = null) => ({
    ...{ name, value, unit, at_most },
  });
  const wanted = (RATE * TIMES * burst_ms) / 1_000;
  return [
    figure('frames of the burst', sent, `of ${wanted} wanted`),
    figure('events on the bus, each once', events, ''),
    figure('most events waiting', peak.queued, ''),
    figure('caught up from the log', peak.backlog ? 1 : 0, peak.backlog ? 'yes' : 'no'),
    figure('until the queue was empty', emptied_ms, 'ms'),
    figure('heap before', before.heap_bytes / MIB, 'MiB'),
    figure('heap after, to before', after.heap_bytes / before.heap_bytes, '', 1.1),
    figure('resident before', before.resident_bytes / MIB, 'MiB'),
    figure('resident at most', peak.resident_bytes / MIB, 'MiB'),
    figure('resident after, to before', after.resident_bytes / before.resident_bytes, '', 1.1),
    figure('processor of a frame, in the burst', peak.processor_ns / sent / 1e3, 'us'),
  ];
}

type Peak = Pick<Status, 'resident_bytes' | 'processor_ns'> & {
  readonly queued: number;
  readonly backlog: boolean;
};

/** For so long at a rate; the most of what was seen. */
async function atRate(
  venue: Venue,
  connector: LiveConnector,
  rate: number,
  ms: number,
): Promise<Peak> {
  venue.send(rate);
  const first = await connector.status();
  const until_ms = performance.now() + ms;
  let peak: Peak = { resident_bytes: 0, processor_ns: 0, queued: 0, backlog: false };
  while (performance.now() < until_ms) {
    await wait(LOOK_MS);
    const { resident_bytes, processor_ns, publishing } = await connector.status();
    peak = {
      resident_bytes: Math.max(peak.resident_bytes, resident_bytes),
      processor_ns: processor_ns - first.processor_ns,
      queued: Math.max(peak.queued, Number(publishing['queued'])),
      backlog: peak.backlog || publishing['backlog'] === true,
    };
  }
  return peak;
}

/** The least of several looks at the usual rate: a minute's segment is packed now and then. */
async function atRest(
  venue: Venue,
  connector: LiveConnector,
): Promise<Pick<Status, 'heap_bytes' | 'resident_bytes'>> {
  venue.send(RATE);
  let least = { heap_bytes: Infinity, resident_bytes: Infinity };
  for (let look = 0; look < CALM_LOOKS; look++) {
    await wait(CALM_MS / CALM_LOOKS);
    const { heap_bytes, resident_bytes } = await connector.rested();
    least = {
      heap_bytes: Math.min(least.heap_bytes, heap_bytes),
      resident_bytes: Math.min(least.resident_bytes, resident_bytes),
    };
  }
  return least;
}

/** How long until what waits is no more than a second's worth, as it always is. */
async function untilEmpty(connector: LiveConnector): Promise<number> {
  const from_ms = performance.now();
  for (;;) {
    const { publishing } = await connector.status();
    const took_ms = performance.now() - from_ms;
    if (publishing['backlog'] !== true && Number(publishing['queued']) <= RATE * 2) return took_ms;
    if (took_ms > DRAIN_MS_MAX) demandEqual(publishing['queued'], 0, 'events that wait');
    await wait(LOOK_MS);
  }
}
