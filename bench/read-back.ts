/** Reading normalized objects back: typed iteration over their events, against decompressing them alone. */
import { decodeEvents, messageLength, readHeader } from '../codec/md2.ts';
import { packObject, unpackObject } from '../dataset/object-codec.ts';
import type { Lineage } from '../dataset/object-codec.ts';
import { zstd } from '../storage/zstd.ts';
import { RECORDING, binanceFrames, normalize } from './binance-frames.ts';
import { loopsFor } from './frames.ts';
import { WrongAnswer } from './question.ts';
import type { Question } from './question.ts';

const LINEAGE: Lineage = {
  ...{ schema_version: 'md2', processor: 'bench', processor_version: '0', processor_commit: '0' },
  ...{ processor_build: '0', message_count: 0, inputs: [] },
  source: 'raw',
  time_range: { start: '0', end: '0' },
};

export const question: Question = {
  name: 'read-back',
  asks: 'how fast are the events of objects read, compared with decompressing them alone?',
  clock: 'thread',
  open(messages) {
    const frames = binanceFrames();
    const plain: Uint8Array[] = [];
    normalize(frames, 1, (block) => {
      plain.push(block.slice());
      return block.length;
    });
    const objects = plain.map((block) => packObject(block, LINEAGE, zstd));
    const loops = loopsFor(frames, messages);
    const each = (read: (block: Uint8Array) => number): string => {
      let found = 0;
      for (let loop = 0; loop < loops; loop++) {
        for (const [at, object] of objects.entries()) {
          found += read(unpackObject(object, zstd, `object ${at}`).plain);
        }
      }
      return String(found);
    };
    const bytes = plain.reduce((sum, block) => sum + block.length, 0);
    return Promise.resolve([
      {
        name: 'quotes, trades, books',
        input: `${objects.length} objects of ${bytes} plain bytes (${RECORDING}), ${loops} times`,
        messages: frames.count * loops,
        bytes: bytes * loops,
        contestants: [
          { name: 'events as objects', run: () => each(countEvents) },
          { name: 'positions and types', run: () => each(countHeads) },
          { name: 'zstd alone', run: () => each((block) => block.length) },
        ],
        goals: [{ of: 'events as objects', against: 'zstd alone', at_least: 0.3 }],
        check() {
          const [events, heads] = [each(countEvents), each(countHeads)];
          const expected = String(frames.count * loops);
          if (events !== expected || heads !== expected) {
            throw new WrongAnswer(`expected ${expected} events, received ${events} and ${heads}`);
          }
        },
      },
    ]);
  },
};

function countEvents(block: Uint8Array): number {
  let count = 0;
  for (const event of decodeEvents(block)) count += event.index === 0 ? 1 : 0;
  return count;
}

function countHeads(block: Uint8Array): number {
  let count = 0;
  for (let at = 0; at < block.length; at += messageLength(block, at)) {
    count += readHeader(block, at).index === 0 ? 1 : 0;
  }
  return count;
}
