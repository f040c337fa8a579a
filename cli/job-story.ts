/**
 * The story of a run in plain words, told from its history: what was done, what waited, was tried again
 * or failed, and why. Pure; events in, lines out, as they come, so that a run that goes on can be followed.
 */
import { formatDuration } from './format.ts';
import { failureChain } from './job-failure-words.ts';
import type { Failure, HistoryEvent } from './job-failure-words.ts';

/** How much a line matters to whoever looks for what went wrong. */
export type StoryLevel = 'info' | 'note' | 'warn' | 'error';

export type StoryLine = {
  /** ISO 8601. */
  readonly at: string;
  /** The event it is told from; 0 for what goes on now. */
  readonly event: number;
  readonly level: StoryLevel;
  readonly words: string;
  /** The run this one started, where the line is about one. */
  readonly child?: string;
  /** Attempts of the step, where the line is about the end of one. */
  readonly attempts?: number;
  /** Who did it, or asked for it. */
  readonly by?: string;
};

export type Story = {
  readonly step: (event: HistoryEvent) => readonly StoryLine[];
  /** The run that this one went on as; null while there is none. */
  readonly next: () => string | null;
};

/** A step that began later than this waited for a worker, and that is told. */
const WAIT_TOLD_MS = 2_000;
const WORDS_CHARS_MAX = 400;
/** What failed says at its end what to do about it: that is not cut off. */
const FAILURE_CHARS_MAX = 4_000;

type Step = {
  readonly name: string;
  readonly summary: string;
  readonly scheduled_ms: number;
  readonly started_ms: number | null;
  readonly attempt: number;
  readonly worker: string;
  /** Why the attempt before the last one did not do. */
  readonly before: string | null;
};

type Open = {
  readonly steps: Map<number, Step>;
  readonly timers: Map<number, string>;
  readonly updates: Map<string, string>;
  next: string | null;
};

export function createStory(): Story {
  const open: Open = { steps: new Map(), timers: new Map(), updates: new Map(), next: null };
  return {
    step: (event) => {
      const told = [ofSteps, ofWaits, ofChildren, ofWords, ofWorkflowTasks, ofRun]
        .map((tell) => tell(event, open))
        .find((words) => words !== null);
      const at = isoOf(event.eventTime);
      return (told ?? []).map((line) => ({ at, event: Number(event.eventId), ...line }));
    },
    next: () => open.next,
  };
}

type Told = readonly Omit<StoryLine, 'at' | 'event'>[];
/** What an event says; nothing (`[]`) where it is known and says nothing; null where it is another's. */
type Teller = (event: HistoryEvent, open: Open) => Told | null;

const ofSteps: Teller = (event, { steps }) => {
  const now = msOf(event.eventTime);
  const scheduled = event.activityTaskScheduledEventAttributes;
  if (scheduled != null) {
    steps.set(Number(event.eventId), {
      name: scheduled.activityType?.name ?? 'a step',
      summary: summaryOf(event),
      ...{ scheduled_ms: now, started_ms: null, attempt: 1, worker: '', before: null },
    });
    return [];
  }
  const started = event.activityTaskStartedEventAttributes;
  if (started != null) {
    const id = Number(started.scheduledEventId);
    const step = steps.get(id);
    if (step === undefined) return [];
    const { attempt, identity, lastFailure } = started;
    const before = lastFailure == null ? null : failureChain(lastFailure).join(': ');
    const known = { attempt: attempt ?? 1, worker: identity ?? '', before };
    steps.set(id, { ...step, ...known, started_ms: now });
    return [];
  }
  const done = event.activityTaskCompletedEventAttributes;
  if (done != null) {
    const step = taken(steps, Number(done.scheduledEventId));
    if (step === null) return [];
    return [...retries(step, 'note'), line('info', step, `done: ${titleOf(step)}`, now)];
  }
  const failed = event.activityTaskFailedEventAttributes;
  if (failed != null) {
    const step = taken(steps, Number(failed.scheduledEventId));
    if (step === null) return [];
    return [...retries(step, 'warn'), broken(step, failed.failure, failed.retryState, now)];
  }
  const late = event.activityTaskTimedOutEventAttributes;
  if (late != null) {
    const step = taken(steps, Number(late.scheduledEventId));
    if (step === null) return [];
    return [...retries(step, 'warn'), broken(step, late.failure, late.retryState, now)];
  }
  const cancelled = event.activityTaskCanceledEventAttributes;
  if (cancelled != null) {
    const step = taken(steps, Number(cancelled.scheduledEventId));
    return step === null ? [] : [line('note', step, `cancelled: ${titleOf(step)}`, now)];
  }
  return event.activityTaskCancelRequestedEventAttributes == null ? null : [];
};

