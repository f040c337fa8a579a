/**
 * The replay's activities: one process each, watched for as long as it runs. What it says becomes the
 * heartbeat, from which another attempt goes on where this one was; a cancelled run ends its process
 * in order.
 */
import { Context } from '@temporalio/activity';
import { SsmdError } from '../schema/errors.ts';
import type { ErrorCode, ErrorFacts } from '../schema/errors.ts';
import { speedWords } from '../schema/replay.ts';
import type {
  ReplayAnswer,
  ReplayCommand,
  ReplayMark,
  ReplayPosition,
  ReplayResult,
  ReplaySpeed,
} from '../schema/replay.ts';
import type { JobContext } from './deps.ts';
import { activity } from './run.ts';

/** What a replay is to do; instants are ns as decimal text. */
export type ReplayRequest = {
  readonly id: string;
  /** The workflow it is of, and which run. */
  readonly owner: string;
  readonly run: string;
  readonly feed: string;
  readonly from: string;
  readonly to: string;
  /** All where null. */
  readonly symbols: readonly string[] | null;
  readonly types: readonly string[] | null;
  readonly speed: ReplaySpeed;
  readonly keep: boolean;
  /** What an earlier attempt is known to have stored; null at the beginning. */
  readonly cursor: ReplayMark | null;
};

/** What a replay's process says, in order; the last one is a result or a failure. */
export type ReplayWord =
  | { readonly event: 'progress'; readonly position: ReplayPosition; readonly cursor: ReplayMark }
  | { readonly event: 'result'; readonly result: ReplayResult; readonly cursor: ReplayMark }
  | {
      readonly event: 'failure';
      readonly code: ErrorCode | null;
      readonly message: string;
      readonly retryable: boolean;
      readonly facts: ErrorFacts;
    };

/** A process that replays. */
export type ReplayProcess = {
  /** Names it, so that a later attempt can end it: `{pid}@{start}`. */
  readonly name: string;
  /** What it says, until it has ended. */
  readonly words: AsyncIterable<ReplayWord>;
  /** SIGTERM; SIGKILL of its group ten seconds later. */
  readonly stop: () => void;
};

export type Replays = {
  /** Ends `leftover`, where it still lives, and starts another. */
  readonly start: (request: ReplayRequest, leftover: string | null) => Promise<ReplayProcess>;
  readonly ask: (id: string, command: ReplayCommand) => Promise<ReplayAnswer>;
  /** Deletes a replay's stream; false where there was none of that owner. */
  readonly remove: (id: string, owner: string) => Promise<boolean>;
};

/** The workflow's signal that says where its replay is. */
export const REPLAY_PROGRESS = 'progress';
/** It is sent when this much of the span went by, or something was told. */
const TOLD_SHARE = 0.01;
const TOLD_MS_MIN = 1_000;

export function createReplayActivities(replays: Replays) {
  return {
    /** Replays to the end or to a stop. */
    runReplay: activity((request: ReplayRequest, context): Promise<ReplayResult> =>
      watch(replays, request, context),
    ),

    /** Tells the running replay something, and returns its answer. */
    tellReplay: activity(
      (of: { readonly id: string; readonly command: ReplayCommand }): Promise<ReplayAnswer> =>
        replays.ask(of.id, of.command),
    ),

    removeReplay: activity(
      (of: { readonly id: string; readonly owner: string }): Promise<boolean> =>
        replays.remove(of.id, of.owner),
    ),
  };
}

export type ReplayActivities = ReturnType<typeof createReplayActivities>;

/** What a heartbeat keeps of a replay. */
export type HeartbeatKept = {
  readonly cursor: ReplayMark | null;
  readonly process: string | null;
  readonly position: ReplayPosition | null;
};

async function watch(
  replays: Replays,
  request: ReplayRequest,
  context: JobContext,
): Promise<ReplayResult> {
  const before = keptIn(context);
  const process = await replays.start(
    { ...request, cursor: before.cursor ?? request.cursor },
    before.process,
  );
  const teller = progressTeller();
  context.signal.addEventListener('abort', process.stop, { once: true });
  if (context.signal.aborted) process.stop();
  let last: ReplayWord | null = null;
  for await (const word of process.words) {
    last = word;
    if (word.event === 'failure') break;
    const position = word.event === 'progress' ? word.position : word.result.position;
    beat(context, process.name, word.cursor, position);
    await teller(position, word.event === 'result');
  }
  context.signal.throwIfAborted();
  if (last?.event === 'result') return last.result;
  throw failureOf(request.id, last);
}

function beat(
  context: JobContext,
  process: string,
  cursor: ReplayMark,
  position: ReplayPosition,
): void {
  const { state, at, speed, late_ms, events } = position;
  const late = late_ms > 1_000 ? `, ${Math.round(late_ms / 1000)} s late` : '';
  const kept: HeartbeatKept = { cursor, process, position };
  context.beat({
    v: 1,
    stage: `${state} at ${at}, ${speedWords(speed)}${late}`,
    done: [JSON.stringify(kept)],
    records: events,
    bytes: 0,
  });
}

function keptIn({ resumed }: JobContext): HeartbeatKept {
  const [text] = resumed?.done ?? [];
  return text === undefined
    ? { cursor: null, process: null, position: null }
    : (JSON.parse(text) as HeartbeatKept);
}

/** Tells the workflow now and then; that it could not be told is no reason to end. */
function progressTeller(): (position: ReplayPosition, last: boolean) => Promise<void> {
  const { client, info } = Context.current();
  const { workflowId, runId } = info.workflowExecution ?? {};
  let told: ReplayPosition | null = null;
  let told_ms = -Infinity;
  return async (position, last) => {
    const moved = told === null || Math.abs(position.share - told.share) >= TOLD_SHARE;
    const changed = position.state !== told?.state || position.speed !== told.speed;
    const due = (moved || changed) && performance.now() - told_ms >= TOLD_MS_MIN;
    if (workflowId === undefined || (!due && !last)) return;
    told = position;
    told_ms = performance.now();
    const handle = client.workflow.getHandle(workflowId, runId);
    await handle.signal(REPLAY_PROGRESS, position).catch(() => undefined);
  };
}

function failureOf(id: string, word: ReplayWord | null): Error {
  if (word?.event !== 'failure') {
    const message = `the process of replay "${id}" ended without a word`;
    return new SsmdError('SSMD_UNAVAILABLE', message, { retryable: true, facts: { id } });
  }
  const { code, message, retryable, facts } = word;
  // What has no code and is not to be tried again is a mistake in ours.
  if (code === null && !retryable) return new Error(`the process of replay "${id}": ${message}`);
  return new SsmdError(code ?? 'SSMD_UNAVAILABLE', message, { retryable, facts });
}
