/**
 * The book against a model of the venue: a complete book whose changes are gathered into diffs and
 * whose top is shown as partial books, with messages dropped, doubled or swapped on the way.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { EventBuffer } from '../../codec/event-buffer.ts';
import { openBinanceUsdmBook } from '../../connectors/binance-usdm/book.ts';
import { decodeBinanceUsdm } from '../../connectors/binance-usdm/decode.ts';
import { BOOK } from '../../connectors/feed.ts';
import type { FeedBook } from '../../connectors/feed.ts';
import { FLAG } from '../../schema/events.ts';
import { bufferEvents } from '../support/buffer-events.ts';
import { diffFrame, partialFrame, SYMBOLS } from '../support/binance-frames.ts';
import { hold } from '../support/property.ts';

const DEPTH = 3;

type Side = Map<number, number>;
type Message = {
  readonly text: string;
  readonly u: number;
  readonly bids: Side;
  readonly asks: Side;
};

/** Bids lie below 50, asks from 50 on: never crossed, whatever happens. */
function venue(steps: readonly Step[]): Message[] {
  const bids: Side = new Map(Array.from({ length: 10 }, (_, index) => [index * 5, 1]));
  const asks: Side = new Map(Array.from({ length: 10 }, (_, index) => [50 + index * 5, 1]));
  const messages: Message[] = [];
  let id = 100;
  let last = 90;
  for (const { changes, partial, skew } of steps) {
    const first = id + 1;
    const b: [string, string][] = [];
    const a: [string, string][] = [];
    for (const { price, size } of changes) {
      id += 1 + skew;
      const side = price < 50 ? bids : asks;
      if (size === 0) side.delete(price);
      else side.set(price, size);
      (price < 50 ? b : a).push([String(price), String(size)]);
    }
    id += 1;
    const state = { u: id, bids: new Map(bids), asks: new Map(asks) };
    const diff = { ...state, text: diffFrame({ U: first, u: id, pu: last }, b, a) };
    const top = { ...state, text: partialFrame(id, show(bids, -1), show(asks, 1), DEPTH) };
    if (partial === 'after') messages.push(diff, top);
    else if (partial === 'before') messages.push(top, diff);
    else messages.push(diff);
    last = id;
  }
  return messages;
}

function show(side: Side, sign: 1 | -1): [string, string][] {
  return [...side]
    .toSorted(([x], [y]) => (x - y) * sign)
    .slice(0, DEPTH)
    .map(([price, size]) => [String(price), String(size)]);
}

type Step = {
  readonly changes: readonly { readonly price: number; readonly size: number }[];
  readonly partial: 'none' | 'after' | 'before';
  readonly skew: number;
};
const step: fc.Arbitrary<Step> = fc.record({
  changes: fc.array(
    fc.record({ price: fc.integer({ min: 0, max: 99 }), size: fc.integer({ min: 0, max: 3 }) }),
    { maxLength: 4 },
  ),
  partial: fc.constantFrom('none' as const, 'after' as const, 'before' as const),
  skew: fc.integer({ min: 0, max: 3 }),
});

const buffer = new EventBuffer();
function hear(book: FeedBook, text: string): number {
  const bytes = new TextEncoder().encode(`${text}\n`);
  decodeBinanceUsdm(bytes, 0, bytes.length - 1, SYMBOLS, buffer);
  assert.equal(buffer.kind, 'data', buffer.reason);
  return book.apply(buffer, 0);
}

/** What the book states as proven must be what the venue has, from the best level on. */
function assertProven(book: FeedBook, { bids, asks, text }: Message): void {
  const out = new EventBuffer();
  out.reset(new Uint8Array(0));
  book.snapshot(out, 0);
  const [event] = bufferEvents(out, SYMBOLS);
  assert.ok(event !== undefined);
  assert.equal(event.flags, FLAG.SNAPSHOT, text);
  for (const [side, sign, stated] of [
    [bids, -1, event.bids ?? []],
    [asks, 1, event.asks ?? []],
  ] as const) {
    const all = [...side].toSorted(([x], [y]) => (x - y) * sign).map(([p, s]) => `${p} ${s}`);
    assert.deepEqual(stated, all.slice(0, stated.length), text);
  }
}

