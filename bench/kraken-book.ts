/** Kraken's book with every checksum verified, at three depths, against `JSON.parse` of the same frames. */
import { EventBuffer } from '../codec/event-buffer.ts';
import { openKrakenBook } from '../connectors/kraken/book.ts';
import { decode, decodeGeneric } from '../connectors/kraken/decode.ts';
import type { Decode } from '../connectors/feed.ts';
import { bufferEvents } from '../test/support/buffer-events.ts';
import { PlainSide, plainChecksum } from '../test/support/plain-book.ts';
import { eventsOf } from '../codec/event-object.ts';
import { formatDecimal } from '../schema/decimal.ts';
import { unixNs } from '../schema/time.ts';
import { deepBook } from './deep-book.ts';
import type { BookStory } from './deep-book.ts';
import { loopsFor, marketsOf, packFrames, recorded } from './frames.ts';
import type { Frames } from './frames.ts';
import { decodeAll, parseAll } from './plain-runs.ts';
import { WrongAnswer, demandEqual } from './question.ts';
import type { Case, Question } from './question.ts';

const RECORDING = 'kraken-v2/book-btcusd-d10-20230730.jsonl';
const RECORDED_DEPTH = 10;
const DEEP_FRAMES = 20_000;
const SYMBOLS = marketsOf(['BTC/USD']);

export const question: Question = {
  name: 'kraken-book',
  asks: 'how fast is a Kraken book kept with every checksum verified?',
  clock: 'thread',
  open(messages) {
    return Promise.resolve([
      caseOf(RECORDED_DEPTH, recordedBook(), `frames of ${RECORDING}`, 3, messages),
      caseOf(100, deepBook(100, DEEP_FRAMES), 'generated frames', 3, messages),
      caseOf(1000, deepBook(1000, DEEP_FRAMES), 'generated frames', 2.2, messages),
    ]);
  },
};

function caseOf(
  depth: number,
  story: BookStory,
  source: string,
  at_least: number,
  messages: number,
): Case {
  const frames = packFrames(story.texts);
  const loops = loopsFor(frames, messages);
  return {
    name: `depth ${depth}`,
    input: `${frames.count} ${source}, ${loops} times`,
    messages: frames.count * loops,
    bytes: (frames.ends[frames.count - 1] ?? 0) * loops,
    contestants: [
      { name: 'ssmd, book + CRC', run: () => keep(frames, loops, depth, decode) },
      { name: 'ssmd, generic + CRC', run: () => keep(frames, loops, depth, decodeGeneric) },
      { name: 'ssmd, columns only', run: () => decodeAll(frames, loops, decode, SYMBOLS) },
      { name: 'JSON.parse alone', run: () => parseAll(frames, loops) },
    ],
    goals: [
      { of: 'ssmd, book + CRC', against: 'JSON.parse alone', at_least },
      { of: 'ssmd, generic + CRC', against: 'JSON.parse alone', at_least: 1.2 },
    ],
    check: () => check(frames, depth, story),
  };
}

function keep(frames: Frames, loops: number, depth: number, read: Decode): string {
  const out = new EventBuffer();
  const book = openKrakenBook(depth);
  for (let loop = 0; loop < loops; loop++) {
    for (let frame = 0; frame < frames.count; frame++) {
      read(frames.bytes, frames.starts[frame] ?? 0, frames.ends[frame] ?? 0, SYMBOLS, out);
      for (let event = 0; event < out.count; event++) book.apply(out, event);
    }
  }
  const { verified, failed, unproven } = book.counts();
  if (verified !== loops * frames.count) {
    throw new WrongAnswer(`${failed} checksums failed, ${unproven} were absent`);
  }
  return `${verified} verified`;
}

/**
 * The fast reader against the generic one, frame by frame; the book at the end against one that was kept
 * another way. Of a recording, that is a map sorted anew with each message, and its checksum.
 */
function check(frames: Frames, depth: number, end: BookStory): void {
  const fast = new EventBuffer();
  const slow = new EventBuffer();
  const book = openKrakenBook(depth);
  for (let frame = 0; frame < frames.count; frame++) {
    const [start = 0, stop = 0] = [frames.starts[frame], frames.ends[frame]];
    decode(frames.bytes, start, stop, SYMBOLS, fast);
    decodeGeneric(frames.bytes, start, stop, SYMBOLS, slow);
    const where = frames.texts[frame]?.slice(0, 200) ?? '';
    demandEqual(bufferEvents(fast, SYMBOLS), bufferEvents(slow, SYMBOLS), where);
    book.apply(fast, 0);
  }
  slow.reset(frames.bytes);
  book.snapshot(slow, 0);
  const [kept] = bufferEvents(slow, SYMBOLS);
  demandEqual([kept?.bids, kept?.asks], [end.bids, end.asks], 'levels of the book at the end');
}

/** The recording, and the book it leaves when it is kept the obvious way. */
function recordedBook(): BookStory {
  const texts = recorded(RECORDING);
  const frames = packFrames(texts);
  const out = new EventBuffer();
  const [bids, asks] = [new PlainSide(true), new PlainSide(false)];
  const header = { t: unixNs(1n), shard: 'bench', feed: 'kraken', symbolOf: () => 'BTCUSD' };
  for (let frame = 0; frame < frames.count; frame++) {
    const [start = 0, stop = 0] = [frames.starts[frame], frames.ends[frame]];
    decodeGeneric(frames.bytes, start, stop, SYMBOLS, out);
    const [event] = eventsOf(out, header);
    if (event?.type !== 'book') throw new WrongAnswer(`no book in ${texts[frame] ?? ''}`);
    for (const level of event.bids) bids.apply(level);
    for (const level of event.asks) asks.apply(level);
    bids.truncate(RECORDED_DEPTH);
    asks.truncate(RECORDED_DEPTH);
    demandEqual(plainChecksum(asks.levels(), bids.levels()), event.checksum, texts[frame] ?? '');
  }
  const state = (side: PlainSide): string[] =>
    side.levels().map(({ price, size }) => `${formatDecimal(price)} ${formatDecimal(size)}`);
  return { texts, bids: state(bids), asks: state(asks) };
}
