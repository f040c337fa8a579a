/** Puts a day's live events on a bus as a publisher would: singles in order of `t`, and positions. */
import type { Bus } from '../../bus/bus.ts';
import { encodeCtl } from '../../bus/ctl.ts';
import { ctlSubject, internalSubject } from '../../bus/subjects.ts';
import type { EventType } from '../../schema/events.ts';
import { NS_PER_HOUR, NS_PER_MINUTE, dayEnd, dayStart, unixNs } from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';
import { TINY_SHARD } from './tiny-day.ts';
import type { LiveEvent } from './tiny-day.ts';

export type BusDayOptions = {
  readonly day: Day;
  readonly feed: string;
  readonly epoch: number;
  readonly normalizer?: string;
  /** Only the positions and events in `[from, until)`. */
  readonly from?: bigint;
  readonly until?: bigint;
  /** Events that never reach the bus, though the positions count them. */
  readonly lose?: (event: LiveEvent) => boolean;
  /** Events that are sent twice. */
  readonly repeat?: (event: LiveEvent) => boolean;
};

/** Publishes the events with a position every ten minutes, from an hour before the day on. */
export async function publishDay(
  bus: Bus,
  events: readonly LiveEvent[],
  options: BusDayOptions,
): Promise<void> {
  const { day, feed, epoch, normalizer = `${feed}@1` } = options;
  let sent = 0;
  let answered = 0;
  let finished: (() => void) | null = null;
  const publisher = await bus.openPublisher({
    shard: TINY_SHARD,
    feed,
    epoch,
    normalizer,
    onOutcome: () => {
      answered++;
      if (answered === sent && finished !== null) finished();
    },
    connect_timeout_ms: 1_000,
  });
  const send = (subject: string, count: number, data: Uint8Array): void => {
    sent++;
    publisher.publish({ subject, id: null, expected: null, count, late: false, t: null, data });
  };
  let next = 0;
  const end = dayEnd(day) + 2n * NS_PER_MINUTE;
  for (let t = dayStart(day) - NS_PER_HOUR; t <= end; t += 10n * NS_PER_MINUTE) {
    const told = t >= (options.from ?? 0n) && t < (options.until ?? end + 1n);
    for (let event = events[next]; event !== undefined && event.t <= t; event = events[++next]) {
      if (!told || options.lose?.(event) === true) continue;
      const subject = internalSubject(TINY_SHARD, feed, event.type as EventType, event.symbol);
      send(subject, 1, event.bytes);
      if (options.repeat?.(event) === true) send(subject, 1, event.bytes);
    }
    if (!told) continue;
    const at = unixNs(t);
    const ctl = { epoch, writer: 'test', t: at, events: next, run: 0, at, normalizer };
    send(ctlSubject(TINY_SHARD, feed), 0, encodeCtl(ctl));
  }
  await new Promise<void>((resolve) => {
    finished = resolve;
    if (answered === sent) resolve();
  });
  await publisher.close();
}
