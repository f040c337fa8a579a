/**
 * Kraken's spot WebSocket v2 from the venue's side, for the simulator. It greets with `status`, acks
 * symbol by symbol, heartbeats once a second while something is subscribed, and speaks `book`,
 * `trade`, `ticker`, `ohlc` and `instrument`. Source: docs.kraken.com "Spot WebSockets v2" (read
 * 2026-11) and recorded sessions. It shares no code with the connector.
 */
import { CandleSeries } from '../simulator/candles.ts';
import { nsFromUs, usFromNs } from '../simulator/format.ts';
import { Market } from '../simulator/market.ts';
import { Random } from '../simulator/random.ts';
import type { About, Venue, VenueConnection, VenueOptions, VenueSink } from '../simulator/venue.ts';
import { BookChecksum, BookView } from './venue-book.ts';
import { pairOf, type Pair } from './venue-pairs.ts';
import { CHANNELS, ackText, errorText, pongText, readRequest } from './venue-requests.ts';
import type { Channel, Wanted } from './venue-requests.ts';
import {
  HEARTBEAT,
  bookText,
  instrumentText,
  ohlcText,
  statusText,
  tickerText,
  tradeText,
} from './venue-texts.ts';

const HEARTBEAT_US = 1e6;
/** A connection without a subscription is cut after this long. */
const IDLE_US = 60e6;
const MINUTE_US = 60e6;
const CANDLES_KEPT = 60;

/** One client as the venue sees it. */
type Client = {
  readonly sink: VenueSink;
  /** What it subscribed to, by `key`. */
  readonly wants: Map<string, Wanted>;
  /** The next heartbeat; without subscriptions: when it is cut for idling. */
  due_us: number;
};

type BookFeed = { readonly view: BookView; readonly clients: Set<Client> };
type OhlcFeed = { readonly series: CandleSeries; readonly clients: Set<Client> };

/** One market with everyone who listens to it. */
type Listing = {
  readonly pair: Pair;
  readonly market: Market;
  readonly checksum: BookChecksum;
  readonly books: Map<number, BookFeed>;
  readonly trades: Set<Client>;
  readonly tickers: { readonly trades: Set<Client>; readonly bbo: Set<Client> };
  readonly candles: Map<number, OhlcFeed>;
  readonly about: { readonly [C in Channel]: About };
};

export function createKrakenVenue(options: VenueOptions): Venue {
  return new KrakenVenue(options);
}

class KrakenVenue implements Venue {
  readonly feed = 'kraken';
  readonly base_path = '/v2';
  readonly #options: VenueOptions;
  readonly #random: Random;
  readonly #listings: ReadonlyMap<string, Listing>;
  readonly #order: readonly Listing[];
  readonly #instruments: string;
  readonly #clients = new Set<Client>();

  constructor(options: VenueOptions) {
    const start_us = usFromNs(options.start_ns);
    this.#options = options;
    this.#random = new Random(options.seed, 'kraken connections');
    this.#order = options.symbols.map((symbol) => openListing(symbol, options, start_us));
    this.#listings = new Map(this.#order.map((listing) => [listing.pair.symbol, listing]));
    this.#instruments = instrumentText(this.#order.map((listing) => listing.pair));
  }

