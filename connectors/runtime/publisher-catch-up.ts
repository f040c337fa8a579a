/**
 * The way back to live: a second fold reads the log (`publisher-backlog.ts`), its events go out as
 * atomic batches of packs with a `ctl` last, one in flight, until it has read all that was offered.
 */
import type { OutMessage, PublishOutcome } from '../../bus/bus.ts';
import type { EventArena } from '../../codec/event-arena.ts';
import type { Backlog } from './publisher-backlog.ts';
import type { PublisherLimits } from './publisher-limits.ts';
import type { LinkKeeper } from './publisher-keeper.ts';
import type { Origin } from './publisher-messages.ts';
import { packedMessages, rejectedIn } from './publisher-messages.ts';
import type { StreamPosition } from './publisher-position.ts';
import type { PublisherQueue } from './publisher-queue.ts';

/** What catching up needs of the publisher. */
export type CatchUpHost = {
  readonly origin: Origin;
  readonly limits: PublisherLimits;
  readonly position: StreamPosition;
  readonly queue: PublisherQueue;
  readonly keeper: LinkKeeper;
  /** `t` of the last line offered. */
  readonly head: () => bigint;
  readonly onDlq: (outcome: PublishOutcome) => void;
  /** All that was offered has been read; what the fold still holds goes into the live queue. */
  readonly onCaughtUp: (out: EventArena) => void;
  readonly warn: (facts: Readonly<Record<string, unknown>>, message: string) => void;
};

type Reached = { readonly t: bigint; readonly events: number };

/**
 * Publishes until everything offered was read, then calls `onCaughtUp` in the same turn: between the
 * last line read and the first one that goes into the queue there must not be another.
 */
export async function catchUp(host: CatchUpHost, backlog: Backlog): Promise<void> {
  const { limits, position, keeper } = host;
  const { out } = backlog.fold;
  for (;;) {
    const state = backlog.read(host.head());
    if (state === 'caught_up' && out.count <= limits.queue_events_max / 4) {
      host.onCaughtUp(out);
      return;
    }
    if (state !== 'more' || position.isDue(limits.ctl_interval_ms)) await flush(host, backlog);
    else await keeper.pause(0);
    await keeper.linked();
  }
}

/** Sends what has gathered; more than a batch holds goes in several, the last one tells `t`. */
async function flush(host: CatchUpHost, backlog: Backlog): Promise<void> {
  const { origin, limits, queue } = host;
  const { out } = backlog.fold;
  const rejected = rejectedIn(origin, out, 0, out.count);
  const packs = packedMessages(origin, out, limits);
  const whole: Reached = { t: backlog.t, events: queue.covered.events + out.count };
  out.clear();
  for (const message of rejected) await putAside(host, message);
  const size = limits.batch_messages_max - 1;
  for (let at = 0; at === 0 || at < packs.length; at += size) {
    const reached = at + size >= packs.length ? whole : queue.covered;
    await sendBatch(host, packs.slice(at, at + size), reached);
  }
}

/** A copy for `dlq`, over whatever connection there is. */
async function putAside(host: CatchUpHost, message: OutMessage): Promise<void> {
  for (;;) {
    const link = await host.keeper.linked();
    const outcome = await link.ask(message);
    if (outcome !== null) return host.onDlq(outcome);
  }
}

/** Returns once the batch is in the stream, however many connections that takes. */
async function sendBatch(
  host: CatchUpHost,
  packs: readonly OutMessage[],
  reached: Reached,
): Promise<void> {
  const { position, queue } = host;
  const { t, events } = reached;
  let done = false;
  const stored = (): void => {
    done = true;
    queue.skipTo(t, events);
  };
  for (;;) {
    const link = await host.keeper.linked();
    if (done) return;
    const record = position.record(t, events);
    position.flight = { record, stored };
    const outcome = await link.batch([...packs, position.message(record)]);
    // Without an answer, the position that is read over the next connection decides.
    if (outcome === null) continue;
    if (outcome.type === 'refused') {
      await refused(host, outcome);
      continue;
    }
    position.expected = outcome.seq;
    position.flight = null;
    stored();
    return;
  }
}

async function refused(
  host: CatchUpHost,
  { reason, detail }: PublishOutcome & { type: 'refused' },
): Promise<void> {
  const { limits } = host;
  host.warn({ event: 'publisher.batch_refused', reason, detail }, 'the bus refused a batch');
  if (reason === 'repeated_id' || reason === 'too_large') {
    throw new Error(`broken invariant: a batch keeps to the server's rules: ${detail}`);
  }
  if (reason === 'busy') {
    host.position.flight = null;
    await host.keeper.pause(limits.busy_wait_ms);
    return;
  }
  host.keeper.reset(limits.reconnect_min_ms);
}
