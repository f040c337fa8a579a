/** Two calendars of one market, day by day: where a list somebody wrote differs from the rules. */
import type { CivilDate } from './civil.ts';
import type { Calendar } from './calendar.ts';
import type { Session, TradingDay } from './day-plan.ts';

export type Difference = {
  readonly date: CivilDate;
  readonly kind: 'not_closed' | 'not_open' | 'early_close' | 'hours';
  /** The rules' side in words: a holiday's name, or hours. */
  readonly rules: string;
};

/** What the rules say otherwise, on the trade dates that both know. */
export function differences(given: Calendar, rules: Calendar): Difference[] {
  const from = laterOf(given.valid.from, rules.valid.from);
  const to = given.valid.to < rules.valid.to ? given.valid.to : rules.valid.to;
  if (to < from) return [];
  const theirs = rules.days(from, to);
  return given.days(from, to).flatMap((day, at): Difference[] => {
    const rule = theirs[at];
    return rule === undefined ? [] : dayDifference(day, rule, rules);
  });
}

function dayDifference(day: TradingDay, rule: TradingDay, rules: Calendar): Difference[] {
  const { date } = day;
  const [mine, theirs] = [regularOf(day), regularOf(rule)];
  if (theirs === undefined) {
    const name = rule.holiday ?? 'no session that day of the week';
    return mine === undefined ? [] : [{ date, kind: 'not_closed', rules: name }];
  }
  const hours = `${rules.local(theirs.open).time} to ${rules.local(theirs.close).time}`;
  if (mine === undefined) return [{ date, kind: 'not_open', rules: hours }];
  if (mine.open === theirs.open && mine.close === theirs.close) return [];
  if (!theirs.early || mine.open !== theirs.open) return [{ date, kind: 'hours', rules: hours }];
  const name = rule.early_close ?? 'early close';
  const said = `${name}, ${rules.local(theirs.close).time}`;
  return [{ date, kind: 'early_close', rules: said }];
}

function regularOf({ sessions }: TradingDay): Session | undefined {
  return sessions.find(({ kind }) => kind === 'regular');
}

function laterOf(a: CivilDate, b: CivilDate): CivilDate {
  return a > b ? a : b;
}

const WORDS: { readonly [K in Difference['kind']]: (count: number, rules: string) => string } = {
  not_closed: (count, rules) => `the rules of ${rules} also close on ${days(count)}`,
  not_open: (count, rules) => `the rules of ${rules} are open on ${days(count)} closed here`,
  early_close: (count, rules) => `the rules of ${rules} close early on ${days(count)}`,
  hours: (count, rules) => `the rules of ${rules} have other hours on ${days(count)}`,
};

/** Dates a line of differences names; of more, the rest are counted. */
const DATES_SHOWN_MAX = 12;

/** One line a kind of difference, with its dates. */
export function differenceLines(found: readonly Difference[], rules: string): string[] {
  return (Object.keys(WORDS) as Difference['kind'][]).flatMap((kind) => {
    const own = found.filter((it) => it.kind === kind);
    if (own.length === 0) return [];
    const shown = own.slice(0, DATES_SHOWN_MAX).map((it) => `${it.date} (${it.rules})`);
    const more = own.length - shown.length;
    const rest = more === 0 ? '' : ` and ${more} more`;
    return [`${WORDS[kind](own.length, rules)}: ${shown.join(', ')}${rest}`];
  });
}

function days(count: number): string {
  return count === 1 ? 'one day' : `${count} days`;
}
