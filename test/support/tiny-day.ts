/**
 * A day of the tiny venue, written as raw segments while a shard fold runs beside it: what it yields
 * live is what the archive must hold.
 */
import { createShardFold } from '../../fold/shard-fold.ts';
import type { ShardFold } from '../../fold/shard-fold.ts';
import type { Capture, FactKey, Facts, Inventory } from '../../schema/log.ts';
import { EVENT_TYPES } from '../../schema/events.ts';
import type { FoldConfig } from '../../schema/symbols.ts';
import {
  NS_PER_HOUR,
  NS_PER_MINUTE,
  NS_PER_SECOND,
  addDays,
  dayEnd,
  dayStart,
  formatIso,
  msFromNs,
} from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { RawEpoch } from './raw-day.ts';
import { tinyFeed } from './tiny-feed.ts';

export const TINY_SHARD = 'tier1';
const SYMBOLS = [
  { symbol: 'BTCUSD', external: 'BTC', depth: 'l2' },
  { symbol: 'ETHUSD', external: 'ETH', depth: 'l2' },
] as const;

/** One event as the fold encoded it, with its place. */
export type LiveEvent = {
  readonly t: bigint;
  readonly type: string;
  readonly symbol: string;
  readonly bytes: Uint8Array;
};

export type TinyDayOptions = {
  readonly day: Day;
  /** Instants at which a new epoch takes over; the first began two hours before the day. */
  readonly restarts?: readonly bigint[];
  /** Time between ticks. */
  readonly step_ns?: bigint;
  readonly shard?: string;
  /** How the last epoch ended; `day`: it goes on into the next. */
  readonly end?: Inventory['end'];
  /** The log stops here. */
  readonly stop_at?: bigint;
  /** When each epoch but the last was killed; else it lives a little beyond its successor's take. */
  readonly deaths?: readonly bigint[];
  /** Every epoch took the shard with the bus away: it knew of none before it. */
  readonly bus_away?: boolean;
  readonly start_at?: bigint;
  /** What each epoch's headers say; a sample's where left out. */
  readonly captures?: readonly Partial<Capture>[];
};

export type TinyDay = {
  readonly epochs: readonly RawEpoch[];
  /** What spoke within the day, in order. */
  readonly live: readonly LiveEvent[];
};

/** Writes the day's segments and inventories into `store`. */
export async function writeTinyDay(store: ObjectStore, options: TinyDayOptions): Promise<TinyDay> {
  const { day, restarts = [], shard = TINY_SHARD } = options;
  const start = options.start_at ?? dayStart(day) - 2n * NS_PER_HOUR;
  const end = options.stop_at ?? dayEnd(day) + 2n * NS_PER_MINUTE;
  const starts = [start, ...restarts];
  const live: LiveEvent[] = [];
  const epochs: RawEpoch[] = [];
  let previous: { epoch: number; t: bigint } | null = null;
  for (const [index, begin] of starts.entries()) {
    const until = starts[index + 1] ?? end;
    const step_ns = options.step_ns ?? 10n * NS_PER_MINUTE;
    const life = new TinyLife(shard, begin, day, step_ns, options.captures?.[index]);
    // Beyond its successor's take the old epoch still writes for a while: nobody may use it.
    const overlap = index + 1 < starts.length ? 30n * NS_PER_SECOND : 0n;
    const death = index + 1 < starts.length ? options.deaths?.[index] : undefined;
    life.run(death ?? until + overlap, options.bus_away === true ? null : previous);
    for (const event of life.events) {
      if (event.t >= dayStart(day) && event.t < dayEnd(day) && event.t < takeOf(until, end)) {
        live.push(event);
      }
    }
    const last = index + 1 === starts.length;
    const ending = last ? (options.end ?? 'day') : death === undefined ? 'shutdown' : 'crash';
    await life.raw.put(store, {});
    const days = [...new Set(life.raw.segments.map((it) => it.day))];
    const goes_on = ending === 'day';
    const ends = days.map((it) => [it, it === days.at(-1) ? ending : 'day'] as const);
    const told = ends.filter(([it]) => it <= day || !goes_on);
    await life.raw.put(store, Object.fromEntries(told));
    epochs.push(life.raw);
    previous = { epoch: life.epoch, t: death ?? until };
  }
  return { epochs, live };
}

const WARM_UP_NS = 10n * NS_PER_SECOND;