function line(level: StoryLevel, step: Step, words: string, now: number): Told[number] {
  const took = formatDuration(now - (step.started_ms ?? step.scheduled_ms));
  const by = step.worker === '' ? {} : { by: step.worker };
  return { level, words: `${words}, ${took}`, attempts: step.attempt, ...by };
}

/**
 * What came before a step's last attempt; told at its end, since the history has its start only then.
 * What retries were for: the history keeps the last reason only.
 */
function retries(step: Step, level: StoryLevel): Told {
  const waited_ms = (step.started_ms ?? step.scheduled_ms) - step.scheduled_ms;
  const waited = formatDuration(waited_ms);
  if (step.attempt <= 1) {
    if (waited_ms < WAIT_TOLD_MS) return [];
    return [{ level, words: `${titleOf(step)} waited ${waited} for a worker` }];
  }
  const why = step.before === null ? 'nobody knows why' : cut(step.before);
  const times = step.attempt - 1 === 1 ? 'once' : `${step.attempt - 1} times`;
  return [{ level, words: `${titleOf(step)} failed ${times} in ${waited}: ${why}` }];
}

function broken(
  step: Step,
  failure: Failure | null | undefined,
  state: number | null | undefined,
  now: number,
): Told[number] {
  const why = failure == null ? 'no reason given' : failureChain(failure).join(': ');
  const given = RETRY_WORDS[Number(state ?? 0)] ?? '';
  const words = `FAILED: ${titleOf(step)}${given}: ${cut(why, FAILURE_CHARS_MAX)}`;
  return line('error', step, words, now);
}

/** `temporal.api.enums.v1.RetryState`: why it was not tried again. */
const RETRY_WORDS: Readonly<Record<number, string>> = {
  2: ' (no repetition cures it)',
  3: ' (its time is over)',
  4: ' (tried as often as it may be)',
};

/** How the summary of a deadline's timer begins. */
const ALARM = 'warns if';

const ofWaits: Teller = (event, { timers }) => {
  const started = event.timerStartedEventAttributes;
  if (started != null) {
    const seconds = Number(started.startToFireTimeout?.seconds ?? 0);
    const why = summaryOf(event);
    const words = `${why === '' ? 'waits' : why}, up to ${spanWords(seconds)}`;
    timers.set(Number(event.eventId), words);
    // An alarm beside the work keeps nothing waiting.
    if (why.startsWith(ALARM)) return [];
    return [{ level: 'note', words: `wait: ${words}` }];
  }
  const fired = event.timerFiredEventAttributes;
  if (fired != null) {
    const words = timers.get(Number(fired.startedEventId)) ?? 'a wait';
    if (words.startsWith(ALARM)) return [{ level: 'warn', words: `late: ${words}` }];
    return [{ level: 'note', words: `waited: ${words}` }];
  }
  return event.timerCanceledEventAttributes == null ? null : [];
};

function spanWords(seconds: number): string {
  const days = seconds / 86_400;
  if (Number.isInteger(days) && days > 0) return `${days} day${days === 1 ? '' : 's'}`;
  const hours = seconds / 3_600;
  if (Number.isInteger(hours) && hours > 0) return `${hours} h`;
  return formatDuration(seconds * 1_000);
}

