/** The memory bus as one process of the model sees it. */
import type { Bus, BusPublisher } from '../../../bus/bus.ts';
import { SsmdError } from '../../../schema/errors.ts';
import type { VirtualClock } from '../../../connectors/simulator/clock.ts';
import type { ModelProcess } from './process.ts';

/** What a killed process had handed to its kernel still arrives within this. */
const LINGER_NS = 2_000_000_000n;
const never = new Promise<never>(() => undefined);

/** `lingers`: whether what a process had sent when it was killed still reaches the server. */
export function busFor(
  process: ModelProcess,
  {
    bus,
    world,
    lingers,
  }: {
    readonly bus: Bus;
    readonly world: VirtualClock;
    readonly lingers: () => boolean;
  },
): Bus {
  const ask = <T>(question: () => Promise<T>): Promise<T> =>
    process.acts() ? process.seen(question()) : never;

  function over(inner: BusPublisher): BusPublisher {
    process.onDeath(() => {
      if (!lingers()) void inner.close();
      else world.setTimer(() => void inner.close(), world.nowNs() + LINGER_NS);
    });
    let sent = 0;
    return {
      lastCtl: () => ask(inner.lastCtl),
      lastMessages: (pattern) => ask(() => inner.lastMessages(pattern)),
      lastMessage: (pattern) => ask(() => inner.lastMessage(pattern)),
      publish(message) {
        sent += 1;
        return process.acts() ? inner.publish(message) : sent;
      },
      publishBatch: (messages) => ask(() => inner.publishBatch(messages)),
      closed: process.seen(inner.closed),
      close: () => (process.alive() ? process.seen(inner.close()) : never),
    };
  }

  return {
    ...bus,
    async openPublisher(options) {
      if (!process.acts()) return never;
      const inner = await bus.openPublisher({
        ...options,
        onOutcome: (token, outcome) => process.deliver(() => options.onOutcome(token, outcome)),
      });
      return process.seen(Promise.resolve(over(inner)));
    },
    lastCtl: (shard, feed) => ask(() => bus.lastCtl(shard, feed)),
    bounds: () => ask(() => bus.bounds()),
    async *readRange(request) {
      if (!process.alive()) await never;
      for await (const message of bus.readRange(request)) yield message;
    },
  };
}

/** A job asks while the bus is down. */
export function busAway(): SsmdError {
  return new SsmdError('SSMD_UNAVAILABLE', 'the bus is down', { retryable: true });
}
