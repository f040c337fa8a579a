/** Cards of a connection: how a simulated venue greets, grants, refuses, keeps and ends. */
import assert from 'node:assert/strict';
import { SECOND_NS, START_NS, openVenue, subscribeAll } from '../venue-kit.ts';
import type { Client } from '../venue-kit.ts';
import type { Card } from './card.ts';
import { played } from './venue.ts';
import type { VenueCard } from './venue.ts';

function greets(card: VenueCard): void {
  const { venue, connect } = openVenue(card.feed, card.symbols);
  const client = connect(card.paths[0] as string);
  const greeting = played(card.greeting);
  if (greeting === null) assert.deepEqual(client.heard, []);
  else assert.match(client.heard[0]?.text ?? '', greeting);
  const sink = { frame: () => {}, ping: () => {}, close: () => {} };
  assert.equal(venue.connect('/nowhere', START_NS, sink), null);
}

function acknowledges(card: VenueCard): void {
  const { connect } = openVenue(card.feed, card.symbols);
  for (const path of card.paths) {
    const client = connect(path);
    subscribeAll(card, path, client.connection, START_NS + SECOND_NS);
    const acks = client.heard.filter(({ text }) => card.isAck(text));
    assert.equal(acks.length, card.acks(path, card.symbols));
    for (const { about } of acks) assert.equal(about, null);
  }
}

function refusesAndStays(card: VenueCard): void {
  const { venue, connect } = openVenue(card.feed, card.symbols);
  const path = card.paths[0] as string;
  const client = connect(path);
  for (const request of [card.badRequest, 'no JSON', '[]', '{"method":"nonsense","id":1}']) {
    const before = client.heard.length;
    client.connection.onMessage(request, START_NS + SECOND_NS);
    const answer = client.heard.slice(before).find(({ about }) => about === null);
    assert.match(answer?.text ?? 'no answer', /"error"|"success":false/, request);
  }
  assert.ok(client.heard.some(({ text }) => card.isRefusal(text)));
  assert.equal(client.closed, null);
  subscribeAll(card, path, client.connection, START_NS + 3n * SECOND_NS);
  venue.advance(START_NS + 30n * SECOND_NS);
  assert.ok(client.heard.some(({ about }) => about !== null));
}

function ordered(card: VenueCard): void {
  const { venue, connect } = openVenue(card.feed, card.symbols);
  for (const path of card.paths) {
    const client = connect(path);
    subscribeAll(card, path, client.connection, START_NS + SECOND_NS);
    venue.advance(START_NS + 60n * SECOND_NS);
    const first_ack = client.heard.findIndex(({ text }) => card.isAck(text));
    const first_data = client.heard.findIndex(({ about }) => about !== null);
    assert.ok(first_ack >= 0 && first_data > first_ack);
    for (let at = 1; at < client.heard.length; at++) {
      const [before, after] = [client.heard[at - 1], client.heard[at]];
      assert.ok(before && after && before.at_ns <= after.at_ns, 'time goes back');
    }
  }
}

function beats(card: VenueCard): void {
  const { mark, every_s } = played(card.heartbeat) ?? assert.fail();
  const { venue, connect } = openVenue(card.feed, card.symbols, { rate: 0.01 });
  const path = card.paths[0] as string;
  const client = connect(path);
  subscribeAll(card, path, client.connection, START_NS);
  venue.advance(START_NS + 90n * SECOND_NS);
  const at = client.heard.filter(({ text }) => text.startsWith(mark)).map(({ at_ns }) => at_ns);
  assert.equal(at.length, Math.floor(90 / every_s));
  const step_ns = BigInt(every_s) * SECOND_NS;
  at.forEach((at_ns, beat) => assert.equal(at_ns, START_NS + BigInt(beat + 1) * step_ns));
  assert.equal(client.closed, null);
}

function answersPings(card: VenueCard): void {
  const { text, pong } = played(card.ping) ?? assert.fail();
  const { connect } = openVenue(card.feed, card.symbols);
  for (const path of card.paths) {
    const client = connect(path);
    const before = client.heard.length;
    client.connection.onMessage(text, START_NS + SECOND_NS);
    assert.equal(client.heard.length, before + 1);
    assert.match(client.heard.at(-1)?.text ?? '', pong);
  }
}

function cutsTheIdle(card: VenueCard): void {
  const { seconds, code } = played(card.idle) ?? assert.fail();
  const { venue, connect } = openVenue(card.feed, card.symbols, { rate: 0.01 });
  const client = connect(card.paths[0] as string);
  const end_ns = START_NS + BigInt(seconds) * SECOND_NS;
  venue.advance(end_ns - 1_000n);
  assert.equal(client.closed, null);
  venue.advance(end_ns);
  const closed = client.closed as Client['closed'];
  assert.deepEqual([closed?.code, closed?.at_ns], [code, end_ns]);
}

function refusesInItsWords(card: VenueCard): void {
  const refusals = played(card.refusals) ?? assert.fail();
  assert.ok(refusals.length > 0);
  for (const { path, ask, says } of refusals) {
    const client = openVenue(card.feed, card.symbols).connect(path);
    let from = 0;
    for (const request of ask) {
      from = client.heard.length;
      client.connection.onMessage(request, START_NS);
    }
    assert.match(client.heard[from]?.text ?? 'no answer', says);
  }
}

function hasEnough(card: VenueCard): void {
  const { path, request, times, says, code } = played(card.pace) ?? assert.fail();
  const client = openVenue(card.feed, card.symbols).connect(path);
  const ask = (): void => client.connection.onMessage(request, START_NS);
  for (let asked = 1; asked < times; asked++) ask();
  assert.equal(client.closed, null);
  if (says !== undefined) assert.doesNotMatch(client.heard.at(-1)?.text ?? '', says);
  ask();
  if (says !== undefined) assert.match(client.heard.at(-1)?.text ?? '', says);
  if (code !== undefined) assert.equal((client.closed as Client['closed'])?.code, code);
}

export const CONNECTION_CARDS: readonly Card[] = [
  {
    ...{ number: 'VENUE-01', title: 'connect', play: greets },
    holds: 'its own greeting or none; a path it does not have is refused',
  },
  {
    ...{ number: 'VENUE-02', title: 'subscribe', play: acknowledges },
    holds: 'as many acknowledgements as it promises, none of them data',
  },
  {
    ...{ number: 'VENUE-03', title: 'a bad request', play: refusesAndStays },
    holds: 'it is refused, the socket stays and serves the next',
  },
  {
    ...{ number: 'VENUE-04', title: 'order', play: ordered },
    holds: 'data comes after its acknowledgement, and time never goes back',
  },
  {
    ...{ number: 'VENUE-07', title: 'heartbeat', cell: 'heartbeat', play: beats },
    holds: 'one comes at each step of time while something is subscribed, in a quiet market too',
  },
  {
    ...{ number: 'VENUE-12', title: 'ping', cell: 'ping', play: answersPings },
    holds: 'one answer in the venue’s words, on every path',
  },
  {
    ...{ number: 'VENUE-13', title: 'idle', cell: 'idle', play: cutsTheIdle },
    holds: 'who asks for nothing is cut at that instant with that code, not before',
  },
  {
    ...{ number: 'VENUE-14', title: 'refusals', cell: 'refusals', play: refusesInItsWords },
    holds: 'each is said in the venue’s words',
  },
  {
    ...{ number: 'VENUE-16', title: 'pace', cell: 'pace', play: hasEnough },
    holds: 'one request more than it takes has the venue’s consequence, one less has none',
  },
];
