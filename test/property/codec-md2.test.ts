/** md2: objects and columns give the same bytes, bytes give the objects back, damage never passes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { EventArena } from '../../codec/event-arena.ts';
import { EventBuffer, FIELD } from '../../codec/event-buffer.ts';
import { appendEvent, eventOf, eventsOf } from '../../codec/event-object.ts';
import {
  addFlags,
  decodeEvents,
  encodeEvent,
  encodeMarketEvent,
  encodeParts,
  messageLength,
  readHeader,
} from '../../codec/md2.ts';
import { PREFIXES_MAX } from '../../codec/md2-prefix.ts';
import { SsmdError } from '../../schema/errors.ts';
import { EVENT_BYTES_MAX, EVENT_TYPES, FLAG, TYPE_CODE } from '../../schema/events.ts';
import type { BookLevel, EventOf, MarketEvent } from '../../schema/events.ts';
import { unixNs } from '../../schema/time.ts';
import { arbitraryEvent, arbitraryEventOf, eventsOfFewNames } from '../support/arbitrary-events.ts';
import { plainMd2 } from '../support/plain-md2.ts';
import { hold } from '../support/property.ts';

for (const type of EVENT_TYPES) {
  test(`an arbitrary ${type} comes back from its bytes`, () => {
    hold(
      fc.property(arbitraryEventOf(type), (event) => {
        const bytes = encodeMarketEvent(event);
        assert.deepEqual([...decodeEvents(bytes)], [event]);
        assert.equal(messageLength(bytes, 0), bytes.length);
        const { t, index, flags } = event;
        assert.deepEqual(readHeader(bytes, 0), { length: bytes.length, type, t, index, flags });
        assert.deepEqual(Buffer.from(bytes), Buffer.from(plainMd2(event)), 'the plain writer’s');
      }),
      100,
    );
  });
}

test('columns straight to bytes, through a used arena, are the plain twin’s bytes', () => {
  const arena = new EventArena(64);
  const buffer = new EventBuffer();
  hold(
    fc.property(
      fc.oneof(fc.array(arbitraryEvent, { maxLength: 12 }), eventsOfFewNames),
      (events) => {
        arena.clear();
        arena.bytes.fill(0xa5);
        buffer.reset(new Uint8Array(0));
        events.forEach((event, index) => appendEvent(buffer, event, index));
        events.forEach((event, index) => {
          encodeEvent(buffer, index, event, arena);
          assert.deepEqual(eventOf(buffer, index, event), event);
        });
        const expected = Buffer.concat(events.map((event) => plainMd2(event)));
        assert.ok(expected.equals(arena.bytes.subarray(0, arena.used)));
        assert.deepEqual([...decodeEvents(expected)], events);
      },
    ),
    100,
  );
});

test('texts over the limit are cut at a character, names too', () => {
  for (const filler of ['x', 'é', '€', '𝄞']) {
    for (const before of ['', 'a', 'ab', 'abc']) {
      const text = before + filler.repeat(66_000 / Buffer.byteLength(filler));
      const event: EventOf<'instrument'> = {
        ...{ type: 'instrument', t: unixNs(9n), ts_event: null, index: 0, shard: 's', feed: 'f' },
        ...{ symbol: text, sequence: null, flags: 0, base: text, quote: null, status: 'online' },
        ...{ price_increment: null, size_increment: null, size_min: null, cost_min: null },
        ...{ price_precision: null, size_precision: 0 },
      };
      const bytes = Buffer.from(encodeMarketEvent(event));
      assert.ok(bytes.equals(plainMd2(event)), filler);
    }
  }
});

test('more markets than prefixes are kept for are written as the first were', () => {
  const arena = new EventArena();
  const buffer = new EventBuffer();
  buffer.reset(new Uint8Array(0));
  appendEvent(buffer, bookOf(1, 1), 0);
  for (const market of [...Array(PREFIXES_MAX + 2).keys(), 0, 1, PREFIXES_MAX]) {
    const event = { ...bookOf(1, 1), symbol: `M${market}` };
    arena.clear();
    encodeEvent(buffer, 0, event, arena);
    if (market % 1000 < 2 || market >= PREFIXES_MAX - 1) {
      assert.ok(Buffer.from(plainMd2(event)).equals(arena.view(0)), event.symbol);
    }
  }
});

test('room is made for every text of an event, each with the word that ends it', () => {
  const source = new TextEncoder().encode('12345678'.repeat(3));
  const buffer = new EventBuffer();
  buffer.reset(source);
  const event = buffer.begin(TYPE_CODE.instrument, 0, 0);
  const { base, quote, status } = FIELD.instrument;
  [base, quote, status].forEach((field, at) => {
    buffer.setTextRange(event, field, at * 8, at * 8 + 8);
  });
  const header = { t: 1n, index: 0, shard: 's', feed: 'f', symbol: 'S' };
  const arena = new EventArena(8);
  encodeEvent(buffer, event, header, arena);
  const [read] = [...decodeEvents(arena.view(0))];
  assert.ok(read?.type === 'instrument');
  assert.deepEqual([read.base, read.quote, read.status], Array(3).fill('12345678'));
});

test('a text taken from the frame’s bytes is the text', () => {
  hold(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), fc.nat(9), (raw, margin) => {
      const text = raw.toWellFormed();
      const source = new TextEncoder().encode('#'.repeat(margin) + text + '#');
      const buffer = new EventBuffer();
      buffer.reset(source);
      const event = buffer.begin(0, 0, 0);
      buffer.setTextRange(event, FIELD.trade.trade_id, margin, source.length - 1);
      const header = { t: 1n, index: 0, shard: 's', feed: 'f', symbol: 'S' };
      const arena = new EventArena(16);
      encodeEvent(buffer, event, header, arena);
      const [read] = [...decodeEvents(arena.view(0))];
      assert.equal(read?.type === 'trade' && read.trade_id, text);
      assert.deepEqual(read, eventOf(buffer, event, header));
    }),
  );
});

test('events of a line are numbered within type and symbol', () => {
  hold(
    fc.property(fc.array(arbitraryEvent, { maxLength: 10 }), (events) => {
      const buffer = new EventBuffer();
      buffer.reset(new Uint8Array(0));
      events.forEach((event, index) => appendEvent(buffer, event, index % 2));
      const read = eventsOf(buffer, {
        t: 5n,
        shard: 's',
        feed: 'f',
        symbolOf: (index) => `SYM${index}`,
      });
      const keys = read.map((event) => `${event.type} ${event.symbol} ${event.index}`);
      assert.equal(new Set(keys).size, keys.length);
      for (const event of read.filter((each) => each.index > 0)) {
        assert.ok(keys.includes(`${event.type} ${event.symbol} ${event.index - 1}`));
      }
    }),
  );
});

test('flags can be added to an event in the arena', () => {
  hold(
    fc.property(arbitraryEvent, fc.integer({ min: 0, max: 127 }), (event, flags) => {
      const arena = new EventArena();
      const buffer = new EventBuffer();
      buffer.reset(new Uint8Array(0));
      appendEvent(buffer, event, 0);
      encodeEvent(buffer, 0, event, arena);
      encodeEvent(buffer, 0, event, arena);
      addFlags(arena, 1, flags);
      const changed = { ...event, flags: event.flags | flags };
      assert.deepEqual([...decodeEvents(arena.view(1))], [changed]);
      assert.deepEqual(Buffer.from(arena.view(1)), Buffer.from(encodeMarketEvent(changed)));
    }),
  );
});

function bookOf(bids: number, asks: number): EventOf<'book'> {
  const level = (index: number): BookLevel => ({
    price: { mantissa: BigInt(index), exponent: -1 },
    size: { mantissa: BigInt(index) * 3n, exponent: -8 },
  });
  return {
    type: 'book',
    t: unixNs(9n),
    ts_event: null,
    index: 0,
    shard: 's',
    feed: 'f',
    symbol: 'S',
    sequence: 7n,
    flags: FLAG.SNAPSHOT | FLAG.LAST,
    depth: 1000,
    checksum: 99,
    first_sequence: 6n,
    prev_sequence: null,
    part: null,
    parts: null,
    bids: Array.from({ length: bids }, (_, index) => level(index)),
    asks: Array.from({ length: asks }, (_, index) => level(index + bids)),
  };
}

test('a book over the limit comes in parts that hold it all', () => {
  const arena = new EventArena();
  const buffer = new EventBuffer();
  hold(
    fc.property(fc.nat(30_000), fc.nat(30_000), (bids, asks) => {
      const book = bookOf(bids, asks);
      arena.clear();
      buffer.reset(new Uint8Array(0));
      appendEvent(buffer, book, 0);
      const whole = encodeMarketEvent(book).length;
      const parts = encodeParts(buffer, 0, { ...book, index: 4 }, arena);
      assert.equal(parts > 1, whole > EVENT_BYTES_MAX);
      assert.deepEqual([arena.count, buffer.count], [parts, 1]);
      assert.ok(arena.length.slice(0, parts).every((bytes) => bytes <= EVENT_BYTES_MAX));
      if (parts === 1) return;
      const read = [...decodeEvents(arena.bytes.subarray(0, arena.used))].filter(
        (event): event is EventOf<'book'> => event.type === 'book',
      );
      assert.deepEqual(
        read.flatMap((part) => part.bids),
        book.bids,
      );
      assert.deepEqual(
        read.flatMap((part) => part.asks),
        book.asks,
      );
      read.forEach((part, at) => {
        const last = at === parts - 1;
        const { bids: _bids, asks: _asks, ...rest } = part;
        const { bids: _b, asks: _a, ...expected } = book;
        assert.deepEqual(rest, {
          ...expected,
          index: 4 + at,
          part: at + 1,
          parts,
          checksum: last ? 99 : null,
          flags: last ? book.flags : FLAG.SNAPSHOT,
        });
      });
    }),
    12,
  );
});

/** Reads all of it, or fails with the one error there is. */
function readOrCorrupt(bytes: Uint8Array): MarketEvent[] | null {
  try {
    return [...decodeEvents(bytes)];
  } catch (error) {
    assert.ok(error instanceof SsmdError, String(error));
    assert.equal(error.code, 'SSMD_CORRUPT');
    assert.match(error.message, /at byte \d+/);
    return null;
  }
}

