/**
 * Reading normalized objects back, as the archive cuts them: typed iteration over their events, and columns in
 * typed arrays, against decompressing them alone.
 */
import { ColumnMemory } from '../codec/column-memory.ts';
import { EventArena } from '../codec/event-arena.ts';
import { EventBuffer } from '../codec/event-buffer.ts';
import { wholeLength } from '../codec/capnp-read.ts';
import { decodeEvents, encodeParts, messageLength, readHeader } from '../codec/md2.ts';
import { readColumns } from '../codec/md2-columns.ts';
import { readEvent } from '../codec/md2-read.ts';
import { decoderOf } from '../connectors/feed.ts';
import { Cutter } from '../dataset/cutter.ts';
import { packObject, unpackObject } from '../dataset/object-codec.ts';
import type { Lineage } from '../dataset/object-codec.ts';
import type { MarketEvent } from '../schema/events.ts';
import { zstd } from '../storage/zstd.ts';
import { eventsByColumns } from '../test/support/column-events.ts';
import { RECORDING, binanceFrames } from './binance-frames.ts';
import { feedOf, loopsFor, marketsOf } from './frames.ts';
import type { Frames } from './frames.ts';
import { WrongAnswer, demandEqual } from './question.ts';
import type { Question } from './question.ts';

const LINEAGE: Lineage = {
  ...{ schema_version: 'md2', processor: 'bench', processor_version: '0', processor_commit: '0' },
  ...{ processor_build: '0', message_count: 0, inputs: [] },
  source: 'raw',
  time_range: { start: '0', end: '0' },
};
const FEED = 'binance-usdm';
const FIRST_T = 1_723_161_255_000_000_000n;
/** Apart, as the frames of the recording are on average. */
const STEP_NS = 3_900_000n;

export const question: Question = {
  name: 'read-back',
  asks: 'how fast are the events of objects read, compared with decompressing them alone?',
  clock: 'thread',
  open(messages) {
    const frames = binanceFrames();
    const plain = cutObjects(frames);
    const objects = plain.map((stream) => packObject(stream, LINEAGE, zstd));
    const loops = loopsFor(frames, messages);
    const each = (read: (stream: Uint8Array) => number): string => {
      let found = 0;
      for (let loop = 0; loop < loops; loop++) {
        for (const [at, object] of objects.entries()) {
          found += read(unpackObject(object, zstd, `object ${at}`).plain);
        }
      }
      return String(found);
    };
    const memory = new ColumnMemory();
    const bytes = plain.reduce((sum, stream) => sum + stream.length, 0);
    return Promise.resolve([
      {
        name: 'quotes, trades, books',
        input: `${objects.length} objects of ${bytes} plain bytes (${RECORDING}), ${loops} times`,
        messages: frames.count * loops,
        bytes: bytes * loops,
        contestants: [
          { name: 'events as objects', run: () => each(countEvents) },
          {
            name: 'columns, memory kept',
            run: () => each((stream) => readColumns(stream, memory).count),
          },
          { name: 'columns', run: () => each((stream) => readColumns(stream).count) },
          { name: 'positions and types', run: () => each(countHeads) },
          { name: 'zstd alone', run: () => each((stream) => stream.length) },
        ],
        goals: [
          { of: 'events as objects', against: 'zstd alone', at_least: 0.3 },
          { of: 'columns, memory kept', against: 'zstd alone', at_least: 0.6 },
        ],
        check() {
          let found = 0;
          for (const object of objects) found += checkObject(unpackObject(object, zstd, '').plain);
          demandEqual(found, frames.count, 'events of all objects');
        },
      },
    ]);
  },
};

/** Objects of one type each, cut as the archive cuts a day. */
function cutObjects(frames: Frames): Uint8Array[] {
  const symbols = marketsOf(['BTCUSDT']);
  const symbol = symbols.symbols[0]?.symbol ?? '';
  const decode = decoderOf(feedOf(FEED), '2024-08-08');
  const plain: Uint8Array[] = [];
  const cutter = new Cutter(24, (object) => plain.push(object.plain));
  const out = new EventBuffer();
  const arena = new EventArena();
  const header = { t: FIRST_T, index: 0, shard: 'bench', feed: FEED, symbol };
  for (let frame = 0; frame < frames.count; frame++) {
    decode(frames.bytes, frames.starts[frame] ?? 0, frames.ends[frame] ?? 0, symbols, out);
    header.t += STEP_NS;
    arena.clear();
    for (let event = 0; event < out.count; event++) encodeParts(out, event, header, arena);
    for (let event = 0; event < arena.count; event++) {
      cutter.append(arena.type[event] ?? 0, symbol, header.t, arena.view(event));
    }
  }
  cutter.closeUntil(2n ** 63n);
  return plain;
}

function countEvents(stream: Uint8Array): number {
  let count = 0;
  for (const event of decodeEvents(stream)) count += event.index === 0 ? 1 : 0;
  return count;
}

function countHeads(stream: Uint8Array): number {
  let count = 0;
  for (let at = 0; at < stream.length; at += messageLength(stream, at)) {
    count += readHeader(stream, at).index === 0 ? 1 : 0;
  }
  return count;
}

const checked = new ColumnMemory();

/** Fails unless iteration and columns say what the plain reader says; how many events. */
function checkObject(stream: Uint8Array): number {
  const iterated = decodeEvents(stream);
  const columns = eventsByColumns(stream);
  const again = eventsByColumns(stream, checked);
  let count = 0;
  for (let at = 0; at < stream.length; at += wholeLength(stream, at), count++) {
    const expected = readEvent(stream, at);
    const { done, value } = iterated.next();
    const event: MarketEvent | undefined = done === true ? undefined : value;
    demandEqual(event, expected, `event ${count} as object`);
    demandEqual(columns[count], expected, `event ${count} as columns`);
    demandEqual(again[count], expected, `event ${count} as columns in memory kept`);
  }
  if (iterated.next().done !== true || columns.length !== count) {
    throw new WrongAnswer(`more than the ${count} events there are`);
  }
  return count;
}
