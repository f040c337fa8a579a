/**
 * Takes the runs that no workflow has the name of: without it they would stay open for ever, their
 * task failing again and again out of sight. A name may be known to a newer worker; then that run is
 * started once more when all workers are of one release.
 */
import { ApplicationFailure, workflowInfo } from '@temporalio/workflow';
import { JOB_TYPES } from '../schema/jobs.ts';
import { suggestion } from '../schema/near-miss.ts';

export async function unknownType(): Promise<never> {
  const { workflowType } = workflowInfo();
  const words = JOB_TYPES.map((type) => `"${type}"`).join(', ');
  const meant = suggestion(workflowType, JOB_TYPES);
  const near = meant.startsWith('did you mean') ? `; ${meant}` : '';
  const message = `there is no workflow type "${workflowType}": this worker has ${words}${near}`;
  return Promise.reject(
    ApplicationFailure.nonRetryable(message, 'SSMD_INVALID_INPUT', { known: JOB_TYPES }),
  );
}
