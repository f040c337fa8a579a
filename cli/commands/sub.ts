/** `ssmd sub`: shows live events as they come over the bus. */
import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import type { Bus } from '../../bus/bus.ts';
import { decodeEvents } from '../../codec/md2.ts';
import { SsmdError, invalidInput } from '../../schema/errors.ts';
import { findRunningStack, readStackState } from '../../stack/state.ts';
import type { CliContext } from '../command.ts';
import { GROUPS, parseEnvName } from '../command.ts';
import { eventJson, eventLine } from '../event-text.ts';

type SubFlags = { readonly env?: string; readonly json?: boolean; readonly count?: number };

const EXAMPLE = "npx ssmd sub 'md.kraken.trade.>'";
/** `md.{feed}.{type}.{symbol}`, `internal.{shard}....` or `dlq.{feed}`, with `*` and a final `>`. */
const SUBJECT = /^(md|internal|dlq)(\.([A-Za-z0-9_-]+|\*))*(\.>)?$/;
/** So long without an event, and a hint is due. */
const QUIET_MS = 5_000;

export function register(program: Command, context: CliContext): void {
  program
    .command('sub')
    .helpGroup(GROUPS.data)
    .summary('show live events, as clients of the bus receive them')
    .description(
      'Subscribes to subjects md.{feed}.{type}.{symbol} and prints one event a line until Ctrl-C. ' +
        '* stands for one part, > at the end for all that follow.',
    )
    .argument('[subject]', 'what to listen to', 'md.>')
    .option('--env <name>', 'environment (default: the one that is up, else dev)', parseEnvName)
    .option('--json', 'one JSON object a line')
    .option('--count <n>', 'end after so many events', parseCount)
    .addHelpText('after', `\nExamples:\n  ${EXAMPLE}\n  npx ssmd sub 'md.*.*.BTCUSD' --count 10`)
    .action((subject: string, flags: SubFlags) => runSub(subject, flags, context));
}

async function runSub(subject: string, flags: SubFlags, context: CliContext): Promise<void> {
  if (!SUBJECT.test(subject)) {
    const what = `expected md.{feed}.{type}.{symbol}, received '${subject}'`;
    throw invalidInput('the command line', [{ where: 'subject', what }], EXAMPLE);
  }
  const { output, interrupted } = context;
  const env = flags.env ?? (await findRunningStack(context.root, context.env))?.name ?? 'dev';
  const bus = await openBus(env, context);
  const stop = new AbortController();
  interrupted.addEventListener('abort', () => stop.abort());
  const quiet = setTimeout(() => {
    output.note(
      'nothing yet: is a connector running, and does the subject match what it publishes?',
    );
  }, QUIET_MS);
  try {
    const messages = await bus.subscribe(subject, { signal: stop.signal });
    output.note(`listening to ${subject} in ${env}; Ctrl-C ends`);
    let left = flags.count ?? Infinity;
    for await (const { subject: from, data } of messages) {
      clearTimeout(quiet);
      for (const event of decodeEvents(data)) {
        if (left <= 0) break;
        if (flags.json === true) output.json({ subject: from, ...eventJson(event) });
        else output.line(eventLine(event));
        left -= 1;
      }
      if (left <= 0) stop.abort();
    }
  } finally {
    clearTimeout(quiet);
    await bus.close();
  }
}

async function openBus(env_name: string, { root, env }: CliContext): Promise<Bus> {
  const [{ createNatsBus }, { loadEnvironment }, { knownFeeds }, { FEEDS }] = await Promise.all([
    import('../../bus/nats.ts'),
    import('../../environments/env.ts'),
    import('../../environments/known-feeds.ts'),
    import('../../connectors/registry.ts'),
  ]);
  const environment = loadEnvironment(env_name, knownFeeds(FEEDS));
  const { transport } = environment.spec;
  const stack = await readStackState(env_name, root);
  const servers = transport.url ?? stack?.nats?.url ?? env['SSMD_NATS_URL'];
  if (servers === undefined) {
    throw new SsmdError(
      'SSMD_UNAVAILABLE',
      `environment "${env_name}" has no bus: no stack of it is running and SSMD_NATS_URL is not ` +
        `set; start one with: npx ssmd up --env ${env_name}`,
    );
  }
  return createNatsBus({
    servers,
    environment: environment.name,
    subject_prefix: transport.subject_prefix,
    name: 'ssmd-sub',
    wait: false,
  });
}

function parseCount(text: string): number {
  const count = Number(text);
  if (Number.isSafeInteger(count) && count > 0) return count;
  throw new InvalidArgumentError(`expected a number above 0, received '${text}'`);
}