  connect(path: string, now_ns: bigint, sink: VenueSink): VenueConnection | null {
    if (path.replace(/[?].*$/, '') !== this.base_path) return null;
    const us = usFromNs(now_ns);
    this.#advance(us);
    const client: Client = { sink, wants: new Map(), due_us: us + IDLE_US };
    this.#clients.add(client);
    const random = this.#random;
    const connection_id = 2n ** 59n + (BigInt(random.bits()) << 30n) + BigInt(random.bits());
    sink.frame(statusText(connection_id.toString()), null, now_ns);
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
    for (const { market } of this.#order) if (market.next_us < next) next = market.next_us;
    for (const client of this.#clients) if (client.due_us < next) next = client.due_us;
    return next;
  }

  #advance(until: number): void {
    for (let next = this.#nextUs(); next <= until; next = this.#nextUs()) {
      for (const listing of this.#order) if (listing.market.next_us === next) stepListing(listing);
      for (const client of this.#clients) if (client.due_us === next) this.#beat(client, next);
    }
  }

  /** A heartbeat where something is subscribed, else the end of an idle connection. */
  #beat(client: Client, us: number): void {
    if (client.wants.size > 0) {
      client.due_us += HEARTBEAT_US;
      client.sink.frame(HEARTBEAT, null, nsFromUs(us));
      return;
    }
    this.#drop(client);
    client.sink.close(1001, 'idle', nsFromUs(us));
  }

  #drop(client: Client): void {
    this.#clients.delete(client);
    for (const wanted of client.wants.values()) detach(this.#listings, client, wanted);
    client.wants.clear();
  }

  #hear(client: Client, text: string, us: number): void {
    const say = (answer: string): void => client.sink.frame(answer, null, nsFromUs(us));
    if (client.wants.size === 0) client.due_us = us + IDLE_US;
    const request = readRequest(text);
    const { method, req_id } = request;
    if ('error' in request) return say(errorText(method, request.error, null, req_id, us));
    if (!('wanted' in request)) return say(pongText(req_id, us));
    for (const wanted of request.wanted) {
      const refusal = this.#refusalOf(client, request.method, wanted, us);
      if (refusal !== null) {
        say(errorText(method, refusal, wanted.symbol, req_id, us));
        continue;
      }
      say(ackText(request.method, wanted, req_id, us));
      if (request.method === 'subscribe') this.#subscribe(client, wanted, us);
      else this.#unsubscribe(client, wanted, us);
    }
  }

  #refusalOf(
    client: Client,
    method: 'subscribe' | 'unsubscribe',
    wanted: Wanted,
    us: number,
  ): string | null {
    const { channel, symbol } = wanted;
    if (symbol !== null && !this.#listings.has(symbol)) {
      return `Currency pair not supported ${symbol}`;
    }
    const held = client.wants.has(keyOf(wanted));
    if (method === 'unsubscribe') return held ? null : 'Subscription Not Found';
    if (held) return 'Already subscribed';
    const refused = this.#options.refuses?.({ channel, symbol }, nsFromUs(us)) ?? false;
    return refused ? `Subscription ${channel} temporarily unavailable` : null;
  }

  #subscribe(client: Client, wanted: Wanted, us: number): void {
    if (client.wants.size === 0) client.due_us = us + HEARTBEAT_US;
    client.wants.set(keyOf(wanted), wanted);
    const listing = wanted.symbol === null ? undefined : this.#listings.get(wanted.symbol);
    if (listing !== undefined) return attach(listing, client, wanted, us);
    client.sink.frame(this.#instruments, { channel: 'instrument', symbol: null }, nsFromUs(us));
  }

  #unsubscribe(client: Client, wanted: Wanted, us: number): void {
    const held = client.wants.get(keyOf(wanted));
    if (held !== undefined) detach(this.#listings, client, held);
    client.wants.delete(keyOf(wanted));
    if (client.wants.size === 0) client.due_us = us + IDLE_US;
  }
}

function openListing(symbol: string, options: VenueOptions, start_us: number): Listing {
  const pair = pairOf(symbol);
  return {
    pair,
    market: new Market(pair, options.seed, options.rate, start_us),
    checksum: new BookChecksum(pair),
    books: new Map(),
    trades: new Set(),
    tickers: { trades: new Set(), bbo: new Set() },
    candles: new Map(),
    about: Object.fromEntries(CHANNELS.map((channel) => [channel, { channel, symbol }])) as {
      [C in Channel]: About;
    },
  };
}

/** A client holds one subscription per channel and symbol (and interval of candles). */
function keyOf({ channel, symbol, interval_min }: Wanted): string {
  return channel === 'ohlc' ? `ohlc ${symbol} ${interval_min}` : `${channel} ${symbol}`;
}

