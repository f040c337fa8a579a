/** `ssmd worker`: runs the jobs of an environment, in the foreground, until it is interrupted. */
import type { Command } from 'commander';
import { JOB_TYPES } from '../../schema/jobs.ts';
import type { CliContext } from '../command.ts';
import { GROUPS, parseEnvName } from '../command.ts';
import { ENV_HELP, resolveEnvironment } from '../resolve-environment.ts';

export function register(program: Command, context: CliContext): void {
  program
    .command('worker')
    .helpGroup(GROUPS.jobs)
    .summary('run the jobs of an environment')
    .description(
      'Polls the task queue "ssmd" of the environment\'s Temporal server and runs its jobs: ' +
        `${JOB_TYPES.join(', ')}. Runs ` +
        'until Ctrl-C; what is in work then has ten seconds to finish. Its log goes to standard ' +
        'output, one JSON object a line.',
    )
    .option('--env <name>', ENV_HELP, parseEnvName)
    .action((flags: { readonly env?: string }) => runWorker(flags.env, context));
}

async function runWorker(name: string | undefined, context: CliContext): Promise<void> {
  const { interrupted, output, root } = context;
  const { environment, endpoints } = await resolveEnvironment(name, context, 'all');
  const { startWorker } = await import('../../workers/worker.ts');
  const running = await startWorker({ environment, endpoints, root });
  const { ui_url, address } = endpoints.temporal;
  output.note(
    `worker of ${environment.name} polls "ssmd" at ${address}${ui_url === null ? '' : `, ${ui_url}`}`,
  );
  interrupted.addEventListener('abort', () => void running.stop().catch(() => undefined));
  if (interrupted.aborted) await running.stop();
  await running.stopped;
}
