/** What is tried again: what passes by itself, and nothing that the code itself got wrong. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  ClosedConnectionError,
  NoRespondersError,
  RequestError,
  TimeoutError,
} from '@nats-io/nats-core';
import { ApplicationFailure } from '@temporalio/common';
import { z } from 'zod';
import { toFailure } from '../../activities/errors.ts';
import { SsmdError, invariant } from '../../schema/errors.ts';

function failureOf(throwing: () => unknown): ApplicationFailure {
  try {
    throwing();
  } catch (error) {
    const failure = toFailure(error);
    assert.ok(failure instanceof ApplicationFailure, String(failure));
    return failure;
  }
  assert.fail('nothing was thrown');
}

const raise = (error: unknown) => () => {
  throw error;
};

test('mistakes of the code are told once and not repeated', () => {
  const nothing = JSON.parse('null') as { deeper: { x: number } };
  const bugs: readonly (readonly [string, () => unknown])[] = [
    ['TypeError', () => nothing.deeper.x],
    ['RangeError', () => new Array(-1)],
    ['SyntaxError', () => BigInt('1.5')],
    ['TypeError', () => Buffer.from(JSON.parse('7') as string)],
    ['ZodError', () => z.object({ a: z.string() }).parse({ a: 1 })],
    ['Error', () => invariant(false, 'it holds')],
    ['Error', raise('a text')],
  ];
  for (const [type, bug] of bugs) {
    const failure = failureOf(bug);
    assert.equal(failure.nonRetryable, true, failure.message);
    assert.equal(failure.type, type);
  }
  assert.ok(failureOf(() => nothing.deeper.x).cause instanceof TypeError);
});

test('a server that is away is asked again', () => {
  const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
  for (const error of [
    refused,
    Object.assign(new Error('reset'), { code: 'ECONNRESET' }),
    new TypeError('fetch failed', { cause: refused }),
    Object.assign(new Error('slow down'), { $metadata: { httpStatusCode: 503 } }),
    new DOMException('aborted', 'AbortError'),
    new TimeoutError(),
    new NoRespondersError('$JS.API.INFO'),
    new RequestError('no answer'),
    new ClosedConnectionError(),
    new Error('while reading', {
      cause: new SsmdError('SSMD_UNAVAILABLE', 'away', { retryable: true }),
    }),
  ]) {
    assert.equal(failureOf(raise(error)).nonRetryable, false, error.name);
  }
});

test('our own errors say themselves whether to try again, with their code and facts', () => {
  const away = new SsmdError('SSMD_UNAVAILABLE', 'away', { retryable: true, facts: { a: 1 } });
  const failure = failureOf(raise(away));
  assert.deepEqual(
    [failure.type, failure.nonRetryable, failure.details],
    ['SSMD_UNAVAILABLE', false, [{ a: 1 }]],
  );
  assert.equal(failureOf(raise(new SsmdError('SSMD_CORRUPT', 'no'))).nonRetryable, true);
});
