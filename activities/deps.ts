/** What the job families are handed by their composition root: ports, feeds, a clock. */
import type { Build } from '../dataset/manifest.ts';
import type { ObjectZstd } from '../dataset/object-codec.ts';
import type { WindowHours } from '../dataset/cutter.ts';
import type { SegmentContent, SegmentSurvey } from '../dataset/segment-survey.ts';
import type { Bus } from '../bus/bus.ts';
import type { Calendar } from '../calendars/calendar.ts';
import type { Feed } from '../connectors/feed.ts';
import type { Origin } from '../schema/log.ts';
import type { UnixNs } from '../schema/time.ts';
import type { ObjectStore } from '../storage/object-store.ts';

export type JobDeps = {
  readonly raw: ObjectStore;
  readonly normalized: ObjectStore;
  /** Null where no bus is reachable by design: everything is then built from RAW. */
  readonly bus: Bus | null;
  readonly feeds: ReadonlyMap<string, Feed>;
  /** Shards configured to carry a feed. */
  readonly shardsOf: (feed: string) => readonly string[];
  /** Feeds the environment captures. */
  readonly configuredFeeds: readonly string[];
  readonly now: () => UnixNs;
  readonly build: Build;
  readonly zstd: ObjectZstd;
  /** What a damaged frame still yields, and why it stops. */
  readonly unpackPrefix: (packed: Uint8Array) => Promise<SegmentContent>;
  /** Lower-case hex. */
  readonly sha256: (bytes: Uint8Array) => string;
  readonly window_hours: WindowHours;
  /** What days without any RAW are counted as. */
  readonly origin: Origin;
  /**
   * Surveys of segments by key and etag: content of one etag never changes, so a day that is planned,
   * built and committed is read once. Null reads everything anew, as an audit must.
   */
  readonly surveys: SurveyMemo | null;
  /** When a feed's market trades; without it, always. */
  readonly calendarOf?: (feed: string) => Calendar;
  /** The store has no conditional writes; said on every audit. */
  readonly single_writer: boolean;
};

/** What is known of segments that were read before; the oldest are forgotten above a limit. */
export type SurveyMemo = {
  readonly get: (key: string, etag: string) => SegmentSurvey | null;
  readonly set: (key: string, etag: string, survey: SegmentSurvey) => void;
};

/** Some days of many shards: a survey takes about a kilobyte. */
const SURVEYS_MAX = 30_000;

export function createSurveyMemo(): SurveyMemo {
  const known = new Map<string, SegmentSurvey>();
  return {
    get: (key, etag) => known.get(`${key} ${etag}`) ?? null,
    set: (key, etag, survey) => {
      const [oldest] = known.keys();
      if (known.size >= SURVEYS_MAX && oldest !== undefined) known.delete(oldest);
      known.set(`${key} ${etag}`, survey);
    },
  };
}

/**
 * How a long activity tells that it lives, and learns that it should stop. `beat` takes a cursor from
 * which the next attempt can go on; `stopIfCancelled` throws once the run was cancelled.
 */
export type JobContext = {
  readonly signal: AbortSignal;
  readonly beat: (cursor: JobCursor) => void;
  /** What the attempt before this one last said. */
  readonly resumed: JobCursor | null;
};

export type JobCursor = {
  readonly v: 1;
  /** What is being done, in words an operator reads. */
  readonly stage: string;
  /** Units of the stage that are done, durable. */
  readonly done: readonly string[];
  readonly records: number;
  readonly bytes: number;
};

/** For callers without Temporal: nothing to tell, nothing to resume. */
export function plainContext(signal: AbortSignal = new AbortController().signal): JobContext {
  return { signal, beat: () => undefined, resumed: null };
}

/** Lets timers and I/O run between stretches of computing, and stops where that was asked for. */
export async function breathe(signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => setImmediate(resolve));
  signal.throwIfAborted();
}
