/** `ssmd sub`: shows live events as they come over the bus. */
import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import { decodeEvents } from '../../codec/md2.ts';
import { EVENT_TYPES } from '../../schema/events.ts';
import type { Environment } from '../../environments/env.ts';
import { invalidInput } from '../../schema/errors.ts';
import type { CliContext } from '../command.ts';
import { GROUPS, parseEnvName } from '../command.ts';
import { eventJson, eventLine } from '../event-text.ts';
import { ENV_HELP, resolveEnvironment } from '../resolve-environment.ts';
import { subjectFaults } from '../subject.ts';
import type { Published } from '../subject.ts';

type SubFlags = { readonly env?: string; readonly json?: boolean; readonly count?: number };

const EXAMPLE = "npx ssmd sub 'md.kraken.trade.>'";
const LINK = {
  lost: 'the bus is away: what is published now is not shown; trying again until it is back',
  back: 'the bus is back',
} as const;
/** So long without an event, and a hint is due. */
const QUIET_MS = 5_000;

export function register(program: Command, context: CliContext): void {
  program
    .command('sub')
    .helpGroup(GROUPS.data)
    .summary('show live events, as clients of the bus receive them')
    .description(
      'Subscribes to subjects md.{feed}.{type}.{symbol} and prints one event a line until Ctrl-C; ' +
        'or of a replay, replay.{id}.{feed}.{type}.{symbol}. * stands for one word, > at the end for all that follow; quote it, or the shell takes them. ' +
        `Types: ${EVENT_TYPES.join(', ')}.`,
    )
    .argument('[subject]', 'what to listen to', 'md.>')
    .option('--env <name>', ENV_HELP, parseEnvName)
    .option('--json', 'one JSON object a line')
    .option('--count <n>', 'end after so many events', parseCount)
    .addHelpText('after', `\nExamples:\n  ${EXAMPLE}\n  npx ssmd sub 'md.*.*.BTCUSD' --count 10`)
    .action((subject: string, flags: SubFlags) => runSub(subject, flags, context));
}

async function runSub(subject: string, flags: SubFlags, context: CliContext): Promise<void> {
  const { output, interrupted } = context;
  const { environment } = await resolveEnvironment(flags.env, context, 'none');
  const faults = subjectFaults(subject, publishedBy(environment));
  if (faults.length > 0) throw invalidInput('the command line', faults, EXAMPLE);
  const { endpoints } = await resolveEnvironment(flags.env, context, 'bus');
  const { createNatsBus } = await import('../../bus/nats.ts');
  const bus = await createNatsBus({
    servers: endpoints.nats_url,
    environment: environment.name,
    subject_prefix: environment.spec.transport.subject_prefix,
    name: 'ssmd-sub',
    wait: false,
    onLink: (link) => output.note(LINK[link]),
  });
  const stop = new AbortController();
  interrupted.addEventListener('abort', () => stop.abort());
  const quiet = setTimeout(() => {
    output.note(
      'nothing yet: is a connector running, and does the subject match what it publishes?',
    );
  }, QUIET_MS);
  try {
    const messages = await bus.subscribe(subject, { signal: stop.signal });
    output.note(`listening to ${subject} in ${environment.name}; Ctrl-C ends`);
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

/** What this environment's connectors publish. */
function publishedBy({ name, symbols }: Environment): Published {
  const markets = symbols.flatMap(({ symbol, feeds, shard }) =>
    [...feeds.keys()].map((feed) => ({ feed, symbol, shard })),
  );
  return { environment: name, markets };
}

function parseCount(text: string): number {
  const count = Number(text);
  if (Number.isSafeInteger(count) && count > 0) return count;
  throw new InvalidArgumentError(`expected a number above 0, received '${text}'`);
}
