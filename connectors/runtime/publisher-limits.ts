/** Limits of the publisher, and what happens at each. */
export type PublisherLimits = {
  /** Events held in memory until a `ctl` that covers them is acknowledged; above it: backlog. */
  readonly queue_events_max: number;
  /** The same in bytes. */
  readonly queue_bytes_max: number;
  /** Messages on the wire without an answer; above it: sending waits. */
  readonly window_messages: number;
  readonly window_bytes: number;
  /** A `ctl` is due this long after the last one ... */
  readonly ctl_interval_ms: number;
  /** ... or after so many messages. */
  readonly ctl_messages: number;
  /** No answer for this long: the connection is given up. */
  readonly ack_timeout_ms: number;
  readonly connect_timeout_ms: number;
  /** Waits between attempts to connect: the first, doubled up to the last. */
  readonly reconnect_min_ms: number;
  readonly reconnect_max_ms: number;
  /** Backlog: events in one message, and its bytes. */
  readonly pack_events_max: number;
  readonly pack_bytes_max: number;
  /** Backlog: a batch is sent at one of these; a line with more takes several batches. */
  readonly batch_messages_max: number;
  readonly batch_events_max: number;
  readonly batch_bytes_max: number;
  /** Backlog: log lines read before others get their turn. */
  readonly slice_lines: number;
  /** Backlog: wait after the server took no batch. */
  readonly busy_wait_ms: number;
};

export const PUBLISHER_LIMITS: PublisherLimits = {
  queue_events_max: 65_536,
  queue_bytes_max: 64 * 1024 * 1024,
  window_messages: 4_096,
  window_bytes: 16 * 1024 * 1024,
  ctl_interval_ms: 1_000,
  ctl_messages: 8_192,
  ack_timeout_ms: 5_000,
  connect_timeout_ms: 2_000,
  reconnect_min_ms: 100,
  reconnect_max_ms: 2_000,
  pack_events_max: 64,
  pack_bytes_max: 256 * 1024,
  batch_messages_max: 1_000,
  batch_events_max: 16_384,
  batch_bytes_max: 4 * 1024 * 1024,
  slice_lines: 512,
  busy_wait_ms: 500,
};

/** A shard whose last `ctl` is older than this has no living connector. */
export const SILENCE_NS = 5_000_000_000n;
/** The same for a connector that was fenced and waits: it does not take back in a hurry. */
export const STANDBY_SILENCE_NS = 10_000_000_000n;
/** A planned take-over warms up for this long at most beside the one that speaks. */
export const WARM_UP_NS = 60_000_000_000n;
