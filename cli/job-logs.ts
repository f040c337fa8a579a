/** `ssmd job logs`: prints the story of a run, and goes on with it as long as it goes on. */
import type { Client } from '@temporalio/client';
import type { CliContext } from './command.ts';
import { formatDuration } from './format.ts';
import { describeRun, lookAtRun } from './job-runs.ts';
import type { JobStatus } from './job-runs.ts';
import { eventsOf } from './job-history.ts';
import { createStory } from './job-story.ts';
import type { StoryLine } from './job-story.ts';
import type { Colors } from './output.ts';
import { wrapWords } from './wrap-words.ts';

export type LogsOptions = { readonly follow: boolean; readonly json: boolean };

/** @throws SSMD_NOT_FOUND */
export async function printStory(
  client: Client,
  id: string,
  { follow, json }: LogsOptions,
  { output, interrupted }: CliContext,
): Promise<void> {
  let run_id: string | null = (await describeRun(client, id)).runId;
  const print = (line: StoryLine): void => {
    if (json) output.json({ id, run_id, ...line });
    else for (const row of storyRows(line, output)) output.line(row);
  };
  while (run_id !== null) {
    const story = createStory();
    const options = { follow, signal: interrupted };
    for await (const event of eventsOf(client, { id, run_id }, options)) {
      for (const line of story.step(event)) print(line);
    }
    run_id = follow ? story.next() : null;
  }
  if (follow || interrupted.aborted) return;
  for (const line of goingOn(await lookAtRun(client, id), Date.now())) print(line);
}

/** What goes on now, of a run that is not over: its history does not have it yet. */
export function goingOn(found: JobStatus, now_ms: number): StoryLine[] {
  const at = new Date(now_ms).toISOString();
  const stuck: StoryLine[] =
    found.stuck === null
      ? []
      : [{ at, event: 0, level: 'error', words: `now: it waits: ${found.stuck}` }];
  const steps = found.working_on.map((step): StoryLine => {
    const { activity, attempt, cursor, last_failure: why, next_attempt, worker } = step;
    const where = cursor === null ? '' : `: ${cursor}`;
    const again =
      next_attempt === null
        ? ''
        : `, tried again in ${formatDuration(Math.max(Date.parse(next_attempt) - now_ms, 0))}`;
    const before = why === null ? '' : `. The attempt before: ${why}`;
    const words = `now: ${activity}, attempt ${attempt}${again}${where}${before}`;
    const level = why === null ? 'info' : 'warn';
    return { at, event: 0, level, words, attempts: attempt, ...(worker ? { by: worker } : {}) };
  });
  return [...stuck, ...steps];
}

/** A line as a terminal shows it: the time, then words that wrap under themselves. */
export function storyRows(
  { at, words, by, level }: StoryLine,
  { color, columns }: { readonly color: Colors; readonly columns: number },
): string[] {
  const time = at.slice(0, 19).replace('T', ' ');
  const whole = by === undefined ? words : `${words} [${by}]`;
  const paint = { info: plain, note: color.dim, warn: color.yellow, error: color.red }[level];
  const indent = ' '.repeat(time.length + 2);
  return wrapWords(whole, columns - indent.length).map((row, index) =>
    index === 0 ? `${color.dim(time)}  ${paint(row)}` : `${indent}${paint(row)}`,
  );
}

function plain(text: string): string {
  return text;
}