test('a stream cut inside a message is corrupt, cut between messages is shorter', () => {
  hold(
    fc.property(fc.array(arbitraryEvent, { minLength: 1, maxLength: 3 }), (events) => {
      const messages = events.map(encodeMarketEvent);
      const bytes = Buffer.concat(messages);
      let whole = 0;
      const borders = new Map([[0, 0]]);
      messages.forEach((message, index) => borders.set((whole += message.length), index + 1));
      for (let cut = 0; cut < bytes.length; cut += 3) {
        const border = borders.get(cut);
        const read = readOrCorrupt(bytes.subarray(0, cut));
        if (border === undefined) assert.equal(read, null);
        else assert.deepEqual(read, events.slice(0, border));
      }
    }),
    10,
  );
});

test('damaged and arbitrary bytes are events or SSMD_CORRUPT, nothing else', () => {
  hold(
    fc.property(arbitraryEvent, fc.array(fc.tuple(fc.nat(), fc.nat(255))), (event, changes) => {
      const bytes = encodeMarketEvent(event);
      for (const [where, value] of changes) bytes[where % bytes.length] = value;
      readOrCorrupt(bytes);
    }),
    1500,
  );
  hold(
    fc.property(
      fc.array(fc.constantFrom(0, 0, 0, 1, 2, 4, 7, 8, 255), { maxLength: 96 }),
      (tail) => {
        readOrCorrupt(Uint8Array.from([0, 0, 0, 0, tail.length >> 3, 0, 0, 0, ...tail]));
      },
    ),
    1500,
  );
});
