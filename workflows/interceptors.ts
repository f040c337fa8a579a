/**
 * The end of every run, seen from outside it: what failed is told, what went well takes back what was
 * told. It only hands a notice on, which takes milliseconds, or the moment in which a ticket is opened, so
 * that the run bears it; who is told, and for how long that is tried, is the notice's own run (`notice.ts`).
 * Nothing here changes how a run ends.
 */
import {
  CancellationScope,
  ContinueAsNew,
  TemporalFailure,
  isCancellation,
  log,
  patched,
  proxyLocalActivities,
  workflowInfo,
} from '@temporalio/workflow';
import type { Next, WorkflowExecuteInput, WorkflowInterceptors } from '@temporalio/workflow';
import type { WorkflowInboundCallsInterceptor } from '@temporalio/workflow';
import type { NoticeActivities, TellInput } from '../activities/notices.ts';
import { filedUnder } from './lib/attributes.ts';
import { codeOf } from './lib/failures.ts';
import { failureNotice, noticesOfResult, recoveryOf } from './lib/run-notice.ts';
import type { RunFacts } from './lib/run-notice.ts';
import { bearTickets } from './lib/ticket.ts';

/** Runs from before notices have none of these commands in their histories. */
const PATCH = 'notices';
/** What these runs are about is told by other means, or they are notices themselves. */
const SILENT: readonly string[] = ['notice', 'reprocess-day'];
/** Children nobody waits for: no parent tells of them. */
const ABANDONED: readonly string[] = ['daily-qa'];
/** What was refused before anything was started has been told to whoever typed it. */
const REFUSALS: readonly string[] = ['SSMD_INVALID_INPUT', 'SSMD_DAY_NOT_OVER'];

/**
 * In the worker that runs the workflow, beside its activities: neither their queue nor their number
 * holds it up. Given up after a minute; an audit then finds what failed.
 */
const desk = proxyLocalActivities<NoticeActivities>({
  startToCloseTimeout: '15 seconds',
  scheduleToCloseTimeout: '1 minute',
  retry: { initialInterval: '500 milliseconds', maximumInterval: '5 seconds' },
});

export function interceptors(): WorkflowInterceptors {
  return { inbound: [{ execute }] };
}

async function execute(
  input: WorkflowExecuteInput,
  next: Next<WorkflowInboundCallsInterceptor, 'execute'>,
): Promise<unknown> {
  const { workflowType } = workflowInfo();
  if (SILENT.includes(workflowType)) return next(input);
  let result: unknown;
  try {
    result = await next(input);
  } catch (error) {
    if (isToBeTold(error)) await hand({ told: [failureNotice(factsOf(), error)], well: [] });
    throw error;
  }
  const facts = factsOf();
  const { told, well } = noticesOfResult(facts, result);
  await hand({ told, well: [...recoveryOf(facts), ...well] });
  return result;
}

function isToBeTold(error: unknown): boolean {
  // Anything but these fails a workflow task, which is tried again: the run goes on.
  if (error instanceof ContinueAsNew || !(error instanceof TemporalFailure)) return false;
  if (isCancellation(error)) return false;
  const { parent, workflowType } = workflowInfo();
  if (parent !== undefined && !ABANDONED.includes(workflowType)) return false;
  return wasScheduled() || !REFUSALS.includes(codeOf(error) ?? '');
}

/** Started by a schedule: whoever typed its input is not there to be told. */
function wasScheduled(): boolean {
  return 'TemporalScheduledById' in workflowInfo().searchAttributes;
}

function factsOf(): RunFacts {
  const { workflowType, workflowId, runId } = workflowInfo();
  return { type: workflowType, id: workflowId, run_id: runId, filed: filedUnder() };
}

/** Never fails: the run's own end stands, whatever becomes of what is said about it. */
async function hand(input: TellInput): Promise<void> {
  if (input.told.length + input.well.length === 0 || !patched(PATCH)) return;
  try {
    const { tickets = [] } = await CancellationScope.nonCancellable(() => desk.tellNotices(input));
    bearTickets(tickets);
  } catch (error) {
    log.error('nobody could be told', { error: String(error) });
  }
}
