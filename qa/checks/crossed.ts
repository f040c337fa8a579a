/**
 * `crossed`: the best bid is below the best ask, in quotes and tickers as they come and in books
 * rebuilt from the archive, compared at the end of each message. An *episode* is a run of crossed
 * states; it fails where it lasts at least `min_duration_ms`. Books are judged from their first
 * statement on, and nothing is while a gap is open.
 */
import {
  applyLevels,
  clearOrderBook,
  createOrderBook,
  isCrossed,
  levelsOf,
  truncateOrderBook,
} from '../../books/order-book.ts';
import type { OrderBook } from '../../books/order-book.ts';
import { EventBuffer } from '../../codec/event-buffer.ts';
import { appendEvent } from '../../codec/event-object.ts';
import { compareDecimals, formatDecimal } from '../../schema/decimal.ts';
import type { Decimal } from '../../schema/decimal.ts';
import { FLAG } from '../../schema/events.ts';
import type { EventOf, MarketEvent } from '../../schema/events.ts';
import { formatIso } from '../../schema/time.ts';
import type { CheckContext, Finding, QaCheck } from '../check.ts';
import { Samples } from '../samples.ts';

export type CrossedConfig = {
  readonly dataset?: 'quote' | 'ticker' | 'book' | undefined;
  readonly min_duration_ms?: number | undefined;
};

type Episode = { readonly from: bigint; readonly locked: boolean; readonly what: string };
type Source = { book: OrderBook | null; anchored: boolean; episode: Episode | null };
type Group = {
  judged: number;
  episodes: number;
  locked: number;
  longest: bigint;
  readonly sources: Map<string, Source>;
  readonly samples: Samples;
};

const scratch = new EventBuffer();
const NO_BYTES = new Uint8Array(0);

export const crossed: QaCheck<CrossedConfig> = {
  type: 'crossed',
  severity: 'fail',
  subjects: ({ dataset }) => (dataset === undefined ? ['quote', 'ticker', 'book'] : [dataset]),
  open(config, context) {
    const groups = new Map<string, Group>();
    const least = BigInt(config.min_duration_ms ?? 0) * 1_000_000n;
    const groupOf = (symbol: string): Group => {
      let group = groups.get(symbol);
      if (group === undefined) {
        const samples = new Samples(context.sample_rows);
        group = { judged: 0, episodes: 0, locked: 0, longest: 0n, sources: new Map(), samples };
        groups.set(symbol, group);
      }
      return group;
    };
    return {
      step(event) {
        if (event.type === 'status' && event.kind === 'gap_opened') {
          // What the market was from here on is not known: it was crossed up to here.
          const group = groups.get(event.symbol);
          if (group !== undefined) endAbout(group, event, least);
        }
        if (config.dataset !== undefined && event.type !== config.dataset) return;
        if (event.type === 'quote' || event.type === 'ticker') {
          hearPrices(groupOf(event.symbol), event, least);
        } else if (event.type === 'book') {
          hearBook(groupOf(event.symbol), event, least);
        }
      },
      finish() {
        for (const { symbol } of context.symbols) groupOf(symbol);
        return [...groups].map(([symbol, group]) => findingOf(symbol, group, config, context));
      },
    };
  },
};

function sourceOf(group: Group, name: string): Source {
  let source = group.sources.get(name);
  if (source === undefined) {
    source = { book: null, anchored: false, episode: null };
    group.sources.set(name, source);
  }
  return source;
}

function hearPrices(
  group: Group,
  event: EventOf<'quote'> | EventOf<'ticker'>,
  least: bigint,
): void {
  const { bid_price, ask_price, bid_size, ask_size } = event;
  if (bid_price === null || ask_price === null) return;
  // A side that is empty is sent with size 0, and its price says nothing.
  if (bid_size?.mantissa === 0n || ask_size?.mantissa === 0n) return;
  group.judged++;
  const source = sourceOf(group, event.type);
  const order = compareDecimals(bid_price, ask_price);
  if (order < 0) end(group, source, event.t, least);
  else begin(source, event, bid_price, ask_price, order === 0);
}

function hearBook(group: Group, event: EventOf<'book'>, least: bigint): void {
  const source = sourceOf(group, 'book');
  const book = (source.book ??= createOrderBook(64));
  const isStatement = (event.flags & FLAG.SNAPSHOT) !== 0;
  if (isStatement && (event.part === null || event.part === 1)) {
    clearOrderBook(book);
    source.anchored = true;
  }
  scratch.reset(NO_BYTES);
  applyLevels(book, scratch, appendEvent(scratch, event, 0));
  if (event.depth !== null) truncateOrderBook(book, event.depth);
  if ((event.flags & FLAG.LAST) === 0) return;
  if (!source.anchored || (event.flags & FLAG.MAYBE_BAD_BOOK) !== 0) {
    // It was crossed up to here, whatever it is while the gap is open.
    end(group, source, event.t, least);
    return;
  }
  group.judged++;
  if (!isCrossed(book)) {
    end(group, source, event.t, least);
    return;
  }
  const bid = levelsOf(book.bids)[0];
  const ask = levelsOf(book.asks)[0];
  if (bid === undefined || ask === undefined) return;
  begin(source, event, bid.price, ask.price, compareDecimals(bid.price, ask.price) === 0);
}

function begin(
  source: Source,
  event: MarketEvent,
  bid: Decimal,
  ask: Decimal,
  locked: boolean,
): void {
  if (source.episode !== null) return;
  const what = `${event.type} bid ${formatDecimal(bid)}, ask ${formatDecimal(ask)}`;
  source.episode = { from: event.t, locked, what };
}

function end(group: Group, source: Source, t: bigint, least: bigint): void {
  const { episode } = source;
  if (episode === null) return;
  source.episode = null;
  const length = t - episode.from;
  if (length < least) return;
  group.episodes++;
  if (episode.locked) group.locked++;
  if (length > group.longest) group.longest = length;
  const row = { from: formatIso(episode.from), to: formatIso(t), ms: milliseconds(length) };
  const reason = `${episode.locked ? 'locked' : 'crossed'}: ${episode.what}`;
  group.samples.add(Number(length), () => ({ row, reason }));
}

function endAbout(group: Group, gap: EventOf<'status'>, least: bigint): void {
  for (const [name, source] of group.sources) {
    if (gap.about === null || gap.about === name) end(group, source, gap.t, least);
  }
}

function milliseconds(ns: bigint): number {
  return Number(ns / 1000n) / 1000;
}

function findingOf(
  symbol: string,
  group: Group,
  config: CrossedConfig,
  context: CheckContext,
): Finding {
  const least = BigInt(config.min_duration_ms ?? 0) * 1_000_000n;
  for (const source of group.sources.values()) end(group, source, context.to, least);
  const { judged, episodes, locked, longest, samples } = group;
  const times = `${episodes} ${episodes === 1 ? 'time' : 'times'}`;
  return {
    group: { symbol },
    observed: { judged, episodes, locked, longest_ms: milliseconds(longest) },
    threshold: { min_duration_ms: config.min_duration_ms ?? 0 },
    evaluated: judged,
    failed_rows: episodes,
    samples: samples.list(),
    samples_truncated: samples.truncated,
    message:
      episodes === 0
        ? `${judged} states, none crossed`
        : `crossed ${times}, at most ${milliseconds(longest)} ms`,
  };
}
