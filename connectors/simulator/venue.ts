/**
 * What a simulated venue is: a feed's protocol spoken from the venue's side. Pure apart from its own
 * state: time comes in, texts go out. It is written from the venue's documentation and shares no code
 * with the connector's decoder, sequencer or books, so that their agreement proves something.
 */

/** What a frame is about, in the venue's words; `symbol` is the external name. Compared by value. */
export type About = { readonly channel: string; readonly symbol: string | null };

/** Where a venue puts what it sends on one connection. */
export type VenueSink = {
  /**
   * One message. `about` is null for what belongs to no subscription (greeting, ack, heartbeat).
   * `at_ns` is when the venue sends it.
   */
  readonly frame: (text: string, about: About | null, at_ns: bigint) => void;
  /** A WebSocket ping. */
  readonly ping: (at_ns: bigint) => void;
  /** The venue ends the connection. */
  readonly close: (code: number, reason: string, at_ns: bigint) => void;
};

export type VenueConnection = {
  /** A text from the client, heard at `now_ns`. */
  readonly onMessage: (text: string, now_ns: bigint) => void;
  /** The client or the network ended the connection: nothing more is sent on it. */
  readonly onClosed: () => void;
};

export type Venue = {
  readonly feed: string;
  /** What the venue's base URL ends in: `/v2`, or nothing. */
  readonly base_path: string;
  /** Null where the venue knows no such path (answered with 404). Advances to `now_ns` first. */
  readonly connect: (path: string, now_ns: bigint, sink: VenueSink) => VenueConnection | null;
  /** When the venue next does something by itself. */
  readonly nextEventNs: () => bigint;
  /** Does everything due at or before `now_ns`, each at its own instant. */
  readonly advance: (now_ns: bigint) => void;
};

export type VenueOptions = {
  readonly seed: number;
  /** External names of the markets the venue lists. */
  readonly symbols: readonly string[];
  /** The markets live from here on; connections before it are refused. */
  readonly start_ns: bigint;
  /** Events of the market (orders, cancels, trades) a second and symbol, on average over a day. */
  readonly rate: number;
  /** Asked at each subscription; true: the venue refuses it, in its own words. */
  readonly refuses?: (about: About, now_ns: bigint) => boolean;
};

export type CreateVenue = (options: VenueOptions) => Venue;
