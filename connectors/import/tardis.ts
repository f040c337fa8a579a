/**
 * `<ISO receive time> <frame>` a line, as tardis.dev serves raw feeds; an empty line marks an
 * interruption of the recorder's connection, as its HTTP API documents it (from memory: no recorded file was at hand).
 */
import { parseIso } from '../../schema/time.ts';
import { rejected, spaceAfter, textOf } from './format.ts';
import type { RecordedFormat } from './format.ts';

const ISO_LENGTH_MAX = 40;

export const tardis: RecordedFormat = {
  id: 'tardis',
  description: '<ISO receive time> <frame>, as tardis.dev serves',
  timed: true,
  fits: (bytes, start, end) =>
    /^\d{4}-\d\d-\d\dT\S+ +\S/.test(textOf(bytes, start, Math.min(end, start + 60))),
  read(bytes, start, end) {
    if (start === end) return { kind: 'lost' };
    const space = spaceAfter(bytes, start, end);
    const fits = space > start && space - start <= ISO_LENGTH_MAX;
    const t = fits ? parseIso(textOf(bytes, start, space)) : null;
    if (t === null) return rejected('the line does not begin with an ISO receive time');
    return { kind: 'frame', t, from: space + 1, to: end };
  },
};
