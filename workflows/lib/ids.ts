/** The only place that builds workflow ids: they are the jobs' idempotency keys. */

/** Standing or by hand: the job of a day. */
export function dailyArchiveId(of: { readonly feed: string; readonly day: string }): string {
  return `daily-archive/${of.feed}/${of.day}`;
}

export function dailyQaId(of: {
  readonly feed: string;
  readonly day: string;
  readonly version: string;
}): string {
  return `qa/${of.feed}/${of.day}/${of.version}`;
}

export function auditId(of: { readonly feed: string; readonly day: string }): string {
  return `audit/${of.feed}/${of.day}`;
}

/** An audit of more than one day; without a range that of `day`'s morning. */
export function standingAuditId(of: {
  readonly feed?: string;
  readonly day: string;
  readonly from?: string;
  readonly to?: string;
  readonly deep?: boolean;
}): string {
  const range = of.from === undefined ? `standing-${of.day}` : `${of.from}..${of.to ?? of.day}`;
  return `audit/${of.feed ?? 'all'}/${range}${of.deep === true ? '/deep' : ''}`;
}

/** One at a time: a list, or the taking of one. */
export function cleanupId(of: { readonly feed?: string; readonly confirm?: string }): string {
  if (of.confirm !== undefined) return `cleanup/${of.confirm}`;
  return `cleanup/${of.feed ?? 'all'}/dry-run`;
}

export function monthlyAuditId(of: { readonly feed?: string; readonly day: string }): string {
  return `monthly-audit/${of.feed ?? 'all'}/${of.day}`;
}

/** Versions are as asked for: what `current` is may have moved since. */
export function compareId(of: {
  readonly feed: string;
  readonly day: string;
  readonly left: string;
  readonly right: string;
}): string {
  return `compare/${of.feed}/${of.day}/${of.left}..${of.right}`;
}

/** A range under a label: who asks for the same again finds the same run. */
export function reprocessId(of: {
  readonly feed: string;
  readonly from: string;
  readonly to: string;
  readonly version?: string;
  readonly schema?: string;
  readonly connector_version?: string;
  readonly promote?: string;
  readonly dry_run?: boolean;
}): string {
  const { feed, from, to, version, schema, connector_version, promote = 'manual' } = of;
  const made = version ?? [schema ?? 'md2', connector_version].filter(Boolean).join('-');
  const under = promote === 'manual' ? made : `${made}-${promote}`;
  const kind = of.dry_run === true ? 'reprocess-plan' : 'reprocess';
  return `${kind}/${feed}/${from}..${to}/${under}`;
}

/** A range of days without manifests. */
export function backfillId(of: {
  readonly feed: string;
  readonly from: string;
  readonly to: string;
  readonly dry_run?: boolean;
}): string {
  const kind = of.dry_run === true ? 'backfill-plan' : 'backfill';
  return `${kind}/${of.feed}/${of.from}..${of.to}`;
}

/** A move of the pointer: each is one of its own. */
export function promoteId(of: { readonly feed: string; readonly request: string }): string {
  return `promote/${of.feed}/${of.request}`;
}

/** `request` tells exports of the same days apart. */
export function exportId(of: {
  readonly feed: string;
  readonly from: string;
  readonly to: string;
  readonly request: string;
}): string {
  return `export/${of.feed}/${of.from}..${of.to}/${of.request}`;
}

/** `from` and `to` as they were asked for; `id` is the replay's name on the bus. */
export function replayId(of: {
  readonly feed: string;
  readonly from: string;
  readonly to: string;
  readonly id: string;
}): string {
  return `replay/${of.feed}/${of.from}..${of.to}/${of.id}`;
}
