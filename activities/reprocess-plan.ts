/** What reprocessing a range would do: its days, what it reads, the label it goes under, how long it takes. */
import { versionOfDay } from '../dataset/current.ts';
import { manifestKey, parseRawSegmentKey, rawPrefix, versionKey } from '../dataset/keys.ts';
import { jsonDocument } from '../dataset/canonical.ts';
import { surveySegment } from '../dataset/segment-survey.ts';
import { chooseVersion, compareVersions, misfit } from '../dataset/version.ts';
import type { Making, Schema, VersionBinding } from '../dataset/version.ts';
import { SsmdError } from '../schema/errors.ts';
import type { Origin } from '../schema/log.ts';
import type { Day } from '../schema/time.ts';
import type { BuildFacts, Builds } from './builds.ts';
import { JSON_TYPE, readBindings, readCurrent } from './datasets.ts';
import { daysOf } from './day-input.ts';
import type { JobContext, JobDeps } from './deps.ts';
import { readThroughput } from './throughput.ts';

export type ReprocessRequest = {
  readonly feed: string;
  readonly from: string;
  readonly to: string;
  /** The label to build under; null: the one that is bound to this making, else a new one. */
  readonly version: string | null;
  readonly schema: Schema;
  /** A registered build; null: this worker's own. */
  readonly connector_version: string | null;
};

export type PlannedDay = {
  readonly day: Day;
  readonly segments: number;
  /** As they lie in the bucket. */
  readonly bytes: number;
  /** Which version serves it now. */
  readonly serving: string | null;
  /** It has a manifest under the label already. */
  readonly committed: boolean;
};

export type ReprocessPlan = {
  readonly feed: string;
  readonly version: string;
  /** The label is bound already. */
  readonly bound: boolean;
  readonly schema: Schema;
  /** Of RAW: never mixed in a version. */
  readonly origin: Origin;
  /** `kraken@1` */
  readonly normalizer: string;
  readonly connector: { readonly version: string; readonly commit: string };
  readonly source: string;
  readonly target: string;
  readonly days: readonly PlannedDay[];
  readonly segments: number;
  readonly bytes: number;
  /** From what this store's builds of the feed took so far; null where none was measured. */
  readonly seconds: number | null;
};

/** Days one job may be asked for. */
export const RANGE_DAYS_MAX = 400;

/**
 * @throws SSMD_NOT_FOUND naming the days of which RAW has nothing
 * @throws SSMD_VERSION_CONFLICT where the label is bound to another making
 * @throws SSMD_INVALID_INPUT for a build that is not registered, or cannot do what is asked
 */
export async function planReprocess(
  deps: JobDeps & { readonly builds: Builds },
  request: ReprocessRequest,
  context: JobContext,
): Promise<ReprocessPlan> {
  const { feed, schema } = request;
  const build = await deps.builds.describe(request.connector_version);
  const normalizer = normalizerIn(build, request);
  const current = await readCurrent(deps, feed);
  const bindings = await readBindings(deps);
  const found: (RawOfDay & { readonly day: Day })[] = [];
  for (const day of daysOf(request)) {
    const raw = await rawOf(deps, feed, day, context.signal);
    found.push({ day, ...raw });
    context.beat({
      ...{ v: 1, stage: `${feed} ${day}: looking at raw`, done: [day] },
      ...{ records: 0, bytes: raw.bytes },
    });
    context.signal.throwIfAborted();
  }
  refuseWithoutRaw(request, found);
  const origin = onlyOrigin(request, found) ?? deps.origin;
  const making = { feed, schema, normalizer, window_hours: deps.window_hours, origin };
  const { version, exists } = targetOf(bindings, making, request.version, current?.live ?? null);
  const days: PlannedDay[] = [];
  for (const { day, segments, bytes } of found) {
    const serving = versionOfDay(current, day);
    const committed = (await deps.normalized.head(manifestKey({ version, feed, day }))) !== null;
    days.push({ day, segments, bytes, serving, committed });
  }
  const bytes = days.reduce((sum, it) => sum + it.bytes, 0);
  return {
    feed,
    version,
    bound: exists,
    schema,
    origin,
    normalizer: `${feed}@${normalizer}`,
    connector: { version: build.version, commit: build.commit },
    source: `raw/${feed}/`,
    target: `normalized/${version}/${feed}/`,
    days,
    segments: days.reduce((sum, it) => sum + it.segments, 0),
    bytes,
    seconds: await estimate(deps, feed, bytes),
  };
}

