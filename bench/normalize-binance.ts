/** Binance USD-M frames to normalized events, one thread: exact structs against tardis' mappers. */
import { decoderOf } from '../connectors/feed.ts';
import {
  RECORDING,
  binanceFrames,
  checkReadings,
  mapAll,
  normalize,
  tardisMappers,
} from './binance-frames.ts';
import { feedOf, loopsFor, marketsOf } from './frames.ts';
import { decodeAll, parseAll } from './plain-runs.ts';
import type { Question } from './question.ts';

export const question: Question = {
  name: 'normalize-binance',
  asks: 'how fast do frames of Binance USD-M become exact structs, one thread?',
  clock: 'thread',
  async open(messages) {
    const frames = binanceFrames();
    const loops = loopsFor(frames, messages);
    const mappers = await tardisMappers(frames);
    const decode = decoderOf(feedOf('binance-usdm'), '2024-08-08');
    const symbols = marketsOf(['BTCUSDT']);
    return [
      {
        name: 'depth, trades, quotes',
        input: `${frames.count} frames of ${RECORDING}, ${loops} times`,
        messages: frames.count * loops,
        bytes: (frames.ends[frames.count - 1] ?? 0) * loops,
        contestants: [
          { name: 'ssmd, structs', run: () => normalize(frames, loops, (block) => block.length) },
          { name: 'ssmd, columns only', run: () => decodeAll(frames, loops, decode, symbols) },
          { name: 'tardis, parse + map', run: () => mapAll(frames, loops, mappers, () => 0) },
          { name: 'JSON.parse alone', run: () => parseAll(frames, loops) },
        ],
        goals: [{ of: 'ssmd, structs', against: 'tardis, parse + map', at_least: 6 }],
        check: () => checkReadings(frames),
      },
    ];
  },
};
