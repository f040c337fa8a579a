/** What nothing needs any more: found, listed, and taken away once somebody confirmed that very list. */
import { jsonDocument } from '../dataset/canonical.ts';
import { cleanupDigest, supersededVersions, whyKept } from '../dataset/cleanup.ts';
import type { CleanupEntry, CleanupList, Superseded, VersionState } from '../dataset/cleanup.ts';
import {
  cleanupKey,
  manifestKey,
  manifestPrefix,
  parseManifestKey,
  retiringKey,
  stagingOf,
} from '../dataset/keys.ts';
import { SsmdError } from '../schema/errors.ts';
import { formatIso } from '../schema/time.ts';
import { JSON_TYPE, readCurrent } from './datasets.ts';
import { breathe } from './deps.ts';
import type { JobContext, JobDeps } from './deps.ts';
import { findLeftovers, placeOf, versionsIn } from './leftovers.ts';
import { activity } from './run.ts';

/** A list that would take more than this share of the bucket, by bytes or by keys, is not taken. */
export const CLEANUP_SHARE_MAX = 0.5;
/** What nothing refers to stays so long after it was put: a build may still be about to name it. */
export const GRACE_DAYS = 7;
/** Entries deleted at once, between two looks at the pointers. */
const PAGE = 100;
const DELETES_MAX = 8;
const KEYS_A_BEAT = 500;
const MS_PER_DAY = 86_400_000;

export type CleanupRequest = {
  readonly feeds: readonly string[];
  readonly keep_versions: number;
  readonly older_than_days: number;
};

/** A list as a workflow carries it: what it comes to, and where it lies. */
export type CleanupSummary = Omit<CleanupList, 'format' | 'entries' | 'before_ms'> & {
  readonly key: string;
  readonly keys: number;
  readonly staged: number;
  readonly objects: number;
  /** Of rebuilds that were never committed; left out by workers that did not know of them. */
  readonly abandoned?: number;
  readonly over_limit: boolean;
};

export type CleanupDone = {
  readonly digest: string;
  readonly deleted: number;
  readonly bytes: number;
  /** Gone already. */
  readonly gone: number;
  /** Put anew since they were listed: left alone. */
  readonly changed: number;
  /** Key of the record of what was deleted. */
  readonly tombstone: string;
};

type Deps = Pick<JobDeps, 'normalized' | 'now' | 'sha256'>;

export function createCleanupActivities(deps: Deps) {
  return {
    listCleanup: activity((of: CleanupRequest, context): Promise<CleanupSummary> =>
      listCleanup(deps, of, context),
    ),
    /** Whether a list may still be taken, as things are now. */
    checkCleanup: activity((digest: string, context): Promise<CleanupSummary> =>
      checkCleanup(deps, digest, context),
    ),
    runCleanup: activity((digest: string, context): Promise<CleanupDone> =>
      runCleanup(deps, digest, context),
    ),
  };
}

export type CleanupActivities = ReturnType<typeof createCleanupActivities>;

/** Finds what may go, and keeps the list under its digest. Deletes nothing. */
export async function listCleanup(
  deps: Deps,
  of: CleanupRequest,
  context: JobContext,
): Promise<CleanupSummary> {
  const now_ms = Number(deps.now() / 1_000_000n);
  const before_ms = now_ms - GRACE_DAYS * MS_PER_DAY;
  const versions_before_ms = now_ms - of.older_than_days * MS_PER_DAY;
  const superseded: Superseded[] = [];
  const manifests: CleanupEntry[] = [];
  const others: CleanupEntry[] = [];
  for (const feed of of.feeds) {
    const current = await readCurrent(deps, feed);
    const states = await statesOf(deps, feed);
    const policy = { keep: of.keep_versions, before_ms: versions_before_ms };
    for (const version of supersededVersions(current, states, policy)) {
      const entries = await entriesOf(deps, version, feed, context);
      const days = entries.filter((it) => parseManifestKey(it.key) !== null);
      manifests.push(...days);
      others.push(...entries.filter((it) => parseManifestKey(it.key) === null));
      const bytes = entries.reduce((sum, it) => sum + it.bytes, 0);
      superseded.push({ version, feed, days: days.length, keys: entries.length, bytes });
    }
  }
  const whole = new Set(others.map((it) => it.key));
  for await (const it of findLeftovers(deps, { feeds: of.feeds, before_ms }, context)) {
    if (!whole.has(it.key)) others.push(it);
  }
  const entries = [...manifests, ...others];
  const digest = cleanupDigest(entries, deps.sha256);
  const total = await totalOf(deps, context);
  const bytes = entries.reduce((sum, it) => sum + it.bytes, 0);
  const list: CleanupList = {
    ...{
      format: 1,
      digest,
      at: formatIso(deps.now()),
      ...of,
      before_ms,
      superseded,
      entries,
      bytes,
    },
    share: Math.max(shareOf(bytes, total.bytes), shareOf(entries.length, total.keys)),
  };
  if (entries.length > 0) {
    await deps.normalized.put(cleanupKey(digest, 'list'), jsonDocument(list), JSON_TYPE);
  }
  return summaryOf(list);
}