const ofChildren: Teller = (event) => {
  const started = event.childWorkflowExecutionStartedEventAttributes;
  if (started != null) return [childLine('info', 'started', started)];
  const done = event.childWorkflowExecutionCompletedEventAttributes;
  if (done != null) return [childLine('info', 'done', done)];
  const failed = event.childWorkflowExecutionFailedEventAttributes;
  if (failed != null) return [childLine('error', 'FAILED', failed, failed.failure)];
  const cancelled = event.childWorkflowExecutionCanceledEventAttributes;
  if (cancelled != null) return [childLine('note', 'cancelled', cancelled)];
  const late = event.childWorkflowExecutionTimedOutEventAttributes;
  if (late != null) return [childLine('error', 'out of time', late)];
  const ended = event.childWorkflowExecutionTerminatedEventAttributes;
  if (ended != null) return [childLine('error', 'terminated', ended)];
  const refused = event.startChildWorkflowExecutionFailedEventAttributes;
  if (refused != null) {
    const child = refused.workflowId ?? '';
    return [{ level: 'note', words: `run ${child} is under way already, or was`, child }];
  }
  return event.startChildWorkflowExecutionInitiatedEventAttributes == null ? null : [];
};

function childLine(
  level: StoryLevel,
  how: string,
  of: {
    readonly workflowExecution?: { readonly workflowId?: string | null } | null;
    readonly workflowType?: { readonly name?: string | null } | null;
  },
  failure?: Failure | null,
): Told[number] {
  const child = of.workflowExecution?.workflowId ?? '';
  const why =
    failure == null ? '' : `: ${cut(failureChain(failure).join(': '), FAILURE_CHARS_MAX)}`;
  return {
    level,
    words: `${how}: run ${child} (${of.workflowType?.name ?? 'a job'})${why}`,
    child,
  };
}

/** What it was told from outside, and what it filed itself under. */
const ofWords: Teller = (event, { updates }) => {
  const signal = event.workflowExecutionSignaledEventAttributes;
  // A replay tells itself where it is: that is no news.
  if (signal != null) {
    if (signal.signalName === 'progress') return [];
    const words = `was told ${signal.signalName}`;
    return [{ level: 'note', words, ...byOf(signal.identity) }];
  }
  const accepted = event.workflowExecutionUpdateAcceptedEventAttributes;
  if (accepted != null) {
    const { input, meta } = accepted.acceptedRequest ?? {};
    const args = (input?.args?.payloads ?? []).map((it) => textOf(it.data)).join(' ');
    const name = input?.name ?? 'something';
    updates.set(String(event.eventId), name);
    const words = `was told ${name}${args === '' ? '' : ` ${cut(args)}`}`;
    return [{ level: 'note', words, ...byOf(meta?.identity) }];
  }
  const answered = event.workflowExecutionUpdateCompletedEventAttributes;
  if (answered != null) {
    const name = updates.get(String(answered.acceptedEventId)) ?? 'that';
    const { failure } = answered.outcome ?? {};
    if (failure == null) return [{ level: 'note', words: `answered ${name}` }];
    const why = cut(failureChain(failure).join(': '));
    return [{ level: 'warn', words: `refused ${name}: ${why}` }];
  }
  const filed = event.upsertWorkflowSearchAttributesEventAttributes?.searchAttributes;
  if (filed != null) {
    const word = (key: string): string => textOf(filed.indexedFields?.[key]?.data);
    const [stage, version] = [word('SsmdStage'), word('SsmdVersion')];
    if (stage === '' || stage === 'done') return [];
    return [{ level: 'info', words: `stage ${stage}${version === '' ? '' : ` of ${version}`}` }];
  }
  const asked = event.workflowExecutionCancelRequestedEventAttributes;
  if (asked == null) return null;
  const why = asked.cause ? `: ${asked.cause}` : '';
  return [{ level: 'warn', words: `asked to cancel${why}`, ...byOf(asked.identity) }];
};

const ofWorkflowTasks: Teller = (event) => {
  const failed = event.workflowTaskFailedEventAttributes;
  if (failed != null) {
    const why = failed.failure?.message ?? 'no reason given';
    // `temporal.api.enums.v1.WorkflowTaskFailedCause`: the point a reset goes back to.
    const RESET = 20;
    if (Number(failed.cause) === RESET) {
      return [{ level: 'warn', words: `goes on anew from here: ${why}`, ...byOf(failed.identity) }];
    }
    const words = `the worker cannot go on with it, and tries again: ${cut(why)}`;
    return [{ level: 'error', words, ...byOf(failed.identity) }];
  }
  const late = event.workflowTaskTimedOutEventAttributes;
  if (late == null) return null;
  // `temporal.api.enums.v1.TimeoutType` 2: the worker was only to be asked first.
  const SCHEDULE_TO_START = 2;
  if (Number(late.timeoutType) === SCHEDULE_TO_START) {
    return [{ level: 'note', words: 'the worker that had it is gone; another one takes it' }];
  }
  return [{ level: 'warn', words: 'the worker took it and did not answer; it is taken again' }];
};

