/**
 * A long stretch of a simulated venue with random faults, on virtual time, and whether each of them that
 * can be found was told of: the simulator's list of what it did against the gaps of the data. In the end
 * the book a reader of the events has is held against that of a twin of the venue, which had no faults.
 */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { EventBuffer, TYPE_BOOK } from '../../codec/event-buffer.ts';
import { decodeEvents } from '../../codec/md2.ts';
import { createSymbolTable } from '../../codec/symbol-table.ts';
import { decoderOf } from '../../connectors/feed.ts';
import type { Feed, FeedBook } from '../../connectors/feed.ts';
import { publishNowhere } from '../../connectors/runtime/publishing.ts';
import type { Fault, FaultKind, LedgerEntry } from '../../connectors/simulator/faults.ts';
import { Random } from '../../connectors/simulator/random.ts';
import { VENUES } from '../../connectors/simulator/registry.ts';
import { formatDecimal } from '../../schema/decimal.ts';
import { FLAG } from '../../schema/events.ts';
import type { EventOf, MarketEvent } from '../../schema/events.ts';
import type { FoldConfig } from '../../schema/symbols.ts';
import { NS_PER_SECOND } from '../../schema/time.ts';
import { bufferEvents } from './buffer-events.ts';
import { instant, scratchDirectory, startRig, SYMBOLS } from './runtime.ts';
import type { Rig } from './runtime.ts';
import { cardOf } from './cards/venues.ts';

/** How often each kind is drawn. */
const DRAWN: Readonly<Record<FaultKind, number>> = {
  ...{ drop: 30, duplicate: 15, reorder: 15, mutate: 15, garbage: 10 },
  ...{ close: 8, silence: 3, refuse: 2, 429: 2 },
};
/** No faults at the beginning, and none at the end: what is broken then has time to heal. */
const WARM_S = 60;
const CALM_S = 300;
/** A frame arrives this much after it was sent, at most. */
const LATENCY_NS = 200_000_000n;
/** The next frame of a quiet market may take so long. */
const NEXT_FRAME_NS = 180n * NS_PER_SECOND;
/** Around midnight the connections of two days are open, and only one of them speaks. */
const MIDNIGHT_S = 720;

export type Ordeal = {
  readonly feed: string;
  readonly from: string;
  readonly seconds: number;
  readonly faults: number;
  readonly rate: number;
  readonly seed: number;
};

export type OrdealResult = {
  readonly frames: number;
  readonly ledger: readonly LedgerEntry[];
  /** Faults that can be found, and those of them that nothing told of. */
  readonly detectable: readonly LedgerEntry[];
  readonly missed: readonly LedgerEntry[];
  /** Gaps that no fault explains. */
  readonly unexplained: readonly Gap[];
  readonly gaps: number;
  readonly levels: number;
};

export type Gap = {
  readonly cause: string;
  readonly about: string | null;
  readonly symbol: string;
  readonly from: bigint;
  readonly t: bigint;
  /** The last event of its type and market before it. */
  readonly before: bigint;
  closed: bigint | null;
};

/** Runs it, and holds that the books end equal. What was found is for the caller to judge. */
export async function runOrdeal(t: TestContext, ordeal: Ordeal): Promise<OrdealResult> {
  const { feed: id, from, seconds, rate, seed } = ordeal;
  const start_ns = instant(from);
  const gaps: Gap[] = [];
  const others: EventOf<'status'>[] = [];
  const books = new Map<string, ReaderBook>();
  const last = new Map<string, bigint>();
  const hear = (event: MarketEvent): void => {
    if (event.type === 'status') return hearStatus(event, gaps, others, last);
    last.set(`${event.type} ${event.symbol}`, event.t);
    if (event.type !== 'book') return;
    const book = books.get(event.symbol) ?? new ReaderBook();
    books.set(event.symbol, book);
    book.hear(event);
  };
  const publish = () =>
    publishNowhere((out) => {
      for (const event of decodeEvents(out.bytes.subarray(0, out.used))) hear(event);
    });
  const rig = startRig({
    ...{ dir: scratchDirectory(t), at: from, feed: id, rate, seed },
    ...{ faults: drawFaults(ordeal, start_ns), deps: { publish } },
  });
  await rig.pass(seconds - CALM_S);
  await reopenAll(rig);
  await rig.pass(CALM_S / 2);
  await reopenAll(rig);
  await rig.pass(CALM_S / 2);
  const twin = new Twin(rig.feed, { seed, rate, start_ns, at_ns: rig.clock.nowNs() });
  let levels = 0;
  for (let attempt = 0; levels === 0; attempt++) {
    // What is on its way is not heard yet: where the market moves just then, a little later it does not.
    twin.advance(rig.clock.nowNs());
    await rig.pass(0.1);
    levels = equalLevels(twin, books, attempt === 40);
    await rig.pass(0.3);
  }
  const { frames } = rig.connector.status();
  const told = [...gaps];
  await rig.finish();
  const ledger = [...rig.harness.ledger];
  const detectable = ledger.filter((it) => isDetectable(id, it) && !isNearMidnight(it));
  const missed = detectable.filter((it) => !isTold(it, rig.feed, gaps, others));
  const unexplained = told.filter((gap) => !isExplained(gap, ledger));
  return { frames, ledger, detectable, missed, unexplained, gaps: told.length, levels };
}

