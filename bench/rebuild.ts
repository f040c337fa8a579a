/**
 * RAW segments to normalized objects: the whole path of a rebuild on one thread, against decompressing the
 * segments alone. Stores are in memory: what disks and networks take is theirs.
 */
import { rebuildObjects } from '../activities/archive-raw.ts';
import { plainContext } from '../activities/deps.ts';
import { decodeEvents } from '../codec/md2.ts';
import type { CutObject } from '../dataset/cutter.ts';
import { RECORDING, binanceFrames, plainReading, readingOf } from './binance-frames.ts';
import { DAY, binanceRawDay } from './raw-day.ts';
import type { RawDay } from './raw-day.ts';
import { demandEqual } from './question.ts';
import type { Question } from './question.ts';

export const question: Question = {
  name: 'rebuild',
  asks: 'how fast does RAW become objects, compared with decompressing it alone?',
  clock: 'thread',
  async open() {
    const raw = await binanceRawDay();
    const { deps, packed, frames, plain_bytes } = raw;
    const build = async (): Promise<string> => {
      let bytes = 0;
      for (const object of await objectsOf(raw)) bytes += deps.zstd.compress(object.plain).length;
      return `${bytes} bytes`;
    };
    const unpack = (): string => {
      let bytes = 0;
      for (const segment of packed) bytes += deps.zstd.decompress(segment).length;
      return `${bytes} bytes`;
    };
    return [
      {
        name: 'one thread, stores in memory',
        input: `${packed.length} segments of ${RECORDING}`,
        messages: frames,
        bytes: plain_bytes,
        contestants: [
          { name: 'ssmd, RAW to objects', run: build },
          { name: 'zstd alone', run: unpack },
        ],
        // Two workers are to take twice as long at most, and to be 1.6 times as fast as one.
        goals: [{ of: 'ssmd, RAW to objects', against: 'zstd alone', at_least: 0.31 }],
        check: () => check(raw),
      },
    ];
  },
};

async function objectsOf({ deps, feed, plan }: RawDay): Promise<CutObject[]> {
  const objects: CutObject[] = [];
  const of = { feed, day: DAY, plan, window_hours: 1, schema: 'md2' } as const;
  await rebuildObjects(deps, of, plainContext(), (finished) => {
    objects.push(...finished);
    return Promise.resolve();
  });
  return objects;
}

/** Each type's events are those of its frames as `JSON.parse` reads them, in their order. */
async function check(raw: RawDay): Promise<void> {
  const objects = await objectsOf(raw);
  const plain = binanceFrames().texts.flatMap(plainReading);
  for (const type of ['trade', 'quote', 'book']) {
    const built = objects
      .filter((object) => object.type === type)
      .flatMap((object) => [...decodeEvents(object.plain)].map(readingOf));
    const expected = plain.filter((reading) => reading.type === type);
    demandEqual(built.length, expected.length, `events of ${type}`);
    built.forEach((reading, at) => demandEqual(reading, expected[at], `${type} ${at}`));
  }
}
