/**
 * `sequence`: is anything missing? By time: no stretch longer than `max_gap_seconds` without a
 * record of the symbol, and no recorded gap longer than that or still open at the day's end. What
 * the manifest knows to be missing is not blamed on the data here: it degrades the day by itself.
 * By number (`rule: trade_id`): the venue's trade ids count by one, what came later fills its hole.
 * Where both are asked for, both are told.
 */
import type { EventType, MarketEvent } from '../../schema/events.ts';
import { formatIso, NS_PER_SECOND } from '../../schema/time.ts';
import { inDataset } from '../check.ts';
import type { CheckContext, Finding, Hole, QaCheck } from '../check.ts';
import { concerns, mergeStretches, trackHoles, without } from '../holes.ts';
import type { Stretch } from '../holes.ts';
import { Samples } from '../samples.ts';

export type SequenceConfig = {
  readonly dataset?: EventType | undefined;
  /** Whole seconds, at least 1. */
  readonly max_gap_seconds?: number | undefined;
  readonly rule?: 'trade_id' | undefined;
  readonly max_missing?: number | undefined;
};

/** Holes in the ids that a later trade may still fill; older ones stay open. */
const ID_HOLES_MAX = 1000;

type Group = {
  readonly shard: string;
  records: number;
  last_t: bigint;
  readonly silences: Stretch[];
  ids: number;
  last_id: bigint | null;
  missing: bigint;
  repeated: number;
  id_holes: { from: bigint; to: bigint }[];
  readonly samples: Samples;
};

export const sequence: QaCheck<SequenceConfig> = {
  type: 'sequence',
  severity: 'fail',
  open(config, context) {
    const groups = new Map<string, Group>();
    const tracker = trackHoles(context);
    const { max_gap_seconds: seconds_max } = config;
    const limit = seconds_max === undefined ? null : BigInt(seconds_max) * NS_PER_SECOND;
    const group = (symbol: string, shard: string): Group => {
      let found = groups.get(symbol);
      if (found === undefined) {
        found = newGroup(shard, context);
        groups.set(symbol, found);
      }
      return found;
    };
    return {
      step(event) {
        tracker.step(event);
        if (event.type === 'status' || !inDataset(event, config.dataset)) return;
        const it = group(event.symbol, event.shard);
        it.records++;
        const silent = limit !== null && event.t - it.last_t > limit;
        if (silent) it.silences.push({ from: it.last_t, to: event.t });
        it.last_t = event.t;
        if (config.rule === 'trade_id' && event.type === 'trade') hearId(it, event);
      },
      finish() {
        for (const { symbol, shard } of context.symbols) group(symbol, shard ?? '');
        const holes = [...context.holes, ...tracker.finish()];
        return [...groups].flatMap(([symbol, it]) => {
          const own = holes.filter((hole) => explains(hole, symbol, it.shard, config.dataset));
          return [
            ...(config.rule === 'trade_id' ? [judgeIds(symbol, it, config)] : []),
            ...(limit === null ? [] : [judgeTime(symbol, it, own, limit, context)]),
          ];
        });
      },
    };
  },
};

function newGroup(shard: string, context: CheckContext): Group {
  return {
    shard,
    records: 0,
    last_t: context.from,
    silences: [],
    ids: 0,
    last_id: null,
    missing: 0n,
    repeated: 0,
    id_holes: [],
    samples: new Samples(context.sample_rows),
  };
}

function explains(hole: Hole, symbol: string, shard: string, dataset?: EventType): boolean {
  if (!concerns(hole, symbol, shard === '' ? null : shard)) return false;
  return hole.about === null || dataset === undefined || hole.about.includes(dataset);
}

