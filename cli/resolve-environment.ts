/**
 * From `--env NAME` (left out: the environment that is up, else `dev`) to the environment and where its
 * servers are: the file, the running stack, variables. The only place of the command line that does.
 */
import type { Endpoints } from '../environments/endpoints.ts';
import type { Environment } from '../environments/env.ts';
import type { CliContext } from './command.ts';

export const ENV_HELP = 'environment (default: SSMD_ENV, else the one that is up, else dev)';

/** Servers a command talks to; the others may be missing. */
export type Needs = 'all' | 'capture' | 'temporal' | 'stores' | 'bus' | 'none';

/** Reads the file whole. @throws SSMD_NOT_FOUND, SSMD_INVALID_CONFIG, SSMD_UNAVAILABLE */
export async function resolveEnvironment(
  named: string | undefined,
  { root, env }: Pick<CliContext, 'root' | 'env'>,
  needs: Needs,
): Promise<{ readonly environment: Environment; readonly endpoints: Endpoints }> {
  const [
    { loadEnvironment },
    { listEnvironments },
    { endpointsOf, stackVariables },
    { knownFeeds },
    { FEEDS },
    { findRunningStack, readStackState },
  ] = await Promise.all([
    import('../environments/env.ts'),
    import('../environments/files.ts'),
    import('../environments/endpoints.ts'),
    import('../environments/known-feeds.ts'),
    import('../connectors/registry.ts'),
    import('../stack/state.ts'),
  ]);
  const wanted = named ?? (env['SSMD_ENV'] || undefined);
  const chosen = wanted ?? (await findRunningStack(root, {}, listEnvironments()))?.name ?? 'dev';
  const environment = loadEnvironment(chosen, knownFeeds(FEEDS));
  const stack = await readStackState(environment.name, root);
  const variables = {
    ...NOT_NEEDED[needs],
    ...env,
    ...(stack === null ? {} : stackVariables(stack)),
  };
  return { environment, endpoints: endpointsOf(environment, variables) };
}

const UNUSED = 'not-needed';
const WITHOUT_TEMPORAL = { TEMPORAL_ADDRESS: UNUSED };
const WITHOUT_STORES = {
  SSMD_S3_ENDPOINT: UNUSED,
  AWS_ACCESS_KEY_ID: UNUSED,
  AWS_SECRET_ACCESS_KEY: UNUSED,
};
const WITHOUT_BUS = { SSMD_NATS_URL: UNUSED };
const NOT_NEEDED: { readonly [N in Needs]: Readonly<Record<string, string>> } = {
  all: {},
  capture: WITHOUT_TEMPORAL,
  temporal: { ...WITHOUT_BUS, ...WITHOUT_STORES },
  stores: { ...WITHOUT_BUS, ...WITHOUT_TEMPORAL },
  bus: { ...WITHOUT_STORES, ...WITHOUT_TEMPORAL },
  none: { ...WITHOUT_BUS, ...WITHOUT_STORES, ...WITHOUT_TEMPORAL },
};
