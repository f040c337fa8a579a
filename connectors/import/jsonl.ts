/** Plain JSON lines: one frame a line as it came, without receive times. */
import type { RecordedFormat } from './format.ts';

export const jsonl: RecordedFormat = {
  id: 'jsonl',
  description: 'one frame a line, no receive times (needs --time-from)',
  timed: false,
  fits: (bytes, start) => bytes[start] === 0x7b || bytes[start] === 0x5b,
  read: (_bytes, start, end) =>
    start === end ? { kind: 'blank' } : { kind: 'frame', t: null, from: start, to: end },
};
