/** From what an operator asked for to a day that can be archived, or a refusal that says why. */
import { SsmdError, invalidInput } from '../schema/errors.ts';
import type { Fault } from '../schema/errors.ts';
import { addDays, dayEnd, dayOf, dayStart, formatIso, parseDay } from '../schema/time.ts';
import type { Day } from '../schema/time.ts';
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
  const faults: Fault[] = [];
  const feed = deps.feeds.get(input.feed);
  const known = deps.configuredFeeds.join(', ');
  if (feed === undefined || !deps.configuredFeeds.includes(input.feed)) {
    const what = `"${input.feed}" is not a feed of this environment`;
    faults.push({ where: 'feed', what, hint: `it has ${known}` });
  }
  const yesterday = addDays(dayOf(deps.now()), -1);
  const day = input.day === undefined ? yesterday : parseDay(input.day);
  if (day === null || day < DAY_MIN) {
    const what = `"${input.day}" is not a day`;
    faults.push({ where: 'day', what, hint: `YYYY-MM-DD, such as ${yesterday}` });
  }
  if (faults.length > 0 || feed === undefined || day === null) {
    const example = { feed: deps.configuredFeeds[0] ?? 'kraken', day: yesterday };
    throw invalidInput("the job's input", faults, example);
  }
  return { feed, day };
}

/** Refuses a day that still runs (`SSMD_DAY_NOT_OVER`). These venues trade around the clock. */
export function refuseOpenDay(deps: Pick<JobDeps, 'now'>, { feed, day }: ResolvedDay): void {
  const over = dayEnd(day);
  if (deps.now() >= over) return;
  const until = formatIso(over).replace('.000000000', '');
  const state = deps.now() < dayStart(day) ? 'the day has not begun; ' : '';
  throw new SsmdError(
    'SSMD_DAY_NOT_OVER',
    `${state}market still open until ${until}: ${feed.id} ${day} gets no manifest before; ` +
      'its closed objects can be read, start this job again afterwards',
    { facts: { feed: feed.id, day, open_until: until } },
  );
}
