/**
 * The socket port onto a simulated venue, in one process, on a virtual clock: `t` is the venue's
 * sending instant plus a seeded latency, and one run is like the next to the byte. Frames of one
 * connection never overtake each other.
 */
import type { OpenSocket, Socket, SocketHandlers } from '../runtime/socket.ts';
import type { VirtualClock } from './clock.ts';
import type { Harness } from './harness.ts';
import { Random } from './random.ts';
import type { VenueConnection } from './venue.ts';

/** One way through the network: `base_us`, and on top an exponential part with this mean. */
export type Latency = { readonly base_us: number; readonly jitter_us: number };

export const LATENCY_DEFAULT: Latency = { base_us: 18_000, jitter_us: 4_000 };

export type MemoryVenueOptions = {
  readonly harness: Harness;
  readonly clock: VirtualClock;
  readonly seed: number;
  readonly latency?: Latency;
};

const utf8 = new TextEncoder();

/** Opens in-memory sockets to one simulated venue; of a URL only path and query count. */
export function memoryVenue(options: MemoryVenueOptions): OpenSocket {
  const pump = new VenuePump(options.harness, options.clock);
  let opened = 0;
  return (url, handlers) => {
    const { pathname, search } = new URL(url);
    const random = new Random(options.seed, `latency ${++opened}`);
    const link = new Link(options, pump, handlers, random);
    link.open(`${pathname}${search}`);
    return link;
  };
}

/** Lets the venue live while someone is connected; between times it catches up at the next connect. */
class VenuePump {
  readonly #harness: Harness;
  readonly #clock: VirtualClock;
  #timer: { readonly id: number } | null = null;
  #timer_ns = 0n;

  constructor(harness: Harness, clock: VirtualClock) {
    this.#harness = harness;
    this.#clock = clock;
  }

  /** The instant on the venue's clock: what timers count by, whatever the wall clock says. */
  nowNs(): bigint {
    return this.#clock.nowNs();
  }

  /** Sets the timer to the venue's next event; to be called after anything that may change it. */
  wind(): void {
    if (this.#harness.counts().open === 0) return;
    const next_ns = this.#harness.nextEventNs();
    if (this.#timer !== null) {
      if (this.#timer_ns <= next_ns) return;
      this.#clock.clearTimeout(this.#timer);
    }
    this.#timer_ns = next_ns;
    this.#timer = this.#clock.setTimer(() => {
      this.#timer = null;
      this.#harness.advance(this.nowNs());
      this.wind();
    }, next_ns);
  }
}

type Arrival = { readonly at_ns: bigint; readonly deliver: () => void };

class Link implements Socket {
  readonly #options: MemoryVenueOptions;
  readonly #pump: VenuePump;
  readonly #handlers: SocketHandlers;
  readonly #random: Random;
  readonly #arrivals: Arrival[] = [];
  #head = 0;
  #last_arrival_ns = 0n;
  #last_departure_ns = 0n;
  #venue: VenueConnection | null = null;
  #state: 'opening' | 'open' | 'closing' | 'closed' = 'opening';

  constructor(
    options: MemoryVenueOptions,
    pump: VenuePump,
    handlers: SocketHandlers,
    random: Random,
  ) {
    this.#options = options;
    this.#pump = pump;
    this.#handlers = handlers;
    this.#random = random;
  }

  open(path: string): void {
    this.#depart(() => {
      if (this.#state === 'closed') return;
      const now_ns = this.#pump.nowNs();
      this.#arrive(now_ns, () => this.#onOpen());
      const result = this.#options.harness.connect(path, now_ns, {
        frame: (payload, at_ns) => {
          const bytes = typeof payload === 'string' ? utf8.encode(payload) : payload;
          this.#arrive(at_ns, () => {
            if (this.#state !== 'closed') this.#handlers.onFrame(bytes);
          });
        },
        ping: (at_ns) => this.#arrive(at_ns, () => this.#onPing()),
        close: (code, reason, at_ns) => this.#arrive(at_ns, () => this.#onEnd(code, reason)),
      });
      if ('status' in result) {
        this.#arrivals.length = 0;
        this.#head = 0;
        this.#arrive(now_ns, () => this.#onRefused(result.status, result.headers));
      } else this.#venue = result;
      this.#pump.wind();
    });
  }

  send(text: string): void {
    if (this.#state !== 'open') return;
    this.#depart(() => {
      this.#venue?.onMessage(text, this.#pump.nowNs());
      this.#pump.wind();
    });
  }

  close(code: number, reason: string): void {
    if (this.#state === 'closing' || this.#state === 'closed') return;
    if (this.#state === 'opening') return this.terminate();
    this.#state = 'closing';
    this.#depart(() => {
      this.#venue?.onClosed();
      this.#arrive(this.#pump.nowNs(), () => this.#end(code, reason, 'us'));
    });
  }

  terminate(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#venue?.onClosed();
    this.#options.clock.setTimeout(() => this.#handlers.onClose(null, '', 'us'), 0);
  }

  #onOpen(): void {
    if (this.#state !== 'opening') return;
    this.#state = 'open';
    this.#handlers.onOpen();
  }

  #onPing(): void {
    if (this.#state !== 'closed') this.#handlers.onPing();
  }

  #onRefused(status: number, headers: Readonly<Record<string, string>>): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#handlers.onUpgradeRefused(status, headers);
  }

  #onEnd(code: number | null, reason: string): void {
    const by = this.#state === 'closing' ? 'us' : code === null ? 'network' : 'venue';
    this.#end(code, reason, by);
  }

  #end(code: number | null, reason: string, by: 'venue' | 'us' | 'network'): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#handlers.onClose(code, reason, by);
  }

  #latencyNs(): bigint {
    const { base_us, jitter_us } = this.#options.latency ?? LATENCY_DEFAULT;
    return BigInt(Math.round((base_us + jitter_us * this.#random.exponential()) * 1000));
  }

  /** Towards the venue: `act` runs there, never before what left earlier. */
  #depart(act: () => void): void {
    const at_ns = this.#pump.nowNs() + this.#latencyNs();
    this.#last_departure_ns = later(at_ns, this.#last_departure_ns);
    this.#options.clock.setTimer(act, this.#last_departure_ns);
  }

  /** Towards the client: sent at `sent_ns`, delivered a latency later, never before what left earlier. */
  #arrive(sent_ns: bigint, deliver: () => void): void {
    const at_ns = later(sent_ns + this.#latencyNs(), this.#last_arrival_ns);
    this.#last_arrival_ns = at_ns;
    this.#arrivals.push({ at_ns, deliver });
    if (this.#arrivals.length - this.#head === 1) this.#wait();
  }

  #wait(): void {
    const next = this.#arrivals[this.#head] as Arrival;
    this.#options.clock.setTimer(() => this.#deliver(next), next.at_ns);
  }

  #deliver(expected: Arrival): void {
    if (this.#arrivals[this.#head] !== expected) return;
    this.#head++;
    if (this.#head === this.#arrivals.length) {
      this.#arrivals.length = 0;
      this.#head = 0;
    } else this.#wait();
    expected.deliver();
  }
}

function later(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