const ofRun: Teller = (event, open) => {
  const started = event.workflowExecutionStartedEventAttributes;
  if (started != null) {
    const { parentWorkflowExecution: parent, continuedExecutionRunId: before } = started;
    const input = (started.input?.payloads ?? []).map((it) => textOf(it.data)).join(' ');
    const from = parent?.workflowId ? ` by run ${parent.workflowId}` : '';
    const again = before ? `, going on from run ${before}` : '';
    const words = `started${from}${again}: ${started.workflowType?.name} ${cut(input)}`.trimEnd();
    return [{ level: 'info', words, ...byOf(started.identity) }];
  }
  const done = event.workflowExecutionCompletedEventAttributes;
  if (done != null) return [{ level: 'info', words: `ended: ${resultWords(done)}` }];
  const failed = event.workflowExecutionFailedEventAttributes;
  if (failed != null) {
    const chain = failed.failure == null ? ['no reason given'] : failureChain(failed.failure);
    return [
      { level: 'error', words: `ended: FAILED: ${cut(chain.join(': '), FAILURE_CHARS_MAX)}` },
    ];
  }
  if (event.workflowExecutionCanceledEventAttributes != null) {
    return [{ level: 'warn', words: 'ended: cancelled' }];
  }
  const ended = event.workflowExecutionTerminatedEventAttributes;
  if (ended != null) {
    const why = ended.reason ? `: ${ended.reason}` : '';
    return [{ level: 'error', words: `ended: terminated${why}`, ...byOf(ended.identity) }];
  }
  if (event.workflowExecutionTimedOutEventAttributes != null) {
    return [{ level: 'error', words: 'ended: out of time' }];
  }
  const on = event.workflowExecutionContinuedAsNewEventAttributes;
  if (on == null) return null;
  open.next = on.newExecutionRunId ?? null;
  return [{ level: 'info', words: `goes on as run ${open.next}` }];
};

function resultWords(
  done: NonNullable<HistoryEvent['workflowExecutionCompletedEventAttributes']>,
): string {
  const found = outcomeIn(textOf(done.result?.payloads?.[0]?.data));
  return found === null ? 'done' : `done, ${found.replaceAll('_', ' ')}`;
}

/** The run's own: what it reports of its days has outcomes as well. */
function outcomeIn(text: string): string | null {
  try {
    const result: unknown = JSON.parse(text);
    if (typeof result !== 'object' || result === null || !('outcome' in result)) return null;
    return typeof result.outcome === 'string' ? result.outcome : null;
  } catch {
    return null;
  }
}

function byOf(identity: string | null | undefined): { readonly by?: string } {
  return identity ? { by: identity } : {};
}

function titleOf({ name, summary }: Step): string {
  return summary === '' || summary === name ? name : `${name} (${summary})`;
}

function summaryOf(event: HistoryEvent): string {
  return textOf(event.userMetadata?.summary?.data);
}

/** A payload as people read it: a JSON text without its quotes. */
function textOf(data: Uint8Array | null | undefined): string {
  if (data == null) return '';
  const text = new TextDecoder().decode(data);
  if (!text.startsWith('"')) return text === 'null' ? '' : text;
  try {
    return String(JSON.parse(text));
  } catch {
    return text;
  }
}

function taken(steps: Map<number, Step>, id: number): Step | null {
  const step = steps.get(id) ?? null;
  steps.delete(id);
  return step;
}

function cut(text: string, chars_max = WORDS_CHARS_MAX): string {
  const plain = text.replaceAll(/\s*\n\s*/g, ' ');
  return plain.length <= chars_max ? plain : `${plain.slice(0, chars_max)} ...`;
}

function msOf(at: HistoryEvent['eventTime']): number {
  return Number(at?.seconds ?? 0) * 1_000 + Math.floor((at?.nanos ?? 0) / 1e6);
}

function isoOf(at: HistoryEvent['eventTime']): string {
  return new Date(msOf(at)).toISOString();
}
