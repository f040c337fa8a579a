/**
 * The gate of a day's job: whether its market trades that day. A schedule leaves holidays out as well, but
 * one that was proclaimed late, or a run started by hand, meets it only here.
 */
import { patched } from '@temporalio/workflow';
import type { DaySession } from '../../activities/session.ts';
import { quick } from '../proxies.ts';
import { fileUnder } from './attributes.ts';

const PATCH = 'session-gate';

/** What a job returns of a day on which its market does not trade. */
export type Skipped = {
  /** `skipped: Thanksgiving Day` */
  readonly outcome: `skipped: ${string}`;
  readonly feed: string;
  readonly day: string;
  readonly calendar: string;
};

/** Null of runs from before there were calendars: all days were expected. */
export async function sessionOf(of: {
  readonly feed: string;
  readonly day: string;
}): Promise<DaySession | null> {
  if (!patched(PATCH)) return null;
  const summary = `does ${of.feed} trade on ${of.day}?`;
  return quick.resolveSession.executeWithOptions({ summary }, [of]);
}

/** Files the run as skipped. */
export function skip(
  of: { readonly feed: string; readonly day: string },
  session: DaySession,
  known: readonly string[],
): Skipped {
  const outcome = `skipped: ${session.reason ?? 'no session'}` as const;
  fileUnder(known, { SsmdStage: 'done', SsmdOutcome: outcome });
  return { outcome, feed: of.feed, day: of.day, calendar: session.calendar };
}
