/** Ids that follow from what they name: asked for twice, the same thing has the same one. */
import { hash } from 'node:crypto';

/** SHA-256 of the words in the shape of a version 4 UUID, the only one Linear takes. */
export function uuidOf(...words: readonly string[]): string {
  const hex = hash('sha256', words.join('\n'), 'hex');
  const variant = ((parseInt(hex.slice(16, 17), 16) & 0x3) | 0x8).toString(16);
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `4${hex.slice(13, 16)}`,
    `${variant}${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-');
}
