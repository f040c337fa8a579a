/** `ssmd worker`: runs the jobs of an environment, in the foreground, until it is interrupted. */
import { InvalidArgumentError } from 'commander';
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
    .option(
      '--port <port>',
      'status pages on loopback: /status, /metrics; 0 takes a free one',
      parsePort,
      0,
    )
    .option(
      '--metrics-port <port>',
      "Temporal's own metrics of it, on loopback; another if it is taken",
      parsePort,
      METRICS_PORT,
    )
    .action((flags: WorkerFlags) => runWorker(flags, context));
}

type WorkerFlags = { readonly env?: string; readonly port: number; readonly metricsPort: number };

const METRICS_PORT = 9464;
/** Its own client tries again for ever, and says nothing of it for half a minute. */
const SERVER = {
  away: 'Temporal is away: jobs wait until it is back; it is tried again all the time',
  back: 'Temporal is back: jobs go on',
} as const;

function parsePort(text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  throw new InvalidArgumentError(`expected 0 to 65535, received '${text}'`);
}

async function runWorker(flags: WorkerFlags, context: CliContext): Promise<void> {
  const { interrupted, output, root, env } = context;
  const { loadAlerts, notifySettings } = await import('../../environments/alerts-file.ts');
  const notify = notifySettings(loadAlerts(root), env);
  const { environment, endpoints } = await resolveEnvironment(flags.env, context, 'all');
  const [{ startWorker }, { choosePort, freePort }, { watchServer }] = await Promise.all([
    import('../../workers/worker.ts'),
    import('../../stack/ports.ts'),
    import('../server-watch.ts'),
  ]);
  const { port } = flags;
  const wanted = flags.metricsPort === 0 ? await freePort() : flags.metricsPort;
  const { port: metrics_port, note } = await choosePort(wanted);
  if (note !== null) output.note(`metrics: ${note}`);
  const running = await startWorker({ environment, endpoints, root, notify, port, metrics_port });
  const { ui_url, address } = endpoints.temporal;
  output.note(
    `worker of ${environment.name} polls "ssmd" at ${address}${ui_url === null ? '' : `, ${ui_url}`}`,
  );
  if (running.status_url !== null) output.note(`status: ${running.status_url}/status`);
  output.note(`Temporal's metrics of it: http://127.0.0.1:${metrics_port}/metrics`);
  interrupted.addEventListener('abort', () => void running.stop().catch(() => undefined));
  if (interrupted.aborted) await running.stop();
  const say = (word: 'away' | 'back'): void => output.note(SERVER[word]);
  void watchServer({ address, say }, interrupted);
  await running.stopped;
}
