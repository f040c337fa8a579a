/** Many days in RAW, as one life that spoke little, none of them archived. */
import type { JobDeps } from '../../activities/deps.ts';
import { NS_PER_HOUR, NS_PER_MINUTE, addDays, dayEnd, dayStart } from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';
import { memoryJobs } from './memory-jobs.ts';
import { writeTinyDay } from './tiny-day.ts';

/** Ends before `now` of the jobs, 22 November 2026. */
export async function longLife(first: Day, days: number): Promise<JobDeps> {
  const deps = memoryJobs('2026-11-22T06:00:00Z');
  await writeTinyDay(deps.raw, {
    ...{ day: first, step_ns: 8n * NS_PER_HOUR, end: 'shutdown' },
    start_at: dayStart(first) - 2n * NS_PER_HOUR,
    stop_at: dayEnd(addDays(first, days - 1)) + 2n * NS_PER_MINUTE,
  });
  return deps;
}
