/** Cards of market data: the same bytes for the same seed, and books, trades and sums that are true. */
import assert from 'node:assert/strict';
import { SECOND_NS, START_NS, hearAll, openVenue, subscribeAll } from '../venue-kit.ts';
import type { Heard } from '../venue-kit.ts';
import type { Card } from './card.ts';
import { played } from './venue.ts';
import type { BookProof, VenueCard } from './venue.ts';

function sameSeed(card: VenueCard): void {
  const run = (seed: number): string => {
    const { venue, connect } = openVenue(card.feed, card.symbols, { seed, rate: 20 });
    const clients = card.paths.map((path) => {
      const client = connect(path);
      subscribeAll(card, path, client.connection, START_NS + SECOND_NS);
      return client;
    });
    venue.advance(START_NS + 90n * SECOND_NS);
    const heard = clients.flatMap((client) => client.heard);
    return heard.map(({ text, at_ns }) => `${at_ns} ${text}`).join('\n');
  };
  assert.equal(run(1), run(1));
  assert.notEqual(run(1), run(2));
}

function whoElseListens(card: VenueCard): void {
  // The first message of a chain names what came before it, told or not; another connection counts
  // its frames anew.
  const told = (text: string): string => text.replace(/"pu":\d+/, '');
  const texts = (early: boolean): string[] => {
    const { venue, connect } = openVenue(card.feed, card.symbols);
    if (early) {
      for (const path of card.paths) {
        subscribeAll(card, path, connect(path).connection, START_NS);
      }
    }
    const at_ns = START_NS + 40n * SECOND_NS;
    const { path } = card.struck;
    const client = connect(path, at_ns);
    subscribeAll(card, path, client.connection, at_ns);
    venue.advance(at_ns + 30n * SECOND_NS);
    return client.heard.filter(({ about }) => about !== null).map(({ text }) => told(text));
  };
  const early = texts(true);
  assert.deepEqual(early, texts(false));
  assert.ok(early.length > 50);
}

function provesItsBooks(card: VenueCard): void {
  const proofs = played(card.books) ?? assert.fail();
  assert.ok(proofs.length > 0);
  const { path, symbol } = card.struck;
  for (const proof of proofs) {
    const reader = proof.open();
    for (const heard of bookHeard(card, proof, path, symbol)) reader.hear(heard);
    const proven = reader.proven();
    for (const [what, least] of Object.entries(proof.at_least)) {
      assert.ok((proven[what] ?? 0) >= least, `${proof.name}: ${what} ${proven[what]} times`);
    }
  }
}

function bookHeard(
  card: VenueCard,
  { rate, seconds, requests }: BookProof,
  path: string,
  symbol: string,
): readonly Heard[] {
  const { venue, connect } = openVenue(card.feed, [symbol], { rate });
  const client = connect(path);
  const asked = requests ?? card.subscribe(path, [symbol], 100);
  for (const request of asked) client.connection.onMessage(request, START_NS);
  // The client's part of staying connected.
  const ping = played(card.ping);
  for (let second = 20; second <= seconds; second += 20) {
    venue.advance(START_NS + BigInt(second) * SECOND_NS);
    if (ping !== null) {
      client.connection.onMessage(ping.text, START_NS + BigInt(second) * SECOND_NS);
    }
  }
  return client.heard;
}

function tradesFollow(card: VenueCard): void {
  const trades = played(card.trades) ?? assert.fail();
  const symbols = [card.struck.symbol];
  const heard = hearAll(card, { symbols, asked_s: 4, seconds: 90, rate: 50 });
  const count = trades(heard);
  assert.ok(count > 300, `${count} trades`);
}

function sumsAgree(card: VenueCard): void {
  const sums = played(card.sums) ?? assert.fail();
  const heard = hearAll(card, { symbols: [card.struck.symbol], seconds: 310, rate: 25 });
  const count = sums(heard);
  assert.ok(count > 50, `${count} trades`);
}

function printsAsTheVenue(card: VenueCard): void {
  const formats = played(card.formats) ?? assert.fail();
  const heard = hearAll(card, { seconds: 300, rate: 10 });
  const channels = new Set(heard.flatMap(({ about }) => about?.channel ?? []));
  assert.deepEqual([...channels].sort(), Object.keys(formats).sort(), 'all channels, no other');
  for (const { about, text } of heard) {
    const format = about === null ? undefined : formats[about.channel];
    if (format !== undefined) assert.match(text, format);
  }
}

function beginsAnew(card: VenueCard): void {
  const { subscribe, unsubscribe, snapshot, open } = played(card.again) ?? assert.fail();
  const { path, symbol } = card.struck;
  const { venue, connect } = openVenue(card.feed, [symbol], { rate: 60 });
  const client = connect(path);
  client.connection.onMessage(subscribe, START_NS);
  venue.advance(START_NS + 5n * SECOND_NS);
  client.connection.onMessage(unsubscribe, START_NS + 6n * SECOND_NS);
  const told = client.heard.length;
  venue.advance(START_NS + 9n * SECOND_NS);
  assert.ok(
    client.heard.slice(told).every(({ about }) => about === null),
    'nothing in between',
  );
  client.connection.onMessage(subscribe, START_NS + 10n * SECOND_NS);
  venue.advance(START_NS + 15n * SECOND_NS);
  const reader = open();
  for (const heard of client.heard) reader.hear(heard);
  const data = client.heard.filter(({ about }) => about !== null);
  assert.equal(data.filter(({ text }) => text.includes(snapshot)).length, 2);
  assert.ok(client.heard.slice(told).filter(({ about }) => about !== null).length > 20);
}

function keepsItsOwn(card: VenueCard): void {
  const own = Object.entries(played(card.own) ?? assert.fail());
  assert.ok(own.length > 0);
  for (const [title, play] of own) {
    try {
      play();
    } catch (cause) {
      throw new Error(`${card.feed}: ${title}`, { cause });
    }
  }
}

export const DATA_CARDS: readonly Card[] = [
  {
    ...{ number: 'VENUE-05', title: 'books', cell: 'books', play: provesItsBooks },
    holds: 'thousands of messages fit a plain reader, by every proof that the venue gives',
  },
  {
    ...{ number: 'VENUE-06', title: 'trades', cell: 'trades', play: tradesFollow },
    holds: 'their ids follow each other as the venue says, with nothing between',
  },
  {
    ...{ number: 'VENUE-08', title: 'seed', play: sameSeed },
    holds: 'the same seed gives the same bytes at the same instants, another one does not',
  },
  {
    ...{ number: 'VENUE-09', title: 'listeners', play: whoElseListens },
    holds: 'who else listens, and since when, changes nothing',
  },
  {
    ...{ number: 'VENUE-10', title: 'print', cell: 'formats', play: printsAsTheVenue },
    holds: 'each frame of each channel is printed to the digit and in the order the venue has',
  },
  {
    ...{ number: 'VENUE-11', title: 'sums', cell: 'sums', play: sumsAgree },
    holds: 'candles, quotes, trades and books tell the same story',
  },
  {
    ...{ number: 'VENUE-15', title: 'again', cell: 'again', play: beginsAnew },
    holds: 'a book left is silent; asked for again it begins with a snapshot and goes on right',
  },
  {
    ...{ number: 'VENUE-17', title: 'its own', cell: 'own', play: keepsItsOwn },
    holds: 'what only this venue promises',
  },
];
