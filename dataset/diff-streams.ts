/**
 * The comparison of two streams of one type and symbol, fed with what their objects hold: events of md2
 * are merged by `(t, index)`, records of md1, which have no identity, by their place, and md1 with md2 by
 * what the projection makes of it. Held are one run of each side, and of a projection a book.
 */
import { wholeLength } from '../codec/capnp-read.ts';
import { createMd1Projection, decodeMd1, encodeMd1 } from '../codec/md1.ts';
import type { Md1Record } from '../codec/md1.ts';
import { readHeader } from '../codec/md2.ts';
import { readEvent } from '../codec/md2-read.ts';
import type { EventType, MarketEvent } from '../schema/events.ts';
import { FLAG } from '../schema/events.ts';
import { FIELD_ORDER, countOf, tellAlone, tellChanged } from './diff-tally.ts';
import type { DropReason, Side, Tally, Told } from './diff-tally.ts';
import { MD1_STRUCT } from './profile.ts';
import type { Schema } from './version.ts';

/** Plain streams whose instants overlap, nearly always a single one; `place` of its first record. */
export type Run = { readonly plains: readonly Uint8Array[]; readonly place: number };

/** Yields the side it needs a run of; is handed the next one, or null after the last. */
export type Comparison = Generator<Side, void, Run | null>;

/** Opens the comparison of a stream: called for each stretch of it, in order of time. */
export function openComparison(
  of: { readonly type: EventType; readonly old: Schema; readonly new: Schema },
  tally: Tally,
): () => Comparison {
  const project = projectByShard();
  const { type } = of;
  if (of.old === 'md2' && of.new === 'md2') return () => compareEvents(tally);
  if (of.old === 'md1' && of.new === 'md1') return () => comparePlaces(tally, type);
  const full = of.old === 'md2' ? 'old' : 'new';
  return () => compareProjected(tally, type, full, project);
}

/** As the archive does it: shards may carry the same market, each with a book of its own. */
function projectByShard(): (event: MarketEvent) => Md1Record | null {
  const shards = new Map<string, ReturnType<typeof createMd1Projection>>();
  return (event) => {
    const project = shards.get(event.shard) ?? createMd1Projection();
    shards.set(event.shard, project);
    return project(event);
  };
}

function* compareEvents(tally: Tally): Comparison {
  const [left, right] = [new EventCursor('merged'), new EventCursor('merged')];
  for (;;) {
    while (left.isSpent()) left.load(yield 'old');
    while (right.isSpent()) right.load(yield 'new');
    if (left.has_ended && right.has_ended) return;
    const order = left.has_ended ? 1 : right.has_ended ? -1 : left.compareTo(right);
    if (order < 0) {
      tally.counts.old++;
      tellAlone(tally, 'old', () => left.told());
    } else if (order > 0) {
      tally.counts.new++;
      tellAlone(tally, 'new', () => right.told());
    } else {
      tellPair(tally, left, right);
    }
    if (order <= 0) left.step();
    if (order >= 0) right.step();
  }
}

function tellPair(tally: Tally, left: EventCursor, right: EventCursor): void {
  tally.counts.old++;
  tally.counts.new++;
  const same_order = left.isLate() === right.isLate();
  if (same_order && equalBytes(left.view(), right.view())) tally.counts.equal++;
  else if (same_order) tellChanged(tally, left.told(), right.told());
  else tellChanged(tally, left.told(), right.told(), [FIELD_ORDER]);
}

function* comparePlaces(tally: Tally, type: EventType): Comparison {
  const [left, right] = [new PlaceCursor(type), new PlaceCursor(type)];
  for (;;) {
    while (left.isSpent()) left.load(yield 'old');
    while (right.isSpent()) right.load(yield 'new');
    if (left.has_ended && right.has_ended) return;
    if (!left.has_ended) tally.counts.old++;
    if (!right.has_ended) tally.counts.new++;
    if (right.has_ended) tellAlone(tally, 'old', () => left.told());
    else if (left.has_ended) tellAlone(tally, 'new', () => right.told());
    else if (equalBytes(left.view(), right.view())) tally.counts.equal++;
    else tellChanged(tally, left.told(), right.told());
    if (!left.has_ended) left.step();
    if (!right.has_ended) right.step();
  }
}

/** `full`: the side that is md2. What its events project to is compared with the other's records. */
function* compareProjected(
  tally: Tally,
  type: EventType,
  full: Side,
  project: (event: MarketEvent) => Md1Record | null,
): Comparison {
  const half = full === 'old' ? 'new' : 'old';
  // Its records lie object by object, and so do those they are compared with.
  const events = new EventCursor('as_they_lie');
  const records = new PlaceCursor(type);
  for (;;) {
    while (events.isSpent()) events.load(yield full);
    if (events.has_ended) break;
    const event = events.event();
    events.step();
    tally.counts[full]++;
    const record = project(event);
    if (record === null) {
      tellDropped(tally, full, event);
      continue;
    }
    while (records.isSpent()) records.load(yield half);
    const projected = { record, of: event, place: records.place };
    if (records.has_ended) {
      tellAlone(tally, full, () => projected);
      continue;
    }
    tally.counts[half]++;
    if (equalBytes(encodeMd1(record), records.view())) tally.counts.equal++;
    else if (full === 'old') tellChanged(tally, projected, records.told());
    else tellChanged(tally, records.told(), projected);
    records.step();
  }
  for (;;) {
    while (records.isSpent()) records.load(yield half);
    if (records.has_ended) return;
    tally.counts[half]++;
    tellAlone(tally, half, () => records.told());
    records.step();
  }
}

