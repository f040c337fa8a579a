/**
 * OKX's public WebSocket v5 from the venue's side, for the simulator: `/ws/v5/public` and
 * `/ws/v5/business`, an acknowledgement or an error for each argument of a request, `pong` to `ping`,
 * and the end of a connection on which nothing was sent for 30 s. Books chain by `prevSeqId`; their
 * checksums are right up to the spring of 2026 and 0 since, as the venue's are. Source: OKX v5
 * documentation, read 2026-11, and recordings. It shares no code with the connector.
 */
import { nsFromUs, usFromNs } from '../simulator/format.ts';
import { Random } from '../simulator/random.ts';
import type { Venue, VenueConnection, VenueOptions, VenueSink } from '../simulator/venue.ts';
import { OkxListing, type Listener } from './venue-listing.ts';
import {
  CHANNELS,
  PATHS,
  ackText,
  channelNamed,
  errorText,
  readRequest,
  unknownText,
  type Arg,
  type ChannelName,
  type Path,
} from './venue-requests.ts';

const IDLE_US = 30e6;
const HOUR_US = 3_600e6;
const REQUESTS_PER_HOUR = 480;

type Client = {
  readonly sink: VenueSink;
  readonly path: Path;
  readonly conn: string;
  readonly listener: Listener;
  /** Acknowledged subscriptions, by channel and market. */
  readonly wants: Map<string, { readonly listing: OkxListing; readonly channel: ChannelName }>;
  /** When it is cut, unless something is sent before. */
  due_us: number;
  hour_us: number;
  requests: number;
};

export function createOkxVenue(options: VenueOptions): Venue {
  return new OkxVenue(options);
}

class OkxVenue implements Venue {
  readonly feed = 'okx';
  readonly base_path = '';
  readonly #options: VenueOptions;
  readonly #random: Random;
  readonly #listings: ReadonlyMap<string, OkxListing>;
  readonly #order: readonly OkxListing[];
  readonly #clients = new Set<Client>();

  constructor(options: VenueOptions) {
    const { symbols, seed, rate, start_ns } = options;
    const start_us = usFromNs(start_ns);
    this.#options = options;
    this.#random = new Random(seed, 'okx connections');
    this.#order = symbols.map((symbol) => new OkxListing(symbol, seed, rate, start_us));
    this.#listings = new Map(this.#order.map((it) => [it.instrument.symbol, it]));
  }

  connect(path: string, now_ns: bigint, sink: VenueSink): VenueConnection | null {
    const place = PATHS[path.replace(/[?].*$/, '')];
    if (place === undefined) return null;
    const us = usFromNs(now_ns);
    this.#advance(us);
    const client: Client = {
      sink,
      path: place,
      conn: this.#random.bits().toString(16).padStart(8, '0'),
      listener: {
        hear: (text, about, at_us) => {
          client.due_us = at_us + IDLE_US;
          sink.frame(text, about, nsFromUs(at_us));
        },
      },
      wants: new Map(),
      due_us: us + IDLE_US,
      hour_us: us,
      requests: 0,
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
    for (const { due_us } of this.#clients) if (due_us < next) next = due_us;
    return next;
  }

  #advance(until: number): void {
    for (let next = this.#nextUs(); next <= until; next = this.#nextUs()) {
      for (const listing of this.#order) if (listing.nextUs === next) listing.advance(next);
      for (const client of this.#clients) {
        if (client.due_us !== next) continue;
        this.#drop(client);
        client.sink.close(4004, 'No data received in 30s.', nsFromUs(next));
      }
    }
  }

  #drop(client: Client): void {
    this.#clients.delete(client);
    for (const { listing, channel } of client.wants.values()) {
      listing.leave(channel, client.listener);
    }
    client.wants.clear();
  }

  #say(client: Client, text: string, us: number): void {
    client.due_us = us + IDLE_US;
    client.sink.frame(text, null, nsFromUs(us));
  }

  #hear(client: Client, text: string, us: number): void {
    const request = readRequest(text);
    if (request.op === 'ping') return this.#say(client, 'pong', us);
    if (request.op === 'error') {
      return this.#say(client, errorText(request.code, request.msg, null, client.conn), us);
    }
    const { op, id, args } = request;
    if (us - client.hour_us >= HOUR_US) {
      client.hour_us = us;
      client.requests = 0;
    }
    if (++client.requests > REQUESTS_PER_HOUR) {
      return this.#say(client, errorText('60014', 'Requests too frequent', id, client.conn), us);
    }
    for (const arg of args) {
      if (op === 'unsubscribe') this.#unsubscribe(client, arg, id, us);
      else this.#subscribe(client, arg, id, us);
    }
  }

  #subscribe(client: Client, arg: Arg, id: string | null, us: number): void {
    const channel = channelNamed(arg.channel);
    const listing = this.#listings.get(arg.instId);
    const about = { channel: arg.channel, symbol: arg.instId };
    if (
      channel === null ||
      CHANNELS[channel] !== client.path ||
      listing?.serves(channel) !== true ||
      this.#options.refuses?.(about, nsFromUs(us)) === true
    ) {
      return this.#say(client, errorText('60018', unknownText(arg), id, client.conn), us);
    }
    this.#say(client, ackText('subscribe', arg, id, client.conn), us);
    const key = keyOf(arg);
    if (client.wants.has(key)) return;
    client.wants.set(key, { listing, channel });
    listing.listen(channel, client.listener, us);
  }

  #unsubscribe(client: Client, arg: Arg, id: string | null, us: number): void {
    const wanted = client.wants.get(keyOf(arg));
    client.wants.delete(keyOf(arg));
    wanted?.listing.leave(wanted.channel, client.listener);
    this.#say(client, ackText('unsubscribe', arg, id, client.conn), us);
  }
}

function keyOf({ channel, instId }: Arg): string {
  return `${channel} ${instId}`;
}
