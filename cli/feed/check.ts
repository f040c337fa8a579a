/** `ssmd feed check`: what to subscribe to, the check itself, and its answer in words. */
import type { Feed } from '../../connectors/feed.ts';
import type { CheckResult, CheckedSubscription } from '../../connectors/runtime/feed-check.ts';
import type { Environment } from '../../environments/env.ts';
import { SsmdError, invalidInput } from '../../schema/errors.ts';
import type { FoldConfig, SymbolConfig } from '../../schema/symbols.ts';
import type { CliContext } from '../command.ts';
import { ExitWith } from '../command.ts';
import { countOf } from '../format.ts';
import { resolveEnvironment } from '../resolve-environment.ts';

export type CheckWanted = {
  readonly env?: string;
  readonly symbols?: string;
  readonly url?: string;
  readonly json?: boolean;
  readonly example: string;
};

/** What to do about each result that is a fault. */
const ADVICE: Readonly<Record<Exclude<CheckResult, 'live' | 'quiet'>, string>> = {
  refused:
    "the venue does not take it: correct the symbol's external name in the environment's file",
  no_ack: 'no answer: check the URL, then try again; if it stays so, ask the venue for its status',
  silent: 'accepted, but nothing comes: is the market listed, and is this the path of the channel?',
  disconnected: 'no connection: check the URL and the network, then try again',
};

/**
 * Checks and prints. Exit code 1 where a subscription is no good.
 * @throws SSMD_INVALID_INPUT, SSMD_INTERRUPTED at Ctrl-C
 */
export async function runCheck(
  feed: Feed,
  wanted: CheckWanted,
  context: CliContext,
): Promise<void> {
  const { output, interrupted } = context;
  const { environment } = await resolveEnvironment(wanted.env, context, 'none');
  const config = configOf(feed, environment, wanted);
  refuseNothing(feed, config, wanted.example);
  const [{ checkFeed }, { systemClock }, { wsSockets }] = await Promise.all([
    import('../../connectors/runtime/feed-check.ts'),
    import('../../connectors/runtime/clock.ts'),
    import('../../connectors/runtime/ws-socket.ts'),
  ]);
  const url = (wanted.url ?? environment.spec.feeds[feed.id]?.url ?? feed.protocol.url).replace(
    /\/$/,
    '',
  );
  output.note(`${feed.id} at ${url}: ${countOf(config.symbols.length, 'symbol')}`);
  const { frame_bytes_max } = feed.protocol.limits;
  const openSocket = wsSockets({ frame_bytes_max });
  const deps = { clock: systemClock(), openSocket, feed, config, url, signal: interrupted };
  const subscriptions = await checkFeed(deps);
  if (interrupted.aborted) throw new SsmdError('SSMD_INTERRUPTED', 'the check was stopped');
  const bad = subscriptions.filter(isBad);
  const found = { feed: feed.id, url, ok: bad.length === 0, subscriptions };
  if (wanted.json === true) output.json(found);
  else print(found.subscriptions, bad, context);
  if (bad.length > 0) throw new ExitWith(1);
}

/** A check of nothing would pass. */
function refuseNothing({ id, protocol }: Feed, config: FoldConfig, example: string): void {
  if (protocol.endpoints(config).some((it) => it.subscriptions.length > 0)) return;
  const names = config.symbols.map((it) => it.symbol).join(', ');
  const what = `channels ${config.channels.join(', ')} of ${id} ask for nothing of ${names}: see their depth`;
  throw invalidInput('the environment', [{ where: `feeds.${id}.channels`, what }], example);
}

type Bad = CheckedSubscription & { readonly result: keyof typeof ADVICE };

function isBad(it: CheckedSubscription): it is Bad {
  return it.result !== 'live' && it.result !== 'quiet';
}

function print(
  subscriptions: readonly CheckedSubscription[],
  bad: readonly Bad[],
  { output }: CliContext,
): void {
  const { color } = output;
  output.table(
    ['symbol', 'channel', 'result', 'ack', 'first message', 'said'],
    subscriptions.map((it) => [
      it.symbol ?? 'all',
      it.channel,
      it.result,
      milliseconds(it.ack_ms),
      milliseconds(it.first_message_ms),
      it.said,
    ]),
    { optional: ['ack', 'first message'] },
  );
  const all = countOf(subscriptions.length, 'subscription');
  if (bad.length === 0) return output.line(color.green(`all of ${all} are taken`));
  output.line(`${color.red('wrong')}: ${bad.length} of ${all}`);
  for (const result of new Set(bad.map((it) => it.result))) {
    const own = bad.filter((it) => it.result === result);
    const names = [...new Set(own.map((it) => it.external ?? it.channel))].join(', ');
    output.line(`  ${result}: ${names}: ${ADVICE[result]}`);
  }
}

function milliseconds(value: number | null): string {
  return value === null ? '-' : `${value} ms`;
}

/** All symbols of the feed in the environment, of whatever shard, or those that are named. */
function configOf(feed: Feed, environment: Environment, wanted: CheckWanted): FoldConfig {
  const own = environment.symbols.flatMap(({ symbol, feeds, depth }): SymbolConfig[] => {
    const external = feeds.get(feed.id);
    return external === undefined ? [] : [{ symbol, external, depth }];
  });
  const names = (wanted.symbols ?? '').split(',').map((it) => it.trim());
  const named = names.filter((it) => it !== '').map((it) => symbolNamed(it, own));
  const symbols = wanted.symbols === undefined ? own : named;
  const faults = named
    .filter((it) => it.symbol === '')
    .map((it) => ({ where: '--symbols', what: `'${it.external}' is no market's name` }));
  if (symbols.length === 0) {
    const what =
      wanted.symbols === undefined
        ? `environment ${environment.name} has no symbol of ${feed.id}: name some`
        : 'names no symbol';
    faults.push({ where: '--symbols', what });
  }
  if (wanted.url !== undefined && !/^wss?:\/\/[^\s@]+$/.test(wanted.url)) {
    // What stands before an @ is a secret: it is not repeated.
    faults.push({ where: '--url', what: 'expected ws:// or wss://, without a user name' });
  }
  if (faults.length > 0) throw invalidInput('the command line', faults, wanted.example);
  const spec = environment.spec.feeds[feed.id];
  return {
    ...{
      feed: feed.id,
      shard: 'check',
      symbols: [...new Map(symbols.map((it) => [it.symbol, it])).values()],
    },
    channels: spec?.channels ?? feed.protocol.channels,
    book_depth: spec?.book_depth ?? feed.protocol.book_depths[0] ?? 0,
  };
}

/** One of the environment, by our name or the venue's; else a market the venue may have. */
function symbolNamed(name: string, own: readonly SymbolConfig[]): SymbolConfig {
  const known = own.find((it) => it.symbol === name || it.external === name);
  return (
    known ?? { symbol: name.toUpperCase().replace(/[^A-Z0-9_-]/g, ''), external: name, depth: 'l2' }
  );
}
