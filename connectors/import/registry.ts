/** Every format of recorded captures that can be imported. Adding one is one file and one line. */
import { cryptofeed } from './cryptofeed.ts';
import type { RecordedFormat } from './format.ts';
import { jsonl } from './jsonl.ts';
import { nsJson } from './ns-json.ts';
import { tardis } from './tardis.ts';

export const FORMATS: readonly RecordedFormat[] = [jsonl, nsJson, tardis, cryptofeed];

/** The format of a file by its first line that is not blank; null where none fits. */
export function detectFormat(bytes: Uint8Array, start: number, end: number): RecordedFormat | null {
  return FORMATS.find((format) => format.fits(bytes, start, end)) ?? null;
}
