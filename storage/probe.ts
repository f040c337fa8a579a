/**
 * Does a store keep its word on conditional writes? Some S3-compatible stores and proxies accept the
 * headers and ignore them; a dataset's immutability rests on them, so it is tried before use.
 */
import { SsmdError } from '../schema/errors.ts';
import type { ObjectStore } from './object-store.ts';

export type ConditionalWrites = {
  /** `If-None-Match: *` is honoured: a second put of a key is refused. */
  readonly if_absent: boolean;
  /** `If-Match` is honoured: a replacement of what has changed is refused. */
  readonly if_match: boolean;
};

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Tries both on a key of its own, which it deletes again. `nonce` makes the key unique. */
export async function probeConditionalWrites(
  store: ObjectStore,
  nonce: string,
): Promise<ConditionalWrites> {
  const key = `_probe/${nonce}`;
  try {
    await store.putIfAbsent(key, bytes('first'));
    const again = await store.putIfAbsent(key, bytes('second'));
    const kept = await store.get(key);
    const if_absent = again === 'exists' && kept !== null && text(kept.body) === 'first';
    const etag = kept?.etag ?? '';
    // What it answers proves nothing: its acknowledgement may be lost, and ours then looks like a conflict.
    await store.replaceIf(key, bytes('third'), etag);
    const stale = await store.replaceIf(key, bytes('fourth'), etag);
    const last = await store.get(key);
    const if_match = stale === 'changed' && last !== null && text(last.body) === 'third';
    return { if_absent, if_match };
  } finally {
    await store.delete(key);
  }
}

/**
 * Refuses (`SSMD_INVALID_CONFIG`) a store without conditional writes, unless the environment says
 * that one writer at a time is seen to elsewhere (`storage.single_writer: true`).
 */
export async function requireConditionalWrites(
  store: ObjectStore,
  options: { readonly nonce: string; readonly single_writer: boolean; readonly name: string },
): Promise<ConditionalWrites> {
  const found = await probeConditionalWrites(store, options.nonce);
  if ((found.if_absent && found.if_match) || options.single_writer) return found;
  const missing = [
    ...(found.if_absent ? [] : ['If-None-Match']),
    ...(found.if_match ? [] : ['If-Match']),
  ];
  throw new SsmdError(
    'SSMD_INVALID_CONFIG',
    `${options.name} ignores ${missing.join(' and ')}: two writers could overwrite a dataset; ` +
      'use a store with conditional writes, or say storage.single_writer: true in the environment ' +
      'where only one writer can run',
    { facts: { missing } },
  );
}

function text(body: Uint8Array): string {
  return new TextDecoder().decode(body);
}
