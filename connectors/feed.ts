/**
 * What a venue is to ssmd: data plus pure functions. A feed's folder exports one `Feed`; the sockets,
 * clocks and retries live once, in `connectors/runtime`.
 */
import type { EventBuffer } from '../codec/event-buffer.ts';
import type { SymbolTable } from '../codec/symbol-table.ts';
import { EVENT_TYPES } from '../schema/events.ts';
import type { EventType } from '../schema/events.ts';
import type { FoldConfig } from '../schema/symbols.ts';
import type { Day } from '../schema/time.ts';

/**
 * Reads one frame, `bytes[start, end)`, into `out` (which it resets): what kind of frame it is, and
 * its events in the order given. Total and stateless: a frame it does not understand is `ignored`
 * with a named reason or `rejected` with a code, never a throw. `bytes[end]` exists and is 0 or a
 * line feed, so a scanner may read one byte past the frame.
 */
export type Decode = (
  bytes: Uint8Array,
  start: number,
  end: number,
  symbols: SymbolTable,
  out: EventBuffer,
) => void;

/** Bits of what a book says to one message. */
export const BOOK = {
  /** The message is part of the book's story: yield it. Without it, it is dropped as `held`. */
  EMIT: 1,
  /** Nothing the venue sent proves the state after it. */
  UNVERIFIED: 2,
  /** A rule of the venue broke here: a gap opens. */
  BROKEN: 4,
  /** The book is whole again (a snapshot arrived): a gap closes. */
  HEALED: 8,
  /** The state may be wrong: a gap is open. */
  BAD: 16,
} as const;

/** The book of one symbol on one connection, with the venue's own rule of continuity. */
export type FeedBook = {
  /** Applies book event `event` of `buffer`; returns bits of `BOOK`. */
  readonly apply: (buffer: EventBuffer, event: number) => number;
  /** Whether the book can speak: its snapshot was seen, or the venue sends none and a message was. */
  readonly isWhole: () => boolean;
  /** After BROKEN: which rule, and the two values it compared. */
  readonly fault: () => {
    readonly cause: 'checksum' | 'sequence' | 'crossed' | 'book';
    readonly expected: string;
    readonly received: string;
  };
  /** Appends the state as one book event with FLAG.SNAPSHOT (to be split into parts by the caller). */
  readonly snapshot: (out: EventBuffer, symbol: number) => void;
  /** Messages proven right, proven wrong, and not provable, since it was opened. */
  readonly counts: () => {
    readonly verified: number;
    readonly failed: number;
    readonly unproven: number;
  };
  readonly clone: () => FeedBook;
};

/** One row of the evidence table: a channel (and variant) the decoder knows, and how we know. */
export type EvidenceRow = {
  readonly channel: string;
  readonly variant: string;
  readonly role: 'data' | 'control' | 'ignored';
  /** What it becomes, or the reason it is ignored. */
  readonly action: EventType | 'ack' | 'refused' | 'heartbeat' | 'pong' | 'system' | string;
  /** A document and the date it was read, or a capture. */
  readonly evidence: string;
};

/** A channel of one market, as it is subscribed to. `symbol` is null where a channel has none. */
export type Subscription = {
  readonly channel: string;
  readonly symbol: string | null;
  readonly external: string | null;
};

/** One text to send, and what it asks for. */
export type Request = {
  readonly id: string;
  readonly text: string;
  readonly subscriptions: readonly Subscription[];
};

/** One socket's worth of a shard. */
export type Endpoint = {
  /** Names the socket within the feed: `public`, `market`. */
  readonly name: string;
  /** Path and query below the base URL. */
  readonly path: string;
  readonly subscriptions: readonly Subscription[];
};

/** How the venue's WebSocket is spoken. */
export type Protocol = {
  /** Base URL of the real venue; `--url` replaces it. */
  readonly url: string;
  /** Channels subscribed to where the environment names none. */
  readonly channels: readonly string[];
  readonly book_depths: readonly number[];
  readonly endpoints: (config: FoldConfig) => readonly Endpoint[];
  /** Requests that subscribe; `nextId` yields a fresh request id. */
  readonly subscribe: (
    subscriptions: readonly Subscription[],
    config: FoldConfig,
    nextId: () => string,
  ) => readonly Request[];
  readonly unsubscribe: (
    subscriptions: readonly Subscription[],
    config: FoldConfig,
    nextId: () => string,
  ) => readonly Request[];
  /**
   * `in_order`: a refusal that names neither its request nor its market answers the oldest request
   * that has no answer. Where it is absent such a refusal is nobody's.
   */
  readonly answers?: 'in_order';
  /** A text to send at an interval, or null where WebSocket pings do. */
  readonly ping: { readonly interval_ms: number; readonly text: (id: string) => string } | null;
  readonly limits: {
    /** No frame at all (heartbeats count) for this long: the connection is dead. */
    readonly silence_ms: number;
    /** Acknowledged, but no first message: an alarm. Null where a quiet market is normal. */
    readonly first_message_ms: (channel: string) => number | null;
    readonly frame_bytes_max: number;
    readonly requests_per_second: number;
    readonly symbols_per_connection_max: number;
    /** The venue cuts a connection at this age; it is replaced before. Null: no limit. */
    readonly connection_life_ms: number | null;
  };
};

export type Feed = {
  readonly id: string;
  /** Bumped whenever the same log would yield other events; a golden test forces it. */
  readonly normalizer: number;
  /** By the day they hold from, oldest first: a wire change is a new entry, switched at 00:00 UTC. */
  readonly decoders: readonly [DatedDecoder, ...DatedDecoder[]];
  /** Whether the venue's trade ids count by one per symbol, or only increase. */
  readonly trade_ids: 'contiguous' | 'increasing';
  /**
   * Types whose state the venue sends by itself soon after a subscription, by channel: until it has
   * come, the type is a gap. Of what is not named here, nothing is known before its first message.
   */
  readonly opens: Readonly<Record<string, readonly EventType[]>>;
  /**
   * Types whose events without FLAG.SNAPSHOT state only what changed: a field they leave out holds on.
   * The fold tells them whole, and not at all before a snapshot. None of them may have fields of text.
   */
  readonly changes?: readonly EventType[];
  readonly openBook: (depth: number) => FeedBook;
  /**
   * What cures a broken book. `resubscribe` (where it is absent): a new subscription brings a snapshot.
   * `stream`: what the venue sends anyway does, and asking again would only lose more messages.
   */
  readonly book_cure?: 'resubscribe' | 'stream';
  readonly evidence: readonly EvidenceRow[];
  readonly protocol: Protocol;
};

export type DatedDecoder = { readonly valid_from: Day; readonly decode: Decode };

/** The decoder of a day. */
export function decoderOf(feed: Feed, day: string): Decode {
  let decode = feed.decoders[0].decode;
  for (const dated of feed.decoders) {
    if (dated.valid_from <= day) decode = dated.decode;
  }
  return decode;
}

/**
 * The types of event that a channel makes, in the words subscriptions use, by the evidence table: a row
 * named `candle<bar>` is of every channel that begins so.
 */
export function typesOf({ evidence }: Feed, channel: string): readonly EventType[] {
  const own = evidence.filter(({ channel: row, role }) => {
    const [stem = '', open] = row.split('<', 2);
    return role === 'data' && (open === undefined ? row === channel : channel.startsWith(stem));
  });
  return EVENT_TYPES.filter((type) => own.some((it) => it.action === type));
}
