/** What several questions run: all frames read to columns and no more, and `JSON.parse` of them alone. */
import { EventBuffer } from '../codec/event-buffer.ts';
import type { SymbolTable } from '../codec/symbol-table.ts';
import type { Decode } from '../connectors/feed.ts';
import type { Frames } from './frames.ts';

export function decodeAll(
  frames: Frames,
  loops: number,
  decode: Decode,
  symbols: SymbolTable,
): string {
  const out = new EventBuffer();
  let events = 0;
  for (let loop = 0; loop < loops; loop++) {
    for (let frame = 0; frame < frames.count; frame++) {
      decode(frames.bytes, frames.starts[frame] ?? 0, frames.ends[frame] ?? 0, symbols, out);
      events += out.count;
    }
  }
  return `${events} events`;
}

export function parseAll(frames: Frames, loops: number): string {
  let found = 0;
  for (let loop = 0; loop < loops; loop++) {
    for (const text of frames.texts) if ((JSON.parse(text) as object) !== null) found++;
  }
  return `${found} values`;
}
