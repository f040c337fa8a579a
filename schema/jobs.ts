/** Jobs by the words operators type, and the one JSON object each takes as its input. */

export const JOB_TYPES = ['archive-tier', 'daily-archive', 'daily-qa', 'audit'] as const;
export type JobType = (typeof JOB_TYPES)[number];

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
export type AuditInput = {
  readonly feed?: string;
  readonly day?: string;
  readonly version?: string;
};

/** The input of each job. */
export type JobInputs = {
  readonly 'archive-tier': ArchiveTierInput;
  readonly 'daily-archive': DailyArchiveInput;
  readonly 'daily-qa': DailyQaInput;
  readonly audit: AuditInput;
};
