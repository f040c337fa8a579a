/**
 * Coinbase's Advanced Trade WebSocket from the venue's side, for the simulator: frames numbered by one
 * over all channels of a connection, a statement of all subscriptions after each request, heartbeats
 * each second, and the end of a connection that asks for nothing in 5 s, or on which nothing was sent
 * for 90. Source: docs.cdp.coinbase.com, read 2026-11, and published frames. It shares no code with the
 * connector.
 */
import { nsFromUs, usFromNs } from '../simulator/format.ts';
import type { About, Venue, VenueConnection, VenueOptions, VenueSink } from '../simulator/venue.ts';
import { CoinbaseListing, type Listener } from './venue-listing.ts';
import {
  CHANNELS,
  HEARTBEATS,
  errorText,
  readRequest,
  unknownProduct,
  type ChannelName,
} from './venue-requests.ts';
import { envelope, heartbeatEvent, statementEvent } from './venue-texts.ts';

const UNASKED_US = 5e6;
const IDLE_US = 90e6;
const HEARTBEAT_US = 1e6;

type Client = {
  readonly sink: VenueSink;
  readonly listener: Listener;
  /** Listings by channel, in the order they were asked for. */
  readonly wants: Map<ChannelName, Set<CoinbaseListing>>;
  number: number;
  /** The next heartbeat; Infinity where none was asked for. */
  beat_us: number;
  /** When it is cut, unless something is sent before. */
  idle_us: number;
};

export function createCoinbaseVenue(options: VenueOptions): Venue {
  return new CoinbaseVenue(options);
}

class CoinbaseVenue implements Venue {
  readonly feed = 'coinbase';
  readonly base_path = '';
  readonly #options: VenueOptions;
  readonly #listings: ReadonlyMap<string, CoinbaseListing>;
  readonly #order: readonly CoinbaseListing[];
  readonly #clients = new Set<Client>();

  constructor(options: VenueOptions) {
    const { symbols, seed, rate, start_ns } = options;
    const start_us = usFromNs(start_ns);
    this.#options = options;
    this.#order = symbols.map((symbol) => new CoinbaseListing(symbol, seed, rate, start_us));
    this.#listings = new Map(this.#order.map((it) => [it.product.symbol, it]));
  }

  connect(path: string, now_ns: bigint, sink: VenueSink): VenueConnection | null {
    if (!['', '/'].includes(path.replace(/[?].*$/, ''))) return null;
    const us = usFromNs(now_ns);
    this.#advance(us);
    const client: Client = {
      sink,
      listener: {
        hear: (channel, events, about, at_us) => {
          this.#send(client, channel, events, about, at_us);
        },
      },
      wants: new Map(),
      number: 0,
      beat_us: Infinity,
      idle_us: us + UNASKED_US,
    };
    this.#clients.add(client);
    return {
      onMessage: (text, at_ns) => {
        this.#advance(usFromNs(at_ns));
        if (this.#clients.has(client)) this.#hear(client, text, usFromNs(at_ns));
      },
      onClosed: () => this.#drop(client),
    };
  }

  nextEventNs(): bigint {
    return nsFromUs(this.#nextUs());
  }

  advance(now_ns: bigint): void {
    this.#advance(usFromNs(now_ns));
  }

  #nextUs(): number {
    let next = Infinity;
    for (const { nextUs } of this.#order) if (nextUs < next) next = nextUs;
    for (const { beat_us, idle_us } of this.#clients) next = Math.min(next, beat_us, idle_us);
    return next;
  }

  #advance(until: number): void {
    for (let next = this.#nextUs(); next <= until; next = this.#nextUs()) {
      for (const listing of this.#order) if (listing.nextUs === next) listing.advance(next);
      for (const client of this.#clients) this.#attend(client, next);
    }
  }

  #attend(client: Client, us: number): void {
    if (client.beat_us === us) {
      client.beat_us = us + HEARTBEAT_US;
      this.#send(client, HEARTBEATS, heartbeatEvent(us), null, us);
    }
    if (client.idle_us !== us) return;
    this.#drop(client);
    client.sink.close(1000, '', nsFromUs(us));
  }

  #send(client: Client, channel: string, events: string, about: About | null, us: number): void {
    client.idle_us = us + IDLE_US;
    client.sink.frame(envelope(channel, us, client.number++, events), about, nsFromUs(us));
  }

  #drop(client: Client): void {
    this.#clients.delete(client);
    for (const [channel, listings] of client.wants) {
      for (const listing of listings) listing.leave(channel, client.listener);
    }
    client.wants.clear();
  }

  #hear(client: Client, text: string, us: number): void {
    const request = readRequest(text);
    const refuse = (message: string, reason: string): void => {
      client.sink.frame(errorText(message, reason), null, nsFromUs(us));
    };
    if (request.type === 'error') return refuse(request.message, request.reason);
    const { type, channel, products } = request;
    if (channel === HEARTBEATS) {
      client.beat_us = type === 'subscribe' ? us + HEARTBEAT_US : Infinity;
      return this.#state(client, us);
    }
    const listings: CoinbaseListing[] = [];
    for (const product of products) {
      const listing = this.#listings.get(product);
      const about = { channel, symbol: product };
      const isRefused =
        type === 'subscribe' && this.#options.refuses?.(about, nsFromUs(us)) === true;
      if (listing === undefined || isRefused) {
        return refuse(`Failed to ${type}`, unknownProduct(product));
      }
      listings.push(listing);
    }
    if (type === 'subscribe') this.#subscribe(client, channel, listings, us);
    else this.#unsubscribe(client, channel, listings, us);
  }

  #subscribe(
    client: Client,
    channel: ChannelName,
    listings: readonly CoinbaseListing[],
    us: number,
  ): void {
    const wanted = client.wants.get(channel) ?? new Set();
    const fresh = listings.filter((it) => !wanted.has(it));
    for (const listing of fresh) wanted.add(listing);
    client.wants.set(channel, wanted);
    this.#state(client, us);
    for (const listing of fresh) listing.listen(channel, client.listener, us);
  }

  #unsubscribe(
    client: Client,
    channel: ChannelName,
    listings: readonly CoinbaseListing[],
    us: number,
  ): void {
    for (const listing of listings) {
      client.wants.get(channel)?.delete(listing);
      listing.leave(channel, client.listener);
    }
    this.#state(client, us);
  }

  /** Says what the connection is subscribed to. */
  #state(client: Client, us: number): void {
    const stated = new Map<string, readonly string[]>();
    for (const channel of CHANNELS) {
      const symbols = [...(client.wants.get(channel) ?? [])].map(({ product }) => product.symbol);
      if (symbols.length > 0) stated.set(channel, symbols);
    }
    if (client.beat_us !== Infinity) stated.set(HEARTBEATS, [HEARTBEATS]);
    this.#send(client, 'subscriptions', statementEvent(stated), null, us);
  }
}
