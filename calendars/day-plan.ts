/** One trade date: its sessions as instants, or why it has none. */
import type { UnixNs } from '../schema/time.ts';
import { nsFromMs } from '../schema/time.ts';
import { SECONDS_PER_DAY, formatDate, weekdayOf } from './civil.ts';
import type { CivilDate, DayNumber } from './civil.ts';
import { hasHours } from './days.ts';
import type { SpecialDays } from './days.ts';
import { isEffective } from './spec.ts';
import type { CalendarSpec, SessionKind, SessionRule } from './spec.ts';
import type { Zone } from './zone.ts';

/** A session: open at `open`, closed at `close`, and closed in its breaks. All half-open. */
export type Session = {
  /** The trade date it belongs to; it may open the evening before. */
  readonly date: CivilDate;
  readonly kind: SessionKind;
  readonly open: UnixNs;
  readonly close: UnixNs;
  readonly breaks: readonly (readonly [from: UnixNs, to: UnixNs])[];
  /** Closes before its usual hour, or opens after it. */
  readonly early: boolean;
  readonly late: boolean;
};

export type TradingDay = {
  readonly date: CivilDate;
  /** By their opens; empty on a day without trading. */
  readonly sessions: readonly Session[];
  /** The holiday on this day, whether or not there would be hours. */
  readonly holiday: string | null;
  readonly early_close: string | null;
  readonly late_open: string | null;
  /** Whether the weekly hours know this day: a closed day that has hours is a holiday. */
  readonly has_hours: boolean;
};

/** Hours on the wall, in seconds from the trade date's own midnight. */
export type Hours = {
  readonly kind: SessionKind | 'break';
  readonly from: number;
  readonly to: number;
};

export function hoursOf(rule: SessionRule): Hours {
  return {
    kind: rule.kind,
    from: rule.open + rule.open_offset * SECONDS_PER_DAY,
    to: rule.close + rule.close_offset * SECONDS_PER_DAY,
  };
}

/** The weekly hours of a trade date, holidays and changed hours aside. */
export function usualHours(spec: CalendarSpec, day: DayNumber): readonly Hours[] {
  return spec.sessions
    .filter((rule) => rule.days.includes(weekdayOf(day)) && isEffective(rule, day))
    .map(hoursOf)
    .toSorted((a, b) => a.from - b.from);
}

/** @param special what `specialDays` makes of the same `spec` */
export function planDay(
  spec: CalendarSpec,
  special: SpecialDays,
  zone: Zone,
  day: DayNumber,
): TradingDay {
  const date = formatDate(day);
  const holiday = special.holidays.get(day)?.name ?? null;
  const early = special.early_closes.get(day);
  const late = special.late_opens.get(day);
  const has_hours = hasHours(spec, day);
  const at = (seconds: number): UnixNs => nsFromMs(zone.instantMs(day, seconds));
  const usual = holiday === null && has_hours ? usualHours(spec, day) : [];
  const breaks = usual.filter(({ kind }) => kind === 'break');
  const sessions = changedHours(usual, special, day).flatMap(({ kind, from, to }): Session[] => {
    const own = breaks.filter((it) => it.from > from && it.to < to);
    const [open, close] = [at(from), at(to)];
    // Hours that clocks skip whole are no session.
    if (open >= close) return [];
    const session = {
      ...{ date, open, close, kind },
      breaks: own.map((it) => [at(it.from), at(it.to)] as const),
      early: early !== undefined && (kind === 'regular' || kind === 'post'),
      late: late !== undefined && (kind === 'regular' || kind === 'pre'),
    };
    return [session];
  });
  return {
    ...{ date, sessions, holiday, has_hours },
    early_close: early?.name ?? null,
    late_open: late?.name ?? null,
  };
}

type SessionHours = Hours & { readonly kind: SessionKind };

/** The hours with an early close and a late open put in; a session left with nothing is gone. */
export function changedHours(
  usual: readonly Hours[],
  special: Pick<SpecialDays, 'early_closes' | 'late_opens'>,
  day: DayNumber,
): SessionHours[] {
  const early = special.early_closes.get(day);
  const late = special.late_opens.get(day);
  const opens = late === undefined ? null : late.open + late.open_offset * SECONDS_PER_DAY;
  return usual.flatMap((hours): SessionHours[] => {
    const { kind } = hours;
    if (kind === 'break') return [];
    let { from, to } = hours;
    if (early !== undefined && kind === 'regular') to = early.close;
    if (early !== undefined && kind === 'post') {
      from = early.close;
      to = early.post_close ?? early.close;
    }
    if (opens !== null && kind === 'regular') from = opens;
    if (opens !== null && kind === 'pre') to = opens;
    return from < to ? [{ kind, from, to }] : [];
  });
}
