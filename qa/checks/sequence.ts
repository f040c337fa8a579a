/**
 * `sequence`: is anything missing? By time: no stretch longer than `max_gap_seconds` without a
 * record of the symbol, and no recorded gap longer than that or still open at the day's end; nor,
 * where no `dataset` is named, without a record of any type that goes on by itself, for a channel may
 * die while the others of its symbol live. What
 * the manifest knows to be missing is not blamed on the data here: it degrades the day by itself.
 * By number (`rule: trade_id`): the venue's trade ids count by one, what came later fills its hole.
 * Where both are asked for, both are told.
 */
import type { EventType, MarketEvent } from '../../schema/events.ts';
import { formatIso, NS_PER_SECOND } from '../../schema/time.ts';
import { inDataset } from '../check.ts';
import type { CheckContext, Finding, Hole, QaCheck } from '../check.ts';
import { concerns, mergeStretches, trackHoles } from '../holes.ts';
import type { Stretch } from '../holes.ts';
import { Samples } from '../samples.ts';
import { hearRecord, longSilences, longestOf, openSilence, secondsOf } from '../silence.ts';
import type { Silence } from '../silence.ts';
import { isSteady } from '../streams.ts';

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
  readonly all: Silence;
  /** Where no dataset is named: each type that goes on by itself. */
  readonly steady: Map<EventType, Silence>;
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
  subjects: ({ rule, dataset }) =>
    rule === 'trade_id' ? ['trade'] : dataset === undefined ? null : [dataset],
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
        hearRecord(it.all, event.t, limit);
        if (limit !== null && config.dataset === undefined && isSteady(event.type)) {
          hearRecord(steadyOf(it, event.type, context), event.t, limit);
        }
        if (config.rule === 'trade_id' && event.type === 'trade') hearId(it, event);
      },
      finish() {
        for (const { symbol, shard } of context.symbols) group(symbol, shard ?? '');
        const holes = [...context.holes, ...tracker.finish()];
        return [...groups].flatMap(([symbol, it]) => {
          const own = holes.filter((hole) => concerns(hole, symbol, it.shard || null));
          const market = { symbol, it, holes: own, known: typesOf(symbol, context) };
          return [
            ...(config.rule === 'trade_id' ? [judgeIds(symbol, it, config)] : []),
            ...(limit === null ? [] : judgeTimes(market, config.dataset, limit, context)),
          ];
        });
      },
    };
  },
};

function newGroup(shard: string, context: CheckContext): Group {
  return {
    shard,
    all: openSilence(context.from),
    steady: new Map(),
    ids: 0,
    last_id: null,
    missing: 0n,
    repeated: 0,
    id_holes: [],
    samples: new Samples(context.sample_rows),
  };
}

function steadyOf(group: Group, type: EventType, context: CheckContext): Silence {
  let silence = group.steady.get(type);
  if (silence === undefined) group.steady.set(type, (silence = openSilence(context.from)));
  return silence;
}

function typesOf(symbol: string, context: CheckContext): readonly EventType[] | undefined {
  return context.symbols.find((it) => it.symbol === symbol)?.types;
}

/** A symbol's records, the holes that concern it, and what is captured of it where that is known. */
type Market = {
  readonly symbol: string;
  readonly it: Group;
  readonly holes: readonly Hole[];
  readonly known: readonly EventType[] | undefined;
};

/** The symbol as a whole, then each of its types that goes on by itself. */
function judgeTimes(
  market: Market,
  dataset: EventType | undefined,
  limit: bigint,
  context: CheckContext,
): Finding[] {
  const { it, known } = market;
  const whole = judgeTime(market, dataset, limit, context);
  // Of a symbol that is not there at all, one word is enough.
  if (dataset !== undefined || it.all.records === 0) return [whole];
  const steady = known === undefined ? [...it.steady.keys()] : known.filter(isSteady);
  return [whole, ...steady.map((type) => judgeType(market, type, limit, context))];
}

