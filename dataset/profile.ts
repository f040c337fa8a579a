/**
 * What the values of a stream look like: each decimal field's extremes, mean and quantiles, how long
 * after one another its events come, and how late after the venue's time.
 *
 * Extremes are exact. Mean and quantiles are for people: doubles, the quantiles within 0.1 % of the true
 * one, from counts in buckets each 0.2 % wider than the last (as DDSketch does), so that memory is bounded
 * whatever comes. The same events give the same figures.
 */
import { decodeMd1 } from '../codec/md1.ts';
import type { Md1Record } from '../codec/md1.ts';
import { decodeEvents } from '../codec/md2.ts';
import { decimalToDouble, formatDecimal, parseDecimal } from '../schema/decimal.ts';
import type { Decimal } from '../schema/decimal.ts';
import { EVENT_FIELDS } from '../schema/events.ts';
import type { EventType, MarketEvent } from '../schema/events.ts';
import type { Schema } from './version.ts';

export type Distribution = {
  readonly count: number;
  /** Exact, as plain text; `0.10` and `0.1` are one value, and so is 1e-7 of a record in doubles. */
  readonly min: string;
  readonly max: string;
  readonly mean: number;
  readonly p01: number;
  readonly p25: number;
  readonly p50: number;
  readonly p75: number;
  readonly p99: number;
};

export type StreamProfile = {
  /** By field; of a book `bids.price`, `bids.size`, `asks.price`, `asks.size`. */
  readonly values: Readonly<Record<string, Distribution>>;
  /** ns from one event to the next, by `t`. Null where there are no two, and of md1, which has no `t`. */
  readonly interarrival_ns: Distribution | null;
  /** ns from `ts_event` to `t`; below zero where the venue's clock is ahead. */
  readonly latency_ns: Distribution | null;
};

/** Takes plain streams of one type and symbol, in order, and says what was in them. */
export type Profiler = {
  /** @throws SSMD_CORRUPT where the bytes are no records of the schema */
  readonly take: (plain: Uint8Array) => void;
  readonly finish: () => StreamProfile;
};

export function createProfiler(schema: Schema, type: EventType): Profiler {
  const values = new Map<string, Sketch>();
  const interarrival = createSketch();
  const latency = createSketch();
  let last: bigint | null = null;
  const put = (name: string, value: number, text: () => string): void => {
    let sketch = values.get(name);
    if (sketch === undefined) values.set(name, (sketch = createSketch()));
    sketch.add(value, text);
  };
  const takeEvent = (event: MarketEvent): void => {
    for (const name of DECIMALS[event.type] ?? []) {
      const value = (event as unknown as Readonly<Record<string, Decimal | null>>)[name];
      if (value != null) putDecimal(put, name, value);
    }
    if (event.type === 'book') {
      for (const side of ['bids', 'asks'] as const) {
        for (const { price, size } of event[side]) {
          putDecimal(put, `${side}.price`, price);
          putDecimal(put, `${side}.size`, size);
        }
      }
    }
    if (last !== null && event.t >= last) addNs(interarrival, event.t - last);
    last = event.t;
    if (event.ts_event !== null) addNs(latency, event.t - event.ts_event);
  };
  const struct = MD1_STRUCT[type];
  return {
    take: (plain) => {
      if (schema === 'md2') for (const event of decodeEvents(plain)) takeEvent(event);
      else if (struct !== undefined) takeMd1(struct, plain, put);
    },
    finish: () => ({
      values: Object.fromEntries(
        [...values].flatMap(([name, sketch]) => {
          const told = sketch.tell();
          return told === null ? [] : [[name, told]];
        }),
      ),
      interarrival_ns: interarrival.tell(),
      latency_ns: latency.tell(),
    }),
  };
}

type Put = (name: string, value: number, text: () => string) => void;

const DECIMALS: Readonly<Record<string, readonly string[]>> = Object.fromEntries(
  Object.entries(EVENT_FIELDS).map(([type, fields]) => [
    type,
    Object.entries(fields).flatMap(([name, kind]) => (kind === 'decimal' ? [name] : [])),
  ]),
);

