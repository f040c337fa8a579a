/**
 * What may be missing, judged from what came: `ts_event` by stream and symbol, and the venue's own
 * numbers. It reads decoded frames and keeps the last word of each in memory; nothing it knows is a row,
 * and nothing it finds is mended.
 *
 * - `time`: on one connection a stream jumped further than its channel is ever silent.
 * - `reconnect`: a stream goes on, later, on another connection, and the one before is gone.
 * - `restart`: the same, from what the process before this one had put away.
 * - `sequence`: the venue's rule broke: a book's chain or checksum, ids of trades or numbers of frames
 *   that count by one.
 *
 * The first frame of a stream on a new connection aligns it: a venue's own snapshot says where its time
 * stands, so no REST clock is asked, and where that is not later than what we had, nothing is missing.
 */
import { BOOK } from '../feed.ts';
import type { Feed, FeedBook } from '../feed.ts';
import { FIELD, TEXT_IN_FRAME, TYPE_BOOK } from '../../codec/event-buffer.ts';
import type { EventBuffer } from '../../codec/event-buffer.ts';
import { i64 } from '../../codec/halves.ts';
import { TYPE_CODE } from '../../schema/events.ts';
import type { FoldConfig } from '../../schema/symbols.ts';
import { NS_PER_MS } from '../../schema/time.ts';

/**
 * No shorter silence of a stream is a gap, however prompt its channel is: a market may be quiet, and what a
 * venue tells once a minute comes a little later than that.
 */
export const GAP_MS_MIN = 90_000;
/** The same for channels that may be quiet for ever. */
export const QUIET_GAP_MS = 600_000;
/** A `ts_event` this far after its reception is no time to go by. */
export const FUTURE_MS_MAX = 60_000;

export type GapKind = 'time' | 'reconnect' | 'restart' | 'sequence';

export type Gap = {
  readonly kind: GapKind;
  readonly exchange: string;
  readonly stream: string;
  readonly symbol: string | null;
  /** Of `ts_event`, ns: the last before and the first after; null where the venue's numbers tell it. */
  readonly from: bigint | null;
  readonly to: bigint | null;
  /** Of a `sequence`: the rule, and the two values it compared. */
  readonly cause: string | null;
  readonly expected: string | null;
  readonly received: string | null;
};

/** The last `ts_event` by stream, then by symbol (empty: of none). */
export type LastTimes = Readonly<Record<string, Readonly<Record<string, string>>>>;

export type GapTracker = {
  readonly opened: (c: number) => void;
  readonly closed: (c: number) => void;
  /** A frame of connection `c`, received at `t`; `stream` is its row's. */
  readonly frame: (c: number, buffer: EventBuffer, stream: string, t: bigint) => void;
  readonly last: () => LastTimes;
  /** Events whose time lies before what their stream had reached, or too far ahead to be one. */
  readonly odd: () => { readonly late: number; readonly ahead: number };
};

/**
 * Where a stream of one symbol stands; `c` is whose word that was, 0 an earlier process's. `beside`: the
 * connection that brought it too while `c` was open, 0 for none: it goes on without a gap where `c` ends.
 */
type Track = { ts: bigint; c: number; beside: number };
type Chain = { books: (FeedBook | undefined)[]; ids: (bigint | undefined)[]; frame: number };

