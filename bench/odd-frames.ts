/**
 * Frames the fast paths do not expect: keys in another order, white space, keys nobody documents. They are
 * read as fast as may be, and say what they said before.
 */
import { EventBuffer } from '../codec/event-buffer.ts';
import type { SymbolTable } from '../codec/symbol-table.ts';
import type { Decode } from '../connectors/feed.ts';
import { bufferEvents } from '../test/support/buffer-events.ts';
import { loopsFor, packFrames } from './frames.ts';
import { decodeAll, parseAll } from './plain-runs.ts';
import { demandEqual } from './question.ts';
import type { Case, Question } from './question.ts';
import { allVenues } from './venues.ts';
import type { VenueFrames } from './venues.ts';

const PER_VENUE = 6_000;

export const question: Question = {
  name: 'odd-frames',
  asks: 'how fast are frames read that no fast path expects, compared with JSON.parse alone?',
  clock: 'thread',
  open(messages) {
    const venues = allVenues();
    const odd = venues.map((it) => caseOf(it, messages));
    return Promise.resolve([...odd, ...venues.map((it) => missedCase(it, messages))]);
  },
};

/** How a frame is made odd, in turn. */
const WAYS: readonly ((value: unknown) => string)[] = [
  (value) => JSON.stringify(reordered(value)),
  (value) => JSON.stringify(value, null, ' '),
  (value) => JSON.stringify(extended(value)),
];

function caseOf({ feed, source, texts, symbols, decode }: VenueFrames, messages: number): Case {
  const usual = packFrames(ofData(texts, decode, symbols).slice(0, PER_VENUE));
  const frames = packFrames(usual.texts.map((text, at) => odd(text, at)));
  const loops = loopsFor(frames, messages);
  return {
    name: feed,
    input: `${frames.count} frames made odd (${source}), ${loops} times`,
    messages: frames.count * loops,
    bytes: (frames.ends[frames.count - 1] ?? 0) * loops,
    contestants: [
      { name: 'ssmd, columns', run: () => decodeAll(frames, loops, decode, symbols) },
      { name: 'JSON.parse alone', run: () => parseAll(frames, loops) },
    ],
    goals: [{ of: 'ssmd, columns', against: 'JSON.parse alone', at_least: 1.2 }],
    check() {
      const [one, other] = [new EventBuffer(), new EventBuffer()];
      for (let frame = 0; frame < frames.count; frame++) {
        decode(frames.bytes, frames.starts[frame] ?? 0, frames.ends[frame] ?? 0, symbols, one);
        decode(usual.bytes, usual.starts[frame] ?? 0, usual.ends[frame] ?? 0, symbols, other);
        const said = (out: EventBuffer): unknown => [out.kind, bufferEvents(out, symbols)];
        demandEqual(said(one), said(other), frames.texts[frame]?.slice(0, 300) ?? '');
      }
    },
  };
}

/** Every frame ends in a key that no fast path knows: it misses each, as late as can be. */
function missedCase(it: VenueFrames, messages: number): Case {
  const { feed, source, texts, symbols, decode, plain } = it;
  const usual = ofData(texts, decode, symbols).slice(0, PER_VENUE);
  const frames = packFrames(usual.map((text) => `${text.slice(0, -1)},"x_last":null}`));
  const loops = loopsFor(frames, messages);
  return {
    name: `${feed}, missed at its end`,
    input: `${frames.count} frames with a key more (${source}), ${loops} times`,
    messages: frames.count * loops,
    bytes: (frames.ends[frames.count - 1] ?? 0) * loops,
    contestants: [
      { name: 'ssmd, columns', run: () => decodeAll(frames, loops, decode, symbols) },
      { name: 'generic reader alone', run: () => decodeAll(frames, loops, plain, symbols) },
    ],
    goals: [{ of: 'ssmd, columns', against: 'generic reader alone', at_least: 0.95 }],
    check() {
      const sent = packFrames(usual);
      const [one, other] = [new EventBuffer(), new EventBuffer()];
      for (let frame = 0; frame < frames.count; frame++) {
        decode(frames.bytes, frames.starts[frame] ?? 0, frames.ends[frame] ?? 0, symbols, one);
        // A reader that is paused is the generic one: both are held to the frame without the key.
        plain(sent.bytes, sent.starts[frame] ?? 0, sent.ends[frame] ?? 0, symbols, other);
        const said = (out: EventBuffer): unknown => [out.kind, bufferEvents(out, symbols)];
        demandEqual(said(one), said(other), frames.texts[frame]?.slice(0, 300) ?? '');
      }
    },
  };
}

/** Answers are left out: their objects may have names of channels for keys. */
function ofData(texts: readonly string[], decode: Decode, symbols: SymbolTable): string[] {
  const frames = packFrames(texts);
  const out = new EventBuffer();
  return texts.filter((_, frame) => {
    decode(frames.bytes, frames.starts[frame] ?? 0, frames.ends[frame] ?? 0, symbols, out);
    return out.kind === 'data';
  });
}

const TOKENS = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
/** Marks a number while it is a string: no text of these frames begins with it. */
const MARK = '#';

/** The same frame, written another way; every digit of its numbers is kept. */
function odd(text: string, at: number): string {
  const quoted = text.replace(TOKENS, (token) => {
    return token.startsWith('"') ? token : `"${MARK}${token}"`;
  });
  const way = WAYS[at % WAYS.length] ?? JSON.stringify;
  return way(JSON.parse(quoted))
    .replaceAll(/"#([^"]*)"/g, '$1')
    .replaceAll('\n', ' ');
}

/** Every object with its keys in the opposite order. */
function reordered(value: unknown): unknown {
  return mapObjects(value, (entries) => entries.toReversed());
}

/** Every object with two keys more: one in front, one behind. */
function extended(value: unknown): unknown {
  return mapObjects(value, (entries) => [
    ['x_new', [`${MARK}1.50`, { deep: 'a "quoted" \\ word' }]],
    ...entries,
    ['x_last', null],
  ]);
}

type Entries = readonly (readonly [string, unknown])[];

function mapObjects(value: unknown, change: (entries: Entries) => Entries): unknown {
  if (Array.isArray(value)) return value.map((inner) => mapObjects(inner, change));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, inner]) => {
    return [key, mapObjects(inner, change)] as const;
  });
  return Object.fromEntries(change(entries));
}
