/** The first step of every job: what was typed is judged whole, before anything is done. */
import { ApplicationFailure } from '@temporalio/workflow';
import type { Admitted } from '../../activities/admission.ts';
import type { JobInputs, JobType } from '../../schema/jobs.ts';
import { quick } from '../proxies.ts';
import { knowAttributes } from './attributes.ts';
import { nominalMs } from './nominal.ts';
import { bearTickets } from './ticket.ts';

/**
 * What the job may do, with its input as it may be relied on. Fails the run at once, never to be
 * retried, with every fault of the input and a valid example.
 */
export async function admit<T extends JobType>(
  type: T,
  input: JobInputs[T],
): Promise<Admitted & { readonly wanted: JobInputs[T] }> {
  const nominal_ms = nominalMs();
  const scheduled = nominal_ms === null ? {} : { nominal_ms };
  const admission = await quick.admitJob({ type, input, ...scheduled });
  if (admission.refusal !== null) {
    const { code, message, facts } = admission.refusal;
    throw ApplicationFailure.nonRetryable(message, code, facts);
  }
  knowAttributes(admission.search_attributes);
  bearTickets(admission.tickets ?? []);
  // Nothing at all is an empty object where every field may be left out.
  return { ...admission, wanted: input ?? {} };
}
