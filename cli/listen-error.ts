/** A port that cannot be listened on, in words: who has it, and what to do. */
import { SsmdError } from '../schema/errors.ts';

/** An error of `listen` as SSMD_UNAVAILABLE; any other as it is. */
export async function explainListenError(error: unknown): Promise<unknown> {
  if (!isListenError(error)) return error;
  const { code = 'unknown', port, address } = error;
  const facts = { code, port, address };
  const at = `port ${port} of ${address}`;
  if (code === 'EADDRINUSE') {
    const { portOwner } = await import('../stack/processes.ts');
    const owner = await portOwner(port);
    const by = owner === null ? 'another process' : `${owner.name} (process ${owner.pid})`;
    const message = `${at} is taken by ${by}; choose another with --port (0 takes a free one)`;
    return new SsmdError('SSMD_UNAVAILABLE', message, { facts: { ...facts, owner }, cause: error });
  }
  const why = code === 'EACCES' ? 'is not ours to take (ports below 1024 belong to root)' : code;
  const message = `${at} cannot be listened on: ${why}; choose another with --port`;
  return new SsmdError('SSMD_UNAVAILABLE', message, { facts, cause: error });
}

type ListenError = NodeJS.ErrnoException & { readonly port: number; readonly address: string };

function isListenError(error: unknown): error is ListenError {
  return (
    error instanceof Error &&
    'syscall' in error &&
    error.syscall === 'listen' &&
    'port' in error &&
    typeof error.port === 'number'
  );
}
