/**
 * Follows a run of a job to its end: shows how far it is, says what it waits for where nobody can tell,
 * and leaves at Ctrl-C, while the job goes on.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Client, WorkflowHandle } from '@temporalio/client';
import { SsmdError } from '../schema/errors.ts';
import type { CliContext } from './command.ts';
import { failureOf } from './job-failure.ts';
import { lookAtRun } from './job-runs.ts';
import { sameEnv } from './same-env.ts';
import { shellWord } from './shell-word.ts';

const LOOK_MS = 500;
/** A run that says nothing for so long is asked why. */
const SILENCE_MS = 3_000;
/** A query waits for a worker, a client for its server: not for so long here. */
const ANSWER_MS = 2_000;
const NO_ANSWER = 'Temporal does not answer; it is asked again, and the job goes on when it does';

export type Following<R> = {
  readonly client: Client;
  readonly handle: WorkflowHandle;
  /** What it is called where it failed; left out, the workflow's id. */
  readonly name?: string;
  /** Shows where it is; false where it does not say. What it throws is silence as well. */
  readonly show: () => Promise<boolean>;
  /** What is typed to go on from here, said at Ctrl-C; left out: of any job. */
  readonly left?: string;
  /** What else ends it, of what `show` has seen. */
  readonly or?: Promise<R>;
};

/** @throws what the job failed with; SSMD_INTERRUPTED at Ctrl-C: the job goes on */
export async function follow<R>(of: Following<R>, context: CliContext): Promise<R> {
  const { handle, or } = of;
  const { interrupted } = context;
  const name = of.name ?? handle.workflowId;
  const over = new AbortController();
  const leaves = Promise.withResolvers<never>();
  const leave = (): void => leaves.reject(left(name, of.left, sameEnv(context)));
  if (interrupted.aborted) leave();
  else interrupted.addEventListener('abort', leave, { once: true });
  // The server holds this question for twenty seconds: given up here, the connection can be closed.
  const result = of.client.withAbortSignal(over.signal, () => handle.result() as Promise<R>);
  const ends = [result, leaves.promise, ...(or === undefined ? [] : [or])];
  const shown = showUntil(over.signal, of, context);
  try {
    return await Promise.race(ends);
  } catch (error) {
    throw failureOf(error, name);
  } finally {
    over.abort();
    interrupted.removeEventListener('abort', leave);
    // Not waited for any more, where it was left.
    for (const end of ends) end.catch(() => undefined);
    await shown;
  }
}

function left(id: string, words: string | undefined, env: string): SsmdError {
  const next =
    words ??
    `the job goes on. Look at it: npx ssmd job status ${shellWord(id)}${env}; ` +
      `end it: npx ssmd job cancel ${shellWord(id)}${env}`;
  return new SsmdError('SSMD_INTERRUPTED', `not followed any more; ${next}`, { facts: { id } });
}

async function showUntil<R>(
  over: AbortSignal,
  { client, handle, show }: Following<R>,
  { output }: CliContext,
): Promise<void> {
  /**
   * What a server or a worker may not answer: null then, and once it is over. The client tries again by
   * itself where a server is gone, and between attempts it does not hear that it is called off.
   */
  const within = async <T>(ask: () => Promise<T>): Promise<T | null> => {
    const signal = AbortSignal.any([over, AbortSignal.timeout(ANSWER_MS)]);
    const late = Promise.withResolvers<null>();
    const give_up = (): void => late.resolve(null);
    if (signal.aborted) return null;
    signal.addEventListener('abort', give_up, { once: true });
    const asked = client.withAbortSignal(signal, ask).catch(() => null);
    try {
      return await Promise.race([asked, late.promise]);
    } finally {
      signal.removeEventListener('abort', give_up);
    }
  };
  let heard = performance.now();
  let said = '';
  const say = (words: string): void => {
    if (words !== said && !over.aborted) output.note((said = words));
  };
  while (!over.aborted) {
    if ((await within(show)) === true) {
      heard = performance.now();
      if (said === NO_ANSWER) say('Temporal answers again');
    } else if (performance.now() - heard > SILENCE_MS) {
      heard = performance.now();
      const found = await within(() => lookAtRun(client, handle.workflowId));
      if (found === null) say(NO_ANSWER);
      else if (found.stuck !== null) say(`it waits: ${found.stuck}`);
    }
    await delay(LOOK_MS, undefined, { signal: over }).catch(() => undefined);
  }
}
