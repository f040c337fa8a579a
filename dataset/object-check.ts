/** An object as it lies in the store, held against what its manifest says. */
import type { ManifestObject } from './manifest.ts';
import { unpackObject } from './object-codec.ts';
import type { ObjectZstd } from './object-codec.ts';
import { extentOf } from './projection.ts';
import type { Schema } from './version.ts';

/** Its plain bytes where it is what the manifest says, else why it is not. */
export function plainOrFault(
  stored: Uint8Array,
  object: ManifestObject,
  schema: Schema,
  deps: { readonly zstd: ObjectZstd; readonly sha256: (bytes: Uint8Array) => string },
): Uint8Array | string {
  const packed = deps.sha256(stored);
  let unpacked: ReturnType<typeof unpackObject>;
  try {
    unpacked = unpackObject(stored, deps.zstd, object.key);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  const { plain, lineage } = unpacked;
  const found = deps.sha256(plain);
  if (found !== object.plain_sha256) {
    return `its plain sha256 was ${object.plain_sha256}, received ${found}`;
  }
  // The same data under other bytes: someone packed it again. Harmless, and still not what we wrote.
  if (packed !== object.object_sha256) {
    return `its bytes have sha256 ${packed}, expected ${object.object_sha256} (the data is the same)`;
  }
  const sizes = { bytes: stored.length, plain_bytes: plain.length };
  const { message_count: records, time_range } = lineage;
  const told = { records, first_t: time_range?.start, last_t: time_range?.end };
  const extent = extentOf(plain, schema);
  if (extent === null) return 'its plain bytes are no records from some point on';
  return (
    disagreement(object, { ...sizes, ...extent }, 'it holds') ??
    disagreement(object, told, 'its footer says') ??
    plain
  );
}

function disagreement(
  object: ManifestObject,
  found: { readonly [K in keyof ManifestObject]?: unknown },
  who: string,
): string | null {
  for (const name of ['bytes', 'plain_bytes', 'records', 'first_t', 'last_t'] as const) {
    if (!(name in found) || found[name] === object[name]) continue;
    return `the manifest says ${name} ${object[name]}, ${who} ${String(found[name])}`;
  }
  return null;
}