function judgeTime(
  symbol: string,
  group: Group,
  holes: readonly Hole[],
  limit: bigint,
  context: CheckContext,
): Finding {
  const { samples } = group;
  const known = mergeStretches(holes);
  const silences = [...group.silences, { from: group.last_t, to: context.to }]
    .flatMap(({ from, to }) => without(from, to, known))
    .filter(({ from, to }) => to - from > limit);
  const recorded = holes.filter(
    (it) =>
      it.source === 'events' && !it.repaired && (it.to - it.from > limit || it.to === context.to),
  );
  const gaps = mergeStretches(recorded);
  for (const stretch of silences) {
    samples.add(Number(stretch.to - stretch.from), () =>
      sampleOf(stretch, `no record for ${seconds(stretch)} s`),
    );
  }
  for (const stretch of gaps) {
    const causes = new Set(
      recorded
        .filter(({ from, to }) => from < stretch.to && to > stretch.from)
        .map((hole) => [hole.cause, ...(hole.about ?? [])].join(' ')),
    );
    samples.add(Number(stretch.to - stretch.from), () =>
      sampleOf(stretch, `recorded gap: ${[...causes].join(', ') || 'unknown'}`),
    );
  }
  const all = [...silences, ...gaps];
  const worst = all.reduce((most, it) => (it.to - it.from > most ? it.to - it.from : most), 0n);
  const count = `${all.length} ${all.length === 1 ? 'gap' : 'gaps'}`;
  const short = holes.filter((it) => it.source === 'events').length;
  return {
    group: { symbol },
    observed: {
      records: group.records,
      gaps: all.length,
      max_gap_seconds: Number(worst / 1_000_000n) / 1000,
      recorded_gaps: short,
    },
    threshold: { max_gap_seconds: Number(limit / NS_PER_SECOND) },
    evaluated: group.records,
    failed_rows: all.length,
    samples: samples.list(),
    samples_truncated: samples.truncated,
    message:
      all.length === 0
        ? `no gap over ${limit / NS_PER_SECOND} s in ${group.records} records`
        : `${count}, the longest ${seconds({ from: 0n, to: worst })} s`,
  };
}

function sampleOf(
  stretch: Stretch,
  reason: string,
): { row: Record<string, unknown>; reason: string } {
  const { from, to } = stretch;
  return { row: { from: formatIso(from), to: formatIso(to), seconds: seconds(stretch) }, reason };
}

function seconds({ from, to }: Stretch): string {
  return (Number((to - from) / 1_000_000n) / 1000).toFixed(3);
}

function hearId(group: Group, event: MarketEvent & { readonly type: 'trade' }): void {
  if (event.trade_id === null || !/^\d{1,19}$/.test(event.trade_id)) return;
  const id = BigInt(event.trade_id);
  group.ids++;
  const last = group.last_id;
  if (last === null || id === last + 1n) {
    group.last_id = id;
  } else if (id <= last) {
    fill(group, id);
  } else {
    const hole = { from: last + 1n, to: id };
    group.last_id = id;
    group.missing += hole.to - hole.from;
    if (group.id_holes.length < ID_HOLES_MAX) group.id_holes.push(hole);
    group.samples.add(Number(hole.to - hole.from), () => ({
      row: { received: formatIso(event.t), trade_id: event.trade_id },
      reason: `expected ${hole.from}, received ${id}`,
    }));
  }
}

function fill(group: Group, id: bigint): void {
  const at = group.id_holes.findIndex(({ from, to }) => id >= from && id < to);
  const hole = group.id_holes[at];
  if (hole === undefined) {
    group.repeated++;
    return;
  }
  group.missing--;
  const rest = [
    { from: hole.from, to: id },
    { from: id + 1n, to: hole.to },
  ].filter(({ from, to }) => from < to);
  group.id_holes.splice(at, 1, ...rest);
}

function judgeIds(symbol: string, group: Group, config: SequenceConfig): Finding {
  const missing = Number(group.missing);
  const max_missing = config.max_missing ?? 0;
  return {
    group: { symbol },
    observed: { trades: group.ids, missing_ids: missing, repeated: group.repeated },
    threshold: { max_missing },
    evaluated: group.ids,
    failed_rows: missing,
    holds: missing <= max_missing,
    samples: group.samples.list(),
    samples_truncated: group.samples.truncated,
    message:
      missing === 0
        ? `${group.ids} trade ids without a hole`
        : `${missing} trade ${missing === 1 ? 'id' : 'ids'} missing of ${group.ids + missing}`,
  };
}
