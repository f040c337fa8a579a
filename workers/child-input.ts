/** The other end of `child-process.ts`: a connector that is driven by a worker. */
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { SsmdError } from '../schema/errors.ts';

export type DrivenBy = {
  /** What the worker asks for. */
  readonly input: unknown;
  /** Aborts when the worker closes the input: it is gone, or wants no more. */
  readonly gone: AbortSignal;
};

/**
 * Reads the one line a worker writes; `job` is the command that starts such a job.
 * @throws SSMD_INVALID_INPUT where there is none
 */
export async function readTask(stdin: Readable, job: string): Promise<DrivenBy> {
  const gone = new AbortController();
  const lines = createInterface({ input: stdin });
  const first = Promise.withResolvers<string | null>();
  lines.once('line', first.resolve);
  // At once: it may close with the line.
  lines.once('close', () => {
    first.resolve(null);
    gone.abort();
  });
  const line = await first.promise;
  try {
    if (line !== null) return { input: JSON.parse(line) as unknown, gone: gone.signal };
  } catch {
    // Told below.
  }
  throw new SsmdError(
    'SSMD_INVALID_INPUT',
    'this mode is driven by a worker, which writes one line of JSON to its standard input; ' +
      `start the job instead, such as: ${job}`,
  );
}

/** The error as the worker will throw it. */
export function errorMessage(error: unknown): Readonly<Record<string, unknown>> {
  const known = error instanceof SsmdError ? error : null;
  return {
    event: 'error',
    code: known?.code ?? 'SSMD_UNAVAILABLE',
    text: error instanceof Error ? error.message : String(error),
    retryable: known?.retryable ?? false,
    facts: known?.facts ?? {},
  };
}
