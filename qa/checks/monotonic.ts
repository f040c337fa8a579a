/**
 * `monotonic`: no value is below the one before it, in arrival order, per symbol and type.
 * `timestamp` is the venue's time (`ts_event`). What is known to be told again (statements of a
 * book's state, trade history after a reconnect) is counted apart and compared with nothing.
 */
import { FLAG } from '../../schema/events.ts';
import type { EventType, MarketEvent } from '../../schema/events.ts';
import { formatIso } from '../../schema/time.ts';
import { datasetOnly, inDataset } from '../check.ts';
import type { Finding, QaCheck } from '../check.ts';
import { rowOf, Samples } from '../samples.ts';

export const MONOTONIC_FIELDS = [
  'timestamp',
  'ts_event',
  'ts_recv',
  'sequence',
  'trade_id',
] as const;

export type MonotonicConfig = {
  readonly field: (typeof MONOTONIC_FIELDS)[number];
  readonly dataset?: EventType | undefined;
  /** Equal neighbours fail too. */
  readonly strict?: boolean | undefined;
};

type Group = {
  compared: number;
  reversals: number;
  /** Deepest step back. */
  deepest: bigint;
  replayed: number;
  /** The value before, by type: one that leaps ahead must not condemn all that follow. */
  readonly before: Map<EventType, bigint>;
  readonly samples: Samples;
};

export const monotonic: QaCheck<MonotonicConfig> = {
  type: 'monotonic',
  severity: 'warn',
  subjects: datasetOnly,
  open(config, context) {
    const groups = new Map<string, Group>();
    const groupOf = (symbol: string): Group => {
      let group = groups.get(symbol);
      if (group === undefined) {
        group = {
          compared: 0,
          reversals: 0,
          deepest: 0n,
          replayed: 0,
          before: new Map(),
          samples: new Samples(context.sample_rows),
        };
        groups.set(symbol, group);
      }
      return group;
    };
    return {
      step(event) {
        if (event.type === 'status' || !inDataset(event, config.dataset)) return;
        hear(groupOf(event.symbol), event, config);
      },
      finish() {
        for (const { symbol } of context.symbols) groupOf(symbol);
        return [...groups].map(([symbol, group]) => findingOf(symbol, group, config));
      },
    };
  },
};

function hear(group: Group, event: MarketEvent, config: MonotonicConfig): void {
  const value = valueOf(event, config.field);
  if (value === null) return;
  if ((event.flags & (FLAG.SNAPSHOT | FLAG.HISTORY)) !== 0) {
    group.replayed++;
    return;
  }
  group.compared++;
  const before = group.before.get(event.type);
  group.before.set(event.type, value);
  if (before === undefined || value > before) return;
  if (value === before && config.strict !== true) return;
  group.reversals++;
  const back = before - value;
  if (back > group.deepest) group.deepest = back;
  group.samples.add(Number(back), () => ({
    row: rowOf(event),
    reason: `${config.field} ${shown(value, config.field)} after ${shown(before, config.field)}`,
  }));
}

function valueOf(event: MarketEvent, field: MonotonicConfig['field']): bigint | null {
  switch (field) {
    case 'timestamp':
    case 'ts_event':
      return event.ts_event;
    case 'ts_recv':
      return event.t;
    case 'sequence':
      return event.sequence;
    case 'trade_id':
      return event.type === 'trade' && /^\d{1,19}$/.test(event.trade_id ?? '')
        ? BigInt(event.trade_id ?? '')
        : null;
    default:
      return field satisfies never;
  }
}

function isTime(field: MonotonicConfig['field']): boolean {
  return field !== 'sequence' && field !== 'trade_id';
}

function shown(value: bigint, field: MonotonicConfig['field']): string {
  return isTime(field) ? formatIso(value) : value.toString();
}

function findingOf(symbol: string, group: Group, config: MonotonicConfig): Finding {
  const { compared, reversals, deepest, replayed, samples } = group;
  const depth = isTime(config.field)
    ? { deepest_ms: Number(deepest / 1000n) / 1000 }
    : { deepest: Number(deepest) };
  return {
    group: { symbol },
    observed: { compared, reversals, replayed, ...depth },
    threshold: { reversals: 0 },
    evaluated: compared,
    failed_rows: reversals,
    samples: samples.list(),
    samples_truncated: samples.truncated,
    message:
      reversals === 0
        ? `${compared} values in order`
        : `${reversals} of ${compared} values run backwards`,
  };
}
