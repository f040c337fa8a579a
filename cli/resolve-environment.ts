/**
 * From `--env NAME` (left out: the environment that is up, else `dev`) to the environment and where its
 * servers are: the file, variables, the running stack.
 */
import type { Endpoints } from '../environments/endpoints.ts';
import type { Environment } from '../environments/env.ts';
import type { CliContext } from './command.ts';

export const ENV_HELP = 'environment (default: the one that is up, else dev)';

/** Needs of a command that talks to one server alone; the rest may be missing. */
export type Needs = 'all' | 'capture' | 'temporal' | 'stores' | 'none';

export async function resolveEnvironment(
  named: string | undefined,
  { root, env }: Pick<CliContext, 'root' | 'env'>,
  needs: Needs,
): Promise<{ readonly environment: Environment; readonly endpoints: Endpoints }> {
  const [
    { loadEnvironment },
    { endpointsOf, stackVariables },
    { knownFeeds },
    { FEEDS },
    { findRunningStack, readStackState },
  ] = await Promise.all([
    import('../environments/env.ts'),
    import('../environments/endpoints.ts'),
    import('../environments/known-feeds.ts'),
    import('../connectors/registry.ts'),
    import('../stack/state.ts'),
  ]);
  const name = named ?? (await findRunningStack(root, env))?.name ?? 'dev';
  const environment = loadEnvironment(name, knownFeeds(FEEDS));
  const stack = await readStackState(name, root);
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
  none: { ...WITHOUT_BUS, ...WITHOUT_STORES, ...WITHOUT_TEMPORAL },
};
