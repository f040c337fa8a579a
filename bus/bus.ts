/**
 * The bus: a stream of events per environment, cached from the fold and kept for a while. Publishing
 * is at-least-once with unique keys, in order per epoch; what is on it is proven by `ctl` records.
 *
 * Adapters: `nats.ts` (JetStream), `memory.ts` (the same promises in one process). Subjects are those
 * of `subjects.ts`, without an environment's prefix.
 */
import type { StoredCtl } from './ctl.ts';

/** Bytes of one message's payload; the server refuses above 1 MiB, headers included. */
export const MESSAGE_BYTES_MAX = 768 * 1024;
/** Messages of one atomic batch, its `ctl` included (the server's limit). */
export const BATCH_MESSAGES_MAX = 1000;

export type StreamLimits = {
  /** Messages older than this are dropped. */
  readonly retention_hours: number;
  /** The stream drops its oldest messages above this. */
  readonly max_bytes: number;
  /** The same for rejected frames. */
  readonly dlq_max_bytes: number;
  /** How long the server remembers message ids. */
  readonly duplicate_window_s: number;
};

export const DEFAULT_LIMITS: StreamLimits = {
  retention_hours: 48,
  max_bytes: 10e9,
  dlq_max_bytes: 256 * 1024 * 1024,
  duplicate_window_s: 120,
};

/** What is published: one or more md2 events of one subject, or a `ctl` record. */
export type OutMessage = {
  readonly subject: string;
  /** `Nats-Msg-Id`: a repeat within the window is not stored again. Null in batches, always. */
  readonly id: string | null;
  /** The sequence the subject's last message must have (0: none); null where it does not matter. */
  readonly expected: number | null;
  /** Events in `data`. */
  readonly count: number;
  /** Published from the backlog: clients that only want the present may skip it. */
  readonly late: boolean;
  /** Position of the frame, for `dlq`; null elsewhere. */
  readonly t: bigint | null;
  readonly data: Uint8Array;
};

/**
 * What became of a message. `wrong_last` (the expected sequence is not the last) may be the echo of
 * our own write whose acknowledgement was lost: read the position again. `busy`: the server takes no
 * more batches now. `repeated_id`: an id in a batch, a programmer's error.
 */
export type PublishOutcome =
  | { readonly type: 'stored'; readonly seq: number; readonly duplicate: boolean }
  | {
      readonly type: 'refused';
      readonly reason: 'wrong_last' | 'busy' | 'repeated_id' | 'too_large' | 'unavailable';
      readonly detail: string;
    };

export type PublisherOptions = {
  readonly shard: string;
  readonly feed: string;
  readonly epoch: number;
  /** `kraken@1` */
  readonly normalizer: string;
  /** Called once for each `publish` that was answered, with the number it returned. */
  readonly onOutcome: (token: number, outcome: PublishOutcome) => void;
  /** Give up connecting after this long. */
  readonly connect_timeout_ms: number;
};

/**
 * A connection of its own that never reconnects: when it is lost, so is what was in flight, and the
 * owner opens another, reads the position and goes on from there.
 */
export type BusPublisher = {
  /** The last position of this shard and feed, read from the stream itself. */
  readonly lastCtl: () => Promise<StoredCtl | null>;
  /** The last message of each subject that matches, in stream order. */
  readonly lastMessages: (pattern: string) => Promise<readonly StoredMessage[]>;
  /** The last message of all subjects that match; null where there is none. */
  readonly lastMessage: (pattern: string) => Promise<StoredMessage | null>;
  /** Sends without waiting; returns the token its outcome will carry. Throws above the size limit. */
  readonly publish: (message: OutMessage) => number;
  /**
   * Stores all messages or none; the last one carries `expected`. At most `BATCH_MESSAGES_MAX`, one
   * batch in flight, no ids. Never settles if the connection is lost: watch `closed`.
   */
  readonly publishBatch: (messages: readonly OutMessage[]) => Promise<PublishOutcome>;
  /** Resolves with the reason when the connection is gone, however that came about. */
  readonly closed: Promise<string>;
  readonly close: () => Promise<void>;
};

/** A message as a subscriber receives it. `data` and headers must not be changed. */
export type BusMessage = {
  readonly subject: string;
  readonly data: Uint8Array;
  /** `schema normalizer epoch count late t`, or null where the message has none of that name. */
  readonly header: (name: HeaderName) => string | null;
};
export type HeaderName = 'schema' | 'normalizer' | 'epoch' | 'shard' | 'count' | 'late' | 't';

export type StoredMessage = BusMessage & { readonly seq: number };

export type RangeRequest = {
  readonly shard: string;
  readonly feed: string;
  /** First stream sequence wanted; what is no longer retained is left out. */
  readonly from_seq: number;
  /** Last one wanted; the stream's last at the time of the call where left out. */
  readonly to_seq?: number;
  readonly signal?: AbortSignal;
};

export type StreamBounds = {
  /** Oldest sequence still retained; last_seq + 1 where the stream is empty. */
  readonly first_seq: number;
  readonly last_seq: number;
  readonly messages: number;
  readonly bytes: number;
  /** Above it the oldest messages go; null where the stream has no such bound. */
  readonly max_bytes: number | null;
};

export type Bus = {
  /** Creates the environment's streams, or brings existing ones to these limits. */
  readonly ensureStreams: (limits: StreamLimits) => Promise<void>;
  readonly openPublisher: (options: PublisherOptions) => Promise<BusPublisher>;
  readonly lastCtl: (shard: string, feed: string) => Promise<StoredCtl | null>;
  readonly bounds: () => Promise<StreamBounds>;
  /**
   * The messages of one shard and feed, `ctl` records among them, in stream order. Survives lost
   * connections; ends only when everything up to `to_seq` was yielded, else it throws
   * `SSMD_UNAVAILABLE` after a minute without progress.
   */
  readonly readRange: (request: RangeRequest) => AsyncIterable<StoredMessage>;
  /** What is published from now on; a slow reader loses nothing until its connection is cut. */
  readonly subscribe: (
    pattern: string,
    options: { readonly signal: AbortSignal },
  ) => Promise<AsyncIterable<BusMessage>>;
  readonly close: () => Promise<void>;
};
