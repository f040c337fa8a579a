/** A client of the Temporal server of an environment, for one command. */
import { hostname, userInfo } from 'node:os';
import type { Client } from '@temporalio/client';
import { SsmdError } from '../schema/errors.ts';
import type { CliContext } from './command.ts';
import { resolveEnvironment } from './resolve-environment.ts';
import { isRefused } from './server-watch.ts';
import { connectTemporal } from './temporal-connection.ts';

/** `name`: what `--env` says. @throws SSMD_UNAVAILABLE where no server answers */
export async function withClient<T>(
  name: string | undefined,
  context: CliContext,
  use: (client: Client) => Promise<T>,
): Promise<T> {
  const { environment, endpoints } = await resolveEnvironment(name, context, 'temporal');
  const { address, namespace } = endpoints.temporal;
  const nobody = (cause?: unknown): SsmdError => {
    const message = `no Temporal server at ${address}; start one with: npx ssmd up --env ${environment.name}`;
    return new SsmdError('SSMD_UNAVAILABLE', message, { facts: { address }, cause });
  };
  // The client would try again until its time is over.
  if (await isRefused(address)) throw nobody();
  const { Client } = await import('@temporalio/client');
  const opened = connectTemporal({ address, connectTimeout: '5 seconds' });
  await using temporal = await opened.catch((cause: unknown) => {
    throw nobody(cause);
  });
  const { connection } = temporal;
  return await use(new Client({ connection, namespace, identity: userName() }));
}

/** Who types, as a run's history remembers it. */
export function userName(): string {
  try {
    return `${userInfo().username}@${hostname()}`;
  } catch {
    // A user id without an entry, as containers have them.
    return `user@${hostname()}`;
  }
}
