/**
 * Bybit's public WebSocket v5 of linear contracts from the venue's side, for the simulator: one answer a
 * request, all of which is refused for one bad topic; a snapshot of books and tickers behind it; `pong`
 * to `ping`; and the end of a connection on which nobody said anything for ten minutes. Update ids of
 * books count by one and now and then begin anew at 1. Source: Bybit v5 documentation, read 2026-11. It
 * shares no code with the connector.
 */
import { nsFromUs, usFromNs } from '../simulator/format.ts';
import { Random } from '../simulator/random.ts';
import type { Venue, VenueConnection, VenueOptions, VenueSink } from '../simulator/venue.ts';
import { BybitListing, TOPICS, channelOf, type Listener } from './venue-listing.ts';
import { answerText, readRequest, type Request } from './venue-requests.ts';
import { tradeUuid } from './venue-texts.ts';

const PATH = '/v5/public/linear';
const IDLE_US = 600e6;
const ARGS_CHARACTERS_MAX = 21_000;

type Wanted = { readonly listing: BybitListing; readonly topic: string };

type Client = {
  readonly sink: VenueSink;
  readonly conn: string;
  readonly listener: Listener;
  /** Subscriptions by the words of their topic. */
  readonly wants: Map<string, Wanted>;
  /** When it is cut, unless something is said before. */
  due_us: number;
};

export function createBybitLinearVenue(options: VenueOptions): Venue {
  return new BybitLinearVenue(options);
}

class BybitLinearVenue implements Venue {
  readonly feed = 'bybit-linear';
  readonly base_path = '';
  readonly #options: VenueOptions;
  readonly #random: Random;
  readonly #listings: ReadonlyMap<string, BybitListing>;
  readonly #order: readonly BybitListing[];
  readonly #clients = new Set<Client>();

  constructor(options: VenueOptions) {
    const { symbols, seed, rate, start_ns } = options;
    const start_us = usFromNs(start_ns);
    this.#options = options;
    this.#random = new Random(seed, 'bybit connections');
    this.#order = symbols.map((symbol) => new BybitListing(symbol, seed, rate, start_us));
    this.#listings = new Map(this.#order.map((it) => [it.contract.symbol, it]));
  }

  connect(path: string, now_ns: bigint, sink: VenueSink): VenueConnection | null {
    if (path.replace(/[?].*$/, '') !== PATH) return null;
    const us = usFromNs(now_ns);
    this.#advance(us);
    const client: Client = {
      sink,
      conn: tradeUuid('connection', this.#random.bits()),
      listener: {
        hear: (text, about, at_us) => {
          client.due_us = at_us + IDLE_US;
          sink.frame(text, about, nsFromUs(at_us));
        },
      },
      wants: new Map(),
      due_us: us + IDLE_US,
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
        client.sink.close(1006, 'no active stream', nsFromUs(next));
      }
    }
  }

  #drop(client: Client): void {
    this.#clients.delete(client);
    for (const { listing, topic } of client.wants.values()) listing.leave(topic, client.listener);
    client.wants.clear();
  }

  #hear(client: Client, text: string, us: number): void {
    const request = readRequest(text);
    client.due_us = us + IDLE_US;
    const say = (msg: string, success = false, op: string = request.op): void => {
      const answer = answerText(success, msg, client.conn, { id: request.id, op });
      client.sink.frame(answer, null, nsFromUs(us));
    };
    if (request.op === 'ping') return say('pong', true);
    if (request.op === 'error') return say(request.msg, false, request.asked);
    const fault = this.#faultOf(client, request, us);
    if (fault !== null) return say(fault);
    say('', true);
    for (const words of request.args) {
      if (request.op === 'subscribe') this.#subscribe(client, words, us);
      else this.#unsubscribe(client, words);
    }
  }

  /** Why all of a request is refused, or null. */
  #faultOf(client: Client, { op, args }: Extract<Request, { args: object }>, us: number) {
    if (op === 'unsubscribe') return null;
    for (const words of args) {
      const wanted = this.#find(words);
      if (wanted === null) return `error:handler not found,topic:${words}`;
      if (client.wants.has(words)) return `error:already subscribed,topic:${words}`;
      const about = { channel: channelOf(wanted.topic), symbol: wanted.listing.contract.symbol };
      if (this.#options.refuses?.(about, nsFromUs(us)) === true) {
        return `error:handler not found,topic:${words}`;
      }
    }
    const topics = [...client.wants.keys(), ...args];
    const characters = topics.reduce((sum, words) => sum + words.length + 3, 0);
    return characters > ARGS_CHARACTERS_MAX ? 'error:args length exceeds limit' : null;
  }

  #find(words: string): Wanted | null {
    const point = words.lastIndexOf('.');
    const topic = words.slice(0, Math.max(0, point));
    const listing = this.#listings.get(words.slice(point + 1));
    return listing !== undefined && TOPICS.includes(topic) ? { listing, topic } : null;
  }

  #subscribe(client: Client, words: string, us: number): void {
    const wanted = this.#find(words);
    if (wanted === null) return;
    client.wants.set(words, wanted);
    wanted.listing.listen(wanted.topic, client.listener, us);
  }

  #unsubscribe(client: Client, words: string): void {
    const wanted = client.wants.get(words);
    client.wants.delete(words);
    wanted?.listing.leave(wanted.topic, client.listener);
  }
}