/**
 * All connections break once more: what was refused is asked for again only then, and a level that was
 * changed under an intact chain is as it was sent until the next snapshot.
 */
async function reopenAll({ harness, pass }: Rig): Promise<void> {
  const { accepted } = harness.counts();
  for (let connection = 1; connection <= accepted; connection++) {
    harness.inject({ kind: 'close', connection, code: 1012 });
  }
  await pass(1);
}

function drawFaults({ seed, seconds, faults, feed }: Ordeal, start_ns: bigint): Fault[] {
  const random = new Random(seed, `ordeal ${feed}`);
  const kinds = Object.entries(DRAWN).flatMap(([kind, times]) =>
    Array.from({ length: times }, () => kind as FaultKind),
  );
  const span_ms = (seconds - WARM_S - CALM_S) * 1000;
  return Array.from({ length: faults }, (): Fault => {
    const kind = kinds[random.below(kinds.length)] as FaultKind;
    const at_ns = start_ns + BigInt(WARM_S * 1000 + random.below(span_ms)) * 1_000_000n;
    if (kind !== 'silence') return { kind, at_ns };
    return { kind, at_ns, connection: 1 + random.below(2), duration_ms: 90_000 };
  });
}

function hearStatus(
  event: EventOf<'status'>,
  gaps: Gap[],
  others: EventOf<'status'>[],
  last: ReadonlyMap<string, bigint>,
): void {
  const { kind, cause, about, symbol, t, from } = event;
  if (kind === 'gap_opened') {
    const before = last.get(`${about} ${symbol}`) ?? 0n;
    gaps.push({ cause: cause ?? '', about, symbol, from: from ?? t, t, before, closed: null });
  } else if (kind === 'gap_closed') {
    const gap = gaps.findLast((it) => it.about === about && it.symbol === symbol);
    if (gap !== undefined) gap.closed = t;
  } else others.push(event);
}

/** Whether the venue's protocol lets anybody notice it; what does is the page of faults. */
function isDetectable(feed: string, { kind, channel, detail }: LedgerEntry): boolean {
  const { proven } = cardOf(feed);
  switch (kind) {
    case 'drop':
    case 'reorder':
      if (proven.empty !== undefined && detail.includes(proven.empty)) return false;
      return detail !== 'held, never sent' && proven.lost[channel ?? ''] !== undefined;
    case 'mutate':
      return (proven.changed[channel ?? ''] ?? []).includes(detail.split(' ')[0] ?? '');
    case 'close':
    case 'garbage':
    case 'refuse':
      return true;
    case 'duplicate':
    case 'silence':
    case '429':
      return false;
    default:
      return kind satisfies never;
  }
}

function isNearMidnight({ at_ns }: LedgerEntry): boolean {
  const second = Number((at_ns / NS_PER_SECOND) % 86_400n);
  return second > 86_400 - MIDNIGHT_S || second < MIDNIGHT_S;
}

/** At the right market and type, and at the very next frame of it: no event of it came in between. */
function isTold(
  entry: LedgerEntry,
  feed: Feed,
  gaps: readonly Gap[],
  others: readonly EventOf<'status'>[],
): boolean {
  const { at_ns, kind, channel, symbol } = entry;
  const type = cardOf(feed.id).proven.lost[channel ?? ''] ?? 'book';
  const soon = ({ t }: { t: bigint }): boolean => t >= at_ns && t <= at_ns + LATENCY_NS;
  if (kind === 'garbage') {
    return others.some((it) => it.kind === 'rejected' && soon(it)) || isAway(at_ns, gaps);
  }
  if (kind === 'refuse') return others.some((it) => it.kind === 'refused' && soon(it));
  const market = SYMBOLS[feed.id]?.find(({ external }) => external === symbol)?.symbol ?? null;
  return gaps.some((gap) => {
    const isOfIt = gap.about === null || (gap.about === type && gap.symbol === market);
    if (kind !== 'close' && !isOfIt) return false;
    const isOpen = gap.t <= at_ns + LATENCY_NS && (gap.closed ?? at_ns) >= at_ns - LATENCY_NS;
    const begins = gap.before <= at_ns + LATENCY_NS && gap.t >= at_ns;
    return isOpen || (begins && gap.t <= at_ns + NEXT_FRAME_NS);
  });
}

/** The connection was cut while what was sent on it was on its way. */
function isAway(at_ns: bigint, gaps: readonly Gap[]): boolean {
  return gaps.some(({ cause, t, closed }) => {
    return (
      cause === 'disconnect' &&
      t >= at_ns - LATENCY_NS &&
      t <= at_ns + LATENCY_NS &&
      closed !== at_ns
    );
  });
}

