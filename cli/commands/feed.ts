/** `ssmd feed`: what feeds there are, what is known of each, and whether a venue takes our subscriptions. */
import type { Command } from 'commander';
import type { CliContext } from '../command.ts';
import { GROUPS, parseEnvName } from '../command.ts';
import { ENV_HELP } from '../resolve-environment.ts';

type Json = { readonly json?: boolean };
type CheckFlags = Json & {
  readonly env?: string;
  readonly symbols?: string;
  readonly url?: string;
};

const CHECK = 'npx ssmd feed check kraken --symbols BTCUSD,SOL/USD';

export function register(program: Command, context: CliContext): void {
  const feed = program
    .command('feed')
    .helpGroup(GROUPS.capture)
    .summary('feeds there are, and whether a venue takes our subscriptions')
    .description('What this build knows of each venue, and what the venue says to us.');
  feed
    .command('list')
    .description('Every feed with its channels and the number of its normalizer.')
    .option('--json', 'print one JSON array')
    .action((flags: Json) => list(flags, context));
  feed
    .command('show')
    .description('The evidence table of a feed, and the limits that its venue sets or we keep to.')
    .argument('<feed>', 'such as kraken')
    .option('--json', 'print one JSON object')
    .addHelpText('after', '\nExample:\n  npx ssmd feed show kraken')
    .action((name: string, flags: Json) => show(name, flags, context));
  feed
    .command('check')
    .description(
      "Connects to the venue, subscribes to every channel of the environment's symbols, and waits for " +
        'each answer and first message: at most two minutes. Records nothing. Exit code 1 where a ' +
        'subscription is refused or has no answer, with what to do.',
    )
    .argument('<feed>', 'such as kraken')
    .option('--env <name>', ENV_HELP, parseEnvName)
    .option('--symbols <list>', "ours or the venue's, comma between (default: the environment's)")
    .option('--url <url>', "base URL in place of the venue's own, ws:// or wss://")
    .option('--json', 'print one JSON object')
    .addHelpText('after', `\nExample:\n  ${CHECK}`)
    .action((name: string, flags: CheckFlags) => check(name, flags, context));
}

async function list(flags: Json, { output }: CliContext): Promise<void> {
  const { FEEDS } = await import('../../connectors/registry.ts');
  const feeds = [...FEEDS.values()].map(({ id, normalizer, protocol: { channels, url } }) => ({
    ...{ feed: id, normalizer, channels, url },
  }));
  if (flags.json === true) return output.json(feeds);
  output.table(
    ['feed', 'normalizer', 'channels', 'url'],
    feeds.map((it) => [it.feed, `${it.normalizer}`, it.channels.join(' '), it.url]),
    { optional: ['url'] },
  );
}

async function show(name: string, flags: Json, { output }: CliContext): Promise<void> {
  const { feedOf } = await import('../feed/named.ts');
  const { describeFeed, printFeed } = await import('../feed/show.ts');
  const found = describeFeed(await feedOf(name, 'npx ssmd feed show kraken'));
  if (flags.json === true) output.json(found);
  else printFeed(found, output);
}

async function check(name: string, flags: CheckFlags, context: CliContext): Promise<void> {
  const { feedOf } = await import('../feed/named.ts');
  const { runCheck } = await import('../feed/check.ts');
  await runCheck(await feedOf(name, CHECK), { ...flags, example: CHECK }, context);
}
