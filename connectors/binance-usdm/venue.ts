/**
 * Binance USD-M futures' market streams from the venue's side, for the simulator: sockets by path
 * (`/public`, `/market`), live SUBSCRIBE / UNSUBSCRIBE / LIST_SUBSCRIPTIONS, a ping every three
 * minutes, an end after 24 hours. A stream asked for on the wrong path, or one the venue does not
 * know, is acknowledged and then silent, as in life. Source: developers.binance.com "USDS-Margined
 * Futures, WebSocket Market Streams" (read 2026-11) and recordings. It shares no code with the
 * connector.
 */
import { nsFromUs, usFromNs } from '../simulator/format.ts';
import type { Venue, VenueConnection, VenueOptions, VenueSink } from '../simulator/venue.ts';
import { BinanceListing } from './venue-listing.ts';
import { errorText, parsePlace, parseStream, readRequest, resultText } from './venue-streams.ts';
import type { Path, Stream } from './venue-streams.ts';

const PING_US = 180e6;
const LIFE_US = 86_400e6;
/** More client messages within a second end the connection. */
const MESSAGES_PER_SECOND = 10;

type Client = {
  readonly sink: VenueSink;
  readonly combined: boolean;
  readonly path: Path;
  /** Every acknowledged name; those that speak here have a stream. */
  readonly streams: Map<string, Stream | null>;
  readonly ends_us: number;
  ping_us: number;
  second_us: number;
  messages: number;
};

export function createBinanceUsdmVenue(options: VenueOptions): Venue {
  return new BinanceUsdmVenue(options);
}

class BinanceUsdmVenue implements Venue {
  readonly feed = 'binance-usdm';
  readonly base_path = '';
  readonly #options: VenueOptions;
  readonly #listings: ReadonlyMap<string, BinanceListing>;
  readonly #order: readonly BinanceListing[];
  readonly #clients = new Set<Client>();

  constructor(options: VenueOptions) {
    const { symbols, seed, rate, start_ns } = options;
    this.#options = options;
    const listings = symbols.map((symbol): [string, BinanceListing] => {
      const name = symbol.toUpperCase();
      return [symbol.toLowerCase(), new BinanceListing(name, seed, rate, usFromNs(start_ns))];
    });
    this.#listings = new Map(listings);
    this.#order = listings.map(([, listing]) => listing);
  }

  connect(path: string, now_ns: bigint, sink: VenueSink): VenueConnection | null {
    const place = parsePlace(path);
    if (place === null) return null;
    const us = usFromNs(now_ns);
    this.#advance(us);
    const client: Client = {
      sink,
      combined: place.combined,
      path: place.path,
      streams: new Map(),
      ends_us: us + LIFE_US,
      ping_us: us + PING_US,
      second_us: us,
      messages: 0,
    };
    this.#clients.add(client);
    this.#subscribe(client, place.streams, us);
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
    for (const listing of this.#order) next = Math.min(next, listing.nextUs);
    for (const client of this.#clients) next = Math.min(next, client.ping_us, client.ends_us);
    return next;
  }

  #advance(until: number): void {
    for (let next = this.#nextUs(); next <= until; next = this.#nextUs()) {
      for (const listing of this.#order) if (listing.nextUs === next) listing.advance(next);
      for (const client of this.#clients) {
        if (client.ends_us === next) this.#end(client, 1001, 'life of 24 h is over', next);
        else if (client.ping_us === next) {
          client.ping_us += PING_US;
          client.sink.ping(nsFromUs(next));
        }
      }
    }
  }

  #end(client: Client, code: number, reason: string, us: number): void {
    this.#drop(client);
    client.sink.close(code, reason, nsFromUs(us));
  }

  #drop(client: Client): void {
    this.#clients.delete(client);
    this.#unsubscribe(client, [...client.streams.keys()]);
  }

  #hear(client: Client, text: string, us: number): void {
    if (us - client.second_us >= 1e6) {
      client.second_us = us;
      client.messages = 0;
    }
    if (++client.messages > MESSAGES_PER_SECOND) {
      return this.#end(client, 1008, 'Too many requests', us);
    }
    const say = (answer: string): void => client.sink.frame(answer, null, nsFromUs(us));
    const request = readRequest(text);
    if ('error' in request) return say(request.error);
    const { method, id, streams } = request;
    if (method === 'LIST_SUBSCRIPTIONS') return say(resultText(id, client.streams.keys()));
    if (method === 'SUBSCRIBE' && streams.some((name) => this.#isRefused(name, us))) {
      return say(errorText(2, 'Invalid request: invalid stream', id));
    }
    say(resultText(id, null));
    if (method === 'SUBSCRIBE') this.#subscribe(client, streams, us);
    else this.#unsubscribe(client, streams);
  }

  #isRefused(name: string, us: number): boolean {
    const [symbol = '', ...rest] = name.split('@');
    const about = { channel: rest.join('@'), symbol: symbol.toUpperCase() };
    return this.#options.refuses?.(about, nsFromUs(us)) ?? false;
  }

  /** A name that cannot speak here is kept all the same: the venue lists it, and stays silent. */
  #subscribe(client: Client, names: readonly string[], us: number): void {
    for (const name of names) {
      if (client.streams.has(name)) continue;
      const stream = parseStream(name);
      const listing = stream === null ? undefined : this.#listings.get(stream.symbol);
      const speaks = stream !== null && listing !== undefined && stream.path === client.path;
      client.streams.set(name, speaks ? stream : null);
      if (speaks) listing.listen(stream, client, us);
    }
  }

  #unsubscribe(client: Client, names: readonly string[]): void {
    for (const name of names) {
      const stream = client.streams.get(name);
      client.streams.delete(name);
      if (stream) this.#listings.get(stream.symbol)?.leave(stream, client);
    }
  }
}
