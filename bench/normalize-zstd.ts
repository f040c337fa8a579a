/** The same as `normalize-binance`, to what is stored: zstd of structs against the JSON text of tardis' messages. */
import { zstd } from '../storage/zstd.ts';
import {
  RECORDING,
  binanceFrames,
  checkReadings,
  mapAll,
  normalize,
  tardisMappers,
} from './binance-frames.ts';
import { loopsFor } from './frames.ts';
import type { Question } from './question.ts';

export const question: Question = {
  name: 'normalize-zstd',
  asks: 'how fast do frames of Binance USD-M become compressed structs, one thread?',
  clock: 'thread',
  async open(messages) {
    const frames = binanceFrames();
    const loops = loopsFor(frames, messages);
    const mappers = await tardisMappers(frames);
    const packed = (block: Uint8Array): number => zstd.compress(block).length;
    const texted = (message: object): number => JSON.stringify(message).length;
    return [
      {
        name: 'depth, trades, quotes',
        input: `${frames.count} frames of ${RECORDING}, ${loops} times; zstd as objects have it, 1 MiB each`,
        messages: frames.count * loops,
        bytes: (frames.ends[frames.count - 1] ?? 0) * loops,
        contestants: [
          { name: 'ssmd, structs + zstd', run: () => normalize(frames, loops, packed) },
          { name: 'tardis + JSON text', run: () => mapAll(frames, loops, mappers, texted) },
        ],
        goals: [{ of: 'ssmd, structs + zstd', against: 'tardis + JSON text', at_least: 7 }],
        check: () => checkReadings(frames),
      },
    ];
  },
};