/** Of an old md1 nothing was dropped: what only the new md2 has was added. */
function tellDropped(tally: Tally, full: Side, event: MarketEvent): void {
  if (full === 'new') {
    tellAlone(tally, 'new', () => ({ event }));
    return;
  }
  tally.counts.dropped++;
  countOf(tally.dropped, dropReason(event));
}

/** Why the projection had no record of an event; of several reasons the first of `DROP_REASONS`. */
export function dropReason(event: MarketEvent): DropReason {
  if (event.type === 'trade') return 'trade_without_side';
  if (event.type !== 'book') return 'other_type';
  if (event.part !== null && event.part !== event.parts) return 'book_part';
  return (event.flags & FLAG.UNVERIFIED) !== 0 ? 'book_unverified' : 'book_not_whole';
}

/** A place in a run: positions of its events, where merged in the order of their identities. */
class EventCursor {
  has_ended = false;
  #bytes: Uint8Array = NOTHING;
  #offsets: number[] = [];
  #lengths: number[] = [];
  #t: bigint[] = [];
  #index: number[] = [];
  #late: boolean[] = [];
  /** Null where the events lie in order. */
  #order: readonly number[] | null = null;
  #at = 0;
  readonly #is_merged: boolean;

  constructor(order: 'merged' | 'as_they_lie') {
    this.#is_merged = order === 'merged';
  }

  isSpent(): boolean {
    return !this.has_ended && this.#at >= this.#offsets.length;
  }

  /** @throws SSMD_CORRUPT where the bytes are no events */
  load(run: Run | null): void {
    this.has_ended = run === null;
    const plains = run?.plains ?? [];
    this.#bytes = joined(plains);
    this.#offsets = [];
    this.#lengths = [];
    this.#t = [];
    this.#index = [];
    this.#late = [];
    this.#at = 0;
    let base = 0;
    for (const plain of plains) {
      this.#scan(base, base + plain.length);
      base += plain.length;
    }
    const is_ordered = plains.length < 2 && !this.#late.includes(true);
    this.#order = is_ordered || !this.#is_merged ? null : this.#sorted();
  }

  #scan(from: number, to: number): void {
    let [most_t, most_index] = [-1n, -1];
    for (let at = from; at < to;) {
      const { t, index, length } = readHeader(this.#bytes, at);
      const is_late = t < most_t || (t === most_t && index < most_index);
      this.#offsets.push(at);
      this.#lengths.push(length);
      this.#t.push(t);
      this.#index.push(index);
      this.#late.push(is_late);
      if (!is_late) [most_t, most_index] = [t, index];
      at += length;
    }
  }

  #sorted(): number[] {
    const [ts, indexes] = [this.#t, this.#index];
    const order = ts.map((_, at) => at);
    return order.sort((a, b) => {
      const [left, right] = [ts[a] as bigint, ts[b] as bigint];
      if (left !== right) return left < right ? -1 : 1;
      return (indexes[a] as number) - (indexes[b] as number) || a - b;
    });
  }

  step(): void {
    this.#at++;
  }

  get #current(): number {
    return this.#order === null ? this.#at : (this.#order[this.#at] as number);
  }

  compareTo(other: EventCursor): number {
    const [left, right] = [this.#t[this.#current] as bigint, other.#t[other.#current] as bigint];
    if (left !== right) return left < right ? -1 : 1;
    return (this.#index[this.#current] as number) - (other.#index[other.#current] as number);
  }

  /** Whether it stands behind an event it should stand before. */
  isLate(): boolean {
    return this.#late[this.#current] as boolean;
  }

  view(): Uint8Array {
    const from = this.#offsets[this.#current] as number;
    return this.#bytes.subarray(from, from + (this.#lengths[this.#current] as number));
  }

  event(): MarketEvent {
    return readEvent(this.#bytes, this.#offsets[this.#current] as number);
  }

  told(): Told {
    return { event: this.event() };
  }
}

/** The same of records of md1. */
class PlaceCursor {
  has_ended = false;
  place = 0;
  readonly #type: EventType;
  #bytes: Uint8Array = NOTHING;
  #at = 0;
  #length = 0;

  constructor(type: EventType) {
    this.#type = type;
  }

  isSpent(): boolean {
    return !this.has_ended && this.#at >= this.#bytes.length;
  }

  load(run: Run | null): void {
    this.has_ended = run === null;
    this.#bytes = joined(run?.plains ?? []);
    this.#at = 0;
    if (run === null) return;
    this.place = run.place;
    this.#measure();
  }

  step(): void {
    this.#at += this.#length;
    this.place++;
    this.#measure();
  }

  #measure(): void {
    this.#length = this.isSpent() ? 0 : wholeLength(this.#bytes, this.#at);
  }

  view(): Uint8Array {
    return this.#bytes.subarray(this.#at, this.#at + this.#length);
  }

  told(): Told {
    const struct = MD1_STRUCT[this.#type];
    const [record] = struct === undefined ? [] : decodeMd1(struct, this.view());
    if (record === undefined) throw new RangeError(`md1 has no records of type ${this.#type}`);
    return { record, place: this.place };
  }
}

const NOTHING = new Uint8Array(0);

function joined(plains: readonly Uint8Array[]): Uint8Array {
  const [first = NOTHING] = plains;
  if (plains.length < 2) return first;
  const whole = new Uint8Array(plains.reduce((bytes, plain) => bytes + plain.length, 0));
  let at = 0;
  for (const plain of plains) {
    whole.set(plain, at);
    at += plain.length;
  }
  return whole;
}

function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false;
  return true;
}