/** The struct of md1 that tells of a type; none for types it does not know. */
export const MD1_STRUCT: Readonly<Partial<Record<EventType, Md1Record['type']>>> = {
  trade: 'Trade',
  quote: 'Quote',
  book: 'OrderBookSnapshot',
};

function putDecimal(put: Put, name: string, value: Decimal): void {
  put(name, decimalToDouble(value), () => plainText(value));
}

/** Without the zeros at its end: how a side spells a value is no difference of values. */
function plainText(value: Decimal): string {
  const text = formatDecimal(value);
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}

function takeMd1(struct: Md1Record['type'], plain: Uint8Array, put: Put): void {
  const double = (name: string, value: number): void => {
    if (Number.isNaN(value)) return;
    put(name, value, () => {
      const exact = parseDecimal(String(value));
      return exact === null ? String(value) : plainText(exact);
    });
  };
  for (const record of decodeMd1(struct, plain)) {
    if (record.type === 'OrderBookSnapshot') {
      for (const side of ['bids', 'asks'] as const) {
        for (const { price, size } of record[side]) {
          double(`${side}.price`, price);
          double(`${side}.size`, size);
        }
      }
      continue;
    }
    for (const [name, value] of Object.entries(record)) {
      if (typeof value === 'number') double(name, value);
    }
  }
}

function addNs(sketch: Sketch, ns: bigint): void {
  sketch.add(Number(ns), () => ns.toString());
}

/** Each bucket reaches this much further than the one before. */
const GROWTH = 1.002;
const LN_GROWTH = Math.log(GROWTH);

type Sketch = {
  /** `text` is asked for where the value is an extreme so far. */
  readonly add: (value: number, text: () => string) => void;
  readonly tell: () => Distribution | null;
};

function createSketch(): Sketch {
  const buckets = new Map<number, number>();
  let count = 0;
  let sum = 0;
  let [min, max] = [Infinity, -Infinity];
  let [min_text, max_text] = ['', ''];
  const quantile = (order: readonly number[], share: number): number => {
    let left = Math.floor(share * (count - 1));
    for (const bucket of order) {
      left -= buckets.get(bucket) ?? 0;
      if (left < 0) return Math.min(Math.max(middleOf(bucket), min), max);
    }
    return max;
  };
  return {
    add: (value, text) => {
      count++;
      sum += value;
      const bucket = bucketOf(value);
      buckets.set(bucket, (buckets.get(bucket) ?? 0) + 1);
      if (value < min) [min, min_text] = [value, text()];
      if (value > max) [max, max_text] = [value, text()];
    },
    tell: () => {
      if (count === 0) return null;
      const order = [...buckets.keys()].sort((a, b) => a - b);
      const at = (share: number): number => rounded(quantile(order, share));
      return {
        ...{ count, min: min_text, max: max_text, mean: rounded(sum / count) },
        ...{ p01: at(0.01), p25: at(0.25), p50: at(0.5), p75: at(0.75), p99: at(0.99) },
      };
    },
  };
}

/** Half of all bucket numbers: those of values above zero lie above it, below zero below. */
const BUCKET_OF_ONE = 1 << 20;

/** A number for every double, in their order; 0 is that of zero. */
function bucketOf(value: number): number {
  if (value === 0) return 0;
  const bucket = BUCKET_OF_ONE + Math.ceil(Math.log(Math.abs(value)) / LN_GROWTH);
  return value > 0 ? bucket : -bucket;
}

function middleOf(bucket: number): number {
  if (bucket === 0) return 0;
  const middle = (2 * GROWTH ** (Math.abs(bucket) - BUCKET_OF_ONE)) / (GROWTH + 1);
  return bucket > 0 ? middle : -middle;
}

/** Digits beyond what a quantile is good for say nothing. */
function rounded(value: number): number {
  return Number(value.toPrecision(6));
}
