/**
 * `presence`: the expected symbols are there, and in every whole hour of covered time there are at
 * least `min_records_per_hour` of them. Where no `dataset` is named, every type that is captured of a
 * symbol has to be there as well: once an hour where it goes on by itself, once a day where it comes
 * with trades. An hour with a known hole in it is not judged.
 */
import type { EventType } from '../../schema/events.ts';
import { formatIso, NS_PER_HOUR } from '../../schema/time.ts';
import { datasetOnly, inDataset } from '../check.ts';
import type { CheckContext, ExpectedSymbol, Finding, QaCheck, Sample } from '../check.ts';
import { concerns, mergeStretches, without } from '../holes.ts';
import { Samples } from '../samples.ts';
import { isDaily, isSteady } from '../streams.ts';
import { findSymbol } from '../symbols.ts';

export type PresenceConfig = {
  readonly dataset?: EventType | undefined;
  /** In any spelling; all configured symbols where it is not given. */
  readonly symbols?: readonly string[] | undefined;
  readonly min_records_per_hour?: number | undefined;
};

export const presence: QaCheck<PresenceConfig> = {
  type: 'presence',
  severity: 'fail',
  subjects: datasetOnly,
  open(config, context) {
    const heard = new Map<string, Heard>();
    return {
      step(event) {
        if (event.type === 'status' || !inDataset(event, config.dataset)) return;
        const hour = Number((event.t - context.from) / NS_PER_HOUR);
        let own = heard.get(event.symbol);
        if (own === undefined) heard.set(event.symbol, (own = { all: [], types: new Map() }));
        count(own.all, hour);
        let counts = own.types.get(event.type);
        if (counts === undefined) own.types.set(event.type, (counts = []));
        count(counts, hour);
      },
      finish() {
        const seen = [...heard.keys()].map((symbol) => ({ symbol, external: symbol, shard: null }));
        const known = [...context.symbols, ...seen];
        const expected = config.symbols ?? context.symbols.map(({ symbol }) => symbol);
        return expected.flatMap((spelling) => {
          const market: Market = findSymbol(spelling, known) ?? { symbol: spelling, shard: null };
          const own = heard.get(market.symbol);
          const whole = judge(market, own?.all ?? [], config, context);
          // Of a symbol that is not there at all, one word is enough.
          const apart = config.dataset === undefined && own !== undefined;
          const types = apart ? (market.types ?? []) : [];
          return [
            whole,
            ...types
              .filter(isDaily)
              .map((type) => judgeType(market, type, own?.types.get(type) ?? [], context)),
          ];
        });
      },
    };
  },
};

/** Records by hour since `context.from`. */
type Counts = number[];
type Heard = { readonly all: Counts; readonly types: Map<EventType, Counts> };
type Market = Pick<ExpectedSymbol, 'symbol' | 'shard' | 'types'>;

function count(counts: Counts, hour: number): void {
  counts[hour] = (counts[hour] ?? 0) + 1;
}

function totalOf(counts: readonly number[]): number {
  return counts.reduce((sum, it) => sum + (it ?? 0), 0);
}

/** One captured type: at least one record where it goes on by itself each hour, else in the day. */
function judgeType(
  market: Market,
  type: EventType,
  counts: readonly number[],
  context: CheckContext,
): Finding {
  const { symbol, shard } = market;
  const samples = new Samples(context.sample_rows);
  const total = totalOf(counts);
  const hours = isSteady(type) ? wholeHours(symbol, shard, context) : [];
  const silent = hours.filter(({ hour }) => (counts[hour] ?? 0) === 0);
  const isAbsent = total === 0 && coveredAtAll(symbol, shard, context);
  if (isAbsent) samples.add(1, () => absentSample(symbol, context));
  else for (const { from } of silent) samples.add(1, () => hourSample(from, 0, 1));
  const message = isAbsent
    ? 'no record at all'
    : silent.length === 0
      ? `${total} records`
      : `${silent.length} of ${hours.length} hours without a record`;
  return {
    group: { symbol, type },
    observed: { records: total, hours_judged: hours.length, hours_silent: silent.length },
    threshold: isSteady(type) ? { min_records_per_hour: 1 } : { min_records_per_day: 1 },
    evaluated: Math.max(hours.length, total === 0 && !isAbsent ? 0 : 1),
    failed_rows: isAbsent ? Math.max(hours.length, 1) : silent.length,
    samples: samples.list(),
    samples_truncated: samples.truncated,
    message,
  };
}

