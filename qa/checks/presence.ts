/**
 * `presence`: the expected symbols are there, and in every whole hour of covered time there are at
 * least `min_records_per_hour` of them. An hour with a known hole in it is not judged.
 */
import type { EventType } from '../../schema/events.ts';
import { formatIso, NS_PER_HOUR } from '../../schema/time.ts';
import { inDataset } from '../check.ts';
import type { CheckContext, Finding, QaCheck } from '../check.ts';
import { concerns, mergeStretches, without } from '../holes.ts';
import { Samples } from '../samples.ts';
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
  open(config, context) {
    /** Records by hour since `context.from`. */
    const hours = new Map<string, number[]>();
    return {
      step(event) {
        if (event.type === 'status' || !inDataset(event, config.dataset)) return;
        const hour = Number((event.t - context.from) / NS_PER_HOUR);
        let counts = hours.get(event.symbol);
        if (counts === undefined) hours.set(event.symbol, (counts = []));
        counts[hour] = (counts[hour] ?? 0) + 1;
      },
      finish() {
        const seen = [...hours.keys()].map((symbol) => ({ symbol, external: symbol, shard: null }));
        const known = [...context.symbols, ...seen];
        const expected = config.symbols ?? context.symbols.map(({ symbol }) => symbol);
        return expected.map((spelling) => {
          const market = findSymbol(spelling, known);
          const symbol = market?.symbol ?? spelling;
          return judge(symbol, market?.shard ?? null, hours.get(symbol) ?? [], config, context);
        });
      },
    };
  },
};

function judge(
  symbol: string,
  shard: string | null,
  counts: readonly number[],
  config: PresenceConfig,
  context: CheckContext,
): Finding {
  const samples = new Samples(context.sample_rows);
  const minimum = config.min_records_per_hour ?? 1;
  const total = counts.reduce((sum, count) => sum + (count ?? 0), 0);
  const hours = wholeHours(symbol, shard, context);
  const thin = hours.filter(({ hour }) => (counts[hour] ?? 0) < minimum);
  for (const { hour, from } of thin) {
    const records = counts[hour] ?? 0;
    samples.add(minimum - records, () => ({
      row: { hour: formatIso(from), records },
      reason: `expected at least ${minimum}, received ${records}`,
    }));
  }
  const isAbsent = total === 0 && coveredAtAll(symbol, shard, context);
  if (isAbsent && thin.length === 0) {
    const row = { symbol, from: formatIso(context.from), to: formatIso(context.to) };
    samples.add(1, () => ({ row, reason: 'no record at all' }));
  }
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
