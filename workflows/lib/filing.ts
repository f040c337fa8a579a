/**
 * What every run leaves for whoever looks at it: words on each step and child in the timeline, and at its
 * end an outcome to filter by, a memo to read, and Current Details that say what to do next. Interceptors,
 * so that no workflow has to remember it. The words go into commands that are there anyway; the end's own
 * commands are behind a patch, which runs from before do not have.
 */
import { defaultPayloadConverter } from '@temporalio/common';
import {
  ContinueAsNew,
  TemporalFailure,
  isCancellation,
  patched,
  upsertMemo,
  workflowInfo,
} from '@temporalio/workflow';
import type {
  Next,
  WorkflowExecuteInput,
  WorkflowInboundCallsInterceptor,
  WorkflowInterceptors,
  WorkflowOutboundCallsInterceptor,
} from '@temporalio/workflow';
import { fileEnd, filedUnder } from './attributes.ts';
import { codeOf } from './failures.ts';
import { memoOfFailure, memoOfResult } from './memo.ts';
import { showFailure } from './progress.ts';
import { causesOf } from './run-notice.ts';
import { TROUBLE_HEADER, runFingerprint } from '../../schema/notice.ts';
import type { Trouble } from '../../schema/notice.ts';
import { runSummary } from '../../schema/run-words.ts';
import { stepSummary } from './step-words.ts';
import { hearTickets } from './ticket.ts';

const PATCH = 'filed-at-end';
/** Has a page of its own. */
const OTHERS: readonly string[] = ['notice'];
/** Parts of a run, whose ends are that one's to tell. */
const PARTS: readonly string[] = ['reprocess-day'];

export function interceptors(): WorkflowInterceptors {
  return OTHERS.includes(workflowInfo().workflowType)
    ? {}
    : { inbound: [{ execute }], outbound: [worded] };
}

const worded: WorkflowOutboundCallsInterceptor = {
  scheduleActivity: (input, next) => {
    const { summary } = input.options;
    const words = stepSummary(input.activityType, summary, filedUnder());
    const options = words === '' ? input.options : { ...input.options, summary: words };
    const trouble = defaultPayloadConverter.toPayload(troubleOf());
    return next({ ...input, options, headers: { ...input.headers, [TROUBLE_HEADER]: trouble } });
  },
  startChildWorkflowExecution: (input, next) => {
    const { staticSummary = runSummary(input.workflowType, input.options.args[0]) } = input.options;
    return next({ ...input, options: { ...input.options, staticSummary } });
  },
};

/** The same as the run's own failing, so that its end is the end of both; of a part, as its parent's. */
function troubleOf(): Trouble {
  const { workflowId, workflowType, parent } = workflowInfo();
  const { SsmdFeed: feed = null, SsmdDay: day = null } = filedUnder();
  const of = PARTS.includes(workflowType) && parent !== undefined;
  const fingerprint = of
    ? runFingerprint({ type: '', id: parent.workflowId, feed: null, day: null })
    : runFingerprint({ type: workflowType, id: workflowId, feed, day });
  return { fingerprint, feed, day };
}

async function execute(
  input: WorkflowExecuteInput,
  next: Next<WorkflowInboundCallsInterceptor, 'execute'>,
): Promise<unknown> {
  hearTickets();
  try {
    const result = await next(input);
    if (patched(PATCH)) upsertMemo(memoOfResult(result));
    return result;
  } catch (error) {
    // Anything but these fails a workflow task, which is tried again: the run goes on.
    if (error instanceof ContinueAsNew || !(error instanceof TemporalFailure)) throw error;
    end(error);
    throw error;
  }
}

function end(error: TemporalFailure): void {
  const { workflowId, workflowType } = workflowInfo();
  const causes = causesOf(error);
  const cancelled = isCancellation(error);
  const why = cancelled ? 'it was cancelled' : (causes.at(-1) ?? 'no reason given');
  const next = [
    `- what happened: \`npx ssmd job logs ${workflowId}\``,
    `- again: \`npx ssmd job retry ${workflowId}\`, or with \`--from-failure\``,
  ].join('\n');
  showFailure(`${workflowType} ${workflowId}`, why, next);
  if (!patched(PATCH)) return;
  fileEnd(cancelled ? 'cancelled' : 'failed');
  upsertMemo(memoOfFailure({ code: codeOf(error), causes, cancelled }));
}
