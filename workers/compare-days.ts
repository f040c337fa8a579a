/** Days compared by whoever asks, without a job: of one environment, or of two. */
import { compareSources, refuseOne, sourceOf } from '../activities/compare.ts';
import { plainContext } from '../activities/deps.ts';
import type { JobCursor } from '../activities/deps.ts';
import { diffDay } from '../activities/diff.ts';
import type { DayDiff } from '../activities/diff.ts';
import type { Feed } from '../connectors/feed.ts';
import { jsonDocument } from '../dataset/canonical.ts';
import type { CompareDocument } from '../dataset/compare.ts';
import type { DiffDocument } from '../dataset/diff.ts';
import type { Endpoints } from '../environments/endpoints.ts';
import type { Environment } from '../environments/env.ts';
import { renderCompare } from '../qa/compare-report.ts';
import { SsmdError } from '../schema/errors.ts';
import type { Day } from '../schema/time.ts';
import { decompressPrefix, sha256, zstd } from '../storage/zstd.ts';
import { openStores } from './adapters.ts';

export type Place = { readonly environment: Environment; readonly endpoints: Endpoints };

export type Watched = {
  readonly signal: AbortSignal;
  readonly onProgress: (at: JobCursor) => void;
};

type OfDay = { readonly feed: Feed; readonly day: Day };

/** Two versions of an environment's day; writes the report beside them, as the job does. */
export async function diffStored(
  { environment, endpoints }: Place,
  of: OfDay & { readonly old: string; readonly new: string },
  watched: Watched,
): Promise<{ readonly figures: DayDiff; readonly document: DiffDocument }> {
  await using stores = await openStores(environment, endpoints);
  const deps = { ...stores, zstd, sha256 };
  const sides = { old: await sourceOf(deps, of, of.old), new: await sourceOf(deps, of, of.new) };
  refuseOne(of, sides);
  const [old, now] = [sides.old.manifest.version, sides.new.manifest.version];
  const figures = await diffDay(deps, { ...of, old, new: now }, contextOf(watched));
  const stored = await stores.normalized.get(figures.json, { signal: watched.signal });
  const document = JSON.parse(new TextDecoder().decode(stored?.body)) as DiffDocument;
  return { figures, document };
}

/** A day of one environment against the same day of another; writes nothing into either. */
export async function compareEnvironments(
  of: OfDay,
  sides: { readonly old: Place & Versioned; readonly new: Place & Versioned },
  watched: Watched,
): Promise<{
  readonly document: CompareDocument;
  readonly json: Uint8Array;
  readonly html: Uint8Array;
}> {
  await using left = await openStores(sides.old.environment, sides.old.endpoints);
  await using right = await openStores(sides.new.environment, sides.new.endpoints);
  const common = { zstd, sha256 };
  const sources = {
    old: await naming(sides.old, sourceOf({ ...left, ...common }, of, sides.old.version)),
    new: await naming(sides.new, sourceOf({ ...right, ...common }, of, sides.new.version)),
  };
  const raw = { raw: left.raw, unpackPrefix: decompressPrefix };
  const document = await compareSources(raw, sources, contextOf(watched));
  const html = new TextEncoder().encode(renderCompare(document));
  return { document, json: jsonDocument(document), html };
}

type Versioned = { readonly version: string };

/** Of two environments it has to be said in which one something is missing. */
async function naming<T>({ environment }: Place, found: Promise<T>): Promise<T> {
  try {
    return await found;
  } catch (error) {
    if (!(error instanceof SsmdError)) throw error;
    const { code, facts } = error;
    const environment_name = environment.name;
    throw new SsmdError(code, `environment ${environment_name}: ${error.message}`, {
      facts: { ...facts, environment: environment_name },
      cause: error,
    });
  }
}

function contextOf({ signal, onProgress }: Watched) {
  return { ...plainContext(signal), beat: onProgress };
}
