/** The story of a run, from recorded histories; and what is typed about runs, without a server. */
import assert from 'node:assert/strict';
import { basename } from 'node:path';
import { test } from 'node:test';
import { historyFromJSON } from '@temporalio/common/lib/proto-utils.js';
import { conditionsOf, filterFaults, isWanted } from '../../cli/job-filter.ts';
import type { HistoryEvent } from '../../cli/job-failure-words.ts';
import { storyRows } from '../../cli/job-logs.ts';
import { beginningAndEnd, pinnedTo } from '../../cli/job-retry.ts';
import { createStory } from '../../cli/job-story.ts';
import type { StoryLine } from '../../cli/job-story.ts';
import { likeOf } from '../../cli/job-unknown.ts';
import { codeOf, oneLine, screenRows } from '../../cli/job-watch.ts';
import type { JobStatus } from '../../cli/job-runs.ts';
import { wrapWords } from '../../cli/wrap-words.ts';
import { keptHistories, versionHere } from '../support/histories.ts';

const recorded = new Map(keptHistories(versionHere()).map((it) => [basename(it.file), it.history]));

function eventsOf(name: string): readonly HistoryEvent[] {
  return historyFromJSON(recorded.get(name) ?? assert.fail(name)).events ?? [];
}

function storyOf(events: readonly HistoryEvent[]): StoryLine[] {
  const story = createStory();
  return events.flatMap((event) => story.step(event));
}

