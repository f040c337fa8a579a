/** Frames of all five venues, in turn, through their decoders, against `JSON.parse` of the same frames. */
import { EventArena } from '../codec/event-arena.ts';
import { EventBuffer } from '../codec/event-buffer.ts';
import { eventsOf } from '../codec/event-object.ts';
import { decodeEvents, encodeParts } from '../codec/md2.ts';
import type { Decode } from '../connectors/feed.ts';
import type { SymbolTable } from '../codec/symbol-table.ts';
import { unixNs } from '../schema/time.ts';
import { loopsFor, packFrames } from './frames.ts';
import type { Frames } from './frames.ts';
import { parseAll } from './plain-runs.ts';
import { WrongAnswer, demandEqual } from './question.ts';
import type { Case, Question } from './question.ts';
import { allVenues, interleave } from './venues.ts';

const BLOCK_BYTES = 1024 * 1024;

export const question: Question = {
  name: 'json-parse',
  asks: 'how fast are frames of five venues read, compared with JSON.parse alone?',
  clock: 'thread',
  open(messages) {
    const venues = allVenues();
    const mixed = interleave(
      venues.map(({ texts, decode, symbols }) => texts.map((text) => ({ text, decode, symbols }))),
    );
    const all = venues.map(({ source }) => source).join('; ');
    const alone = venues.map(({ feed, source, texts, decode, symbols }) =>
      caseOf(
        feed,
        source,
        texts.map((text) => ({ text, decode, symbols })),
        [],
        messages,
      ),
    );
    const goals = [{ of: 'ssmd, columns', against: 'JSON.parse alone', at_least: 2 }];
    return Promise.resolve([caseOf('all five, mixed', all, mixed, goals, messages), ...alone]);
  },
};

type Reading = { readonly text: string; readonly decode: Decode; readonly symbols: SymbolTable };

function caseOf(
  name: string,
  source: string,
  readings: readonly Reading[],
  goals: Case['goals'],
  messages: number,
): Case {
  const frames = packFrames(readings.map(({ text }) => text));
  const loops = loopsFor(frames, messages);
  return {
    name,
    input: `${source}; ${loops} times`,
    messages: frames.count * loops,
    bytes: (frames.ends[frames.count - 1] ?? 0) * loops,
    contestants: [
      { name: 'ssmd, columns', run: () => read(frames, readings, loops, false) },
      { name: 'ssmd, structs', run: () => read(frames, readings, loops, true) },
      { name: 'JSON.parse alone', run: () => parseAll(frames, loops) },
    ],
    goals,
    check: () => check(frames, readings),
  };
}

function read(
  frames: Frames,
  readings: readonly Reading[],
  loops: number,
  structs: boolean,
): string {
  const out = new EventBuffer();
  const arena = new EventArena(BLOCK_BYTES * 2);
  const header = { t: 1n, index: 0, shard: 'bench', feed: 'bench', symbol: 'BTCUSD' };
  let events = 0;
  for (let loop = 0; loop < loops; loop++) {
    for (let frame = 0; frame < frames.count; frame++) {
      const { decode, symbols } = readings[frame] as Reading;
      decode(frames.bytes, frames.starts[frame] ?? 0, frames.ends[frame] ?? 0, symbols, out);
      if (out.kind === 'rejected') throw new WrongAnswer(`${out.reason}: ${frames.texts[frame]}`);
      events += out.count;
      if (!structs) continue;
      header.t += 1_000n;
      for (let event = 0; event < out.count; event++) encodeParts(out, event, header, arena);
      if (arena.used >= BLOCK_BYTES) arena.clear();
    }
  }
  return `${events} events`;
}

/** Structs say what columns say, and every digit of an event's prices and sizes is in its frame. */
function check(frames: Frames, readings: readonly Reading[]): void {
  const out = new EventBuffer();
  const arena = new EventArena();
  readings.forEach(({ text, decode, symbols }, frame) => {
    decode(frames.bytes, frames.starts[frame] ?? 0, frames.ends[frame] ?? 0, symbols, out);
    const symbolOf = (index: number): string => symbols.symbols[index]?.symbol ?? 'none';
    const events = eventsOf(out, { t: unixNs(1n), shard: 'bench', feed: 'bench', symbolOf });
    arena.clear();
    events.forEach(({ t, shard, feed, symbol, index }, event) => {
      encodeParts(out, event, { t, shard, feed, symbol, index }, arena);
    });
    const written = [...decodeEvents(arena.bytes.subarray(0, arena.used))];
    demandEqual(written, events, text.slice(0, 200));
  });
}
