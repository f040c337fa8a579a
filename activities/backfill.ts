/**
 * Days without a manifest, built from RAW: what a range holds, and what a day needs before it is built.
 * Building itself is that of `reprocess`; the label is the one the feed's days go to.
 */
import { versionOfDay } from '../dataset/current.ts';
import { manifestKey } from '../dataset/keys.ts';
import { chooseVersion } from '../dataset/version.ts';
import type { Making } from '../dataset/version.ts';
import { invalidInput } from '../schema/errors.ts';
import type { Origin } from '../schema/log.ts';
import { NS_PER_HOUR, dayEnd, formatIso, parseDay } from '../schema/time.ts';
import type { Day } from '../schema/time.ts';
import type { Feed } from '../connectors/feed.ts';
import { LATE_HOURS_MAX, normalizerOf, readSources, waitingFor } from './archive-plan.ts';
import { daysOf, openDay } from './day-input.ts';
import { pointAtDay, readBindings, readCurrent, readManifest, resolveVersion } from './datasets.ts';
import type { JobContext, JobDeps } from './deps.ts';
import { refuseUnfitRaw } from './raw-refusals.ts';
import type { DayMaking } from './reprocess-day.ts';
import { rawOf } from './reprocess-plan.ts';
import { activity } from './run.ts';

export type BackfillDay = {
  readonly day: string;
  /** `no_raw` and `not_over`: nobody can build it, or not yet. */
  readonly state: 'to_build' | 'already_committed' | 'no_raw' | 'not_over';
  /** That serves it, or that it would be built under. */
  readonly version: string | null;
  readonly segments: number;
  /** Of RAW, as it lies in the bucket. */
  readonly bytes: number;
  /** Empty where there is nothing to say. */
  readonly why: string;
};

/** A day that is built now, or why it is not. */
export type BackfillStep =
  | { readonly next: 'build'; readonly making: DayMaking }
  | { readonly next: 'committed'; readonly version: string }
  | { readonly next: 'wait'; readonly why: string };

export function createBackfillActivities(deps: JobDeps) {
  return {
    planBackfill: activity(
      (
        of: { readonly feed: string; readonly from: string; readonly to: string },
        context,
      ): Promise<readonly BackfillDay[]> => planBackfill(deps, of, context),
    ),

    prepareBackfillDay: activity(
      (of: { readonly feed: string; readonly day: string; readonly bytes: number }, context) =>
        prepareBackfillDay(deps, of, context),
    ),

    /** Lets a built day be served, unless another version already serves it. */
    serveBackfilledDay: activity(
      async (of: { readonly feed: string; readonly day: string; readonly version: string }) => {
        const manifest = await readManifest(deps, { ...of, day: dayIn(of) });
        if (manifest !== null) await pointAtDay(deps, manifest);
      },
    ),
  };
}

export type BackfillActivities = ReturnType<typeof createBackfillActivities>;

/** What each day of a range is; writes nothing. */
export async function planBackfill(
  deps: JobDeps,
  of: { readonly feed: string; readonly from: string; readonly to: string },
  context: JobContext,
): Promise<readonly BackfillDay[]> {
  const feed = feedIn(deps, of.feed);
  const current = await readCurrent(deps, feed.id);
  const bindings = await readBindings(deps);
  const days: BackfillDay[] = [];
  for (const day of daysOf(of)) {
    const stage = `${feed.id} ${day}: looking at raw`;
    context.beat({ v: 1, stage, done: [], records: 0, bytes: 0 });
    context.signal.throwIfAborted();
    const serving = versionOfDay(current, day);
    const nothing = { day, version: serving, segments: 0, bytes: 0 };
    const open = openDay(day, deps.now());
    if (open !== null) {
      days.push({ ...nothing, state: 'not_over', why: open.what });
      continue;
    }
    if (serving !== null && (await isCommitted(deps, { feed: feed.id, day, version: serving }))) {
      days.push({ ...nothing, state: 'already_committed', why: '' });
      continue;
    }
    const { segments, bytes, origin } = await rawOf(deps, feed.id, day, context.signal);
    if (segments === 0) {
      const why = 'RAW has nothing of it: no connector captured it, or it was removed';
      days.push({ ...nothing, version: null, state: 'no_raw', why });
      continue;
    }
    const making = makingOf(deps, feed, origin ?? deps.origin);
    const own = [serving, current?.live].filter((it) => typeof it === 'string');
    const { version } = chooseVersion(bindings, making, own);
    const there = await isCommitted(deps, { feed: feed.id, day, version });
    const why = there ? 'committed, and not served yet' : '';
    days.push({ day, state: 'to_build', version, segments, bytes, why });
  }
  return days;
}

/**
 * Binds the day's label, and says whether it can be built now. What may still come is waited for by
 * `daily-archive`: a commit is for ever, and nothing here is in a hurry.
 * @throws SSMD_CORRUPT for RAW of which no day may be made
 */
export async function prepareBackfillDay(
  deps: JobDeps,
  of: { readonly feed: string; readonly day: string; readonly bytes: number },
  context: JobContext,
): Promise<BackfillStep> {
  const feed = feedIn(deps, of.feed);
  const day = dayIn(of);
  const sources = await readSources(deps, { feed, day }, context);
  refuseUnfitRaw(sources.survey);
  const waiting = waitingFor(deps, day, sources.gaps);
  if (waiting.length > 0) {
    const late = formatIso(dayEnd(day) + BigInt(LATE_HOURS_MAX) * NS_PER_HOUR).slice(0, 16);
    const why = `until ${late}Z what is missing may still come: ${waiting.slice(0, 3).join('; ')}`;
    return { next: 'wait', why: `${why}; daily-archive waits for it` };
  }
  const making = makingOf(deps, feed, sources.origin);
  const version = await resolveVersion(deps, making, day);
  const manifest = await readManifest(deps, { version, feed: feed.id, day });
  if (manifest !== null) {
    await pointAtDay(deps, manifest);
    return { next: 'committed', version };
  }
  return {
    next: 'build',
    making: {
      ...{ feed: feed.id, day, version, schema: making.schema, normalizer: normalizerOf(feed) },
      ...{ connector_version: null, parts: null, raw_bytes: of.bytes },
    },
  };
}

/** As daily-archive makes the feed's days. */
function makingOf(deps: JobDeps, feed: Feed, origin: Origin): Making {
  const { window_hours } = deps;
  return { feed: feed.id, normalizer: feed.normalizer, schema: 'md2', window_hours, origin };
}

async function isCommitted(
  deps: JobDeps,
  of: { readonly version: string; readonly feed: string; readonly day: Day },
): Promise<boolean> {
  return (await deps.normalized.head(manifestKey(of))) !== null;
}

function feedIn(deps: JobDeps, id: string): Feed {
  const feed = deps.feeds.get(id);
  if (feed !== undefined) return feed;
  throw invalidInput('the step', [{ where: 'feed', what: `${id} is no feed this build knows` }]);
}

function dayIn(of: { readonly day: string }): Day {
  const day = parseDay(of.day);
  if (day !== null) return day;
  throw invalidInput('the step', [{ where: 'day', what: `${of.day} is not a day` }]);
}
