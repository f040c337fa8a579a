/** Books of any history: what the count proves, it proves at the message it breaks on. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { EventBuffer } from '../../codec/event-buffer.ts';
import { openBybitBook } from '../../connectors/bybit-linear/book.ts';
import { BOOK } from '../../connectors/feed.ts';
import type { FeedBook } from '../../connectors/feed.ts';
import { SYMBOLS, bookFrame, runBook } from '../support/bybit-frames.ts';
import type { Level } from '../support/frames.ts';
import { bufferEvents } from '../support/buffer-events.ts';
import { hold } from '../support/property.ts';

/** A change: bids at 1..40, asks at 41..80, size 0 deletes. */
const change = fc.tuple(fc.integer({ min: 1, max: 80 }), fc.nat({ max: 3 }));
/** What a message is: changes, or a restart that states the whole and counts from 1. */
const message = fc.record({
  changes: fc.array(change, { minLength: 1, maxLength: 5 }),
  restart: fc.oneof({ weight: 9, arbitrary: fc.constant(false) }, fc.constant(true)),
});
const history = fc.array(message, { minLength: 3, maxLength: 20 });

type Told = {
  readonly frame: string;
  readonly state: string;
  readonly whole: boolean;
  readonly u: number;
};

/** A venue's frames of a history, and its own book after each. */
function told(messages: readonly { changes: [number, number][]; restart: boolean }[]): Told[] {
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
  let u = 10_000;
  let ts = 1_763_683_200_000;
  const whole = (): string => bookFrame('snapshot', { u, ts, bids: side(true), asks: side(false) });
  const frames: Told[] = [{ frame: whole(), state: state(), whole: true, u }];
  for (const { changes, restart } of messages) {
    for (const [price, size] of changes) {
      if (size === 0) sizes.delete(price);
      else sizes.set(price, size);
    }
    u = restart ? 1 : u + 1;
    ts += 20;
    const levels = (bid: boolean): Level[] =>
      changes
        .filter(([price]) => price <= 40 === bid)
        .map(([price, size]): Level => [String(price), String(size)]);
    const frame = restart
      ? whole()
      : bookFrame('delta', { u, ts, bids: levels(true), asks: levels(false) });
    frames.push({ frame, state: state(), whole: restart, u });
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
      const book = openBybitBook(50);
      for (const { frame, state } of frames) {
        assert.deepEqual(runBook([frame], book).verdicts, [BOOK.EMIT]);
        assert.equal(stateOf(book), state);
      }
      assert.equal(book.counts().verified, frames.length);
    }),
  );
});

/** After two restarts ids may follow by chance: nothing tells that what lies between is missing. */
const follows = (last: Told, next: Told): boolean => next.u === last.u + 1;

test('a message lost is found at the next one, unless that states the whole', () => {
  hold(
    fc.property(history, fc.nat(), (messages, pick) => {
      const frames = told(messages);
      const at = 1 + (pick % (frames.length - 2));
      const [last, next] = [frames[at - 1] as Told, frames[at + 1] as Told];
      const kept = frames.toSpliced(at, 1).map(({ frame }) => frame);
      const { verdicts, book } = runBook(kept, openBybitBook(50));
      const seen = !next.whole && !follows(last, next);
      assert.equal(isBroken(verdicts[at]), seen, kept.join('\n'));
      const healed = frames.slice(at + 1).some(({ whole }) => whole);
      if (healed) assert.equal(stateOf(book), frames.at(-1)?.state);
    }),
  );
});

test('a message repeated at once changes nothing', () => {
  hold(
    fc.property(history, fc.nat(), (messages, pick) => {
      const frames = told(messages);
      const at = pick % frames.length;
      const twice = frames.toSpliced(at, 0, frames[at] as Told).map(({ frame }) => frame);
      const { verdicts, book } = runBook(twice, openBybitBook(50));
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
      const [one, two] = [frames[at] as Told, frames[at + 1] as Told];
      if (two.whole || follows(frames[at - 1] as Told, two)) return;
      const swapped = frames.toSpliced(at, 2, two, one).map(({ frame }) => frame);
      assert.ok(isBroken(runBook(swapped, openBybitBook(50)).verdicts[at]));
    }),
  );
});
