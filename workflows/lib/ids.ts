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
