/** From what an operator asked for to a day that can be worked on, or a refusal that says why. */
import { SsmdError, invalidInput } from '../schema/errors.ts';
import type { Fault } from '../schema/errors.ts';
import { nearMiss } from '../schema/near-miss.ts';
import {
  addDays,
  dayEnd,
  dayOf,
  dayStart,
  daysBetween,
  formatIso,
  parseDay,
} from '../schema/time.ts';
import type { Day, UnixNs } from '../schema/time.ts';
import type { Feed } from '../connectors/feed.ts';
import type { JobDeps } from './deps.ts';

export type FeedDayInput = { readonly feed: string; readonly day?: string };
export type ResolvedDay = { readonly feed: Feed; readonly day: Day };

/** Exchanges did not exist before: an earlier day is a typing error. */
const DAY_MIN = '2009-01-03';

/**
 * Checks feed and day against what is configured; without a day it is yesterday. All faults at once
 * (`SSMD_INVALID_INPUT`).
 */
export function resolveDay(
  deps: Pick<JobDeps, 'feeds' | 'configuredFeeds' | 'now'>,
  input: FeedDayInput,
): ResolvedDay {
  const yesterday = yesterdayOf(deps.now());
  const day = input.day === undefined ? yesterday : parseDay(input.day);
  const faults: Fault[] = [];
  const wrong_feed = feedFault(input.feed, deps.configuredFeeds);
  if (wrong_feed !== null) faults.push(wrong_feed);
  const wrong_day = input.day === undefined ? null : dayFault(input.day, deps.now());
  if (wrong_day !== null) faults.push(wrong_day);
  const feed = deps.feeds.get(input.feed);
  if (faults.length > 0 || feed === undefined || day === null) {
    const example = { feed: deps.configuredFeeds[0] ?? 'kraken', day: yesterday };
    throw invalidInput("the job's input", faults, example);
  }
  return { feed, day };
}

/** Days of a range of texts, both ends included; none where either is no day. */
export function daysOf({ from, to }: { readonly from: string; readonly to: string }): Day[] {
  const [first, last] = [parseDay(from), parseDay(to)];
  return first === null || last === null ? [] : daysBetween(first, last);
}

/** What an environment says to a word that is none of its feeds; null where it is one. */
export function feedFault(feed: unknown, configured: readonly string[]): Fault | null {
  if (typeof feed === 'string' && configured.includes(feed)) return null;
  const near = typeof feed === 'string' ? nearMiss(feed, configured) : null;
  const meant = near === null ? '' : `; did you mean "${near}"?`;
  return {
    where: 'feed',
    what: `${shown(feed)} is not a feed of this environment`,
    hint: `it has ${configured.join(', ')}${meant}`,
  };
}

/** What is wrong with a value as a day; null where nothing is. That it may still run is not judged. */
export function dayFault(day: unknown, now: UnixNs): Fault | null {
  const parsed = typeof day === 'string' ? parseDay(day) : null;
  if (parsed !== null && parsed >= DAY_MIN) return null;
  const hint = `a UTC day as YYYY-MM-DD, such as ${yesterdayOf(now)}; left out, it is that one`;
  return { where: 'day', what: `${shown(day)} is not a day`, hint };
}

export function yesterdayOf(now: UnixNs): Day {
  return addDays(dayOf(now), -1);
}

/** Refuses a day that still runs (`SSMD_DAY_NOT_OVER`). These venues trade around the clock. */
export function refuseOpenDay(deps: Pick<JobDeps, 'now'>, { feed, day }: ResolvedDay): void {
  const open = openDay(day, deps.now());
  if (open === null) return;
  throw new SsmdError('SSMD_DAY_NOT_OVER', `${feed.id} ${day}: ${open.what}; ${open.hint}`, {
    facts: { feed: feed.id, day, open_until: open.until },
  });
}

/** Why a day is not over, and until when; null where it is. */
export function openDay(
  day: Day,
  now: UnixNs,
): { readonly what: string; readonly hint: string; readonly until: string } | null {
  const over = dayEnd(day);
  if (now >= over) return null;
  const until = formatIso(over).replace('.000000000', '');
  const state = now < dayStart(day) ? 'the day has not begun; ' : '';
  return {
    what: `${state}market still open until ${until}`,
    hint: 'it gets no manifest before; its closed objects can be read, start this job again then',
    until,
  };
}

/** A value as an operator typed it, shortened. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'undefined';
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
