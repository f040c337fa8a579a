/** Findings of a shard's day as a plan sees them: lives of epochs, one segment every five minutes. */
import assert from 'node:assert/strict';
import { planShardDay } from '../../dataset/day-plan.ts';
import type { ShardPlan } from '../../dataset/day-plan.ts';
import type { ShardFindings } from '../../dataset/epoch-log.ts';
import { rawSegmentKey } from '../../dataset/keys.ts';
import type { SegmentSurvey } from '../../dataset/segment-survey.ts';
import type { Inventory } from '../../schema/log.ts';
import { addDays, dayOf, dayStart, formatIso, msFromNs, parseIso } from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';
import { sampleCapture } from './log.ts';

export const DAY = '2026-11-20' as Day;
export const EVE = addDays(DAY, -1);
const of = { feed: 'tiny', shard: 'tier1' } as const;
const MINUTE = 60_000_000_000n;

/** `20T12:30` of November 2026. */
export function at(text: string): bigint {
  const t = parseIso(`2026-11-${text}:00Z`);
  assert.ok(t !== null, text);
  return t;
}

export type Life = {
  readonly start: string;
  /** Its last line. */
  readonly end: string;
  /** Null: a standby that never speaks. */
  readonly take?: string | null;
  readonly prev?: { readonly epoch: string; readonly t: string } | null;
  /** The last event that the bus had when it took the shard. */
  readonly seen?: { readonly epoch: string; readonly t: string } | null;
  /** What its inventories say, by day; a day without one has none. */
  readonly ends: Readonly<Partial<Record<Day, Inventory['end']>>>;
};

export type Log = {
  readonly segments: readonly SegmentSurvey[];
  readonly inventories: readonly Inventory[];
};

export const epochOf = (start: string): number => msFromNs(at(start));

/** A log with one segment every five minutes, as a connector would have written it. */
export function log({ start, end, take, prev, seen, ends }: Life): Log {
  const epoch = epochOf(start);
  const took = take === null ? null : at(take ?? start);
  const segments: SegmentSurvey[] = [];
  for (let t = at(start); t < at(end); t += 5n * MINUTE) {
    const last = t + 5n * MINUTE < at(end) ? t + 5n * MINUTE - 1n : at(end);
    const within = (line: bigint): boolean => line >= t && line < t + 5n * MINUTE;
    const days = [dayOf(at(start)), DAY, addDays(DAY, 1)].flatMap((day, index) => {
      const line = index === 0 ? at(start) : dayStart(day) - 10n * MINUTE;
      const taken = took !== null && took < line;
      return within(line) && (index === 0 || line > at(start)) ? [{ t: line, day, taken }] : [];
    });
    const number = segments.length;
    segments.push({
      key: rawSegmentKey({ ...of, epoch, t }),
      id: { ...of, epoch, t },
      state: 'whole',
      sha256: `${epoch}/${number}`,
      plain_bytes: 1,
      fault: null,
      capture: {
        ...sampleCapture,
        ...of,
        epoch,
        segment: number,
        previous_sha256: number === 0 ? null : `${epoch}/${number - 1}`,
      },
      first: t,
      last,
      days,
      takes:
        took !== null && within(took)
          ? [{ t: took, prev: positionOf(prev), seen: positionOf(seen) }]
          : [],
    });
  }
  const told_ends = Object.entries(ends) as [Day, Inventory['end']][];
  const inventories = told_ends.map(([day, end]) => ({
    format: 1 as const,
    ...of,
    epoch,
    day,
    origin: 'live' as const,
    host: 'test',
    connections: [],
    segments: segments
      .filter((it) => dayOf(it.id.t) === day)
      .map(({ key, sha256, first, last, capture }) => ({
        ...{ key, sha256, segment: capture?.segment ?? 0, bytes: 1, lines: 1 },
        ...{ first: String(first), last: String(last) },
      })),
    end,
  }));
  return { segments, inventories };
}

function positionOf(told: Life['prev']): { readonly epoch: number; readonly t: bigint } | null {
  return told ? { epoch: epochOf(told.epoch), t: at(told.t) } : null;
}

/** As the raw bucket would be surveyed: the day and the hour before it. */
export function planOf(logs: readonly Log[], other: Partial<ShardFindings> = {}): ShardPlan {
  const inventories = logs.flatMap((it) => it.inventories);
  const all = logs.flatMap((it) => it.segments);
  const early = all.filter((it) => it.takes.length > 0 && it.id.t < at('19T23:00'));
  return planShardDay({
    ...of,
    day: DAY,
    segments: all.filter((it) => it.id.t >= at('19T23:00') && it.id.t < at('21T00:00')),
    earlier_takes: new Map(early.map((it) => [it.id.epoch, it.takes[0]?.t ?? null])),
    inventories: inventories.filter((it) => it.day === DAY),
    previous_inventories: inventories.filter((it) => it.day === EVE),
    next_segments: all.filter((it) => it.id.t === at('21T00:00')),
    bus_seen: new Map(),
    ...other,
  });
}

export function told(plan: ShardPlan): string[] {
  const short = (t: string): string => formatIso(BigInt(t)).slice(8, 16);
  return plan.gaps.map(({ cause, from, to }) => `${cause} ${short(from)} ${short(to)}`);
}

export const goesOn = (life: Omit<Life, 'end' | 'ends'>): Log =>
  log({ ...life, end: '21T00:02', ends: { [DAY]: 'day' } });
