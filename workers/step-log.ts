/**
 * What each attempt of a step leaves in the worker's log: which run it is of, which attempt it was, how
 * long it took and why it failed. A step that is tried again and again is told to somebody, once.
 */
import { ApplicationFailure, CancelledFailure, defaultPayloadConverter } from '@temporalio/common';
import type { Headers } from '@temporalio/common';
import type { Context } from '@temporalio/activity';
import type { ActivityInterceptorsFactory } from '@temporalio/worker';
import type { Logger } from 'pino';
import type { NoticeDesk } from '../activities/notices.ts';
import { toFailure } from '../activities/errors.ts';
import { TROUBLE_HEADER, runFingerprint } from '../schema/notice.ts';
import type { Notice, Trouble } from '../schema/notice.ts';

/** Attempts of one step after which somebody should look. */
export const ATTEMPTS_TOLD = 25;
/** What carries notices is not itself reported by one. */
const CARRIERS: readonly string[] = ['tellNotices', 'deliverNotice', 'keepNotice'];

export type StepLogDeps = {
  readonly logger: Pick<Logger, 'info' | 'warn' | 'error'>;
  readonly desk: Pick<NoticeDesk, 'told'>;
  /** ISO 8601. */
  readonly now: () => string;
};

/** Logs every attempt, and tells of the one after the 25th. */
export function stepLog(deps: StepLogDeps): ActivityInterceptorsFactory {
  return (context) => ({
    inbound: {
      execute: async (input, next) => {
        const facts = factsOf(context);
        const began = performance.now();
        const took = () => ({ took_ms: Math.round(performance.now() - began) });
        void tellIfStuck(deps, context, input.headers);
        try {
          const result: unknown = await next(input);
          deps.logger.info({ event: 'step.done', ...facts, ...took() });
          return result;
        } catch (error) {
          const { code, words } = reasonOf(error);
          const event = code === 'cancelled' ? 'step.cancelled' : 'step.failed';
          deps.logger.warn({ event, ...facts, ...took(), code }, words);
          throw error;
        }
      },
    },
  });
}

export type StepFacts = {
  readonly activity: string;
  readonly workflow: string;
  readonly workflow_id: string;
  readonly run_id: string;
  readonly attempt: number;
};

function factsOf({ info }: Pick<Context, 'info'>): StepFacts {
  const { workflowExecution: run, workflowType } = info;
  return {
    activity: info.activityType,
    workflow: workflowType ?? '',
    workflow_id: run?.workflowId ?? '',
    run_id: run?.runId ?? '',
    attempt: info.attempt,
  };
}

function reasonOf(error: unknown): { readonly code: string; readonly words: string } {
  if (error instanceof CancelledFailure) return { code: 'cancelled', words: error.message };
  const failure = toFailure(error);
  const words = failure instanceof Error ? failure.message : String(failure);
  return { code: failure instanceof ApplicationFailure ? (failure.type ?? '') : '', words };
}

/** The same trouble as the run's failing: when the run goes well after all, it is over. */
async function tellIfStuck(
  { logger, desk, now }: StepLogDeps,
  context: Context,
  headers: Headers,
): Promise<void> {
  const facts = factsOf(context);
  const { attempt, activity, workflow: type, workflow_id: id, run_id } = facts;
  if (attempt !== ATTEMPTS_TOLD + 1 || CARRIERS.includes(activity)) return;
  const words = `${activity} of ${id} was tried ${ATTEMPTS_TOLD} times and goes on being tried`;
  logger.error({ event: 'step.stuck', ...facts }, words);
  const { fingerprint, feed, day } = troubleIn(headers) ?? troubleById(type, id);
  const notice: Notice = {
    ...{
      kind: 'run',
      priority: 'high',
      team: null,
      at: now(),
      event: `stuck ${run_id} ${activity}`,
    },
    ...{
      fingerprint,
      title: `${id} is stuck: ${activity} fails again and again`,
      feed,
      day,
      version: null,
    },
    run: { type, id, run_id, activity, attempt, running: true },
    causes: [words, `npx ssmd job logs ${id}`],
    ...{ manifest: null, report: null, text: null },
  };
  await desk.told(notice).catch((error: unknown) => {
    logger.error({ event: 'step.untold', ...facts, error: String(error) });
  });
}

/** As the run says it; null of a step that was decided on before runs did. */
function troubleIn(headers: Headers): Trouble | null {
  const payload = headers[TROUBLE_HEADER];
  return payload === undefined ? null : defaultPayloadConverter.fromPayload<Trouble>(payload);
}

/** As far as an id tells, which is of a run that no schedule started. */
function troubleById(type: string, id: string): Trouble {
  const [, feed = null, day = null] = /^[\w-]+\/([\w-]+)\/(\d{4}-\d\d-\d\d)/.exec(id) ?? [];
  return { fingerprint: runFingerprint({ type, id, feed, day }), feed, day };
}
