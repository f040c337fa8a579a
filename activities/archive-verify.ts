/** Whether the objects of a day are what was written: read back whole, and looked at before the commit. */
import { stagedWindowKey } from '../dataset/keys.ts';
import type { ManifestObject } from '../dataset/manifest.ts';
import { plainOrFault } from '../dataset/object-check.ts';
import type { Schema } from '../dataset/version.ts';
import { SsmdError } from '../schema/errors.ts';
import type { ArchivePlan } from './archive-plan.ts';
import type { StagedWindow } from './datasets.ts';
import { breathe } from './deps.ts';
import type { JobContext, JobDeps } from './deps.ts';
import { headsOf } from './object-heads.ts';
import { countOf, plannedWindows } from './staged-windows.ts';
import type { Written } from './staged-windows.ts';

/** What was verified, and the identity of the stored objects as they were then. */
export type Verified = Written & { readonly etags: string };

/** A plan whose objects were verified; `verified`: their `etags`. */
export type VerifiedPlan = ArchivePlan & { readonly verified?: string };

/** One object of a day, and what has to be forgotten where it is not what was written. */
export type Laid = { readonly object: ManifestObject; readonly staged: readonly string[] };

/**
 * Reads every object of the day back and compares its identity. At the first that is not what was
 * written (`SSMD_CORRUPT`) its window is no longer taken for archived: the next plan builds it anew.
 */
export async function verifyDay(
  deps: JobDeps,
  plan: ArchivePlan,
  context: JobContext,
): Promise<Verified> {
  const laid = laidIn(await plannedWindows(deps, plan));
  return verifyObjects(deps, { name: `${plan.feed} ${plan.day}`, schema: 'md2', laid }, context);
}

/** The same of any objects. */
export async function verifyObjects(
  deps: Pick<JobDeps, 'normalized' | 'zstd' | 'sha256'>,
  of: { readonly name: string; readonly schema: Schema; readonly laid: readonly Laid[] },
  context: JobContext,
): Promise<Verified> {
  const { name, schema, laid } = of;
  const etags: string[] = [];
  let records = 0;
  let bytes = 0;
  for (const [index, it] of laid.entries()) {
    const { object } = it;
    const stored = await deps.normalized.get(object.key, { signal: context.signal });
    const read =
      stored === null ? 'it is not there' : plainOrFault(stored.body, object, schema, deps);
    if (typeof read === 'string') await refuseObject(deps, it, read);
    etags.push(stored?.etag ?? '');
    records += object.records;
    bytes += object.bytes;
    const stage = `${name}: verifying (${index + 1} of ${laid.length})`;
    context.beat({ v: 1, stage, done: [], records, bytes });
    await breathe(context.signal);
  }
  return { ...countOf(laid.map(({ object }) => object)), etags: etagsId(deps, etags) };
}

function laidIn(windows: readonly StagedWindow[]): Laid[] {
  return windows.flatMap((window) =>
    window.objects.map((object) => ({ object, staged: [stagedWindowKey(window)] })),
  );
}

function etagsId({ sha256 }: Pick<JobDeps, 'sha256'>, etags: readonly string[]): string {
  return sha256(new TextEncoder().encode(etags.join('\n')));
}

/** What was staged with it is no longer taken for archived: the next plan builds it anew. */
async function refuseObject(
  deps: Pick<JobDeps, 'normalized'>,
  { object: { key }, staged }: Laid,
  fault: string,
): Promise<never> {
  for (const it of staged) await deps.normalized.delete(it);
  throw new SsmdError('SSMD_CORRUPT', `object ${key}: ${fault}; it is built again`, {
    facts: { replan: true, key },
  });
}

export async function refuseAltered(
  deps: JobDeps,
  plan: VerifiedPlan,
  windows: readonly StagedWindow[],
  context: JobContext,
): Promise<void> {
  const { verified = null } = plan;
  const name = `${plan.feed} ${plan.day}`;
  await lookAgain(deps, { name, laid: laidIn(windows), verified }, context);
}

/**
 * Between the verification and the commit nobody may have changed an object or taken it away: a look at
 * each, without its bytes.
 */
export async function lookAgain(
  deps: Pick<JobDeps, 'normalized' | 'sha256'>,
  of: { readonly name: string; readonly laid: readonly Laid[]; readonly verified: string | null },
  { signal }: JobContext,
): Promise<void> {
  const { name, laid, verified } = of;
  const etags: string[] = [];
  for await (const [it, head] of headsOf(deps, laid, ({ object }) => object, signal)) {
    if (head === null) await refuseObject(deps, it, 'it is not there');
    if (head !== null && head.bytes !== it.object.bytes) {
      await refuseObject(deps, it, `it has ${head.bytes} bytes, expected ${it.object.bytes}`);
    }
    etags.push(head?.etag ?? '');
  }
  if (verified === null || verified === etagsId(deps, etags)) return;
  throw new SsmdError(
    'SSMD_CORRUPT',
    `an object of ${name} changed between its verification and the commit; the day is verified again`,
    { facts: { replan: true } },
  );
}

/** Why an object is not what a manifest says of it; null where it is. */
export async function objectFault(
  deps: Pick<JobDeps, 'normalized' | 'zstd' | 'sha256'>,
  object: ManifestObject,
  schema: Schema,
  signal: AbortSignal,
): Promise<string | null> {
  const read = await readObject(deps, object, schema, signal);
  return typeof read === 'string' ? read : null;
}

/** An object's plain bytes where it is what a manifest says of it, else why it is not. */
export async function readObject(
  deps: Pick<JobDeps, 'normalized' | 'zstd' | 'sha256'>,
  object: ManifestObject,
  schema: Schema,
  signal: AbortSignal,
): Promise<Uint8Array | string> {
  const stored = await deps.normalized.get(object.key, { signal });
  return stored === null ? 'it is not there' : plainOrFault(stored.body, object, schema, deps);
}
