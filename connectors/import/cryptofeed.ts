/**
 * cryptofeed's raw text, one file per connection (cryptofeed, `raw_data_collection`, as recorded captures show it):
 *
 * - `<url> <-> <unix seconds>` a socket was opened
 * - `<url> <- <unix seconds>: <text>` sent on it
 * - `<url> -> <unix seconds>: <text>` the reply to an HTTP request
 * - `<unix seconds>: <text>` received on the socket
 */
import { unixNs } from '../../schema/time.ts';
import type { UnixNs } from '../../schema/time.ts';
import { rejected, textOf } from './format.ts';
import type { RecordedFormat, RecordedLine } from './format.ts';

/** Nothing but URLs comes before the text; those of many streams are long. */
const HEAD_BYTES_MAX = 64 * 1024;
const RECEIVED = /^(\d{9,10}(?:\.\d{1,9})?): /;
const OPENED = /^(\S+) <-> (\d{9,10}(?:\.\d{1,9})?)\s*$/;
const MARKED = /^\S+ (<-|->) (\d{9,10}(?:\.\d{1,9})?): /;

export const cryptofeed: RecordedFormat = {
  id: 'cryptofeed',
  description: "cryptofeed's raw text",
  timed: true,
  fits(bytes, start, end) {
    const head = textOf(bytes, start, Math.min(end, start + HEAD_BYTES_MAX));
    return OPENED.test(head) || MARKED.test(head) || RECEIVED.test(head);
  },
  read(bytes, start, end) {
    if (start === end) return { kind: 'blank' };
    const received = RECEIVED.exec(textOf(bytes, start, Math.min(end, start + 24)));
    if (received !== null) {
      const t = fromSeconds(received[1] ?? '');
      return { kind: 'frame', t, from: start + received[0].length, to: end };
    }
    return readMarked(bytes, start, end);
  },
};

function readMarked(bytes: Uint8Array, start: number, end: number): RecordedLine {
  const head = textOf(bytes, start, Math.min(end, start + HEAD_BYTES_MAX));
  const opened = OPENED.exec(head);
  if (opened !== null)
    return { kind: 'open', t: fromSeconds(opened[2] ?? ''), url: opened[1] ?? '' };
  const marked = MARKED.exec(head);
  if (marked === null) return rejected('not a line of cryptofeed: no <->, <-, -> or receive time');
  if (marked[1] === '->') return rejected('the reply to an HTTP request', 'rest_not_raw');
  const from = start + new TextEncoder().encode(marked[0]).length;
  return { kind: 'sent', t: fromSeconds(marked[2] ?? ''), from, to: end };
}

/** Seconds with up to nine decimals, exactly. */
function fromSeconds(text: string): UnixNs {
  const [whole = '0', fraction = ''] = text.split('.');
  return unixNs(BigInt(whole) * 1_000_000_000n + BigInt(fraction.padEnd(9, '0')));
}