test('nothing lost: no fault ever, and what is stated as proven is right', () => {
  hold(
    fc.property(fc.array(step, { minLength: 1, maxLength: 40 }), (steps) => {
      const book = openBinanceUsdmBook(DEPTH);
      for (const message of venue(steps)) {
        const verdict = hear(book, message.text);
        assert.equal(verdict & (BOOK.BROKEN | BOOK.BAD | BOOK.HEALED), 0, message.text);
        if ((verdict & BOOK.EMIT) !== 0 && (verdict & BOOK.UNVERIFIED) === 0) {
          assertProven(book, message);
        }
      }
      assert.equal(book.counts().failed, 0);
    }),
    300,
  );
});

test('a diff dropped, doubled or swapped: seen at once or held, and never proven while wrong', () => {
  const fault = fc.constantFrom('drop' as const, 'double' as const, 'swap' as const);
  hold(
    fc.property(
      fc.array(step, { minLength: 4, maxLength: 30 }),
      fault,
      fc.nat(),
      (steps, kind, place) => {
        const messages = venue(steps.map((it) => ({ ...it, partial: 'none' as const })));
        const at = 1 + (place % (messages.length - 2));
        const [it, next] = messages.slice(at, at + 2) as [Message, Message];
        const replaced = { drop: [next], double: [it, it, next], swap: [next, it] }[kind];
        messages.splice(at, 2, ...replaced);
        const book = openBinanceUsdmBook(DEPTH);
        const verdicts = messages.map(({ text }) => hear(book, text));
        const broken = verdicts.filter((verdict) => (verdict & BOOK.BROKEN) !== 0).length;
        assert.equal(broken, kind === 'double' ? 0 : 1);
        if (kind === 'double') assert.equal(verdicts[at + 1], 0);
        else assert.equal(verdicts[at], BOOK.EMIT | BOOK.BROKEN | BOOK.BAD | BOOK.UNVERIFIED);
      },
    ),
  );
});

test('with faults anywhere and partial books between: a partial book always heals', () => {
  hold(
    fc.property(
      fc.array(fc.tuple(step, fc.constantFrom('', '', '', 'drop', 'double')), {
        minLength: 2,
        maxLength: 40,
      }),
      (planned) => {
        const messages = venue(planned.map(([it]) => ({ ...it, partial: 'after' as const })));
        const book = openBinanceUsdmBook(DEPTH);
        let open = false;
        messages.forEach((message, index) => {
          const isDiff = index % 2 === 0;
          const how = isDiff ? planned[index / 2]?.[1] : '';
          if (how === 'drop') return;
          const verdict = hear(book, message.text);
          if (how === 'double') assert.equal(hear(book, message.text), 0);
          if ((verdict & BOOK.BROKEN) !== 0) open = true;
          if ((verdict & BOOK.HEALED) !== 0) open = false;
          assert.equal((verdict & BOOK.BAD) !== 0, open);
          if (!isDiff) {
            assert.equal(open, false, 'healed by the partial book');
            const waits = planned[(index - 1) / 2]?.[1] === 'drop' && verdict === 0;
            if (!waits) assertProven(book, message);
          }
        });
      },
    ),
    300,
  );
});

test('a clone continues exactly as its original', () => {
  hold(
    fc.property(fc.array(step, { minLength: 2, maxLength: 20 }), fc.nat(), (steps, place) => {
      const messages = venue(steps);
      const cut = place % messages.length;
      const book = openBinanceUsdmBook(DEPTH);
      for (const { text } of messages.slice(0, cut)) hear(book, text);
      const copy = book.clone();
      for (const { text } of messages.slice(cut)) assert.equal(hear(copy, text), hear(book, text));
      assert.deepEqual(copy.counts(), book.counts());
    }),
  );
});