/**
 * @throws SSMD_NOT_FOUND where there is no such list
 * @throws SSMD_LIMIT where it would take more than CLEANUP_SHARE_MAX of the bucket
 * @throws SSMD_MOVED where something of it is needed by now
 */
export async function checkCleanup(
  deps: Deps,
  digest: string,
  context: JobContext,
): Promise<CleanupSummary> {
  const list = await readList(deps, digest);
  refuseTooMuch(list);
  await refuseNeeded(deps, list);
  const fresh = new Set<string>();
  const { feeds, before_ms } = list;
  for await (const { key } of findLeftovers(deps, { feeds, before_ms }, context)) fresh.add(key);
  for (const { kind, key } of list.entries) {
    if (kind === 'version' || fresh.has(key)) continue;
    // What is gone needs no leave.
    if ((await deps.normalized.head(key)) !== null)
      throw needed(digest, key, 'a manifest names it, or its day is being built again');
  }
  return summaryOf(list);
}

/** Takes what the list names, page by page; a repeated attempt goes on where the last one was. */
export async function runCleanup(
  deps: Deps,
  digest: string,
  context: JobContext,
): Promise<CleanupDone> {
  const list = await readList(deps, digest);
  refuseTooMuch(list);
  // Said before the pointer is looked at, as a promotion looks for it after it wrote the pointer: whichever
  // comes second sees the other and gives way.
  for (const it of list.superseded) {
    await deps.normalized.put(retiringKey(it), jsonDocument({ format: 1, digest }), JSON_TYPE);
  }
  try {
    return await deleteListed(deps, list, context);
  } finally {
    // Where it stopped half-way the manifests were the first to go: nothing of it can serve without them.
    for (const it of list.superseded) await deps.normalized.delete(retiringKey(it));
  }
}

async function deleteListed(
  deps: Deps,
  list: CleanupList,
  context: JobContext,
): Promise<CleanupDone> {
  const { digest } = list;
  const tombstone = cleanupKey(digest, 'deleted');
  const record = (state: string, done: object): Promise<void> => {
    const { entries, ...of } = list;
    const keys = entries.map(({ kind, key, bytes }) => ({ kind, key, bytes }));
    const document = { ...of, state, began_or_ended: formatIso(deps.now()), ...done, keys };
    return deps.normalized.put(tombstone, jsonDocument(document), JSON_TYPE);
  };
  const counts = countsIn(context.resumed?.done);
  if (counts.at === 0) await record('deleting', {});
  while (counts.at < list.entries.length) {
    await refuseNeeded(deps, list);
    const page = list.entries.slice(counts.at, counts.at + PAGE);
    await refuseTakenUp(deps, list, page);
    for (let first = 0; first < page.length; first += DELETES_MAX) {
      const some = page.slice(first, first + DELETES_MAX);
      const ended = await Promise.all(some.map((it) => deleteOne(deps, it)));
      for (const [index, how] of ended.entries()) {
        counts[how]++;
        if (how === 'deleted') counts.bytes += some[index]?.bytes ?? 0;
      }
    }
    counts.at += page.length;
    context.beat({
      ...{ v: 1, stage: `${counts.at} of ${list.entries.length} keys`, bytes: counts.bytes },
      ...{ done: [JSON.stringify(counts)], records: counts.deleted },
    });
    await breathe(context.signal);
  }
  const { deleted, gone, changed, bytes } = counts;
  await record('deleted', { deleted, gone, changed });
  return { digest, deleted, bytes, gone, changed, tombstone };
}

type Counts = { at: number; deleted: number; gone: number; changed: number; bytes: number };

function countsIn(done: readonly string[] | undefined): Counts {
  const [text] = done ?? [];
  const none = { at: 0, deleted: 0, gone: 0, changed: 0, bytes: 0 };
  return text === undefined ? none : { ...none, ...(JSON.parse(text) as Counts) };
}

async function deleteOne(
  { normalized }: Deps,
  { key, etag }: CleanupEntry,
): Promise<'deleted' | 'gone' | 'changed'> {
  const head = await normalized.head(key);
  if (head === null) return 'gone';
  if (head.etag !== etag) return 'changed';
  await normalized.delete(key);
  return 'deleted';
}

/** A superseded version that serves again, or got another day, stays; and with it all of the list. */
async function refuseNeeded(deps: Deps, list: CleanupList): Promise<void> {
  const listed = new Set(list.entries.map((it) => it.key));
  for (const { version, feed } of list.superseded) {
    const why = whyKept(await readCurrent(deps, feed), version);
    if (why !== null) throw needed(list.digest, `${feed} ${version}`, why);
    for await (const { key } of deps.normalized.list(manifestPrefix(version, feed))) {
      if (!listed.has(key)) throw needed(list.digest, `${feed} ${version}`, `${key} is new`);
    }
  }
}

