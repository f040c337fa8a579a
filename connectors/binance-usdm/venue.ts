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
  const start_us = usFromNs(options.start_ns);
  const listings = new Map(
    options.symbols.map((symbol) => [
      symbol.toLowerCase(),
      new BinanceListing(symbol.toUpperCase(), options.seed, options.rate, start_us),
    ]),
  );
  const order = [...listings.values()];
  const clients = new Set<Client>();

  const nextUs = (): number => {
    let next = Infinity;
    for (const listing of order) next = Math.min(next, listing.nextUs);
    for (const client of clients) next = Math.min(next, client.ping_us, client.ends_us);
    return next;
  };
  const end = (client: Client, code: number, reason: string, us: number): void => {
    drop(client);
    client.sink.close(code, reason, nsFromUs(us));
  };
  const drop = (client: Client): void => {
    clients.delete(client);
    for (const stream of client.streams.values()) {
      if (stream !== null) listings.get(stream.symbol)?.leave(stream, client);
    }
    client.streams.clear();
  };
  const advanceUs = (until: number): void => {
    for (let next = nextUs(); next <= until; next = nextUs()) {
      for (const listing of order) if (listing.nextUs === next) listing.advance(next);
      for (const client of clients) {
        if (client.ends_us === next) end(client, 1001, 'connection life of 24 h is over', next);
        else if (client.ping_us === next) {
          client.ping_us += PING_US;
          client.sink.ping(nsFromUs(next));
        }
      }
    }
  };

  const subscribe = (client: Client, names: readonly string[], us: number): void => {
    for (const name of names) {
      if (client.streams.has(name)) continue;
      const stream = parseStream(name);
      const listing = stream === null ? undefined : listings.get(stream.symbol);
      const speaks = stream !== null && listing !== undefined && stream.path === client.path;
      client.streams.set(name, speaks ? stream : null);
      if (speaks) listing.listen(stream, client, us);
    }
  };
  const unsubscribe = (client: Client, names: readonly string[]): void => {
    for (const name of names) {
      const stream = client.streams.get(name);
      client.streams.delete(name);
      if (stream) listings.get(stream.symbol)?.leave(stream, client);
    }
  };
  const isRefused = (name: string, now_ns: bigint): boolean => {
    const [symbol = '', ...rest] = name.split('@');
    const about = { channel: rest.join('@'), symbol: symbol.toUpperCase() };
    return options.refuses?.(about, now_ns) ?? false;
  };
  const hear = (client: Client, text: string, us: number): void => {
    if (us - client.second_us >= 1e6) {
      client.second_us = us;
      client.messages = 0;
    }
    if (++client.messages > MESSAGES_PER_SECOND) return end(client, 1008, 'Too many requests', us);
    const at_ns = nsFromUs(us);
    const say = (answer: string): void => client.sink.frame(answer, null, at_ns);
    const request = readRequest(text);
    if ('error' in request) return say(request.error);
    const { method, id, streams } = request;
    if (method === 'LIST_SUBSCRIPTIONS') return say(resultText(id, client.streams.keys()));
    if (method === 'SUBSCRIBE' && streams.some((name) => isRefused(name, at_ns))) {
      return say(errorText(2, 'Invalid request: invalid stream', id));
    }
    say(resultText(id, null));
    if (method === 'SUBSCRIBE') subscribe(client, streams, us);
    else unsubscribe(client, streams);
  };

  return {
    feed: 'binance-usdm',
    connect(path, now_ns, sink): VenueConnection | null {
      const place = parsePlace(path);
      if (place === null) return null;
      const us = usFromNs(now_ns);
      advanceUs(us);
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
      clients.add(client);
      subscribe(client, place.streams, us);
      return {
        onMessage(text, at_ns) {
          advanceUs(usFromNs(at_ns));
          if (clients.has(client)) hear(client, text, usFromNs(at_ns));
        },
        onClosed: () => drop(client),
      };
    },
    nextEventNs: () => nsFromUs(nextUs()),
    advance: (now_ns) => advanceUs(usFromNs(now_ns)),
  };
}
