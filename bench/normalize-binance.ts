/** Binance USD-M frames to normalized events, one thread: exact structs against tardis' mappers. */
import { EventBuffer } from '../codec/event-buffer.ts';
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
    const out = new EventBuffer();
    const decodeOnly = (): string => {
      let events = 0;
      for (let loop = 0; loop < loops; loop++) {
        for (let frame = 0; frame < frames.count; frame++) {
          decode(frames.bytes, frames.starts[frame] ?? 0, frames.ends[frame] ?? 0, symbols, out);
          events += out.count;
        }
      }
      return `${events} events`;
    };
    const parse = (): string => {
      let found = 0;
      for (let loop = 0; loop < loops; loop++) {
        for (const text of frames.texts) if ((JSON.parse(text) as object) !== null) found++;
      }
      return `${found} objects`;
    };
    return [
      {
        name: 'depth, trades, quotes',
        input: `${frames.count} frames of ${RECORDING}, ${loops} times`,
        messages: frames.count * loops,
        bytes: (frames.ends[frames.count - 1] ?? 0) * loops,
        contestants: [
          { name: 'ssmd, structs', run: () => normalize(frames, loops, (block) => block.length) },
          { name: 'ssmd, columns only', run: decodeOnly },
          { name: 'tardis, parse + map', run: () => mapAll(frames, loops, mappers, () => 0) },
          { name: 'JSON.parse alone', run: parse },
        ],
        goals: [{ of: 'ssmd, structs', against: 'tardis, parse + map', at_least: 6 }],
        check: () => checkReadings(frames),
      },
    ];
  },
};
