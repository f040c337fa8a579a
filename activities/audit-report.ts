/** What an audit says of a day: the words its parts share. */
import type { Feed } from '../connectors/feed.ts';
import type { Day } from '../schema/time.ts';

export type AuditOf = { readonly feed: Feed; readonly day: Day; readonly version: string | null };

export type AuditFinding = {
  readonly kind: FindingKind;
  /** The key concerned. */
  readonly key: string;
  readonly detail: string;
  /** Where `key` is a run's id: which run, and what it was about. */
  readonly run?: FoundRun;
};

export type FoundRun = {
  readonly type: string;
  readonly run_id: string;
  readonly feed: string | null;
  readonly day: string | null;
};

export const FINDING_KINDS = [
  'day_missing',
  'manifest_missing',
  'manifest_edited',
  'raw_missing',
  'raw_changed',
  'raw_late',
  'raw_conflict',
  'inventory_missing',
  'gap_unlisted',
  'object_missing',
  'object_edited',
  'event_missing',
  'event_added',
  'event_changed',
  'rebuild_differs',
  'day_unaudited',
  'run_failed',
  'run_stuck',
  'approval_waiting',
  'schedule_missing',
  'schedule_changed',
  'schedule_paused',
  'staging_orphan',
  'object_orphan',
] as const;
export type FindingKind = (typeof FINDING_KINDS)[number];

export type DayAudit = {
  readonly outcome: 'passed' | 'failed';
  readonly feed: string;
  readonly day: string;
  readonly version: string | null;
  readonly manifest: string | null;
  readonly segments: number;
  readonly objects: number;
  /** Objects that were rebuilt from RAW and are equal to the byte. */
  readonly equal: number;
  /** Objects that cannot be rebuilt any more, since RAW before them is damaged. */
  readonly not_comparable: number;
  readonly records: number;
  /** Known holes, as the manifest lists them: no finding, and no clean bill either. */
  readonly gaps: number;
  readonly findings: readonly AuditFinding[];
  /** Beyond the `FINDINGS_MAX` that are listed. */
  readonly findings_left_off: number;
  /** Keys among the day's raw segments that are not ssmd's: left alone, no fault of the day; the first few. */
  readonly foreign: readonly string[];
  /** The store has no conditional writes: exclusion rests on unique workflow ids. */
  readonly single_writer: boolean;
};