function judgeTime(
  market: Market,
  dataset: EventType | undefined,
  limit: bigint,
  context: CheckContext,
): Finding {
  const { symbol, it, known } = market;
  const samples = new Samples(context.sample_rows);
  const holes = market.holes.filter((hole) => isAbout(hole, dataset));
  const found = longSilences(it.all, context.to, mergeStretches(holes), limit);
  const silences = found.long;
  const recorded = holes.filter(
    (hole) =>
      hole.source === 'events' &&
      !hole.repaired &&
      (hole.to - hole.from > limit || hole.to === context.to),
  );
  const gaps = mergeStretches(recorded);
  sampleSilences(samples, silences);
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
  // Captured, and nothing came all day: that is a silence, not a lack of something to judge.
  const wanted = dataset === undefined ? known !== undefined : (known?.includes(dataset) ?? false);
  return timeFinding({
    group: { symbol },
    records: it.all.records,
    evaluated: it.all.records === 0 && wanted ? silences.length : it.all.records,
    all: [...silences, ...gaps],
    longest: found.longest,
    observed: { recorded_gaps: holes.filter((hole) => hole.source === 'events').length },
    samples,
    limit,
  });
}

/** Of one type only the silence is judged: its recorded gaps are told with the symbol's. */
function judgeType(
  { symbol, it, holes }: Market,
  type: EventType,
  limit: bigint,
  context: CheckContext,
): Finding {
  const samples = new Samples(context.sample_rows);
  const silence = it.steady.get(type) ?? openSilence(context.from);
  const known = mergeStretches(holes.filter((hole) => isAbout(hole, type)));
  const { long: all, longest } = longSilences(silence, context.to, known, limit);
  sampleSilences(samples, all);
  const { records } = silence;
  const evaluated = records === 0 ? all.length : records;
  return timeFinding({
    ...{ group: { symbol, type }, records, evaluated, all, longest, observed: {}, samples, limit },
  });
}

function isAbout(hole: Hole, type: EventType | undefined): boolean {
  return hole.about === null || type === undefined || hole.about.includes(type);
}

function timeFinding(of: {
  readonly group: Finding['group'];
  readonly records: number;
  readonly evaluated: number;
  readonly all: readonly Stretch[];
  /** The longest silence, beyond the limit or not. */
  readonly longest: bigint;
  readonly observed: Finding['observed'];
  readonly samples: Samples;
  readonly limit: bigint;
}): Finding {
  const { group, records, evaluated, all, observed, samples, limit } = of;
  const gap = longestOf(all);
  const worst = gap > of.longest ? gap : of.longest;
  const count = `${all.length} ${all.length === 1 ? 'gap' : 'gaps'}`;
  const longest = `${secondsOf({ from: 0n, to: gap })} s`;
  return {
    group,
    observed: {
      records,
      gaps: all.length,
      max_gap_seconds: Number(worst / 1_000_000n) / 1000,
      ...observed,
    },
    threshold: { max_gap_seconds: Number(limit / NS_PER_SECOND) },
    evaluated,
    failed_rows: all.length,
    samples: samples.list(),
    samples_truncated: samples.truncated,
    message: timeMessage(
      records,
      all,
      `${limit / NS_PER_SECOND} s`,
      `${count}, the longest ${longest}`,
    ),
  };
}

function timeMessage(
  records: number,
  all: readonly Stretch[],
  limit: string,
  gaps: string,
): string {
  if (records === 0) return 'no record at all';
  return all.length === 0 ? `no gap over ${limit} in ${records} records` : gaps;
}

function sampleSilences(samples: Samples, silences: readonly Stretch[]): void {
  for (const stretch of silences) {
    samples.add(Number(stretch.to - stretch.from), () =>
      sampleOf(stretch, `no record for ${secondsOf(stretch)} s`),
    );
  }
}

function sampleOf(
  stretch: Stretch,
  reason: string,
): { row: Record<string, unknown>; reason: string } {
  const { from, to } = stretch;
  return { row: { from: formatIso(from), to: formatIso(to), seconds: secondsOf(stretch) }, reason };
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
    ...(config.max_missing === undefined ? {} : { holds: missing <= max_missing }),
    samples: group.samples.list(),
    samples_truncated: group.samples.truncated,
    message:
      missing === 0
        ? `${group.ids} trade ids without a hole`
        : `${missing} trade ${missing === 1 ? 'id' : 'ids'} missing of ${group.ids + missing}`,
  };
}
