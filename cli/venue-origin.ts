/** Whether a venue's URL may be captured in an environment: real and simulated data never mix. */
import { invalidInput } from '../schema/errors.ts';
import type { Fault } from '../schema/errors.ts';
import type { Environment } from '../environments/env.ts';

/** The venue has this long to say what it is; one that is away is taken for what the file says. */
const ASK_MS_MAX = 1_000;

/**
 * What is captured bears the environment's origin: a simulated venue's data must not come to stand as
 * live, nor the reverse. @throws SSMD_INVALID_INPUT
 */
export async function refuseOtherOrigin(
  { name, spec }: Environment,
  feed: string,
  given: string | undefined,
): Promise<void> {
  const url = given ?? spec.feeds[feed]?.url;
  const fault = (what: string, hint: string): Error =>
    invalidInput('the command line', [{ where: '--url', what, hint }]);
  if (spec.origin === 'simulator' && url === undefined) {
    const what = `is needed: environment ${name} is of simulated venues, and this would be the real one`;
    throw fault(
      what,
      `npx ssmd simulate serve --feed ${feed} --env ${name} serves one and says its URL`,
    );
  }
  if (spec.origin === 'live' && url !== undefined && (await isSimulator(url))) {
    const what = `a simulated venue is there, and environment ${name} holds live data`;
    throw fault(
      what,
      'capture it in an environment with spec.origin: simulator, such as --env demo',
    );
  }
}

async function isSimulator(url: string): Promise<boolean> {
  const { SIMULATOR_HEADER } = await import('../connectors/simulator/server.ts');
  try {
    const signal = AbortSignal.timeout(ASK_MS_MAX);
    const response = await fetch(url.replace(/^ws/, 'http'), { signal, redirect: 'manual' });
    await response.body?.cancel();
    return response.headers.has(SIMULATOR_HEADER);
  } catch {
    return false;
  }
}

/** What is wrong with a `--url`; null where nothing is. */
export function urlFault(url: string): Fault | null {
  // It would stand in the log and on the status page. It is not repeated here.
  if (/^wss?:\/\/[^/]*@/.test(url)) {
    return { where: '--url', what: 'must not hold a user name or a password' };
  }
  if (/^wss?:\/\/\S+$/.test(url)) return null;
  return { where: '--url', what: `expected ws:// or wss://, received '${url}'` };
}
