/**
 * Notices: what somebody has to be told, as plain facts. What a notice is about has one name, its
 * fingerprint: told again it is the same trouble, and what cures it goes by the same name.
 */
import type { JobType } from './jobs.ts';

/** Linear's words; `none` leaves the issue without one. */
export const PRIORITIES = ['none', 'urgent', 'high', 'medium', 'low'] as const;
export type Priority = (typeof PRIORITIES)[number];

export const NOTICE_KINDS = ['run', 'incomplete', 'qa', 'audit', 'alert'] as const;
export type NoticeKind = (typeof NOTICE_KINDS)[number];

/** Facts only: how they read is `notify/render.ts`'s. Small, since it travels through histories. */
export type Notice = {
  readonly fingerprint: string;
  readonly kind: NoticeKind;
  /** One line, without the environment. */
  readonly title: string;
  readonly priority: Priority;
  /** The Linear team by key or name; null: the one the alerts file names. */
  readonly team: string | null;
  /** ISO 8601. */
  readonly at: string;
  /** Names this occurrence: reported twice, by a run and by an audit, it is counted once. */
  readonly event: string;
  readonly feed: string | null;
  readonly day: string | null;
  readonly version: string | null;
  readonly run: NoticeRun | null;
  /** What went wrong, outermost first, in plain words. */
  readonly causes: readonly string[];
  /** Keys in the normalized bucket. */
  readonly manifest: string | null;
  readonly report: string | null;
  /** Words of a rule's own template, Markdown. */
  readonly text: string | null;
};

export type NoticeRun = {
  readonly type: string;
  readonly id: string;
  readonly run_id: string;
  /** The activity it failed with; null where none did. */
  readonly activity: string | null;
  /** How often that was tried; null where nobody knows. */
  readonly attempt: number | null;
  /** It goes on: once there is a ticket, the run itself is told. */
  readonly running?: true;
};

/** Where somebody looks after a trouble, by the name its channel gave it, such as `LIN-123`. */
export type Ticket = { readonly id: string; readonly url: string | null };

/** The trouble is over. */
export type Well = {
  readonly fingerprint: string;
  readonly at: string;
  /** What showed it, such as the run that succeeded. */
  readonly words: string;
};

/** A workflow id is a fingerprint with a few letters before it. */
export const FINGERPRINT_CHARS_MAX = 160;
export const CAUSES_MAX = 8;
export const CAUSE_CHARS_MAX = 800;

/** Archived or checked day by day: each day is trouble of its own. */
export const BY_DAY: readonly string[] = ['daily-archive', 'daily-qa'] satisfies JobType[];
/** Over and over the same: the next run that goes well is the cure. */
const STANDING: readonly string[] = [
  'archive-tier',
  'audit',
  'weekly-cleanup',
  'monthly-audit',
] satisfies JobType[];

/** A schedule's own suffix of the ids it starts: the nominal time. */
const SCHEDULED = /-\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?Z$/;

/**
 * What a failed run is trouble with: its day or its standing job, whatever id it was started under;
 * other jobs, and those whose day is not known, by their id.
 */
export function runFingerprint(of: {
  readonly type: string;
  readonly id: string;
  readonly feed: string | null;
  readonly day: string | null;
}): string {
  const { type, id, feed, day } = of;
  if (BY_DAY.includes(type) && feed !== null && day !== null) {
    return fingerprint(`run/${type}/${feed}/${day}`);
  }
  if (STANDING.includes(type)) return fingerprint(`run/${type}/${feed ?? 'all'}`);
  return fingerprint(`run/${id.replace(SCHEDULED, '')}`);
}

/** The header by which a run says to its steps what they are of: a run's id alone does not say its day. */
export const TROUBLE_HEADER = 'ssmd-trouble';

/** What a step that does not get on is trouble with. */
export type Trouble = {
  readonly fingerprint: string;
  readonly feed: string | null;
  readonly day: string | null;
};

/** What may be open already of a run that begins. */
export function troublesOf(run: Parameters<typeof runFingerprint>[0]): string[] {
  const { type, id, feed, day } = run;
  const own = runFingerprint(run);
  if (type === 'reprocess' || type === 'backfill') return [own, partialFingerprint(id)];
  if (type === 'audit') return [own, auditFingerprint(feed)];
  if (type !== 'daily-archive' || feed === null || day === null) return [own];
  return [own, incompleteFingerprint(feed, day)];
}

/** One for each feed and day. */
export function incompleteFingerprint(feed: string, day: string): string {
  return fingerprint(`incomplete/${feed}/${day}`);
}

/** One for each job over a range: it ended, and not all of its days are there. */
export function partialFingerprint(id: string): string {
  return fingerprint(`partial/${id.replace(SCHEDULED, '')}`);
}

/** One for each feed, day and check. */
export function qaFingerprint(feed: string, day: string, check: string): string {
  return fingerprint(`qa/${feed}/${day}/${check}`);
}

/** What audits of a feed, or of all, find: one. */
export function auditFingerprint(feed: string | null): string {
  return fingerprint(`audit/${feed ?? 'all'}`);
}

/** One for each rule and set of labels, in whatever order those come. */
export function alertFingerprint(name: string, labels: Readonly<Record<string, string>>): string {
  const { feed, date, check } = labels;
  // The alert on a check and the check's own notice are one trouble.
  if (feed !== undefined && date !== undefined && check !== undefined) {
    return qaFingerprint(feed, date, check);
  }
  const pairs = Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .toSorted();
  return fingerprint(['alert', name, ...pairs].join('/'));
}

/** Letters an id may hold, and no more of them than it may; what is cut is told apart by a hash. */
function fingerprint(text: string): string {
  const plain = text.replaceAll(/[^A-Za-z0-9._:/=,@+-]/g, '_');
  if (plain === text && text.length <= FINGERPRINT_CHARS_MAX) return text;
  const hash = fnv(text);
  return `${plain.slice(0, FINGERPRINT_CHARS_MAX - hash.length - 1)}~${hash}`;
}

/** FNV-1a of 64 bits, in hex. */
function fnv(text: string): string {
  let hash = 0xcbf29ce484222325n;
  for (let at = 0; at < text.length; at++) {
    hash = ((hash ^ BigInt(text.charCodeAt(at))) * 0x100000001b3n) & 0xffffffffffffffffn;
  }
  return hash.toString(16).padStart(16, '0');
}

/** As many characters as there may be, with the number of those there were. */
export function cutTo(text: string, chars_max: number): string {
  if (text.length <= chars_max) return text;
  const mark = ` ... (cut: ${text.length} characters)`;
  return `${text.slice(0, Math.max(chars_max - mark.length, 0))}${mark}`;
}