/** Binds the plan's label, unless it is. @throws SSMD_VERSION_CONFLICT where another was faster */
export async function bindVersion(
  deps: JobDeps & { readonly builds: Builds },
  plan: Pick<ReprocessPlan, 'feed' | 'version' | 'schema' | 'origin'>,
  connector_version: string | null,
): Promise<VersionBinding> {
  const build = await deps.builds.describe(connector_version);
  const binding: VersionBinding = {
    format: 1,
    version: plan.version,
    schema: plan.schema,
    normalizers: build.normalizers,
    window_hours: deps.window_hours,
    origin: plan.origin,
  };
  await deps.normalized.putIfAbsent(versionKey(plan.version), jsonDocument(binding), JSON_TYPE);
  const there = (await readBindings(deps)).find((it) => it.version === plan.version);
  const making = { ...binding, feed: plan.feed, normalizer: build.normalizers[plan.feed] ?? 0 };
  const why = there === undefined ? 'its binding is gone' : misfit(there, making);
  if (there === undefined || why !== null) throw misfitError(plan.version, why ?? '');
  return there;
}

function normalizerIn(build: BuildFacts, { feed, schema }: ReprocessRequest): number {
  const normalizer = build.normalizers[feed];
  const lacks = build.schemas.includes(schema) ? 'feed' : 'schema';
  if (normalizer !== undefined && lacks === 'feed') return normalizer;
  throw new SsmdError(
    'SSMD_INVALID_INPUT',
    `connector ${build.version} (${build.commit}) cannot build ${feed} as ${schema}: it has ` +
      `schemas ${build.schemas.join(', ')} and feeds ${Object.keys(build.normalizers).join(', ')}`,
    { facts: { connector_version: build.version, lacks } },
  );
}

function targetOf(
  bindings: readonly VersionBinding[],
  making: Making,
  asked: string | null,
  live: string | null,
): { readonly version: string; readonly exists: boolean } {
  if (asked === null) return chooseVersion(bindings, making, live === null ? [] : [live]);
  const there = bindings.find((it) => it.version === asked);
  if (there === undefined) return { version: asked, exists: false };
  const why = misfit(there, making);
  if (why === null) return { version: asked, exists: true };
  const taken = bindings.map((it) => it.version).sort(compareVersions);
  throw misfitError(asked, `${why}; taken are ${taken.join(', ')}: choose another label`);
}

function misfitError(version: string, why: string): SsmdError {
  return new SsmdError('SSMD_VERSION_CONFLICT', `version ${version} cannot be built so: ${why}`, {
    facts: { version },
  });
}

export type RawOfDay = {
  readonly segments: number;
  readonly bytes: number;
  /** As the day's first readable segment says; null where none does. */
  readonly origin: Origin | null;
};

/** What lies in RAW of a day: listed, its first readable segment opened. */
export async function rawOf(
  deps: JobDeps,
  feed: string,
  day: Day,
  signal: AbortSignal,
): Promise<RawOfDay> {
  let segments = 0;
  let total = 0;
  let origin: Origin | null = null;
  for await (const { key, bytes } of deps.raw.list(rawPrefix({ feed, day }))) {
    const id = parseRawSegmentKey(key);
    if (id === null) continue;
    segments++;
    total += bytes;
    const stored = origin === null ? await deps.raw.get(key, { signal }) : null;
    if (stored === null) continue;
    const content = await deps.unpackPrefix(stored.body);
    origin = surveySegment(key, id, content, deps.sha256).capture?.origin ?? null;
  }
  return { segments, bytes: total, origin };
}

function onlyOrigin(
  { feed, from, to }: ReprocessRequest,
  days: readonly (RawOfDay & { readonly day: Day })[],
): Origin | null {
  const first = days.find((it) => it.origin !== null);
  const other = days.find((it) => it.origin !== null && it.origin !== first?.origin);
  if (other === undefined) return first?.origin ?? null;
  throw new SsmdError(
    'SSMD_INVALID_INPUT',
    `RAW of ${feed} from ${from} to ${to} mixes origins: ${first?.day} is ${first?.origin}, ` +
      `${other.day} is ${other.origin}; they never share a version: ask for one after the other`,
    { facts: { feed, from, to, origins: [first?.origin, other.origin] } },
  );
}

/** Days a message lists. */
const LISTED_MAX = 10;

function refuseWithoutRaw(
  { feed, from, to }: ReprocessRequest,
  days: readonly Pick<PlannedDay, 'day' | 'segments'>[],
): void {
  const bare = days.filter((it) => it.segments === 0).map((it) => it.day);
  if (bare.length === 0) return;
  const there = days.filter((it) => it.segments > 0).map((it) => it.day);
  const listed = (of: readonly Day[]): string =>
    of.slice(0, LISTED_MAX).join(', ') +
    (of.length > LISTED_MAX ? ` and ${of.length - LISTED_MAX} more` : '');
  throw new SsmdError(
    'SSMD_NOT_FOUND',
    `RAW has nothing of ${feed} on ${listed(bare)}; nothing was started. ` +
      (there.length === 0
        ? `No day from ${from} to ${to} has any: check feed and days`
        : `It has ${listed(there)}: ask for these`),
    { facts: { feed, from, to, without: bare.slice(0, 100), with: there.slice(0, 100) } },
  );
}

async function estimate(deps: JobDeps, feed: string, bytes: number): Promise<number | null> {
  const measured = await readThroughput(deps, feed);
  return measured === null ? null : Math.ceil(bytes / measured.bytes_per_second);
}
