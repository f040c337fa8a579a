/** What the numbered cards (`cards.ts`) need to know of a venue: the whole of it is one file a venue. */
import assert from 'node:assert/strict';
import type { SymbolTable } from '../../../codec/symbol-table.ts';
import type { EventType } from '../../../schema/events.ts';
import type { Heard } from '../venue-kit.ts';

/** A card's data of a venue, or the reason why the card cannot be played there. */
export type Cell<T> = T | { readonly not: string };

/** A plain reader of a book, with nothing of the connector's in it; throws at what does not fit. */
export type BookReader = {
  readonly hear: (heard: Heard) => void;
  /** How often what was proven, by name. */
  readonly proven: () => Readonly<Record<string, number>>;
};

/** A run of one market, and what a plain reader has to have proven by its end. */
export type BookProof = {
  readonly name: string;
  readonly rate: number;
  readonly seconds: number;
  /** Requests by path, where the venue's own (`subscribe`) are not meant. */
  readonly requests?: readonly string[];
  readonly open: () => BookReader;
  readonly at_least: Readonly<Record<string, number>>;
};

/** Fixed frames and what is known of their events (`test/golden`, `test/fixtures/<feed>`). */
export type GoldenSession = {
  readonly symbols: SymbolTable;
  readonly book_depth: number;
  readonly sessions: readonly { readonly file: string; readonly day: string }[];
  /** Every kind, type and verdict that the frames have, sorted. */
  readonly kinds: readonly string[];
  readonly types: readonly string[];
  readonly verdicts: readonly number[];
};

export type VenueCard = {
  readonly feed: string;
  readonly symbols: readonly string[];
  readonly paths: readonly string[];
  /** Requests on a path, by what is wanted. */
  readonly subscribe: (path: string, symbols: readonly string[], id: number) => readonly string[];
  /** What the first frame has to be. */
  readonly greeting: Cell<RegExp>;
  /** How many acks the requests of a path bring. */
  readonly acks: (path: string, symbols: readonly string[]) => number;
  readonly isAck: (text: string) => boolean;
  readonly badRequest: string;
  readonly isRefusal: (text: string) => boolean;
  /** Channel whose frames the fault cards strike, and the path it is on. */
  readonly struck: { readonly path: string; readonly channel: string; readonly symbol: string };
  /** A channel that begins at once, in the venue's words and as it is subscribed to. */
  readonly prompt: { readonly channel: string; readonly subscribed: string };
  /** What frames of trades hold, and the key of their price. */
  readonly trade: { readonly mark: string; readonly price: string };
  /** What frames of a channel hold of which each message states all, and its name in them. */
  readonly stated: { readonly mark: string; readonly name: string };
  /**
   * What its protocol lets one notice, in the venue's words: channels of which a frame that is lost or
   * late always shows, and on which type of event, and fields by channel of which another digit does.
   */
  readonly proven: {
    readonly lost: Readonly<Record<string, EventType>>;
    readonly changed: Readonly<Record<string, readonly string[]>>;
    /** What a message holds that says nothing: lost or late, it leaves no trace, and none is needed. */
    readonly empty?: string;
  };
  /** The connector's depth of book, and what a frame that changes a book holds. */
  readonly connector: { readonly book_depth: number; readonly update: string };
  readonly golden: GoldenSession;

  readonly books: Cell<readonly BookProof[]>;
  /** Throws where the trades heard of one market do not follow each other; how many there were. */
  readonly trades: Cell<(heard: readonly Heard[]) => number>;
  /** What comes by itself while something is subscribed, and how many seconds apart. */
  readonly heartbeat: Cell<{ readonly mark: string; readonly every_s: number }>;
  readonly ping: Cell<{ readonly text: string; readonly pong: RegExp }>;
  /** When and how a connection that asks for nothing is ended. */
  readonly idle: Cell<{ readonly seconds: number; readonly code: number }>;
  /** A whole frame by channel as it is printed: nothing more, nothing less, in this order. */
  readonly formats: Cell<Readonly<Record<string, RegExp>>>;
  /** Throws where candles, quotes and books contradict the trades of one market; how many agreed. */
  readonly sums: Cell<(heard: readonly Heard[]) => number>;
  /** A book, left and asked for again, of the market in `struck`; what its snapshots hold. */
  readonly again: Cell<{
    readonly subscribe: string;
    readonly unsubscribe: string;
    readonly snapshot: string;
    readonly open: () => BookReader;
  }>;
  /** Requests in a row on one connection of `path`, and what the last is answered with. */
  readonly refusals: Cell<
    readonly { readonly path: string; readonly ask: readonly string[]; readonly says: RegExp }[]
  >;
  /** How often a request can come before the venue has enough: what it says, or its close code. */
  readonly pace: Cell<{
    readonly path: string;
    readonly request: string;
    readonly times: number;
    readonly says?: RegExp;
    readonly code?: number;
  }>;
  /** Promises that only this venue makes, by title. */
  readonly own: Cell<Readonly<Record<string, () => void>>>;
};

/** The cell's data; null where it says why there is none. */
export function played<T>(cell: Cell<T>): T | null {
  assert.ok(
    cell !== undefined && cell !== null,
    'a cell is missing: its data, or why there is none',
  );
  return typeof cell === 'object' && 'not' in cell ? null : (cell as T);
}

/** The reason of a cell without data. */
export function reasonOf(cell: Cell<unknown>): string | null {
  if (typeof cell !== 'object' || cell === null || !('not' in cell)) return null;
  return String(cell.not);
}

/** A frame printed as `template`, in which `<NAME>` stands for the pattern of that name. */
export function printed(template: string, patterns: Readonly<Record<string, string>>): RegExp {
  const literal = template.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
  const source = literal.replace(/<(\w+)>/g, (_, name: string) => {
    return patterns[name] ?? assert.fail(`no pattern ${name}`);
  });
  return new RegExp(`^${source}$`);
}

/** What was heard of a channel, parsed. */
export function messagesOf(heard: readonly Heard[], channel: string) {
  return heard
    .filter(({ about }) => about?.channel === channel)
    .map(({ text }) => JSON.parse(text));
}
