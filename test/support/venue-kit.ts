/** Talking to a simulated venue without socket or clock. */
import assert from 'node:assert/strict';
import type { FaultPlan, LedgerEntry } from '../../connectors/simulator/faults.ts';
import { openHarness, type Harness } from '../../connectors/simulator/harness.ts';
import { VENUES } from '../../connectors/simulator/registry.ts';
import type { About, VenueConnection } from '../../connectors/simulator/venue.ts';
import type { VenueCard } from './cards/venue.ts';

export const START_NS = 1_763_683_200_000_000_000n;
export const SECOND_NS = 1_000_000_000n;

export type Heard = { readonly text: string; readonly about: About | null; readonly at_ns: bigint };

/** What one connection heard. */
export type Client = {
  readonly connection: VenueConnection;
  readonly heard: Heard[];
  readonly pings: bigint[];
  closed: { readonly code: number; readonly reason: string; readonly at_ns: bigint } | null;
};

export type OpenOptions = { readonly seed?: number; readonly rate?: number };

/** A venue alone, without faults. */
export function openVenue(feed: string, symbols: readonly string[], options: OpenOptions = {}) {
  const create = VENUES.get(feed);
  assert.ok(create, `no venue ${feed}`);
  const { seed = 7, rate = 5 } = options;
  const venue = create({ seed, symbols, start_ns: START_NS, rate });
  const connect = (path: string, now_ns: bigint = START_NS): Client => {
    const client: Partial<Client> & { heard: Heard[] } = { heard: [], pings: [], closed: null };
    const connection = venue.connect(path, now_ns, {
      frame: (text, about, at_ns) => client.heard.push({ text, about, at_ns }),
      ping: (at_ns) => client.pings?.push(at_ns),
      close: (code, reason, at_ns) => {
        client.closed = { code, reason, at_ns };
      },
    });
    assert.ok(connection, `path ${path} is refused`);
    return Object.assign(client, { connection }) as Client;
  };
  return { venue, connect };
}

export type Sent = { readonly payload: string | Uint8Array; readonly at_ns: bigint };
export type Line = {
  readonly frames: Sent[];
  readonly connection: VenueConnection;
  closed: { readonly code: number | null; readonly at_ns: bigint } | null;
};

/** A venue with faults. */
export function openFaulty(feed: string, symbols: readonly string[], faults: FaultPlan) {
  const create = VENUES.get(feed);
  assert.ok(create, `no venue ${feed}`);
  const harness = openHarness({ create, seed: 7, symbols, start_ns: START_NS, rate: 20, faults });
  return { harness, ledger: harness.ledger as readonly LedgerEntry[] };
}

/** Connects through the harness; a refused upgrade comes back as its status. */
export function dial(harness: Harness, path: string, now_ns: bigint): Line | number {
  const line: Partial<Line> & { frames: Sent[] } = { frames: [], closed: null };
  const result = harness.connect(path, now_ns, {
    frame: (payload, at_ns) => line.frames.push({ payload, at_ns }),
    ping: () => {},
    close: (code, _reason, at_ns) => {
      line.closed = { code, at_ns };
    },
  });
  return 'status' in result ? result.status : (Object.assign(line, { connection: result }) as Line);
}

/** Sends a card's requests on a path. */
export function subscribeAll(
  card: VenueCard,
  path: string,
  connection: VenueConnection,
  now_ns: bigint,
): void {
  for (const request of card.subscribe(path, card.symbols, 100)) {
    connection.onMessage(request, now_ns);
  }
}

/** Everything heard of a card's markets on all its sockets, socket by socket. */
export function hearAll(
  card: VenueCard,
  {
    symbols = card.symbols,
    seconds,
    rate = 20,
    asked_s = 0,
  }: {
    readonly symbols?: readonly string[];
    readonly seconds: number;
    readonly rate?: number;
    /** When it is asked, after the start. */
    readonly asked_s?: number;
  },
): Heard[] {
  const { venue, connect } = openVenue(card.feed, symbols, { rate });
  const asked_ns = START_NS + BigInt(asked_s) * SECOND_NS;
  const clients = card.paths.map((path) => {
    const client = connect(path, asked_ns);
    subscribeAll({ ...card, symbols }, path, client.connection, asked_ns);
    return client;
  });
  venue.advance(asked_ns + BigInt(seconds) * SECOND_NS);
  return clients.flatMap(({ heard }) => heard);
}

/** The keys of a value in their order, types at the leaves; lists by their first element. */
export function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 ? [] : [shapeOf(value[0])];
  if (typeof value !== 'object' || value === null) return value === null ? 'null' : typeof value;
  return Object.entries(value).map(([key, inner]) => [key, shapeOf(inner)]);
}