/** A gap begins where a fault was: a false alarm has none near it. */
function isExplained({ cause, from, t }: Gap, ledger: readonly LedgerEntry[]): boolean {
  if (cause === 'take_over' || cause === 'opening') return true;
  return ledger.some(({ at_ns, kind }) => {
    const lasts = kind === 'silence' ? 400n * NS_PER_SECOND : NEXT_FRAME_NS;
    return at_ns >= from - NEXT_FRAME_NS && at_ns <= t && t - at_ns <= lasts;
  });
}

/** The book that the events tell a reader. */
class ReaderBook {
  readonly bids = new Map<number, number>();
  readonly asks = new Map<number, number>();

  hear(event: EventOf<'book'>): void {
    const isWhole = (event.flags & FLAG.SNAPSHOT) !== 0 && (event.part ?? 1) === 1;
    for (const name of ['bids', 'asks'] as const) {
      const side = this[name];
      if (isWhole) side.clear();
      for (const { price, size } of event[name]) {
        const at = Number(formatDecimal(price));
        if (size.mantissa === 0n) side.delete(at);
        else side.set(at, Number(formatDecimal(size)));
      }
      const sign = name === 'bids' ? -1 : 1;
      const depth = event.depth ?? Infinity;
      if (side.size <= depth || event.feed === 'binance-usdm') continue;
      const sorted = [...side.keys()].sort((a, b) => sign * (a - b));
      for (const price of sorted.slice(depth)) side.delete(price);
    }
  }
}

/** The venue once more, without faults: the same seed is the same market, whoever listens. */
class Twin {
  readonly #venue;
  readonly #buffer = new EventBuffer();
  readonly #feed: Feed;
  readonly #config: FoldConfig;
  readonly #table;
  readonly #books: readonly FeedBook[];

  constructor(
    feed: Feed,
    {
      seed,
      rate,
      start_ns,
      at_ns,
    }: {
      readonly seed: number;
      readonly rate: number;
      readonly start_ns: bigint;
      readonly at_ns: bigint;
    },
  ) {
    const symbols = SYMBOLS[feed.id] ?? [];
    const { channels, book_depths } = feed.protocol;
    const book_depth = book_depths[0] ?? 10;
    this.#feed = feed;
    this.#config = { feed: feed.id, shard: 'twin', symbols, channels, book_depth };
    this.#table = createSymbolTable(symbols);
    this.#books = symbols.map(() => feed.openBook(book_depth));
    const create = VENUES.get(feed.id) ?? assert.fail();
    const externals = symbols.map(({ external }) => external);
    this.#venue = create({ seed, symbols: externals, start_ns, rate });
    this.#venue.advance(at_ns);
    this.#listen(at_ns);
  }

  #listen(at_ns: bigint): void {
    let id = 0;
    for (const endpoint of this.#feed.protocol.endpoints(this.#config)) {
      const connection = this.#venue.connect(`${this.#venue.base_path}${endpoint.path}`, at_ns, {
        frame: (text) => this.#hear(text),
        ping: () => undefined,
        close: () => undefined,
      });
      const { subscribe } = this.#feed.protocol;
      const requests = subscribe(endpoint.subscriptions, this.#config, () => String(++id));
      for (const { text } of requests) connection?.onMessage(text, at_ns);
    }
  }

  #hear(text: string): void {
    const bytes = new TextEncoder().encode(`${text}\n`);
    const buffer = this.#buffer;
    decoderOf(this.#feed, '2026-11-20')(bytes, 0, bytes.length - 1, this.#table, buffer);
    for (let event = 0; event < buffer.count; event++) {
      if (buffer.type[event] !== TYPE_BOOK) continue;
      this.#books[buffer.symbol[event] as number]?.apply(buffer, event);
    }
  }

  advance(now_ns: bigint): void {
    this.#venue.advance(now_ns);
  }

  /** Both sides of each market, best first, as `price size`. */
  sides(): readonly (readonly [
    symbol: string,
    bids: readonly string[],
    asks: readonly string[],
  ])[] {
    return this.#books.map((book, symbol) => {
      const out = new EventBuffer();
      out.reset(new Uint8Array(0));
      book.snapshot(out, symbol);
      const [event] = bufferEvents(out, this.#table);
      return [event?.symbol ?? '', event?.bids ?? [], event?.asks ?? []];
    });
  }
}

/** Levels compared, 0 where the books differ; `last` throws then, with both. */
function equalLevels(twin: Twin, books: ReadonlyMap<string, ReaderBook>, last: boolean): number {
  let levels = 0;
  for (const [symbol, bids, asks] of twin.sides()) {
    const ours = books.get(symbol);
    for (const [name, theirs, sign] of [
      ['bids', bids, -1],
      ['asks', asks, 1],
    ] as const) {
      const side = [...(ours?.[name] ?? [])].sort(([a], [b]) => sign * (a - b));
      const wanted = theirs.map((level) => level.split(' ').map(Number));
      const told = side.slice(0, wanted.length);
      const same = JSON.stringify(told) === JSON.stringify(wanted);
      if (last) assert.deepEqual(told, wanted, `${name} of ${symbol}`);
      if (!same || wanted.length === 0) return 0;
      levels += wanted.length;
    }
  }
  return levels;
}