export function createGapTracker(of: {
  readonly feed: Feed;
  readonly config: FoldConfig;
  /** What the process before this one had put away. */
  readonly before: LastTimes;
  readonly report: (gap: Gap) => void;
}): GapTracker {
  const { feed, config, report } = of;
  const tracks = new Map<string, (Track | undefined)[]>();
  const chains = new Map<number, Chain>();
  const limits = thresholds(feed, config);
  const odd = { late: 0, ahead: 0 };
  for (const [stream, symbols] of Object.entries(of.before)) {
    for (const [symbol, ts] of Object.entries(symbols)) {
      const index = symbol === '' ? -1 : config.symbols.findIndex((it) => it.external === symbol);
      if (symbol === '' || index >= 0) {
        rowOf(stream)[index + 1] = { ts: BigInt(ts), c: 0, beside: 0 };
      }
    }
  }

  function rowOf(stream: string): (Track | undefined)[] {
    let row = tracks.get(stream);
    if (row === undefined) tracks.set(stream, (row = []));
    return row;
  }

  function tell(stream: string, symbol: number, gap: Partial<Gap> & Pick<Gap, 'kind'>): void {
    report({
      ...{ exchange: feed.id, stream, symbol: config.symbols[symbol]?.external ?? null },
      ...{ from: null, to: null, cause: null, expected: null, received: null, ...gap },
    });
  }

  function time(c: number, stream: string, symbol: number, ts: bigint): void {
    const row = rowOf(stream);
    const track = row[symbol + 1];
    if (track === undefined) {
      row[symbol + 1] = { ts, c, beside: 0 };
      return;
    }
    const { beside } = track;
    const passed_on = track.c !== c && !chains.has(track.c);
    if (track.c !== c && !passed_on) track.beside = c;
    if (ts <= track.ts) {
      if (ts < track.ts) odd.late += 1;
      if (passed_on) track.c = c;
      return;
    }
    const span = { from: track.ts, to: ts };
    if (passed_on && beside !== c)
      tell(stream, symbol, { kind: track.c === 0 ? 'restart' : 'reconnect', ...span });
    else if (ts - track.ts > (limits.get(stream) ?? QUIET_GAP_NS)) {
      tell(stream, symbol, { kind: 'time', ...span });
    }
    if (track.c !== c) {
      track.beside = passed_on ? 0 : track.c;
      track.c = c;
    }
    track.ts = ts;
  }

  function sequence(chain: Chain, buffer: EventBuffer, stream: string): void {
    if (buffer.frame_sequence >= 0) {
      const expected = chain.frame + 1;
      if (chain.frame >= 0 && buffer.frame_sequence > expected) {
        const values = { expected: `${expected}`, received: `${buffer.frame_sequence}` };
        tell(stream, buffer.frame_symbol, { kind: 'sequence', cause: 'frame', ...values });
      }
      chain.frame = Math.max(chain.frame, buffer.frame_sequence);
    }
    for (let event = 0; event < buffer.count; event++) {
      const type = buffer.type[event] as number;
      const symbol = buffer.symbol[event] as number;
      if (type === TYPE_BOOK) {
        const book = (chain.books[symbol] ??= feed.openBook(config.book_depth));
        if ((book.apply(buffer, event) & BOOK.BROKEN) === 0) continue;
        tell(stream, symbol, { kind: 'sequence', ...book.fault() });
      } else if (type === TYPE_CODE.trade && feed.trade_ids === 'contiguous') {
        trade(chain, stream, symbol, tradeId(buffer, event));
      }
    }
  }

  function trade(chain: Chain, stream: string, symbol: number, id: bigint | null): void {
    if (id === null) return;
    const last = chain.ids[symbol];
    if (last !== undefined && id > last + 1n) {
      const values = { expected: `${last + 1n}`, received: `${id}` };
      tell(stream, symbol, { kind: 'sequence', cause: 'trade_id', ...values });
    }
    if (last === undefined || id > last) chain.ids[symbol] = id;
  }

  return {
    opened: (c) => void chains.set(c, { books: [], ids: [], frame: -1 }),
    closed: (c) => void chains.delete(c),
    frame(c, buffer, stream, t) {
      const chain = chains.get(c);
      if (chain === undefined) return;
      const ahead = t + BigInt(FUTURE_MS_MAX) * NS_PER_MS;
      for (let event = 0; event < buffer.count; event++) {
        const ts = timeOf(buffer, event);
        if (ts === null) continue;
        if (ts > ahead) odd.ahead += 1;
        else time(c, stream, buffer.symbol[event] as number, ts);
      }
      sequence(chain, buffer, stream);
    },
    last: () =>
      Object.fromEntries(
        [...tracks].map(([stream, row]) => [stream, timesOf(row, config)] as const),
      ),
    odd: () => odd,
  };
}

const QUIET_GAP_NS = BigInt(QUIET_GAP_MS) * NS_PER_MS;

/** By channel: what its feed takes for too long after a subscription is too long between two frames. */
function thresholds(feed: Feed, config: FoldConfig): ReadonlyMap<string, bigint> {
  const { endpoints, limits } = feed.protocol;
  const channels = endpoints(config).flatMap((it) => it.subscriptions.map((one) => one.channel));
  return new Map(
    [...new Set(channels)].map((channel) => {
      const ms = Math.max(limits.first_message_ms(channel) ?? QUIET_GAP_MS, GAP_MS_MIN);
      return [channel, BigInt(ms) * NS_PER_MS] as const;
    }),
  );
}

function timesOf(
  row: readonly (Track | undefined)[],
  config: FoldConfig,
): Readonly<Record<string, string>> {
  const times: Record<string, string> = {};
  row.forEach((track, at) => {
    if (track !== undefined) times[config.symbols[at - 1]?.external ?? ''] = `${track.ts}`;
  });
  return times;
}

/** `ts_event` of an event, ns; null where the venue states none. */
export function timeOf(buffer: EventBuffer, event: number): bigint | null {
  const hi = buffer.ts_hi[event] as number;
  const lo = buffer.ts_lo[event] as number;
  return hi === 0 && lo === 0 ? null : i64(hi, lo);
}

/** The trade's id where it is a plain number of at most 18 digits. */
function tradeId(buffer: EventBuffer, event: number): bigint | null {
  const slot = (buffer.slot[event] as number) + FIELD.trade.trade_id;
  if (buffer.aux[slot] !== TEXT_IN_FRAME) return null;
  const [start, end] = [buffer.hi[slot] as number, buffer.lo[slot] as number];
  if (end <= start || end - start > 18) return null;
  let id = 0n;
  for (let at = start; at < end; at++) {
    const digit = (buffer.source[at] as number) - 0x30;
    if (digit < 0 || digit > 9) return null;
    id = id * 10n + BigInt(digit);
  }
  return id;
}