function takeOf(until: bigint, end: bigint): bigint {
  return until === end ? end : until + WARM_UP_NS;
}

/** One epoch: two connections a day, a tick of every kind at each step. */
class TinyLife {
  readonly raw: RawEpoch;
  readonly epoch: number;
  readonly events: LiveEvent[] = [];
  readonly #fold: ShardFold;
  readonly #config: FoldConfig;
  readonly #day: Day;
  readonly #begin: bigint;
  readonly #step: bigint;
  #c = 0;
  #serving = 0;
  #sequence = 100;

  constructor(
    shard: string,
    begin: bigint,
    day: Day,
    step: bigint,
    capture: Partial<Capture> = {},
  ) {
    this.epoch = msFromNs(begin);
    this.raw = new RawEpoch({ feed: 'tiny', shard, epoch: this.epoch }, capture);
    this.#fold = createShardFold(tinyFeed, shard);
    this.#config = { feed: 'tiny', shard, symbols: SYMBOLS, channels: ['all'], book_depth: 10 };
    this.#day = day;
    this.#begin = begin;
    this.#step = step;
  }

  run(until: bigint, previous: { epoch: number; t: bigint } | null): void {
    const first = formatIso(this.#begin).slice(0, 10) as Day;
    this.#openDay(this.#begin, first, false);
    const prev = previous === null ? null : { epoch: previous.epoch, t: previous.t.toString() };
    this.fact(this.#begin + WARM_UP_NS, '_take', { prev, ids: {} });
    let t = this.#begin + WARM_UP_NS;
    let day = first;
    let next_open = false;
    while (t < until) {
      t += this.#step;
      if (t >= until) return;
      const midnight = dayEnd(day);
      if (!next_open && t >= midnight - 10n * NS_PER_MINUTE) {
        const at = midnight - 10n * NS_PER_MINUTE + 1n;
        if (at > this.#begin + WARM_UP_NS && at < until) this.#openDay(at, addDays(day, 1), true);
        next_open = true;
      }
      if (t >= midnight) {
        day = addDays(day, 1);
        next_open = false;
        if (midnight < until) this.fact(midnight, '_midnight', { day });
        t = midnight + 1_000_000n;
      }
      this.#tick(t);
    }
  }

  #openDay(t: bigint, day: Day, taken: boolean): void {
    this.fact(t, '_day', { day, taken });
    this.fact(t + 1n, '_config', { sha256: '0'.repeat(64), config: this.#config });
    this.#c++;
    this.#serving = this.#c;
    this.fact(t + 2n, '_open', { c: this.#c, url: 'wss://tiny.invalid', day });
    this.#snapshots(t + 3n);
  }

  #snapshots(t: bigint): void {
    SYMBOLS.forEach(({ external }, index) => {
      const frame = { k: 'snap', s: external, u: this.#sequence };
      this.frame(t + BigInt(index), this.#serving, frame);
    });
  }

  #tick(t: bigint): void {
    this.#sequence++;
    let at = t;
    for (const { external } of SYMBOLS) {
      const u = this.#sequence;
      this.frame((at += 1n), this.#serving, { k: 'delta', s: external, u });
      this.frame((at += 1n), this.#serving, { k: 'quote', s: external, px: u });
      const id = String(at);
      for (let c = 1; c <= this.#c; c++) {
        this.frame((at += 1n), c, { k: 'trade', s: external, id, px: u });
      }
    }
    this.frame((at += 1n), this.#serving, { k: 'heartbeat' });
  }

  frame(t: bigint, c: number, frame: object): void {
    this.raw.frame(t, c, frame);
    const bytes = new TextEncoder().encode(`${JSON.stringify(frame)}\n`);
    this.#fold.frame(t, c, bytes, 0, bytes.length - 1);
    this.#collect();
  }

  fact<K extends FactKey>(t: bigint, key: K, fact: Facts[K]): void {
    this.raw.fact(t, key, fact);
    this.#fold.fact(t, key, fact);
    this.#collect();
  }

  #collect(): void {
    const { out } = this.#fold;
    for (let event = 0; event < out.count; event++) {
      this.events.push({
        t: out.t[event] as bigint,
        type: EVENT_TYPES[out.type[event] as number] as string,
        symbol: out.symbol[event] as string,
        bytes: out.view(event).slice(),
      });
    }
    out.clear();
  }
}
