/**
 * Cards of the connector against the venue: two implementations of one protocol, written apart: the connector's decoder and books understand
 * every frame the simulated venue sends, and find every fault that can be found.
 */
import assert from 'node:assert/strict';
import { EventBuffer, TYPE_BOOK } from '../../../codec/event-buffer.ts';
import { createSymbolTable } from '../../../codec/symbol-table.ts';
import { BOOK, decoderOf, type FeedBook } from '../../../connectors/feed.ts';
import { FEEDS } from '../../../connectors/registry.ts';
import type { FoldConfig, SymbolConfig } from '../../../schema/symbols.ts';
import { SECOND_NS, START_NS, openVenue } from '../venue-kit.ts';
import type { Card } from './card.ts';
import type { VenueCard } from './venue.ts';

const DAY = '2025-11-21';
/** Subscribes with the connector's own requests and returns what it hears. */
function converse(card: VenueCard): { config: FoldConfig; frames: string[][] } {
  const feed = FEEDS.get(card.feed);
  assert.ok(feed);
  const symbols = card.symbols.map((external): SymbolConfig => {
    return { symbol: external.replace('/', ''), external, depth: 'l2' };
  });
  const { channels } = feed.protocol;
  const { book_depth } = card.connector;
  const config: FoldConfig = { feed: card.feed, shard: 'tier1', symbols, channels, book_depth };
  const { venue, connect } = openVenue(card.feed, card.symbols, { rate: 30 });
  let id = 0;
  const clients = feed.protocol.endpoints(config).map((endpoint) => {
    const client = connect(`${venue.base_path}${endpoint.path}`);
    const requests = feed.protocol.subscribe(endpoint.subscriptions, config, () => String(++id));
    for (const { text } of requests) client.connection.onMessage(text, START_NS);
    return client;
  });
  venue.advance(START_NS + 120n * SECOND_NS);
  return { config, frames: clients.map(({ heard }) => heard.map(({ text }) => text)) };
}

type Result = {
  readonly kinds: Map<string, number>;
  readonly strange: string[];
  readonly verified: number;
  readonly failed: number;
  readonly broken: number;
};

/** Decodes and applies frames as the fold would. */
function readAll(config: FoldConfig, connections: readonly (readonly string[])[]): Result {
  const feed = FEEDS.get(config.feed);
  assert.ok(feed);
  const decode = decoderOf(feed, DAY);
  const table = createSymbolTable(config.symbols);
  const buffer = new EventBuffer();
  const kinds = new Map<string, number>();
  const strange: string[] = [];
  const books: FeedBook[] = [];
  let broken = 0;
  for (const frames of connections) {
    const own = config.symbols.map(() => feed.openBook(config.book_depth));
    books.push(...own);
    let number = -1;
    for (const text of frames) {
      const bytes = new TextEncoder().encode(`${text}\n`);
      decode(bytes, 0, bytes.length - 1, table, buffer);
      // A venue may number all it sends on a connection, and nothing of a book.
      const isNumbered = buffer.frame_sequence >= 0;
      if (isNumbered && number >= 0 && buffer.frame_sequence !== number + 1) broken++;
      if (isNumbered) number = buffer.frame_sequence;
      kinds.set(buffer.kind, (kinds.get(buffer.kind) ?? 0) + 1);
      if (buffer.kind === 'rejected' || buffer.kind === 'ignored') {
        strange.push(`${buffer.reason}: ${text.slice(0, 200)}`);
      }
      for (let event = 0; event < buffer.count; event++) {
        if (buffer.type[event] !== TYPE_BOOK) continue;
        const said = own[buffer.symbol[event] as number]?.apply(buffer, event) ?? 0;
        if ((said & BOOK.BROKEN) !== 0) broken++;
      }
    }
  }
  const sum = (pick: (book: FeedBook) => number): number =>
    books.reduce((total, book) => total + pick(book), 0);
  return {
    kinds,
    strange,
    broken,
    verified: sum((book) => book.counts().verified),
    failed: sum((book) => book.counts().failed),
  };
}

type Talk = ReturnType<typeof converse> & { readonly result: Result };
const talks = new Map<string, Talk>();

/** What a venue's card came to, once for all three. */
function talkOf(card: VenueCard): Talk {
  const known = talks.get(card.feed);
  if (known !== undefined) return known;
  const heard = converse(card);
  const talk = { ...heard, result: readAll(heard.config, heard.frames) };
  talks.set(card.feed, talk);
  return talk;
}

function grantsTheConnector(card: VenueCard): void {
  const { kinds } = talkOf(card).result;
  assert.ok((kinds.get('ack') ?? 0) > 0);
  assert.equal(kinds.get('refused'), undefined);
}

function isUnderstood(card: VenueCard): void {
  const { result } = talkOf(card);
  assert.deepEqual(result.strange.slice(0, 3), []);
  assert.ok((result.kinds.get('data') ?? 0) > 5_000, JSON.stringify([...result.kinds]));
  assert.deepEqual([result.failed, result.broken], [0, 0]);
  assert.ok(result.verified > 1_000, `${result.verified} proven`);
}

function lossIsFound(card: VenueCard): void {
  const { config, frames } = talkOf(card);
  let found = 0;
  for (let skip = 20; skip < 30; skip++) {
    const cut = frames.map((texts) => {
      const at = texts.findIndex(
        (text, index) => index > skip * 40 && text.includes(card.connector.update),
      );
      return at < 0 ? texts : texts.toSpliced(at, 1);
    });
    if (readAll(config, cut).broken > 0) found++;
  }
  // One that the next message says again leaves no trace.
  assert.ok(found >= 9, `${found} of 10`);
}

export const CONNECTOR_CARDS: readonly Card[] = [
  {
    ...{ number: 'VENUE-18', title: 'the connector asks', play: grantsTheConnector },
    holds: 'all of its requests are granted',
  },
  {
    ...{ number: 'VENUE-19', title: 'the connector reads', play: isUnderstood },
    holds: 'it understands every frame and proves every book message',
  },
  {
    ...{ number: 'VENUE-20', title: 'the connector misses', play: lossIsFound },
    holds: 'a book message left out is found',
  },
];
