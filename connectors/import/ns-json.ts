/** `<receive time, ns> <frame>` a line, as hftbacktest's collectors write it. */
import { parseUnixNs } from '../../schema/time.ts';
import { rejected, spaceAfter, textOf } from './format.ts';
import type { RecordedFormat } from './format.ts';

/** Nanoseconds have 19 digits from 2001 to 2286; fewer are another unit. */
const DIGITS = 19;

export const nsJson: RecordedFormat = {
  id: 'ns-json',
  description: '<receive time, ns> <frame>, as hftbacktest records',
  timed: true,
  fits: (bytes, start, end) =>
    /^\d{10,19} +\S/.test(textOf(bytes, start, Math.min(end, start + 40))),
  read(bytes, start, end) {
    if (start === end) return { kind: 'blank' };
    const space = spaceAfter(bytes, start, end);
    const t = space === start + DIGITS ? parseUnixNs(textOf(bytes, start, space)) : null;
    if (t === null)
      return rejected('the line does not begin with a receive time in ns (19 digits)');
    return { kind: 'frame', t, from: space + 1, to: end };
  },
};
