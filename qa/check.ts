/**
 * What a quality check is: something that hears every event of a day and then says, per symbol,
 * whether the data holds what was asked of it. Pure: no clock, no I/O; what a check must know
 * beside the events arrives in its context.
 *
 * Order: within a symbol events come as they were received, in `(t, index)`; symbols may come one
 * after another or mixed. A check may rely on nothing more.
 */
import type { EventType, MarketEvent } from '../schema/events.ts';
import type { UnixNs } from '../schema/time.ts';

/** What a failing check makes of a result: `failed` degrades the day, `warned` is only shown. */
export type Severity = 'fail' | 'warn';

/**
 * `not_evaluated`: there was nothing to judge, which is never a pass. `errored`: the check itself
 * threw; the others went on.
 */
export const CHECK_STATUSES = ['passed', 'warned', 'failed', 'not_evaluated', 'errored'] as const;
export type CheckStatus = (typeof CHECK_STATUSES)[number];

/** `warn_if: "> 0"`: a bound on the number of failing rows. */
export type Bound = { readonly op: '>' | '>=' | '<' | '<=' | '=='; readonly value: number };

/** A stretch of the day of which nothing can be known, `[from, to)`. */
export type Hole = {
  /** Where the knowledge comes from: the day's manifest, or status events in the data. */
  readonly source: 'manifest' | 'events';
  /** Null where it concerns every symbol of the shard. */
  readonly symbol: string | null;
  readonly shard: string | null;
  /** Event types concerned; null for all. */
  readonly about: readonly EventType[] | null;
  readonly cause: string;
  readonly from: UnixNs;
  readonly to: UnixNs;
  readonly detail: string;
  /** What the venue's order or checksum asked for and what came; null where nothing was compared. */
  readonly expected: string | null;
  readonly received: string | null;
  /** The name of the status event that opened it; null for what only the manifest knows. */
  readonly event: string | null;
  /** What was missed came later (trades sent again as history). */
  readonly repaired: boolean;
};

/** A market as the shards are configured for the day. */
export type ExpectedSymbol = {
  readonly symbol: string;
  readonly external: string;
  /** Null where the caller does not know. */
  readonly shard: string | null;
  /**
   * What is captured of it: where all is silent of one of these, something is missing, and of others
   * there is nothing to judge. Left out where the caller does not know.
   */
  readonly types?: readonly EventType[];
};

/** What every check of a day's run knows. */
export type CheckContext = {
  readonly feed: string;
  readonly day: string;
  /** The part of the day that should be covered: `[from, to)`. */
  readonly from: UnixNs;
  readonly to: UnixNs;
  readonly symbols: readonly ExpectedSymbol[];
  /** Holes the manifest knows. Those in the events a check hears itself. */
  readonly holes: readonly Hole[];
  /** Samples kept per result. */
  readonly sample_rows: number;
};

/** One failing row, or what stands for it, with why. Instants and ids as text. */
export type Sample = {
  readonly row: Readonly<Record<string, unknown>>;
  readonly reason: string;
};

/** What a check found in one group; the suite turns it into a result by severity and bounds. */
export type Finding = {
  readonly group: Readonly<Record<string, string>>;
  readonly observed: Readonly<Record<string, number | string | null>>;
  readonly threshold: Readonly<Record<string, number | string | null>>;
  /** Rows judged; 0 makes it `not_evaluated`. */
  readonly evaluated: number;
  readonly failed_rows: number;
  /** Whether a ratio or a count that the suite asks for is kept; left out where it asks for none. */
  readonly holds?: boolean;
  readonly samples: readonly Sample[];
  readonly samples_truncated: boolean;
  readonly message: string;
};

export type OpenCheck = {
  readonly step: (event: MarketEvent) => void;
  readonly finish: () => readonly Finding[];
};

export type QaCheck<Config> = {
  readonly type: string;
  /** Of a result where the suite does not say. */
  readonly severity: Severity;
  /** Types it can judge; null for any. A market of which none is captured needs no judgement. */
  readonly subjects: (config: Config) => readonly EventType[] | null;
  readonly open: (config: Config, context: CheckContext) => OpenCheck;
};

/** The subjects of a check that a `dataset` may restrict. */
export function datasetOnly(config: {
  readonly dataset?: EventType | undefined;
}): readonly EventType[] | null {
  return config.dataset === undefined ? null : [config.dataset];
}

/**
 * Whether a check restricted to `dataset` hears this event; status events are heard by name only.
 */
export function inDataset(event: MarketEvent, dataset: EventType | undefined): boolean {
  return dataset === undefined ? event.type !== 'status' : event.type === dataset;
}

export function boundHolds({ op, value }: Bound, count: number): boolean {
  switch (op) {
    case '>':
      return count > value;
    case '>=':
      return count >= value;
    case '<':
      return count < value;
    case '<=':
      return count <= value;
    case '==':
      return count === value;
    default:
      return op satisfies never;
  }
}
