/**
 * `range`: every value of a field lies within bounds, compared exactly. `price` and `size` also
 * mean the levels of books (their sizes only as far as a deletion's 0 allows).
 */
import { compareDecimals, decimalToDouble, parseDecimal } from '../../schema/decimal.ts';
import type { Decimal } from '../../schema/decimal.ts';
import type { BookLevel, EventType, MarketEvent } from '../../schema/events.ts';
import { datasetOnly, inDataset } from '../check.ts';
import type { Finding, QaCheck } from '../check.ts';
import { rowOf, Samples } from '../samples.ts';

export type RangeConfig = {
  /** A field of `EVENT_FIELDS`, decimal or integer. */
  readonly field: string;
  readonly dataset?: EventType | undefined;
  readonly min?: number | undefined;
  readonly max?: number | undefined;
  readonly exclusive_min?: boolean | undefined;
  readonly exclusive_max?: boolean | undefined;
};

type Limit = {
  readonly text: string;
  readonly exact: Decimal;
  readonly near: number;
  readonly exclusive: boolean;
};
type Limits = { readonly min: Limit | null; readonly max: Limit | null };

type Group = {
  values: number;
  failed: number;
  low: number;
  high: number;
  readonly samples: Samples;
};

export const range: QaCheck<RangeConfig> = {
  type: 'range',
  severity: 'fail',
  subjects: datasetOnly,
  open(config, context) {
    const groups = new Map<string, Group>();
    const limits: Limits = {
      min: limitOf(config.min, config.exclusive_min === true),
      max: limitOf(config.max, config.exclusive_max === true),
    };
    const judge = (group: Group, event: MarketEvent, value: Decimal): void => {
      group.values++;
      const near = decimalNear(value);
      if (near < group.low) group.low = near;
      if (near > group.high) group.high = near;
      const wrong = violation(value, near, limits);
      if (wrong === null) return;
      group.failed++;
      group.samples.add(distance(near, limits), () => ({
        row: rowOf(event),
        reason: `${config.field} ${decimalToDouble(value)} ${wrong}`,
      }));
    };
    return {
      step(event) {
        if (event.type === 'status' || !inDataset(event, config.dataset)) return;
        let group = groups.get(event.symbol);
        if (group === undefined) {
          const samples = new Samples(context.sample_rows);
          group = { values: 0, failed: 0, low: Infinity, high: -Infinity, samples };
          groups.set(event.symbol, group);
        }
        eachValue(event, config.field, group, judge);
      },
      finish() {
        for (const { symbol } of context.symbols) {
          if (!groups.has(symbol)) groups.set(symbol, emptyGroup(context.sample_rows));
        }
        return [...groups].map(([symbol, group]) => findingOf(symbol, group, config));
      },
    };
  },
};

function emptyGroup(sample_rows: number): Group {
  const samples = new Samples(sample_rows);
  return { values: 0, failed: 0, low: Infinity, high: -Infinity, samples };
}

function limitOf(value: number | undefined, exclusive: boolean): Limit | null {
  const exact = value === undefined ? null : parseDecimal(String(value));
  if (value === undefined || exact === null) return null;
  return { text: String(value), exact, near: value, exclusive };
}

function eachValue(
  event: MarketEvent,
  field: string,
  group: Group,
  judge: (group: Group, event: MarketEvent, value: Decimal) => void,
): void {
  if (event.type === 'book' && (field === 'price' || field === 'size')) {
    eachLevel(event.bids, field, (value) => {
      judge(group, event, value);
    });
    eachLevel(event.asks, field, (value) => {
      judge(group, event, value);
    });
    return;
  }
  const value = (event as unknown as Readonly<Record<string, unknown>>)[field];
  if (value === null || value === undefined) return;
  if (typeof value === 'object') judge(group, event, value as Decimal);
  else if (typeof value === 'bigint') judge(group, event, { mantissa: value, exponent: 0 });
  else if (typeof value === 'number') {
    judge(group, event, { mantissa: BigInt(value), exponent: 0 });
  }
}

function eachLevel(
  levels: readonly BookLevel[],
  field: 'price' | 'size',
  judge: (value: Decimal) => void,
): void {
  for (const level of levels) judge(level[field]);
}

/** A double next to the value: tells far from near; what is near is compared exactly. */
function decimalNear({ mantissa, exponent }: Decimal): number {
  return Number(mantissa) * 10 ** exponent;
}

const NEAR = 1e-9;

function violation(value: Decimal, near: number, { min, max }: Limits): string | null {
  if (min !== null && compareTo(value, near, min) < (min.exclusive ? 1 : 0)) {
    return min.exclusive ? `is not above ${min.text}` : `is below ${min.text}`;
  }
  if (max !== null && compareTo(value, near, max) > (max.exclusive ? -1 : 0)) {
    return max.exclusive ? `is not below ${max.text}` : `is above ${max.text}`;
  }
  return null;
}

/** -1, 0 or 1. */
function compareTo(value: Decimal, near: number, limit: Limit): number {
  const slack = Math.max(Math.abs(near), Math.abs(limit.near)) * NEAR;
  if (near > limit.near + slack) return 1;
  if (near < limit.near - slack) return -1;
  return Math.sign(compareDecimals(value, limit.exact));
}

function distance(near: number, { min, max }: Limits): number {
  return Math.max(min === null ? 0 : min.near - near, max === null ? 0 : near - max.near);
}

function findingOf(symbol: string, group: Group, config: RangeConfig): Finding {
  const { values, failed, samples } = group;
  return {
    group: { symbol },
    observed: {
      values,
      min: values === 0 ? null : group.low,
      max: values === 0 ? null : group.high,
    },
    threshold: { min: config.min ?? null, max: config.max ?? null },
    evaluated: values,
    failed_rows: failed,
    samples: samples.list(),
    samples_truncated: samples.truncated,
    message:
      failed === 0
        ? `${values} values within bounds`
        : `${failed} of ${values} values out of bounds`,
  };
}
