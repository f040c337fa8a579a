/** Whether the objects of a day are what was written: read back whole, and looked at before the commit. */
import { readHeader } from '../codec/md2.ts';
import { stagedWindowKey } from '../dataset/keys.ts';
import type { ManifestObject } from '../dataset/manifest.ts';
import { unpackObject } from '../dataset/object-codec.ts';
import { SsmdError } from '../schema/errors.ts';
import type { StoredObject } from '../storage/object-store.ts';
import type { ArchivePlan } from './archive-plan.ts';
import type { StagedWindow } from './datasets.ts';
import { breathe } from './deps.ts';
import type { JobContext, JobDeps } from './deps.ts';
import { countOf, plannedWindows } from './staged-windows.ts';
import type { Written } from './staged-windows.ts';

/** What was verified, and the identity of the stored objects as they were then. */
export type Verified = Written & { readonly etags: string };

/** A plan whose objects were verified; `verified`: their `etags`. */
export type VerifiedPlan = ArchivePlan & { readonly verified?: string };

/**
 * Reads every object of the day back and compares its identity. At the first that is not what was
 * written (`SSMD_CORRUPT`) its window is no longer taken for archived: the next plan builds it anew.
 */
export async function verifyDay(
  deps: JobDeps,
  plan: ArchivePlan,
  context: JobContext,
): Promise<Verified> {
  const windows = await plannedWindows(deps, plan);
  const objects = windows.flatMap((window) => window.objects.map((object) => ({ window, object })));
  const etags: string[] = [];
  let bytes = 0;
  for (const [index, { window, object }] of objects.entries()) {
    const stored = await deps.normalized.get(object.key, { signal: context.signal });
    const read = readStored(deps, object, stored);
    if (typeof read === 'string') await refuseObject(deps, window, object, read);
    etags.push(stored?.etag ?? '');
    bytes += object.bytes;
    const stage = `${plan.feed} ${plan.day}: verifying (${index + 1} of ${objects.length})`;
    context.beat({ v: 1, stage, done: [], records: 0, bytes });
    await breathe(context.signal);
  }
  return { ...countOf(objects.map(({ object }) => object)), etags: etagsId(deps, etags) };
}

function etagsId({ sha256 }: Pick<JobDeps, 'sha256'>, etags: readonly string[]): string {
  return sha256(new TextEncoder().encode(etags.join('\n')));
}

/** The window is no longer taken for archived: the next plan builds it anew. */
async function refuseObject(
  deps: Pick<JobDeps, 'normalized'>,
  window: StagedWindow,
  { key }: ManifestObject,
  fault: string,
): Promise<never> {
  await deps.normalized.delete(stagedWindowKey(window));
  throw new SsmdError('SSMD_CORRUPT', `object ${key}: ${fault}; it is built again`, {
    facts: { replan: true, key },
  });
}

/** Objects looked at side by side just before the commit. */
const HEADS_MAX = 16;

/**
 * Between the verification and the commit nobody may have changed an object or taken it away: a look at
 * each, without its bytes.
 */
export async function refuseAltered(
  deps: JobDeps,
  plan: VerifiedPlan,
  windows: readonly StagedWindow[],
  { signal }: JobContext,
): Promise<void> {
  const objects = windows.flatMap((window) => window.objects.map((object) => ({ window, object })));
  const etags: string[] = [];
  for (let first = 0; first < objects.length; first += HEADS_MAX) {
    const some = objects.slice(first, first + HEADS_MAX);
    const heads = await Promise.all(some.map(({ object }) => deps.normalized.head(object.key)));
    for (const [index, { window, object }] of some.entries()) {
      const head = heads[index] ?? null;
      if (head === null) await refuseObject(deps, window, object, 'it is not there');
      if (head !== null && head.bytes !== object.bytes) {
        const fault = `it has ${head.bytes} bytes, expected ${object.bytes}`;
        await refuseObject(deps, window, object, fault);
      }
      etags.push(head?.etag ?? '');
    }
    await breathe(signal);
  }
  if (plan.verified === undefined || plan.verified === etagsId(deps, etags)) return;
  throw new SsmdError(
    'SSMD_CORRUPT',
    `an object of ${plan.feed} ${plan.day} changed between its verification and the commit; the day ` +
      'is verified again',
    { facts: { replan: true } },
  );
}

/** Why an object is not what a manifest says of it; null where it is. */
export async function objectFault(
  deps: Pick<JobDeps, 'normalized' | 'zstd' | 'sha256'>,
  object: ManifestObject,
  signal: AbortSignal,
): Promise<string | null> {
  const read = await readObject(deps, object, signal);
  return typeof read === 'string' ? read : null;
}

/** An object's plain bytes where it is what a manifest says of it, else why it is not. */
export async function readObject(
  deps: Pick<JobDeps, 'normalized' | 'zstd' | 'sha256'>,
  object: ManifestObject,
  signal: AbortSignal,
): Promise<Uint8Array | string> {
  return readStored(deps, object, await deps.normalized.get(object.key, { signal }));
}

function readStored(
  deps: Pick<JobDeps, 'zstd' | 'sha256'>,
  object: ManifestObject,
  stored: StoredObject | null,
): Uint8Array | string {
  if (stored === null) return 'it is not there';
  const packed = deps.sha256(stored.body);
  let unpacked: ReturnType<typeof unpackObject>;
  try {
    unpacked = unpackObject(stored.body, deps.zstd, object.key);
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
  const sizes = { bytes: stored.body.length, plain_bytes: plain.length };
  const { message_count: records, time_range } = lineage;
  const told = { records, first_t: time_range?.start, last_t: time_range?.end };
  const extent = extentOf(plain);
  if (extent === null) return 'its plain bytes are no events from some point on';
  return (
    disagreement(object, { ...sizes, ...extent }, 'it holds') ??
    disagreement(object, told, 'its footer says') ??
    plain
  );
}

type Extent = Pick<ManifestObject, 'records' | 'first_t' | 'last_t'>;

/** Null where a stretch of the bytes is no event. */
function extentOf(plain: Uint8Array): Extent | null {
  let records = 0;
  let first: bigint | null = null;
  let last = 0n;
  try {
    for (let at = 0; at < plain.length; records++) {
      const { t, length } = readHeader(plain, at);
      first ??= t;
      last = t;
      at += length;
    }
  } catch {
    return null;
  }
  return { records, first_t: (first ?? 0n).toString(), last_t: last.toString() };
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
