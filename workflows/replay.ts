/**
 * Replays a past span over the bus, on subjects of its own. What it is told comes by updates, which are
 * answered with where it is; what cannot be done is refused and leaves no trace.
 */
import {
  ApplicationFailure,
  CancellationScope,
  allHandlersFinished,
  condition,
  defineQuery,
  defineSignal,
  defineUpdate,
  isCancellation,
  log,
  setCurrentDetails,
  setHandler,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import type { ReplayRequest } from '../activities/replay.ts';
import { parseInstant, replaySpan } from '../dataset/replay-span.ts';
import type { ReplaySpan } from '../dataset/replay-span.ts';
import type { ReplayInput } from '../schema/jobs.ts';
import { REPLAY_SPEED_MAX, REPLAY_SPEED_MIN, isReplaySpeed, speedWords } from '../schema/replay.ts';
import type { ReplayCommand, ReplayPosition, ReplayResult, ReplaySpeed } from '../schema/replay.ts';
import { dayOf, formatIso } from '../schema/time.ts';
import { admit } from './lib/admit.ts';
import { fileUnder } from './lib/attributes.ts';
import { replays, words } from './proxies.ts';

export type ReplayReport = ReplayResult & {
  readonly id: string;
  readonly feed: string;
  readonly from: string;
  readonly to: string;
  /** What was sent, and to whom one listens. */
  readonly subject: string;
};

/** What a caller may ask while it runs. */
export type ReplayWhere = {
  /** Names its subjects; null until the input is judged. */
  readonly id: string | null;
  readonly feed: string | null;
  readonly from: string | null;
  readonly to: string | null;
  /** As it was last told: at each hundredth of the span, and with every answer. */
  readonly position: ReplayPosition | null;
};

/** A replay that was stopped ends by itself; after this its process is ended. */
const STOP_GRACE = '15 seconds';

export async function replay(input: ReplayInput): Promise<ReplayReport> {
  const run = openRun();
  const { wanted, day, search_attributes: known } = await admit('replay', input);
  const { workflowId, runId } = workflowInfo();
  const span = replaySpan({ ...wanted, day });
  if (span === null) throw ApplicationFailure.nonRetryable('no span', 'SSMD_INVALID_INPUT');
  const id = wanted.id ?? `r${runId.slice(-8)}`;
  const request: ReplayRequest = {
    ...{ id, owner: workflowId, run: runId, feed: wanted.feed },
    ...{ from: span.from.toString(), to: span.to.toString() },
    symbols: wanted.symbols ?? null,
    types: wanted.types ?? null,
    speed: wanted.speed ?? 1,
    keep: wanted.keep === true,
    cursor: null,
  };
  fileUnder(known, {
    ...{ SsmdFeed: wanted.feed, SsmdDay: dayOf(span.from), SsmdStage: 'replay' },
    SsmdMode: speedWords(request.speed),
  });
  run.begin(request, span);
  const result = await played(request, run);
  fileUnder(known, { SsmdStage: 'done', SsmdOutcome: result.outcome });
  run.end(result.position);
  await condition(allHandlersFinished);
  const { feed } = wanted;
  const [from, to] = [formatIso(span.from), formatIso(span.to)];
  return { ...result, id, feed, from, to, subject: `replay.${id}.>` };
}

/** Runs it to its end or to a stop; what was stopped or cancelled leaves no stream. */
async function played(request: ReplayRequest, run: Run): Promise<ReplayResult> {
  const summary = `${request.feed} as replay.${request.id}.>, ${speedWords(request.speed)}`;
  const scope = new CancellationScope();
  void endAfterStop(run, scope).catch(() => undefined);
  try {
    const result = await scope.run(() =>
      replays.runReplay.executeWithOptions({ summary }, [request]),
    );
    if (result.outcome === 'stopped') await clear(request);
    return result;
  } catch (error) {
    if (isCancellation(error)) await CancellationScope.nonCancellable(() => clear(request));
    const last = run.position();
    if (!isCancellation(error) || !run.stopping() || last === null) throw error;
    // Its process did not come to say it.
    return {
      ...{ outcome: 'stopped', position: { ...last, state: 'stopped' }, events: last.events },
      ...{ messages: 0, events_per_second: 0, spacing: [], late_max_ms: 0, unseen_symbols: [] },
    };
  }
}

async function endAfterStop(run: Run, scope: CancellationScope): Promise<void> {
  await condition(run.stopping);
  await sleep(STOP_GRACE, { summary: 'its process ends' });
  scope.cancel();
}

async function clear({ id, owner, keep }: ReplayRequest): Promise<void> {
  if (keep) return;
  try {
    await words.removeReplay({ id, owner });
  } catch (error) {
    // It goes by its age.
    log.warn('the stream of the replay stays for now', { id, error: String(error) });
  }
}

type Run = ReturnType<typeof openRun>;

/** What is known of the replay, and what answers for it. Made before anything is awaited. */
function openRun() {
  let request: ReplayRequest | null = null;
  let span: ReplaySpan | null = null;
  let position: ReplayPosition | null = null;
  let stopping = false;
  let over = false;

  function know(next: ReplayPosition): void {
    position = next;
    setCurrentDetails(details(request, next));
  }

  async function tell(command: ReplayCommand): Promise<ReplayPosition> {
    const answer = await words.tellReplay({ id: request?.id ?? '', command });
    know(answer.position);
    if (answer.refusal === null) return answer.position;
    throw ApplicationFailure.nonRetryable(answer.refusal, 'SSMD_INVALID_INPUT');
  }

  function demandRunning(): void {
    if (over || stopping) refuse('the replay is over');
    if (request === null) refuse('the replay has not begun yet: its input is being judged');
  }

  setHandler(
    defineQuery<ReplayWhere>('position'),
    () => ({
      id: request?.id ?? null,
      feed: request?.feed ?? null,
      from: span === null ? null : formatIso(span.from),
      to: span === null ? null : formatIso(span.to),
      position,
    }),
    { description: 'where it is, as it last said' },
  );
  setHandler(defineSignal<[ReplayPosition]>('progress'), (next) => {
    if (!over) know(next);
  });
  setHandler(defineUpdate<ReplayPosition>('pause'), () => tell({ op: 'pause' }), {
    description: 'holds it where it is',
    validator() {
      demandRunning();
      if (position?.state === 'paused') refuse('the replay is paused already');
    },
  });
  setHandler(defineUpdate<ReplayPosition>('resume'), () => tell({ op: 'resume' }), {
    description: 'goes on from where it was paused',
    validator() {
      demandRunning();
      if (position !== null && position.state !== 'paused') refuse('the replay is not paused');
    },
  });
  setHandler(
    defineUpdate<ReplayPosition, [{ speed: ReplaySpeed }]>('setSpeed'),
    ({ speed }) => tell({ op: 'speed', speed }),
    {
      description: '{"speed": 10}, or "max"; holds from the next event on',
      validator(wanted) {
        demandRunning();
        const speed: unknown = (wanted as { speed?: unknown } | undefined)?.speed;
        if (isReplaySpeed(speed)) return;
        const range = `from ${REPLAY_SPEED_MIN} to ${REPLAY_SPEED_MAX}, or "max"`;
        refuse(
          `${JSON.stringify(speed) ?? 'nothing'} is no speed: expected {"speed": N}, ${range}`,
        );
      },
    },
  );
  setHandler(
    defineUpdate<ReplayPosition, [{ to: string }]>('seek'),
    ({ to }) => tell({ op: 'seek', to: String(parseInstant(to)) }),
    {
      description: '{"to": "2026-11-20T14:00:00Z"}; backward, its day is folded again first',
      validator(wanted) {
        demandRunning();
        const to: unknown = (wanted as { to?: unknown } | undefined)?.to;
        const instant = typeof to === 'string' ? parseInstant(to) : null;
        if (instant === null) refuse(`${JSON.stringify(to) ?? 'nothing'} is no instant`);
        if (span === null || (instant >= span.from && instant < span.to)) return;
        const inside = `${formatIso(span.from)} to ${formatIso(span.to)}`;
        refuse(`${formatIso(instant)} is outside the replay: ${inside}`);
      },
    },
  );
  setHandler(
    defineUpdate<ReplayPosition>('stop'),
    async () => {
      const last = await tell({ op: 'stop' });
      stopping = true;
      return last;
    },
    { description: 'ends it; its stream goes, unless it is kept', validator: demandRunning },
  );

  return {
    begin(of: ReplayRequest, within: ReplaySpan) {
      request = of;
      span = within;
      setCurrentDetails(details(of, null));
    },
    end(last: ReplayPosition) {
      know(last);
      over = true;
    },
    position: () => position,
    stopping: () => stopping,
  };
}

function refuse(reason: string): never {
  throw ApplicationFailure.nonRetryable(reason, 'SSMD_INVALID_INPUT');
}

function details(request: ReplayRequest | null, position: ReplayPosition | null): string {
  if (request === null) return 'the input is being judged';
  const title = `**replay ${request.feed} on \`replay.${request.id}.>\`**`;
  if (position === null) return `${title}\n\nreading its day, which is folded from the beginning`;
  const { state, at, speed, share, events, late_ms } = position;
  const late = late_ms > 1_000 ? `, ${Math.round(late_ms / 1000)} s late` : '';
  const rows = [
    `| ${state} | ${at} |`,
    '|---|---|',
    `| speed | ${speedWords(speed)}${late} |`,
    `| of the span | ${(share * 100).toFixed(1)} % |`,
    `| events | ${events} |`,
  ];
  return `${title}\n\n${rows.join('\n')}`;
}
