/** Books of any history: what the chain proves, it proves at the message it breaks on. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { EventBuffer } from '../../codec/event-buffer.ts';
import { BOOK } from '../../connectors/feed.ts';
import type { FeedBook } from '../../connectors/feed.ts';
import { openOkxBook } from '../../connectors/okx/book.ts';
import { bufferEvents } from '../support/buffer-events.ts';
import { SYMBOLS, bookFrame, runBook } from '../support/okx-frames.ts';
import type { Level } from '../support/frames.ts';
import { hold } from '../support/property.ts';

/** A change: bids at 1..40, asks at 41..80, size 0 deletes. */
const change = fc.tuple(fc.integer({ min: 1, max: 80 }), fc.nat({ max: 3 }));
/** What follows a message: a number of steps, 0 for a quiet book, negative for ids that begin anew. */
const step = fc.oneof(fc.integer({ min: 1, max: 90 }), fc.constantFrom(0, -50));
const message = fc.record({ changes: fc.array(change, { maxLength: 5 }), step });
const history = fc.array(message, { minLength: 3, maxLength: 20 });

type Told = { readonly frame: string; readonly state: string; readonly ids: string };

/** A venue's frames of a history, and its own book after each. */
function told(messages: readonly { changes: [number, number][]; step: number }[]): Told[] {
  const sizes = new Map<number, number>([
    [40, 1],
    [41, 1],
  ]);
  const side = (bid: boolean): Level[] =>
    [...sizes]
      .filter(([price]) => price <= 40 === bid)
      .sort(([a], [b]) => (bid ? b - a : a - b))
      .map(([price, size]) => [String(price), String(size)]);
  const state = (): string => JSON.stringify([side(true), side(false)]);
  let id = 10_000;
  const first = bookFrame('snapshot', { bids: side(true), asks: side(false), ids: [-1, id] });
  const frames = [{ frame: first, state: state(), ids: '-1,10000' }];
  for (const { changes, step: by } of messages) {
    const own = by === 0 ? [] : changes;
    for (const [price, size] of own) {
      if (size === 0) sizes.delete(price);
      else sizes.set(price, size);
    }
    const levels = (bid: boolean): Level[] =>
      own
        .filter(([price]) => price <= 40 === bid)
        .map(([price, size]): Level => [String(price), String(size)]);
    const ids = [id, id + by] as const;
    id += by;
    const frame = bookFrame('update', { bids: levels(true), asks: levels(false), ids });
    frames.push({ frame, state: state(), ids: ids.join() });
  }
  return frames;
}

function stateOf(book: FeedBook): string {
  const buffer = new EventBuffer();
  book.snapshot(buffer, 0);
  const [event] = bufferEvents(buffer, SYMBOLS);
  return JSON.stringify([event?.bids, event?.asks].map((it) => it?.map((row) => row.split(' '))));
}

const isBroken = (verdict: number | undefined): boolean => ((verdict ?? 0) & BOOK.BROKEN) !== 0;

test('undisturbed, every message is proven and the book is the venue’s', () => {
  hold(
    fc.property(history, (messages) => {
      const frames = told(messages);
      const book = openOkxBook(400);
      for (const { frame, state } of frames) {
        assert.deepEqual(runBook([frame], book).verdicts, [BOOK.EMIT]);
        assert.equal(stateOf(book), state);
      }
      assert.equal(book.counts().verified, frames.length);
    }),
  );
});

/**
 * After ids that begin anew two messages may have the same: without what lies between, the second is a
 * repeat of the first. Quiet messages, whose two ids are one, do not count.
 */
function repeats(before: readonly Told[], next: Told): boolean {
  const isQuiet = ({ ids }: Told): boolean => new Set(ids.split(',')).size === 1;
  return before.findLast((it) => !isQuiet(it))?.ids === next.ids;
}

test('a message lost is found at the next one that is no repeat of it', () => {
  hold(
    fc.property(history, fc.nat(), (messages, pick) => {
      const frames = told(messages);
      const at = 1 + (pick % (frames.length - 2));
      if (messages[at - 1]?.step === 0) return;
      if (repeats(frames.slice(0, at), frames[at + 1] as Told)) return;
      const kept = frames.toSpliced(at, 1).map(({ frame }) => frame);
      const { verdicts } = runBook(kept, openOkxBook(400));
      assert.ok(isBroken(verdicts[at]), `${verdicts.join()} of ${kept.join('\n')}`);
      assert.ok(verdicts.slice(at + 1).every((verdict) => (verdict & BOOK.EMIT) === 0));
    }),
  );
});

test('a message repeated at once changes nothing', () => {
  hold(
    fc.property(history, fc.nat(), (messages, pick) => {
      const frames = told(messages);
      const at = pick % frames.length;
      const twice = frames.toSpliced(at, 0, frames[at] as Told).map(({ frame }) => frame);
      const { verdicts, book } = runBook(twice, openOkxBook(400));
      assert.ok(!verdicts.some(isBroken), verdicts.join());
      assert.equal(stateOf(book), frames.at(-1)?.state);
    }),
  );
});

test('a message that comes after the next is found at once', () => {
  hold(
    fc.property(history, fc.nat(), (messages, pick) => {
      const frames = told(messages);
      const at = 1 + (pick % (frames.length - 2));
      // A quiet message may change places with nobody knowing: it says nothing.
      if (messages[at - 1]?.step === 0 || messages[at]?.step === 0) return;
      const [one, two] = [frames[at] as Told, frames[at + 1] as Told];
      if (repeats(frames.slice(0, at), two)) return;
      const swapped = frames.toSpliced(at, 2, two, one).map(({ frame }) => frame);
      assert.ok(isBroken(runBook(swapped, openOkxBook(400)).verdicts[at]));
    }),
  );
});
