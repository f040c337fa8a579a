/** A connector that a worker runs to its end: what it says comes out as lines of JSON. */
import { createInterface } from 'node:readline';
import { SsmdError } from '../schema/errors.ts';
import type { ErrorCode } from '../schema/errors.ts';
import { startChild } from './child-process.ts';

export type ChildRun = {
  /** The program and the arguments that come before `args`. */
  readonly command: readonly string[];
  readonly args: readonly string[];
  readonly root: string;
  /** One JSON value on its standard input. */
  readonly input: unknown;
  readonly signal: AbortSignal;
  /** Each line of its standard output that is a JSON object. */
  readonly onMessage: (message: Readonly<Record<string, unknown>>) => void;
};

/**
 * Runs it to its end. Rejects with the error it told (`{"event":"error"}`), with SSMD_UNAVAILABLE
 * (retryable) where it died without a word, with an abort error where `signal` ended it.
 */
export async function runConnectorChild(run: ChildRun): Promise<void> {
  const { command, args, root, input, signal } = run;
  signal.throwIfAborted();
  const child = await startChild([...command, ...args], root, input);
  let told: SsmdError | null = null;
  createInterface({ input: child.stdout }).on('line', (line) => {
    const message = parsedObject(line);
    if (message === null) return;
    if (message['event'] === 'error') told = errorIn(message);
    else run.onMessage(message);
  });
  signal.addEventListener('abort', child.stop, { once: true });
  if (signal.aborted) child.stop();
  const { code, killed } = await child.ended;
  signal.removeEventListener('abort', child.stop);
  signal.throwIfAborted();
  if (told !== null) throw told as SsmdError;
  if (code === 0) return;
  const how = killed === null ? `exit code ${String(code)}` : killed;
  const what = `the connector ended: ${how}\n${child.complaint()}`.trimEnd();
  throw new SsmdError('SSMD_UNAVAILABLE', what, {
    retryable: true,
    facts: { program: command[0], code, killed },
  });
}

function parsedObject(line: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

/** The child's own error, as it was: code, words, facts and whether trying again can help. */
function errorIn(message: Readonly<Record<string, unknown>>): SsmdError {
  const { code, text, retryable, facts } = message as {
    readonly code?: ErrorCode;
    readonly text?: string;
    readonly retryable?: boolean;
    readonly facts?: Readonly<Record<string, unknown>>;
  };
  return new SsmdError(code ?? 'SSMD_UNAVAILABLE', text ?? 'the connector failed', {
    retryable: retryable === true,
    facts: facts ?? {},
  });
}
