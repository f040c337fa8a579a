/** Jobs by the words operators type, and the one JSON object each takes as its input. */
import type { ReplaySpeed } from './replay.ts';

export const JOB_TYPES = [
  'archive-tier',
  'daily-archive',
  'daily-qa',
  'audit',
  'export',
  'backfill',
  'weekly-cleanup',
  'monthly-audit',
  'reprocess',
  'promote',
  'compare',
  'replay',
] as const;
export type JobType = (typeof JOB_TYPES)[number];

/** Workflows that only jobs start: a day of a range, and what somebody has to be told. */
export const PART_TYPES = ['notice', 'reprocess-day'] as const;

export type ArchiveTierInput = { readonly feed?: string; readonly shard?: string };
export type DailyArchiveInput = {
  readonly feed: string;
  /** Yesterday where it is left out. */
  readonly day?: string;
  /** Builds what is there now instead of waiting for what may still come. */
  readonly force?: boolean;
  /** Starts daily-qa after the commit; true where it is left out. */
  readonly qa?: boolean;
};
export type DailyQaInput = {
  readonly feed: string;
  readonly day?: string;
  /** The version that serves the day where it is left out. */
  readonly version?: string;
};
/** Without a day: all that is looked at daily. */
export type AuditInput = {
  readonly feed?: string;
  /** This day alone, rebuilt from RAW. */
  readonly day?: string;
  /** A range of days, both ends included. */
  readonly from?: string;
  readonly to?: string;
  /** Rebuilds every committed day of the range; without one, of all there are. */
  readonly deep?: boolean;
  readonly version?: string;
};

/** Builds days from RAW that have no manifest. */
export type BackfillInput = {
  readonly feed: string;
  /** One day, yesterday where it is left out; or a range by `from` and `to`, both ends included. */
  readonly day?: string;
  readonly from?: string;
  readonly to?: string;
  /** Only says what would be built. */
  readonly dry_run?: boolean;
};

/** Lists what nothing needs any more; takes it away with the digest of that list, given alone. */
export type CleanupInput = {
  readonly feed?: string;
  /** Newest versions of a feed that stay, whatever they serve; 3 where it is left out. */
  readonly keep_versions?: number;
  /** A superseded version stays so long; 90 where it is left out. */
  readonly older_than_days?: number;
  /** True where there is no `confirm`. */
  readonly dry_run?: boolean;
  readonly confirm?: string;
};

/** What is there, by feed, version, type and month, against what the environment says of it. */
export type MonthlyAuditInput = { readonly feed?: string };

export type ReprocessInput = {
  readonly feed: string;
  /** One day; or a range by `from` and `to`, both ends included. */
  readonly day?: string;
  readonly from?: string;
  readonly to?: string;
  /** The label to build under; left out: what is bound to this making, else a new one. */
  readonly version?: string;
  /** `md2` where it is left out. */
  readonly schema?: 'md1' | 'md2';
  /** A registered build of the connector; left out: the worker's own. */
  readonly connector_version?: string;
  /** `manual` where it is left out. */
  readonly promote?: 'manual' | 'auto' | 'never';
  /** Of events, 0 to 1: up to which share changed `auto` still promotes; 0 where it is left out. */
  readonly max_changed?: number;
  /** Days built at once; 2 where it is left out. */
  readonly concurrency?: number;
  /** Workers a shard's day is shared over; left out: as its size suggests. */
  readonly parts?: number;
  readonly dry_run?: boolean;
};
/** Moves committed days to a version, or takes a move back (`undo`: its revision). */
export type PromoteInput = {
  readonly feed: string;
  readonly version?: string;
  readonly day?: string;
  readonly from?: string;
  readonly to?: string;
  readonly undo?: number;
  readonly by: string;
  readonly reason: string;
};
/** Also what their files are called. */
export const EXPORT_FORMATS = ['parquet', 'csv', 'jsonl'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];
/** Days of one export. */
export const EXPORT_DAYS_MAX = 366;

export type ExportInput = {
  readonly feed: string;
  /** One day; yesterday where it is left out, and `from` and `to` are. */
  readonly day?: string;
  /** A range of days, both ends included. */
  readonly from?: string;
  readonly to?: string;
  /** All that are there where they are left out. */
  readonly symbols?: readonly string[];
  readonly types?: readonly string[];
  /** `current`, or where it is left out: the version that serves each day when the export begins. */
  readonly version?: string;
  /** `parquet` where it is left out. */
  readonly format?: ExportFormat;
  /** A folder that is not there yet, as the worker sees it; left out, it is the normalized bucket. */
  readonly out?: string;
  /** Rows captured under such a clock alone; all where both are left out. */
  readonly clock_source?: readonly string[];
  readonly clock_status?: readonly string[];
};

/** Two versions of a day side by side; `current` is the one that serves it. */
export type CompareInput = {
  readonly feed: string;
  readonly day?: string;
  readonly left: string;
  readonly right: string;
};

export type ReplayInput = {
  readonly feed: string;
  /** One day; yesterday where it is left out, and `from` and `to` are. */
  readonly day?: string;
  /** A span `[from, to)` of instants, ISO text with a zone, or days; left out, it is the day's end. */
  readonly from?: string;
  readonly to?: string;
  /** All that are there where they are left out. */
  readonly symbols?: readonly string[];
  readonly types?: readonly string[];
  /** A multiple of the original spacing, 1 where it is left out, or `max`. */
  readonly speed?: ReplaySpeed;
  /** Names it on the bus; made up where it is left out. */
  readonly id?: string;
  /** Its stream stays for a week, also after a stop. */
  readonly keep?: boolean;
};

/** The input of each job. */
export type JobInputs = {
  readonly 'archive-tier': ArchiveTierInput;
  readonly 'daily-archive': DailyArchiveInput;
  readonly 'daily-qa': DailyQaInput;
  readonly audit: AuditInput;
  readonly backfill: BackfillInput;
  readonly 'weekly-cleanup': CleanupInput;
  readonly 'monthly-audit': MonthlyAuditInput;
  readonly reprocess: ReprocessInput;
  readonly promote: PromoteInput;
  readonly compare: CompareInput;
  readonly export: ExportInput;
  readonly replay: ReplayInput;
};