/** A rebuild that somebody goes on with has its plan laid down anew before anything of it is used. */
async function refuseTakenUp(
  { normalized }: Deps,
  { digest, before_ms }: CleanupList,
  page: readonly CleanupEntry[],
): Promise<void> {
  const looked = new Set<string>();
  for (const { kind, version, key } of page) {
    const place = kind === 'abandoned' ? placeOf(key) : null;
    if (place === null) continue;
    const of = { version, ...place };
    const manifest = manifestKey(of);
    if (looked.has(manifest)) continue;
    looked.add(manifest);
    if ((await normalized.head(manifest)) !== null) throw needed(digest, manifest, 'it is new');
    for await (const staged of normalized.list(stagingOf(of))) {
      if (staged.modified_ms >= before_ms) throw needed(digest, staged.key, 'it was put anew');
    }
  }
}

function needed(digest: string, what: string, why: string): SsmdError {
  const message = `list ${digest} is not taken any more: ${what}: ${why}; make a new dry run`;
  return new SsmdError('SSMD_MOVED', message, { facts: { digest, what } });
}

function refuseTooMuch({ digest, share }: CleanupList): void {
  if (share <= CLEANUP_SHARE_MAX) return;
  const percent = (of: number): string => `${(of * 100).toFixed(1)} %`;
  throw new SsmdError(
    'SSMD_LIMIT',
    `list ${digest} would take ${percent(share)} of the bucket, more than CLEANUP_SHARE_MAX ` +
      `(${percent(CLEANUP_SHARE_MAX)}): nothing is deleted; take less at once, by feed or with a ` +
      'greater older_than_days or keep_versions',
    { facts: { digest, share, limit: CLEANUP_SHARE_MAX } },
  );
}

async function readList(deps: Deps, digest: string): Promise<CleanupList> {
  const key = cleanupKey(digest, 'list');
  const stored = await deps.normalized.get(key);
  if (stored === null) {
    const message = `no list with the digest ${digest}: make one with npx ssmd cleanup --dry-run`;
    throw new SsmdError('SSMD_NOT_FOUND', message, { facts: { digest, key } });
  }
  const list = JSON.parse(new TextDecoder().decode(stored.body)) as CleanupList;
  if (cleanupDigest(list.entries, deps.sha256) === digest) return list;
  const message = `${key} is not the list its digest is of; make a new dry run`;
  throw new SsmdError('SSMD_CORRUPT', message, { facts: { digest, key } });
}

/** Versions with days of a feed, by their manifests. */
async function statesOf(deps: Deps, feed: string): Promise<VersionState[]> {
  const states: VersionState[] = [];
  for (const version of await versionsIn(deps)) {
    let newest_ms = -1;
    for await (const { modified_ms } of deps.normalized.list(manifestPrefix(version, feed))) {
      newest_ms = Math.max(newest_ms, modified_ms);
    }
    if (newest_ms >= 0) states.push({ version, newest_ms });
  }
  return states;
}

/** Everything that is there of a feed under a version. */
async function entriesOf(
  deps: Deps,
  version: string,
  feed: string,
  context: JobContext,
): Promise<CleanupEntry[]> {
  const entries: CleanupEntry[] = [];
  for (const part of [`_manifests/${feed}`, `_staging/${feed}`, feed]) {
    for await (const { key, bytes, etag } of deps.normalized.list(
      `normalized/${version}/${part}/`,
    )) {
      entries.push({ kind: 'version', version, feed, key, bytes, etag });
      if (entries.length % KEYS_A_BEAT === 0) await breathe(context.signal);
    }
  }
  return entries;
}

async function totalOf(
  { normalized }: Deps,
  context: JobContext,
): Promise<{ readonly keys: number; readonly bytes: number }> {
  let keys = 0;
  let total = 0;
  for await (const { bytes } of normalized.list('normalized/')) {
    keys++;
    total += bytes;
    if (keys % KEYS_A_BEAT === 0) {
      context.beat({ v: 1, stage: 'counting the bucket', done: [], records: keys, bytes: total });
      await breathe(context.signal);
    }
  }
  return { keys, bytes: total };
}

function shareOf(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}

function summaryOf({ format: _, entries, before_ms: __, ...list }: CleanupList): CleanupSummary {
  const count = (kind: CleanupEntry['kind']): number =>
    entries.filter((it) => it.kind === kind).length;
  return {
    ...list,
    key: cleanupKey(list.digest, 'list'),
    keys: entries.length,
    staged: count('staged'),
    objects: count('object'),
    abandoned: count('abandoned'),
    over_limit: list.share > CLEANUP_SHARE_MAX,
  };
}
