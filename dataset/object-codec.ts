/**
 * The bytes of an object: first one zstd frame that holds a plain Cap'n Proto stream, then a zstd
 * *skippable* frame with what the object is (`_lineage`). In this order, since common readers stop
 * without a word after the first frame; `zstd -dc OBJECT | capnp decode codec/md2.capnp Event` works.
 *
 * ```
 * | data frame | 50 2A 4D 18 | size u32 | {"_lineage":{...}} | json bytes u32 | 73 73 6D 64 |
 * ```
 * `size` counts what follows it; the last eight bytes find the footer from the end. Identity is that
 * of the plain stream: compressed bytes and footer depend on library and path.
 */
import { SsmdError } from '../schema/errors.ts';

/** What made an object, from what; times are instants as text. */
export type Lineage = {
  /** `md2` */
  readonly schema_version: string;
  /** `archive-tier`, `daily-archive` ... */
  readonly processor: string;
  readonly processor_version: string;
  readonly processor_commit: string;
  readonly processor_build: string;
  readonly source: 'bus' | 'raw';
  readonly message_count: number;
  readonly time_range: { readonly start: string; readonly end: string };
  /** What it was built from: `raw/...` keys, or the stream's name with its sequences. */
  readonly inputs: readonly string[];
};

/** The compressor, from outside: cores import nothing. */
export type ObjectZstd = {
  readonly compress: (plain: Uint8Array) => Uint8Array;
  readonly decompress: (packed: Uint8Array) => Uint8Array;
};

const SKIPPABLE_MAGIC = 0x184d2a50;
/** `ssmd` in ASCII, little-endian. */
const FOOTER_MAGIC = 0x646d7373;
const FRAME_HEAD = 8;
const FRAME_TAIL = 8;
/** Bytes of lineage JSON; inputs beyond it are an error of the caller. */
export const LINEAGE_BYTES_MAX = 1024 * 1024;

/** Packs a plain stream with its lineage. */
export function packObject(
  plain: Uint8Array,
  lineage: Lineage,
  zstd: Pick<ObjectZstd, 'compress'>,
): Uint8Array {
  const json = new TextEncoder().encode(JSON.stringify({ _lineage: lineage }));
  if (json.length > LINEAGE_BYTES_MAX) {
    throw new RangeError(`lineage of ${json.length} bytes, at most ${LINEAGE_BYTES_MAX}`);
  }
  const data = zstd.compress(plain);
  const packed = new Uint8Array(data.length + FRAME_HEAD + json.length + FRAME_TAIL);
  const view = new DataView(packed.buffer);
  packed.set(data);
  view.setUint32(data.length, SKIPPABLE_MAGIC, true);
  view.setUint32(data.length + 4, json.length + FRAME_TAIL, true);
  packed.set(json, data.length + FRAME_HEAD);
  const tail = data.length + FRAME_HEAD + json.length;
  view.setUint32(tail, json.length, true);
  view.setUint32(tail + 4, FOOTER_MAGIC, true);
  return packed;
}

/** Unpacks an object; throws `SSMD_CORRUPT` where it is none. `name` is for the message. */
export function unpackObject(
  packed: Uint8Array,
  zstd: Pick<ObjectZstd, 'decompress'>,
  name: string,
): { readonly plain: Uint8Array; readonly lineage: Lineage } {
  const footer = findFooter(packed);
  if (footer === null) throw corrupt(name, 'it does not end with a footer of ours');
  const lineage = parseLineage(packed.subarray(footer + FRAME_HEAD, packed.length - FRAME_TAIL));
  if (lineage === null) throw corrupt(name, 'its footer holds no lineage');
  try {
    return { plain: zstd.decompress(packed.subarray(0, footer)), lineage };
  } catch (cause) {
    throw corrupt(name, cause instanceof Error ? cause.message : String(cause), cause);
  }
}

/** Offset of the skippable frame, or -1 below it: null. */
function findFooter(packed: Uint8Array): number | null {
  if (packed.length < FRAME_HEAD + FRAME_TAIL) return null;
  const view = new DataView(packed.buffer, packed.byteOffset, packed.length);
  if (view.getUint32(packed.length - 4, true) !== FOOTER_MAGIC) return null;
  const json = view.getUint32(packed.length - FRAME_TAIL, true);
  const start = packed.length - FRAME_TAIL - json - FRAME_HEAD;
  if (start < 0 || json > LINEAGE_BYTES_MAX) return null;
  const fits =
    view.getUint32(start, true) === SKIPPABLE_MAGIC &&
    view.getUint32(start + 4, true) === json + FRAME_TAIL;
  return fits ? start : null;
}

function parseLineage(bytes: Uint8Array): Lineage | null {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    if (typeof value !== 'object' || value === null || !('_lineage' in value)) return null;
    const lineage = value._lineage;
    return typeof lineage === 'object' && lineage !== null ? (lineage as Lineage) : null;
  } catch {
    return null;
  }
}

function corrupt(name: string, why: string, cause?: unknown): SsmdError {
  return new SsmdError('SSMD_CORRUPT', `object ${name} cannot be read: ${why}`, {
    facts: { key: name },
    cause,
  });
}
