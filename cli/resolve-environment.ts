/**
 * Which environment a command means, by one rule for all: `--env`, then `SSMD_ENV`, then the one that is
 * up, else `dev`; where several are up it has to be named. Then where its servers are: the file, the
 * running stack, variables. The only place of the command line that does.
 */
import type { Endpoints } from '../environments/endpoints.ts';
import type { Environment } from '../environments/env.ts';
import type { Locations } from '../environments/locations.ts';
import type { Location } from '../schema/clock.ts';
import { invalidInput } from '../schema/errors.ts';
import { findRunningStacks, readStackState } from '../stack/state.ts';
import type { CliContext } from './command.ts';

export const ENV_HELP = 'environment (default: SSMD_ENV, else the one that is up, else dev)';

/** Servers a command talks to; the others may be missing. */
export type Needs = 'all' | 'capture' | 'temporal' | 'stores' | 'bus' | 'none';

type Where = Pick<CliContext, 'root' | 'env' | 'output'>;

/**
 * The environment meant, as `--env` would name it; told on standard error where nobody named it.
 * @throws SSMD_INVALID_INPUT where several are up and none is named
 */
export async function chooseEnvironment(named: string | undefined, where: Where): Promise<string> {
  const given = named ?? where.env['SSMD_ENV'];
  if (given) return given;
  const before = chosen.get(where);
  if (before !== undefined) return before;
  const up = await findRunningStacks(where.root);
  if (up.length > 1) throw ambiguous(up.map(({ name }) => name));
  const [only] = up;
  where.output.note(
    only === undefined
      ? 'environment dev, as none is up (--env NAME picks another)'
      : `environment ${only.name}, the one that is up (--env NAME picks another)`,
  );
  const picked = only?.file ?? only?.name ?? 'dev';
  chosen.set(where, picked);
  return picked;
}

/** Of each command line: asked twice, it is told once, and stays what it was. */
const chosen = new WeakMap<Where, string>();

/** The environment of a command that does not ask what is up: `--env`, then `SSMD_ENV`, else `usual`. */
export function namedEnvironment(named: string | undefined, usual: string, where: Where): string {
  const given = named ?? where.env['SSMD_ENV'];
  if (given) return given;
  where.output.note(`environment ${usual} (--env NAME picks another)`);
  return usual;
}

function ambiguous(names: readonly string[]): Error {
  const [first] = names;
  const what = `is needed, for ${names.length} environments are up: ${names.join(', ')}`;
  return invalidInput('the command line', [{ where: '--env', what }], `--env ${first}`);
}

/** Reads the file whole. @throws SSMD_NOT_FOUND, SSMD_INVALID_CONFIG, SSMD_UNAVAILABLE */
export async function resolveEnvironment(
  named: string | undefined,
  where: Where,
  needs: Needs,
): Promise<{ readonly environment: Environment; readonly endpoints: Endpoints }> {
  const [{ loadEnvironment }, { endpointsOf, stackVariables }, { knownFeeds }, { FEEDS }] =
    await Promise.all([
      import('../environments/env.ts'),
      import('../environments/endpoints.ts'),
      import('../environments/known-feeds.ts'),
      import('../connectors/registry.ts'),
    ]);
  const environment = loadEnvironment(await chooseEnvironment(named, where), knownFeeds(FEEDS));
  const stack = await readStackState(environment.name, where.root);
  const variables = {
    ...NOT_NEEDED[needs],
    ...where.env,
    ...(stack === null ? {} : stackVariables(stack)),
  };
  return { environment, endpoints: endpointsOf(environment, variables) };
}

/**
 * Where this host is, by the registry of locations.
 * @throws SSMD_INVALID_CONFIG for a faulty registry, and for a location it does not have
 */
export async function resolveLocation(environment: Environment, where: Where): Promise<Location> {
  const { locationOf } = await import('../environments/locations.ts');
  return locationOf(environment, await resolveLocations(where), where.env);
}

/** The registry of locations. @throws SSMD_INVALID_CONFIG */
export async function resolveLocations(where: Where): Promise<Locations> {
  const [{ loadLocations }, { FEEDS }] = await Promise.all([
    import('../environments/locations.ts'),
    import('../connectors/registry.ts'),
  ]);
  return loadLocations(where.root, [...FEEDS.keys()]);
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
