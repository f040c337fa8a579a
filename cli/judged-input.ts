/** A job's input judged before anything is started: by the same judge as the job's own first step. */
import { admit } from '../activities/admission.ts';
import type { Admitted, Known } from '../activities/admission.ts';
import { SsmdError, invalidInput } from '../schema/errors.ts';
import type { Fault } from '../schema/errors.ts';
import type { JobType } from '../schema/jobs.ts';
import { nsFromMs } from '../schema/time.ts';
import type { CliContext } from './command.ts';
import { resolveEnvironment } from './resolve-environment.ts';

/** What jobs of an environment can be about. */
export async function knownIn(name: string | undefined, context: CliContext): Promise<Known> {
  const { environment } = await resolveEnvironment(name, context, 'none');
  const { feedsOf, shardsOf } = await import('../environments/env.ts');
  const feeds = feedsOf(environment);
  const shards = feeds.flatMap((feed) =>
    shardsOf(environment, feed).map((shard) => ({ feed, shard })),
  );
  return { feeds, shards, now: nsFromMs(Date.now()) };
}

/**
 * What the job may do with this input. `flagOf` says how its fields are typed here, `example` is a whole
 * command.
 * @throws SSMD_INVALID_INPUT with every fault at once, SSMD_DAY_NOT_OVER
 */
export async function judged(
  of: { readonly type: JobType; readonly input: unknown },
  name: string | undefined,
  context: CliContext,
  shown: { readonly flagOf: Readonly<Record<string, string>>; readonly example: string },
): Promise<Admitted> {
  const admission = admit(await knownIn(name, context), of);
  if (admission.refusal === null) return admission;
  const { code, message, facts } = admission.refusal;
  const faults = facts['faults'] as readonly Fault[] | undefined;
  if (faults === undefined) throw new SsmdError(code, message, { facts });
  const here = faults.map((it) => ({ ...it, where: shown.flagOf[it.where] ?? it.where }));
  throw invalidInput('the command line', here, shown.example);
}
