/**
 * Where the one zstd frame of a segment's file ends (RFC 8878 §3.1), by its headers alone: decoders
 * stop without a word after the first frame, so what follows it has to be found otherwise. Pure.
 */

const MAGIC = 0xfd2fb528;
const RLE_BLOCK = 1;

export type FrameEnd =
  | { readonly state: 'whole'; readonly length: number }
  /** It needs more bytes than there are. */
  | { readonly state: 'cut' }
  | { readonly state: 'foreign' };

export function zstdFrameEnd(bytes: Uint8Array): FrameEnd {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < 4) return isMagicStart(bytes) ? CUT : FOREIGN;
  if (view.getUint32(0, true) !== MAGIC) return FOREIGN;
  if (bytes.length < 5) return CUT;
  const descriptor = bytes[4] as number;
  const single = (descriptor & 0x20) !== 0;
  const size_flag = descriptor >> 6;
  const size_bytes = size_flag === 0 ? (single ? 1 : 0) : 1 << size_flag;
  const dictionary_bytes = [0, 1, 2, 4][descriptor & 3] ?? 0;
  let at = 5 + (single ? 0 : 1) + dictionary_bytes + size_bytes;
  for (let last = false; !last;) {
    if (at + 3 > bytes.length) return CUT;
    const header = view.getUint16(at, true) | ((bytes[at + 2] as number) << 16);
    at += 3 + (((header >> 1) & 3) === RLE_BLOCK ? 1 : header >> 3);
    last = (header & 1) === 1;
  }
  at += (descriptor & 4) === 0 ? 0 : 4;
  return at > bytes.length ? CUT : { state: 'whole', length: at };
}

const CUT: FrameEnd = { state: 'cut' };
const FOREIGN: FrameEnd = { state: 'foreign' };

function isMagicStart(bytes: Uint8Array): boolean {
  return bytes.every((byte, at) => byte === ((MAGIC >>> (at * 8)) & 255));
}
