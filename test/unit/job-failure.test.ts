/** What a followed job failed with is told by its innermost cause, in one way for all jobs. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  ActivityFailure,
  ApplicationFailure,
  CancelledFailure,
  WorkflowFailedError,
} from '@temporalio/client';
import { failureOf } from '../../cli/job-failure.ts';
import { SsmdError } from '../../schema/errors.ts';

const ID = 'export/kraken/1';

function failed(cause: Error): WorkflowFailedError {
  return new WorkflowFailedError('it failed', cause, 'NON_RETRYABLE_FAILURE');
}

function inActivity(cause: Error): Error {
  return new ActivityFailure('it failed', 'x', '1', 'NON_RETRYABLE_FAILURE', 'w', cause);
}

test('an error of ours comes back as it was thrown, with the run it is of', () => {
  const ours = ApplicationFailure.create({
    ...{ message: 'no such day', type: 'SSMD_NOT_FOUND', details: [{ day: '2026-11-20' }] },
    cause: new Error('deeper'),
  });
  const error = failureOf(failed(inActivity(ours)), ID);
  assert.ok(error instanceof SsmdError);
  assert.deepEqual([error.code, error.message], ['SSMD_NOT_FOUND', 'no such day']);
  assert.deepEqual(error.facts, { day: '2026-11-20', id: ID });
});

test('a run that was cancelled is no failure of anything', () => {
  const error = failureOf(failed(inActivity(new CancelledFailure('cancelled'))), ID);
  assert.ok(error instanceof SsmdError);
  assert.deepEqual([error.code, error.message], ['SSMD_INTERRUPTED', `${ID} was cancelled`]);
});

test('what is no error of ours stays what it is', () => {
  const bug = new TypeError('x is not a function');
  assert.equal(failureOf(failed(inActivity(bug)), ID), bug);
  assert.equal(failureOf(bug, ID), bug);
});
