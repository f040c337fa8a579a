/**
 * A replay's own place on the bus: one stream, `replay.{id}.>`, that holds what was sent and, beside
 * it, what the replay was last told. Nothing here can publish anywhere else: `publish` refuses every
 * other subject.
 *
 * Messages are stored in the order they were published in or not at all: each names the one before it
 * and the server refuses what does not follow. So the last message says exactly how far a replay came,
 * and of two processes that replay at once one is refused.
 *
 * Adapter: `nats-replay.ts`.
 */
import type { EventType } from '../schema/events.ts';
import type { ReplayAnswer, ReplayCommand, ReplayCursor, ReplaySpeed } from '../schema/replay.ts';

/** Bytes a replay's stream holds; its oldest messages go above it. */
export const REPLAY_STREAM_BYTES_MAX = 2 ** 30;
/** Its messages go after this; those of one that is kept after a week. */
export const REPLAY_AGE_HOURS = 1;
export const REPLAY_KEPT_AGE_HOURS = 7 * 24;
/** How long the server knows message ids: longer than two processes could send the same. */
export const REPLAY_DUPLICATES_S = 10;
/** Messages without an answer; the replay waits above it, and gets late. */
export const REPLAY_WINDOW_MESSAGES = 4096;
export const REPLAY_WINDOW_BYTES = 16 * 1024 * 1024;
/** A server that answers nothing for this long is taken for lost. */
export const REPLAY_ACK_TIMEOUT_MS = 5_000;

export type ReplayPlace = {
  readonly id: string;
  /** Who replays what: a workflow's id. A stream of another owner is refused. */
  readonly owner: string;
  /** Which run of it. What an earlier one left is over, and goes. */
  readonly run: string;
  /** Stays for a week, also after a stop. */
  readonly keep: boolean;
};

/** What a replay was last told, kept with its stream: it survives the process. */
export type ReplayRecord = {
  readonly owner: string;
  readonly run: string;
  readonly keep: boolean;
  readonly pass: number;
  /** Where this pass began: ns as decimal text. */
  readonly start: string;
  readonly speed: ReplaySpeed;
  readonly paused: boolean;
};

export type ReplayMessage = {
  readonly feed: string;
  readonly type: EventType;
  readonly symbol: string;
  /** The first event's name, with the pass. */
  readonly id: string;
  readonly normalizer: string;
  /** Events in `data`. */
  readonly count: number;
  /** Where the replay is once this is stored. */
  readonly cursor: ReplayCursor;
  readonly data: Uint8Array;
};

/** How far a stream has come, without a hole. */
export type ReplayStored = {
  /** Of the last message stored; null where the stream has none any more. */
  readonly cursor: ReplayCursor | null;
  /** Its number, which outlives it; 0 where nothing was ever stored. */
  readonly seq: number;
};

/** A replay's stream, open for its one writer. */
export type ReplayLink = AsyncDisposable & {
  /** As the stream was found; null where it is new. */
  readonly record: ReplayRecord | null;
  /** As the stream was found; then as its answers say: what has none may be lost. */
  readonly stored: () => ReplayStored;
  readonly keepRecord: (record: ReplayRecord) => Promise<void>;
  /**
   * Sends without waiting. Throws above the size limit, and for a subject that is not this replay's.
   */
  readonly publish: (message: ReplayMessage) => void;
  /** Whether `room` would return at once. */
  readonly hasRoom: () => boolean;
  /** Waits for room in the window. @throws SSMD_UNAVAILABLE where the link is lost */
  readonly room: () => Promise<void>;
  /** Waits until everything is stored. @throws SSMD_UNAVAILABLE */
  readonly drain: () => Promise<void>;
  /** Answers requests to this replay, from when it resolves. @throws SSMD_UNAVAILABLE */
  readonly serve: (answer: (command: ReplayCommand) => Promise<ReplayAnswer>) => Promise<void>;
};

/** The other side: what is not the replay itself. */
export type ReplayControl = AsyncDisposable & {
  /** @throws SSMD_UNAVAILABLE, retryable, where the replay does not answer */
  readonly ask: (id: string, command: ReplayCommand) => Promise<ReplayAnswer>;
  /** Deletes the stream; false where there is none of that owner. */
  readonly remove: (id: string, owner: string) => Promise<boolean>;
};
