/** `ssmd connector`: captures one shard of one feed, in the foreground, until it is interrupted. */
import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import { invalidInput } from '../../schema/errors.ts';
import type { Fault } from '../../schema/errors.ts';
import type { CliContext } from '../command.ts';
import { ExitWith, GROUPS, parseEnvName } from '../command.ts';
import { feedFault } from '../flag-faults.ts';
import { ENV_HELP, resolveEnvironment, resolveLocation } from '../resolve-environment.ts';
import { refuseOtherOrigin, urlFault } from '../venue-origin.ts';

type ConnectorFlags = {
  readonly mode: string;
  readonly env?: string;
  readonly feed?: string;
  readonly shard?: string;
  readonly url?: string;
  readonly port: number;
  readonly describe?: boolean;
};

/** What `--mode` takes. */
const MODES = ['live', 'replay', 'reprocess'] as const;
const EXAMPLE = 'npx ssmd connector --mode live --feed kraken --shard tier1';

export function register(program: Command, context: CliContext): void {
  program
    .command('connector')
    .helpGroup(GROUPS.capture)
    .summary('capture one shard of a feed: to the log, the bus and the raw bucket')
    .description(
      'Connects to the venue, writes every frame to the local log before anything else, publishes ' +
        'its events to NATS and ships the log to the raw bucket, minute by minute. Runs until ' +
        'Ctrl-C. Venue, NATS and S3 may all be away: capture goes on with what there is. Its log ' +
        'goes to standard output, one JSON object a line. In the modes replay and reprocess a worker ' +
        'starts it and hands it its work on standard input: see their commands, npx ssmd --help.',
    )
    .option('--mode <mode>', `where frames come from; there is ${MODES.join(', ')}`, 'live')
    .option('--env <name>', ENV_HELP, parseEnvName)
    .option('--feed <feed>', 'which venue, such as kraken (needed)')
    .option('--shard <shard>', 'shard of the environment, such as tier1 (default: SHARD_ID)')
    .option('--url <url>', "base URL in place of the venue's own, ws:// or wss://")
    .option(
      '--port <port>',
      'status pages on loopback: /status, /metrics; 0 takes a free one',
      parsePort,
      0,
    )
    .option('--describe', 'with --mode reprocess: print what this build can rebuild, and end')
    .addHelpText('after', `\nExample:\n  ${EXAMPLE}`)
    .action((flags: ConnectorFlags) => runConnector(flags, context));
}

async function runConnector(flags: ConnectorFlags, context: CliContext): Promise<void> {
  if (flags.mode === 'reprocess') return runReprocess(flags, context);
  if (flags.mode === 'replay') return runReplay(context);
  const { env, output, interrupted, root } = context;
  const [{ FEEDS }, { startConnector }, { askMachine }, { foldConfig }] = await Promise.all([
    import('../../connectors/registry.ts'),
    import('../../workers/connector.ts'),
    import('../../connectors/runtime/clock-health.ts'),
    import('../../environments/env.ts'),
  ]);
  const { feed, shard } = checkedFlags(flags, [...FEEDS.keys()], env['SHARD_ID']);
  const wanted = FEEDS.get(feed);
  // Before anything is looked for or started: the shard must have symbols of the feed.
  if (wanted !== undefined) {
    const { environment } = await resolveEnvironment(flags.env, context, 'none');
    foldConfig(environment, { id: wanted.id, ...wanted.protocol }, shard);
    await refuseOtherOrigin(environment, wanted.id, flags.url);
  }
  const resolved = await resolveEnvironment(flags.env, context, 'capture');
  const running = await startConnector({
    ...resolved,
    location: await resolveLocation(resolved.environment, context),
    ask: askMachine(env),
    feed,
    shard,
    root,
    port: flags.port,
    ...(flags.url === undefined ? {} : { url: flags.url }),
  });
  if (running.status_url !== null) output.note(`status: ${running.status_url}/status`);
  interrupted.addEventListener('abort', () => void running.stop().catch(() => undefined));
  await running.stopped;
}

/** All it is told comes by standard input; all it says is a line of JSON, its failure among them. */
async function runReprocess(flags: ConnectorFlags, context: CliContext): Promise<void> {
  const { output, interrupted, root } = context;
  const { describeBuild, reprocessFor } = await import('../../workers/reprocessor.ts');
  if (flags.describe === true) {
    output.json({ event: 'build', build: describeBuild(root) });
    return;
  }
  const say = (message: Readonly<Record<string, unknown>>): void => output.json(message);
  if (!(await reprocessFor(process.stdin, root, interrupted, say))) throw new ExitWith(1);
}

/** The same of a replay. */
async function runReplay({ output, interrupted }: CliContext): Promise<void> {
  const [{ FEEDS }, { replayFrom }] = await Promise.all([
    import('../../connectors/registry.ts'),
    import('../../workers/replayer.ts'),
  ]);
  const done = await replayFrom(process.stdin, FEEDS, (word) => output.json(word), interrupted);
  if (!done) throw new ExitWith(1);
}

/** All faults of the command line at once. @throws SSMD_INVALID_INPUT */
function checkedFlags(
  flags: ConnectorFlags,
  feeds: readonly string[],
  shard_id: string | undefined,
): { readonly feed: string; readonly shard: string } {
  const faults: Fault[] = [];
  const shard = flags.shard ?? shard_id ?? '';
  if (!MODES.some((mode) => mode === flags.mode)) {
    faults.push({
      where: '--mode',
      what: `expected ${MODES.join(', ')}, received '${flags.mode}'`,
    });
  }
  const wrong = feedFault(flags.feed, feeds);
  if (wrong !== null) faults.push(wrong);
  if (shard === '') faults.push({ where: '--shard', what: 'give it, or set SHARD_ID' });
  const unusable = flags.url === undefined ? null : urlFault(flags.url);
  if (unusable !== null) faults.push(unusable);
  if (faults.length > 0) throw invalidInput('the command line', faults, EXAMPLE);
  return { feed: flags.feed ?? '', shard };
}

function parsePort(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port < 65_536) return port;
  throw new InvalidArgumentError(`expected a port from 0 to 65535, received '${text}'`);
}
