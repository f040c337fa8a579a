/** A failure as the server keeps it, in words: outermost first, without what says nothing. */
import type { History } from '@temporalio/common/lib/proto-utils.js';

export type HistoryEvent = NonNullable<History['events']>[number];
export type Failure = NonNullable<
  NonNullable<HistoryEvent['workflowExecutionFailedEventAttributes']>['failure']
>;

const CAUSES_MAX = 8;

/** Empty only where nobody said anything at all. */
export function failureChain(failure: Failure): readonly string[] {
  const words: string[] = [];
  let it: Failure | null | undefined = failure;
  for (let depth = 0; it != null && depth < CAUSES_MAX; depth++) {
    const said = wordsOf(it);
    if (said !== '' && words.at(-1) !== said) words.push(said);
    it = it.cause;
  }
  return words.length === 0 ? ['no reason given'] : words;
}

function wordsOf(it: Failure): string {
  const { message } = it;
  if (it.activityFailureInfo != null) return '';
  if (it.childWorkflowExecutionFailureInfo != null) {
    const id = it.childWorkflowExecutionFailureInfo.workflowExecution?.workflowId;
    return `run ${id} failed`;
  }
  if (it.timeoutFailureInfo != null) {
    return TIMEOUTS[Number(it.timeoutFailureInfo.timeoutType)] ?? 'out of time';
  }
  if (it.canceledFailureInfo != null) return 'cancelled';
  if (it.terminatedFailureInfo != null) return 'terminated';
  const type = it.applicationFailureInfo?.type;
  return type?.startsWith('SSMD_') === true ? `[${type}] ${message}` : (message ?? '');
}

/** `temporal.api.enums.v1.TimeoutType`. */
const TIMEOUTS: Readonly<Record<number, string>> = {
  1: 'an attempt took longer than it may',
  2: 'no worker took it in time',
  3: 'all its attempts together took longer than they may',
  4: 'the worker that had it fell silent (killed, or too busy to say that it lives)',
};