/** One event of a market, told to all who listen. */
function stepListing(listing: Listing): void {
  const { market, pair, about } = listing;
  market.step();
  const us = market.now_us;
  const at_ns = nsFromUs(us);
  const traded = market.fills.length > 0;
  if (traded) {
    tell(listing.trades, about.trade, at_ns, () => tradeText(pair, 'update', market.fills));
  }
  for (const { view, clients } of listing.books.values()) {
    if (clients.size === 0) continue;
    const sides = view.update(market);
    if (sides === null) continue;
    const checksum = listing.checksum.of(market);
    tell(clients, about.book, at_ns, () => bookText(pair, 'update', sides, checksum, us));
  }
  if (traded) {
    tell(listing.tickers.trades, about.ticker, at_ns, () => tickerText(pair, 'update', market, us));
  }
  if (market.quote_changed) {
    tell(listing.tickers.bbo, about.ticker, at_ns, () => tickerText(pair, 'update', market, us));
  }
  if (!traded) return;
  for (const { series, clients } of listing.candles.values()) {
    if (series !== market.minutes) for (const fill of market.fills) series.add(us, fill);
    tell(clients, about.ohlc, at_ns, () => ohlcText(pair, 'update', series, us));
  }
}

function tell(clients: Set<Client>, about: About, at_ns: bigint, text: () => string): void {
  if (clients.size === 0) return;
  const frame = text();
  for (const client of clients) client.sink.frame(frame, about, at_ns);
}

/** Adds a listener and sends it the channel's snapshot. */
function attach(listing: Listing, client: Client, wanted: Wanted, us: number): void {
  const { market, pair, about } = listing;
  const at_ns = nsFromUs(us);
  const say = (text: string, channel: Channel): void => {
    if (wanted.snapshot) client.sink.frame(text, about[channel], at_ns);
  };
  switch (wanted.channel) {
    case 'book': {
      const feed = bookFeedOf(listing, wanted.depth);
      const sides = feed.view.snapshot(market);
      feed.clients.add(client);
      return say(bookText(pair, 'snapshot', sides, listing.checksum.of(market), us), 'book');
    }
    case 'trade':
      listing.trades.add(client);
      return say(tradeText(pair, 'snapshot', market.history), 'trade');
    case 'ticker':
      listing.tickers[wanted.event_trigger].add(client);
      return say(tickerText(pair, 'snapshot', market, us), 'ticker');
    case 'ohlc': {
      const feed = ohlcFeedOf(listing, wanted.interval_min);
      feed.clients.add(client);
      return say(ohlcText(pair, 'snapshot', feed.series, us), 'ohlc');
    }
    case 'instrument':
      return;
    default:
      wanted.channel satisfies never;
  }
}

function detach(listings: ReadonlyMap<string, Listing>, client: Client, wanted: Wanted): void {
  const listing = wanted.symbol === null ? undefined : listings.get(wanted.symbol);
  if (listing === undefined) return;
  for (const feed of listing.books.values()) {
    if (wanted.channel === 'book') feed.clients.delete(client);
  }
  if (wanted.channel === 'trade') listing.trades.delete(client);
  if (wanted.channel === 'ticker') listing.tickers[wanted.event_trigger].delete(client);
  if (wanted.channel === 'ohlc') listing.candles.get(wanted.interval_min)?.clients.delete(client);
}

/** The book feed of a depth. Its view stays in step with the market while someone listens. */
function bookFeedOf(listing: Listing, depth: number): BookFeed {
  const feed = listing.books.get(depth) ?? {
    view: new BookView(depth, listing.pair),
    clients: new Set<Client>(),
  };
  listing.books.set(depth, feed);
  return feed;
}

/** Candles of an interval; a longer one begins with the minute that is open when first asked for. */
function ohlcFeedOf(listing: Listing, interval_min: number): OhlcFeed {
  const known = listing.candles.get(interval_min);
  if (known !== undefined) return known;
  const { market } = listing;
  const minutes = interval_min === 1;
  const series = minutes
    ? market.minutes
    : new CandleSeries(interval_min * MINUTE_US, CANDLES_KEPT);
  if (!minutes) for (const fill of market.history) series.add(fill.us, fill);
  const feed = { series, clients: new Set<Client>() };
  listing.candles.set(interval_min, feed);
  return feed;
}