function hourSample(from: bigint, records: number, minimum: number): Sample {
  return {
    row: { hour: formatIso(from), records },
    reason: `expected at least ${minimum}, received ${records}`,
  };
}

function absentSample(symbol: string, context: CheckContext): Sample {
  const row = { symbol, from: formatIso(context.from), to: formatIso(context.to) };
  return { row, reason: 'no record at all' };
}

function judge(
  market: Market,
  counts: readonly number[],
  config: PresenceConfig,
  context: CheckContext,
): Finding {
  const { symbol, shard } = market;
  const samples = new Samples(context.sample_rows);
  const minimum = config.min_records_per_hour ?? 1;
  const total = totalOf(counts);
  const hours = wholeHours(symbol, shard, context);
  const thin = hours.filter(({ hour }) => (counts[hour] ?? 0) < minimum);
  for (const { hour, from } of thin) {
    const records = counts[hour] ?? 0;
    samples.add(minimum - records, () => hourSample(from, records, minimum));
  }
  const isAbsent = total === 0 && coveredAtAll(symbol, shard, context);
  if (isAbsent && thin.length === 0) samples.add(1, () => absentSample(symbol, context));
  const least = hours.reduce((less, { hour }) => Math.min(less, counts[hour] ?? 0), Infinity);
  const failed_rows = thin.length > 0 ? thin.length : isAbsent ? 1 : 0;
  return {
    group: { symbol },
    observed: {
      records: total,
      hours_judged: hours.length,
      least_per_hour: hours.length === 0 ? null : least,
    },
    threshold: { min_records_per_hour: config.min_records_per_hour ?? null },
    evaluated: Math.max(hours.length, isAbsent ? 1 : 0),
    failed_rows,
    samples: samples.list(),
    samples_truncated: samples.truncated,
    message: messageOf(isAbsent, failed_rows, hours.length, total, minimum),
  };
}

function messageOf(
  isAbsent: boolean,
  failed: number,
  hours: number,
  total: number,
  minimum: number,
): string {
  if (isAbsent) return 'no record at all';
  if (hours === 0) return `${total} records, but no whole hour without a hole to judge`;
  if (failed === 0) return `at least ${minimum} records in each of ${hours} hours`;
  return `${failed} of ${hours} hours with fewer than ${minimum} records`;
}

function holesOf(symbol: string, shard: string | null, context: CheckContext) {
  return mergeStretches(context.holes.filter((hole) => concerns(hole, symbol, shard)));
}

function coveredAtAll(symbol: string, shard: string | null, context: CheckContext): boolean {
  return without(context.from, context.to, holesOf(symbol, shard, context)).length > 0;
}

/** Hours of the covered day that are whole: nothing of them is in a hole. */
function wholeHours(
  symbol: string,
  shard: string | null,
  context: CheckContext,
): { readonly hour: number; readonly from: bigint }[] {
  const covered = without(context.from, context.to, holesOf(symbol, shard, context));
  const hours: { hour: number; from: bigint }[] = [];
  for (let hour = 0; ; hour++) {
    const from = context.from + BigInt(hour) * NS_PER_HOUR;
    const to = from + NS_PER_HOUR;
    if (to > context.to) return hours;
    if (covered.some((stretch) => stretch.from <= from && stretch.to >= to)) {
      hours.push({ hour, from });
    }
  }
}
