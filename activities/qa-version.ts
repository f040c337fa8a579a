/** Which version of a day its checks judge: they know md2 alone, of which md1 is a projection. */
import { versionOfDay } from '../dataset/current.ts';
import { inputsId } from '../dataset/manifest.ts';
import type { Manifest } from '../dataset/manifest.ts';
import { compareVersions } from '../dataset/version.ts';
import { SsmdError } from '../schema/errors.ts';
import type { Day } from '../schema/time.ts';
import { readBindings, readCurrent, readManifest } from './datasets.ts';
import type { JobDeps } from './deps.ts';

export type QaDay = {
  readonly feed: string;
  readonly day: string;
  /** What is judged. */
  readonly version: string;
  /** The md1 version that was meant, made from the same RAW as `version`; null: `version` itself was. */
  readonly stands_for: string | null;
};

type Deps = Pick<JobDeps, 'normalized' | 'sha256'>;
type OfDay = { readonly feed: string; readonly day: Day };

/**
 * The version that was asked for, else the one that serves the day; of md1, the newest md2 version that
 * was made from the same RAW.
 * @throws SSMD_NOT_FOUND where the day is not committed; SSMD_INVALID_INPUT where md1 has no such twin
 */
export async function judgedVersion(
  deps: Deps,
  of: OfDay,
  asked: string | undefined,
): Promise<QaDay> {
  const version = asked ?? versionOfDay(await readCurrent(deps, of.feed), of.day);
  if (version === null) throw notCommitted(of.feed, of.day, null);
  const manifest = await readManifest(deps, { ...of, version });
  if (manifest === null) throw notCommitted(of.feed, of.day, version);
  if (manifest.schema === 'md2') return { ...of, version, stands_for: null };
  const others = await md2Versions(deps, of);
  const made_from = inputsId(manifest, deps.sha256);
  const twin = others.find((it) => inputsId(it, deps.sha256) === made_from);
  if (twin !== undefined) return { ...of, version: twin.version, stands_for: version };
  const [other] = others;
  throw withoutChecks(
    manifest,
    other === undefined
      ? 'no version of the day is md2: rebuild it as md2 (reprocess) to check it'
      : `ask for version ${other.version}, which is md2 and was made from other RAW`,
  );
}

/** Newest first. */
async function md2Versions(deps: Deps, of: OfDay): Promise<Manifest[]> {
  const found: Manifest[] = [];
  for (const { schema, version } of await readBindings(deps)) {
    const manifest = schema === 'md2' ? await readManifest(deps, { ...of, version }) : null;
    if (manifest !== null) found.push(manifest);
  }
  return found.sort((a, b) => compareVersions(b.version, a.version));
}

/** `next`: what to do, in words. */
export function withoutChecks(
  { feed, day, version, schema }: Manifest,
  next = 'ask for a version that is md2',
): SsmdError {
  return new SsmdError(
    'SSMD_INVALID_INPUT',
    `${feed} ${day} ${version} is ${schema}, which has no checks; ${next}`,
    { facts: { feed, day, version, schema } },
  );
}

export function notCommitted(feed: string, day: string, version: string | null): SsmdError {
  const where = version === null ? '' : ` in ${version}`;
  return new SsmdError(
    'SSMD_NOT_FOUND',
    `${feed} ${day} is not committed${where}: run daily-archive for it first`,
    { facts: { feed, day, version } },
  );
}
