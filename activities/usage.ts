/** What is there: bytes and objects by feed, version and type, RAW by month, and how that fits the environment. */
import { jsonDocument } from '../dataset/canonical.ts';
import { parseObjectKey, parseRawSegmentKey, usageKey } from '../dataset/keys.ts';
import { renderUsage } from '../qa/usage-report.ts';
import type { UsageDocument, UsageRetention, UsageRow } from '../qa/usage-report.ts';
import { addDays, dayOf, formatIso } from '../schema/time.ts';
import { JSON_TYPE } from './datasets.ts';
import { breathe } from './deps.ts';
import type { JobContext, JobDeps } from './deps.ts';
import { activity } from './run.ts';

/** What an environment says of its data. Days: -1 is for ever. */
export type UsagePolicy = {
  readonly raw_retention_days: number;
  readonly normalized_retention_days: number;
  readonly entitlements: UsageDocument['entitlements'];
};

type Deps = Pick<JobDeps, 'raw' | 'normalized' | 'now'> & { readonly policy: UsagePolicy };

export type UsageSummary = {
  readonly normalized: { readonly objects: number; readonly bytes: number };
  readonly raw: { readonly objects: number; readonly bytes: number };
  readonly retention: readonly UsageRetention[];
  readonly entitlements: number;
  readonly json: string;
  readonly html: string;
};

const KEYS_A_BEAT = 500;

export function createUsageActivities(deps: Deps) {
  return {
    reportUsage: activity(
      (
        of: {
          readonly feeds: readonly string[];
          readonly feed: string | null;
          readonly run: string;
        },
        context,
      ): Promise<UsageSummary> => reportUsage(deps, of, context),
    ),
  };
}

export type UsageActivities = ReturnType<typeof createUsageActivities>;

export async function reportUsage(
  deps: Deps,
  of: { readonly feeds: readonly string[]; readonly feed: string | null; readonly run: string },
  context: JobContext,
): Promise<UsageSummary> {
  const raw = await tallyOf(deps, 'raw', of.feeds, context);
  const normalized = await tallyOf(deps, 'normalized', of.feeds, context);
  const { policy } = deps;
  const retention = [
    retentionOf(deps, 'raw', policy.raw_retention_days, raw),
    retentionOf(deps, 'normalized', policy.normalized_retention_days, normalized),
  ];
  const document: UsageDocument = {
    ...{ format: 1, at: formatIso(deps.now()), feed: of.feed },
    ...{ raw: raw.rows, normalized: normalized.rows, retention, entitlements: policy.entitlements },
  };
  const at = { scope: of.feed ?? 'all', day: dayOf(deps.now()), run: of.run };
  const keys = { json: usageKey({ ...at, as: 'json' }), html: usageKey({ ...at, as: 'html' }) };
  await deps.normalized.put(keys.json, jsonDocument(document), JSON_TYPE);
  const html = new TextEncoder().encode(renderUsage(document));
  await deps.normalized.put(keys.html, html, { contentType: 'text/html; charset=utf-8' });
  return {
    ...{ raw: sumOf(raw.rows), normalized: sumOf(normalized.rows), retention },
    ...{ entitlements: policy.entitlements.length, ...keys },
  };
}

type Tally = { readonly rows: readonly UsageRow[]; readonly days: ReadonlyMap<string, number> };

/** Of one bucket, by what it is of; the keys that are of no day are counted by their folder. */
async function tallyOf(
  deps: Deps,
  bucket: 'raw' | 'normalized',
  feeds: readonly string[],
  context: JobContext,
): Promise<Tally> {
  const rows = new Map<string, UsageRow>();
  const days = new Map<string, number>();
  let seen = 0;
  for await (const { key, bytes } of deps[bucket].list('')) {
    if (++seen % KEYS_A_BEAT === 0) {
      const stage = `${bucket}: ${seen} keys counted`;
      context.beat({ v: 1, stage, done: [], records: seen, bytes: 0 });
      await breathe(context.signal);
    }
    const place = placeOf(key);
    if (place.feed !== '' && !feeds.includes(place.feed)) continue;
    const { feed, version, what } = place;
    const name = `${feed} ${version} ${what}`;
    const row = rows.get(name) ?? { feed, version, what, objects: 0, bytes: 0 };
    rows.set(name, { ...row, objects: row.objects + 1, bytes: row.bytes + bytes });
    if (place.day !== null) days.set(place.day, (days.get(place.day) ?? 0) + bytes);
  }
  const sorted = [...rows].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
  return { rows: sorted, days };
}

type Place = Pick<UsageRow, 'feed' | 'version' | 'what'> & { readonly day: string | null };

function placeOf(key: string): Place {
  const segment = parseRawSegmentKey(key);
  if (segment !== null) {
    const day = dayOf(segment.t);
    return { feed: segment.feed, version: '', what: day.slice(0, 7), day };
  }
  const object = parseObjectKey(key);
  if (object !== null) {
    const { feed, version, type } = object;
    return { feed, version, what: type, day: dayOf(object.t) };
  }
  const inventory = /^raw\/([^/]+)\/_manifests\//.exec(key);
  if (inventory !== null)
    return { feed: inventory[1] ?? '', version: '', what: 'inventories', day: null };
  const own = /^normalized\/(v[^/]+)\/(_manifests|_staging)\/([^/]+)\//.exec(key);
  if (own !== null) {
    return { feed: own[3] ?? '', version: own[1] ?? '', what: own[2]?.slice(1) ?? '', day: null };
  }
  const [top = '', next = ''] = key.split('/');
  return { feed: '', version: '', what: next.startsWith('_') ? `${top}/${next}` : top, day: null };
}

/** What lies there longer than the environment says; nothing is ever deleted for that. */
function retentionOf(
  { now }: Deps,
  bucket: 'raw' | 'normalized',
  retention_days: number,
  { days }: Tally,
): UsageRetention {
  const all = [...days.keys()].sort();
  const limit = retention_days < 0 ? '' : addDays(dayOf(now()), -retention_days);
  const over = all.filter((day) => day < limit);
  const bytes_over = over.reduce((sum, day) => sum + (days.get(day) ?? 0), 0);
  const [oldest_day = null] = all;
  return {
    bucket,
    retention_days,
    oldest_day,
    days: all.length,
    days_over: over.length,
    bytes_over,
  };
}

function sumOf(rows: readonly UsageRow[]): { readonly objects: number; readonly bytes: number } {
  return rows.reduce(
    (sum, it) => ({ objects: sum.objects + it.objects, bytes: sum.bytes + it.bytes }),
    { objects: 0, bytes: 0 },
  );
}