test('every recorded run has a story: how it began, its steps, how it ended', () => {
  for (const name of recorded.keys()) {
    const lines = storyOf(eventsOf(name));
    assert.match(lines[0]?.words ?? '', /^started/, name);
    assert.match(lines.at(-1)?.words ?? '', /^ended: (done|FAILED|cancelled)/, name);
    assert.ok(!lines.some(({ words }) => /undefined|\[object|NaN/.test(words)), name);
    // By events: what came while a task ran, a server writes after it, and not in the order of its times.
    const events = lines.map((line) => line.event);
    const forward = events.toSorted((a, b) => a - b);
    assert.deepEqual(events, forward, `${name} goes forward`);
  }
});

test('a run ended with its own outcome, whatever its parts came to', () => {
  const ended = (result: unknown): string => {
    const payload = { data: new TextEncoder().encode(JSON.stringify(result)) };
    const done = { result: { payloads: [payload] } };
    const event = { eventId: 9 as never, workflowExecutionCompletedEventAttributes: done };
    return storyOf([event]).at(-1)?.words ?? '';
  };
  const days = [{ outcome: 'failed' }];
  assert.equal(ended({ days, outcome: 'not_promoted' }), 'ended: done, not promoted');
  assert.equal(ended({ days }), 'ended: done');
  assert.equal(ended(null), 'ended: done');
});

test('runs that a run started are named by their ids', () => {
  const lines = storyOf(eventsOf('reprocess.json'));
  const children = lines.filter((it) => it.child !== undefined);
  assert.deepEqual(
    children.map(({ words }) => words),
    [
      'started: run manual/2021-07-22 (reprocess-day)',
      'done: run manual/2021-07-22 (reprocess-day)',
    ],
  );
  assert.match(lines.map(({ words }) => words).join('\n'), /was told promote \{"by":/);
});

const at = (seconds: number) => ({ seconds: seconds as never, nanos: 0 });
const failure = (type: string, message: string) => ({
  ...{ message, applicationFailureInfo: { type, nonRetryable: false } },
});

test('what waited, was tried again, timed out and failed is told with the reason', () => {
  const scheduled = {
    activityType: { name: 'runQaSuite' },
    workflowTaskCompletedEventId: 4 as never,
  };
  const started = { scheduledEventId: 5 as never, attempt: 4, identity: 'ssmd-worker@dev' };
  const events: HistoryEvent[] = [
    { eventId: 5 as never, eventTime: at(100), activityTaskScheduledEventAttributes: scheduled },
    {
      ...{ eventId: 6 as never, eventTime: at(160) },
      activityTaskStartedEventAttributes: {
        ...{ ...started, lastFailure: failure('SSMD_UNAVAILABLE', 'no store') },
      },
    },
    {
      ...{ eventId: 7 as never, eventTime: at(165) },
      activityTaskTimedOutEventAttributes: {
        ...{ scheduledEventId: 5 as never, retryState: 3 },
        failure: { timeoutFailureInfo: { timeoutType: 4 } },
      },
    },
  ];
  assert.deepEqual(
    storyOf(events).map(({ level, words, by }) => [level, words, by]),
    [
      ['warn', 'runQaSuite failed 3 times in 1 min 00 s: [SSMD_UNAVAILABLE] no store', undefined],
      [
        'error',
        'FAILED: runQaSuite (its time is over): the worker that had it fell silent ' +
          '(killed, or too busy to say that it lives), 5.0 s',
        'ssmd-worker@dev',
      ],
    ],
  );
  const waited: HistoryEvent[] = [
    { eventId: 5 as never, eventTime: at(100), activityTaskScheduledEventAttributes: scheduled },
    {
      ...{ eventId: 6 as never, eventTime: at(130) },
      activityTaskStartedEventAttributes: { ...started, attempt: 1 },
    },
    {
      ...{ eventId: 7 as never, eventTime: at(131) },
      activityTaskCompletedEventAttributes: { scheduledEventId: 5 as never },
    },
  ];
  assert.deepEqual(
    storyOf(waited).map(({ words }) => words),
    ['runQaSuite waited 30.0 s for a worker', 'done: runQaSuite, 1.0 s'],
  );
});

test('an alarm beside the work is no wait, until it rings', () => {
  const data = new TextEncoder().encode(JSON.stringify('warns if the day is late'));
  const set: HistoryEvent = {
    ...{ eventId: 5 as never, userMetadata: { summary: { data } } },
    timerStartedEventAttributes: { startToFireTimeout: { seconds: 7200 as never } },
  };
  const rang: HistoryEvent = {
    eventId: 9 as never,
    timerFiredEventAttributes: { startedEventId: 5 as never },
  };
  assert.deepEqual(storyOf([set]), []);
  const [late] = storyOf([set, rang]);
  assert.deepEqual(
    [late?.level, late?.words],
    ['warn', 'late: warns if the day is late, up to 2 h'],
  );
});

test('what failed says to its end what to do about it', () => {
  const failure = {
    message: `${'nothing below raw/; '.repeat(40)}type this: npx ssmd import`,
    applicationFailureInfo: { type: 'SSMD_NOT_FOUND' },
  };
  const lines = storyOf([
    { eventId: 3 as never, activityTaskScheduledEventAttributes: { activityType: { name: 'a' } } },
    {
      eventId: 4 as never,
      activityTaskFailedEventAttributes: { scheduledEventId: 3 as never, failure },
    },
    { eventId: 5 as never, workflowExecutionFailedEventAttributes: { failure } },
    {
      eventId: 6 as never,
      childWorkflowExecutionFailedEventAttributes: {
        workflowExecution: { workflowId: 'x' },
        failure,
      },
    },
  ]);
  assert.equal(lines.length, 3);
  for (const { words } of lines) assert.match(words, /type this: npx ssmd import/);
});

test('a run goes back to the workflow task that decided on the step that failed', () => {
  const told = beginningAndEnd(eventsOf('daily-archive-failed-told.json'));
  assert.equal(told.type, 'daily-archive');
  assert.ok(told.failed_step !== null, told.failure ?? '');
  const events = eventsOf('daily-archive-failed-told.json');
  const task = events.find(({ eventId }) => Number(eventId) === told.failed_step?.task_event);
  assert.ok(task?.workflowTaskCompletedEventAttributes != null);
  const good = beginningAndEnd(eventsOf('daily-archive.json'));
  assert.deepEqual([good.failed_step, good.failure], [null, null]);
  assert.match(good.day ?? '', /^\d{4}-\d\d-\d\d$/);
});

test('yesterday stays the day it was; other inputs stay as they are', () => {
  const day = '2026-11-20';
  assert.deepEqual(pinnedTo('daily-archive', { feed: 'kraken' }, day), { feed: 'kraken', day });
  const named = { feed: 'kraken', day: '2026-11-01' };
  assert.equal(pinnedTo('daily-archive', named, day), named);
  for (const input of [{ from: 'x', to: 'y' }, null, undefined, 'kraken', ['kraken']]) {
    assert.equal(pinnedTo('export', input, day), input);
  }
  // Without a day an audit is of all days.
  assert.deepEqual(pinnedTo('audit', { feed: 'kraken' }, day), { feed: 'kraken' });
  assert.deepEqual(pinnedTo('promote', { feed: 'kraken', undo: 3 }, day), {
    feed: 'kraken',
    undo: 3,
  });
});

test('ids that are near, or hold what was typed', () => {
  const known = ['daily-archive/kraken/2026-11-20', 'audit/all/standing-2026-11-20', 'x'];
  assert.deepEqual(likeOf('daily-archive/krakn/2026-11-20', known), [known[0]]);
  assert.deepEqual(likeOf('2026-11-20', known), known.slice(0, 2));
  assert.deepEqual(likeOf('nothing-like-it-at-all', known), []);
});

test('a filter of days finds ranges that hold them', () => {
  const row = (day: string | null) => ({ feed: 'kraken', day, outcome: 'complete' });
  assert.ok(isWanted(row('2026-11-20'), { date: '2026-11-20' }));
  assert.ok(!isWanted(row('2026-11-19'), { date: '2026-11-20' }));
  assert.ok(isWanted(row('2026-11-01..2026-11-30'), { date: '2026-11-20' }));
  assert.ok(!isWanted(row('2026-11-01..2026-11-19'), { start: '2026-11-20' }));
  assert.ok(!isWanted(row(null), { end: '2026-11-20' }));
  assert.ok(!isWanted(row(null), { outcome: 'incomplete' }));
  assert.deepEqual(conditionsOf({ status: 'failed', days: 7 }, Date.UTC(2026, 10, 21)), [
    'ExecutionStatus IN ("Failed", "TimedOut", "Terminated")',
    'StartTime >= "2026-11-14T00:00:00.000Z"',
  ]);
  const both = filterFaults({ date: '2026-11-20', start: '2026-11-20' }, []);
  assert.match(both[0]?.what ?? '', /give one/);
});

const FOUND: JobStatus = {
  job: {
    ...{ type: 'daily-archive', id: 'x', run_id: 'y', feed: 'kraken', day: '2026-11-20' },
    ...{
      version: null,
      status: 'RUNNING',
      started: '',
      closed: null,
      stage: 'build',
      outcome: null,
    },
  },
  says: '**daily-archive**\n\n| | stage | |\n|---|---|---|\n| x | plan |  |\n| > | build | 12 of 24 |',
  stuck: null,
  working_on: [
    {
      ...{ activity: 'buildArchiveShard', attempt: 26, cursor: 'hour 12', worker: 'w' },
      ...{ last_failure: 'no store', next_attempt: '2026-11-21T00:00:12Z' },
    },
  ],
  ...{ result: null, failure: null },
};

test('a watched run shows what it does, how often, and when it is too often', () => {
  const rows = screenRows(FOUND, Date.UTC(2026, 10, 21));
  assert.deepEqual(rows.slice(-3), [
    'buildArchiveShard, attempt 26, again in 12 s: hour 12',
    '  the attempt before: no store',
    '  tried more than 25 times: look into it',
  ]);
  assert.equal(oneLine(FOUND), 'build: 12 of 24: buildArchiveShard attempt 26: no store');
  const ended = (status: string, outcome: string | null) =>
    codeOf({ ...FOUND, job: { ...FOUND.job, status, outcome } });
  assert.deepEqual(
    ['complete', 'failed', 'partial', 'missing', 'refused', 'expired'].map((outcome) =>
      ended('COMPLETED', outcome),
    ),
    [0, 1, 1, 1, 1, 1],
  );
  assert.deepEqual(
    ['FAILED', 'TERMINATED', 'CANCELLED'].map((status) => ended(status, null)),
    [1, 1, 130],
  );
});

test('long lines wrap between words, under their time', () => {
  assert.deepEqual(wrapWords('one two three four five six', 20), [
    'one two three four',
    'five six',
  ]);
  assert.deepEqual(wrapWords('x'.repeat(45), 20), ['x'.repeat(20), 'x'.repeat(20), 'x'.repeat(5)]);
  const color = { dim: String, yellow: String, red: String } as never;
  const line = { at: '2026-11-20T01:02:03.000Z', event: 1, level: 'info' } as const;
  const rows = storyRows({ ...line, words: 'word '.repeat(30).trim() }, { color, columns: 80 });
  assert.ok(rows.length > 1 && rows.every((row) => row.length <= 80));
});
