/** Frames of all five venues, in turn, through their decoders, against `JSON.parse` of the same frames. */
import { EventArena } from '../codec/event-arena.ts';
import { EventBuffer } from '../codec/event-buffer.ts';
import { eventsOf } from '../codec/event-object.ts';
import { decodeEvents, encodeParts } from '../codec/md2.ts';
import { formatDecimal } from '../schema/decimal.ts';
import type { Decimal } from '../schema/decimal.ts';
import type { MarketEvent } from '../schema/events.ts';
import type { SymbolTable } from '../codec/symbol-table.ts';
import { unixNs } from '../schema/time.ts';
import { loopsFor, packFrames } from './frames.ts';
import type { Frames } from './frames.ts';
import { parseAll } from './plain-runs.ts';
import { WrongAnswer, demandEqual } from './question.ts';
import type { Case, Question } from './question.ts';
import { allVenues, interleave } from './venues.ts';
import type { VenueFrames } from './venues.ts';

const BLOCK_BYTES = 1024 * 1024;

export const question: Question = {
  name: 'json-parse',
  asks: 'how fast are frames of five venues read, compared with JSON.parse alone?',
  clock: 'thread',
  open(messages) {
    const venues = allVenues();
    const mixed = interleave(venues.map((venue) => readingsOf(venue)));
    const all = venues.map(({ source }) => source).join('; ');
    const goals = [{ of: 'ssmd, columns', against: 'JSON.parse alone', at_least: 2 }];
    const alone = venues.map((venue) =>
      caseOf(venue.feed, venue.source, readingsOf(venue), goals, messages),
    );
    return Promise.resolve([caseOf('all five, mixed', all, mixed, goals, messages), ...alone]);
  },
};

type Reading = Pick<VenueFrames, 'decode' | 'plain' | 'symbols'> & { readonly text: string };

function readingsOf({ texts, decode, plain, symbols }: VenueFrames): Reading[] {
  return texts.map((text) => ({ text, decode, plain, symbols }));
}

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

/**
 * The decoder says what its plain twin says, structs what columns say, and every digit of an event's
 * decimals is one of its frame.
 */
function check(frames: Frames, readings: readonly Reading[]): void {
  const out = new EventBuffer();
  const plain_out = new EventBuffer();
  const arena = new EventArena();
  readings.forEach((reading, frame) => {
    const { text, decode, plain, symbols } = reading;
    const [start, end] = [frames.starts[frame] ?? 0, frames.ends[frame] ?? 0];
    decode(frames.bytes, start, end, symbols, out);
    plain(frames.bytes, start, end, symbols, plain_out);
    const events = eventsIn(out, symbols);
    demandEqual(
      { ...frameOf(out), events },
      { ...frameOf(plain_out), events: eventsIn(plain_out, symbols) },
      text.slice(0, 200),
    );
    demandDigits(events, text);
    arena.clear();
    events.forEach(({ t, shard, feed, symbol, index }, event) => {
      encodeParts(out, event, { t, shard, feed, symbol, index }, arena);
    });
    const written = [...decodeEvents(arena.bytes.subarray(0, arena.used))];
    demandEqual(written, events, text.slice(0, 200));
  });
}

function eventsIn(out: EventBuffer, symbols: SymbolTable): MarketEvent[] {
  const symbolOf = (index: number): string => symbols.symbols[index]?.symbol ?? 'none';
  return eventsOf(out, { t: unixNs(1n), shard: 'bench', feed: 'bench', symbolOf });
}

/** What is said of the frame itself. */
function frameOf(out: EventBuffer): Partial<EventBuffer> {
  const { kind, channel, frame_symbol, frame_sequence, reason, request_id, subscribed } = out;
  return { kind, channel, frame_symbol, frame_sequence, reason, request_id, subscribed };
}

/** A number written as `1e-8`, as Kraken does in its instruments. */
const EXPONENT = /[:[,]-?\d+(\.\d+)?[eE]/;
/** Bybit tells a fraction of what becomes a percentage. */
const OTHER_SCALE = 'change_percent';

function demandDigits(events: readonly MarketEvent[], text: string): void {
  if (EXPONENT.test(text)) return;
  const found = new Set(text.match(/\d+(\.\d+)?/g));
  const demand = (value: unknown): void => {
    if (value === null || typeof value !== 'object') return;
    if (isDecimal(value)) {
      const digits = formatDecimal(value).replace('-', '');
      if (!found.has(digits)) throw new WrongAnswer(`no ${digits} in ${text.slice(0, 200)}`);
      return;
    }
    for (const [name, inner] of Object.entries(value)) if (name !== OTHER_SCALE) demand(inner);
  };
  events.forEach(demand);
}

function isDecimal(value: object): value is Decimal {
  return 'mantissa' in value;
}
