/** Which form a frame's line has in the log. */
import { QuotedReader } from './quoted-reader.ts';

/** How a frame is written to the log. */
export type FrameForm = 'raw' | 'text' | 'base64';

const checker = new QuotedReader<never>();
const fatalUtf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * `raw` where the bytes are one line of valid JSON in UTF-8, `text` where they are UTF-8 but not
 * that, `base64` otherwise.
 */
export function frameForm(bytes: Uint8Array, start: number, end: number): FrameForm {
  let plain = true;
  let oneLine = true;
  for (let at = start; at < end; at++) {
    const byte = bytes[at] as number;
    if (byte >= 0x80) plain = false;
    else if (byte === 0x0a || byte === 0x0d) oneLine = false;
  }
  if (!plain && !isUtf8(bytes, start, end)) return 'base64';
  if (!oneLine) return 'text';
  checker.reset(bytes, start, end);
  return checker.skip() && checker.atEnd() ? 'raw' : 'text';
}

function isUtf8(bytes: Uint8Array, start: number, end: number): boolean {
  try {
    fatalUtf8.decode(bytes.subarray(start, end));
    return true;
  } catch {
    return false;
  }
}
