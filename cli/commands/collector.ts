/** `ssmd collector`: records what futures venues send, byte for byte, as Parquet, and nothing else. */
import { isAbsolute, join, resolve } from 'node:path';
import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import type { Feed } from '../../connectors/feed.ts';
import type { Environment } from '../../environments/env.ts';
import { SsmdError, invalidInput } from '../../schema/errors.ts';
import type { Fault } from '../../schema/errors.ts';
import type { CliContext } from '../command.ts';
import { GROUPS, parseEnvName } from '../command.ts';
import { feedFault } from '../flag-faults.ts';
import { ENV_HELP, resolveEnvironment } from '../resolve-environment.ts';
import { refuseOtherOrigin, urlFault } from '../venue-origin.ts';

type Flags = {
  readonly env?: string;
  readonly feed?: readonly string[];
  readonly shard?: string;
  readonly symbols?: readonly string[];
  readonly url?: readonly string[];
  readonly out?: string;
  readonly port: number;
};

/** What is collected where no feed is named, as far as the environment has their markets. */
const USUAL_FEEDS = ['binance-usdm', 'bybit-linear', 'okx'];
const PORT = 9100;
const EXAMPLE = 'npx ssmd collector --feed binance-usdm,okx --out raw-parquet';

export function register(program: Command, context: CliContext): void {
  program
    .command('collector')
    .helpGroup(GROUPS.capture)
    .summary('record what venues send as raw Parquet, and nothing else')
    .description(
      'Connects to the venues of an environment and writes every WebSocket message as one row of ' +
        'Parquet: unchanged, in the order it came, without any data of another source. Nothing is ' +
        'mended, ordered or left out; what was lost is counted and told. Runs until Ctrl-C, which ' +
        'puts away what waits. Its log goes to standard output, one JSON object a line. ' +
        'docs/collector.md explains files, columns and states.',
    )
    .option('--env <name>', ENV_HELP, parseEnvName)
    .option(
      '--feed <list>',
      `venues, parted by commas (default: those of ${USUAL_FEEDS.join(', ')} the environment has)`,
      parseList,
    )
    .option('--shard <shard>', 'markets of this shard alone (default: all)')
    .option('--symbols <list>', 'these markets alone, by our names: BTCUSDT-PERP,...', parseList)
    .option(
      '--url <list>',
      "base URLs in place of the venues' own: okx=ws://...,...; with one feed just the URL",
      parseList,
    )
    .option('--out <where>', "a folder, or s3: the environment's raw bucket (default: in .ssmd)")
    .option(
      '--port <port>',
      '/status and /metrics on loopback; 0 takes a free one',
      parsePort,
      PORT,
    )
    .addHelpText('after', `\nExample:\n  ${EXAMPLE}`)
    .action((flags: Flags) => runCollector(flags, context));
}

async function runCollector(flags: Flags, context: CliContext): Promise<void> {
  const { output, interrupted, root } = context;
  const [{ FEEDS }, { collectedConfig, startCollector }] = await Promise.all([
    import('../../connectors/registry.ts'),
    import('../../workers/collector.ts'),
  ]);
  const named = checkedFlags(flags, [...FEEDS.keys()]);
  const { environment } = await resolveEnvironment(flags.env, context, 'none');
  const feeds = feedsOf(environment, named.feeds, FEEDS, output.note);
  const venues = feeds.map((feed) => {
    const url = named.urls.get(feed.id);
    return url === undefined ? { feed } : { feed, url };
  });
  const wanted = {
    ...(flags.shard === undefined ? {} : { shard: flags.shard }),
    ...(flags.symbols === undefined ? {} : { symbols: flags.symbols }),
  };
  refuseUnknownSymbols(environment, flags.symbols ?? []);
  for (const { feed, url } of venues) {
    collectedConfig(environment, feed, wanted);
    await refuseOtherOrigin(environment, feed.id, url);
  }
  const out = flags.out ?? join('.ssmd', environment.name, 'collector');
  const running = await startCollector({
    ...(await resolveEnvironment(flags.env, context, out === 's3' ? 'stores' : 'none')),
    ...{ venues, ...wanted, port: flags.port, root },
    out: out === 's3' || isAbsolute(out) ? out : resolve(flags.out === undefined ? root : '.', out),
  });
  output.note(`status: ${running.status_url}/status`);
  const stop = (): void => void running.stop().catch(() => undefined);
  interrupted.addEventListener('abort', stop, { once: true });
  if (interrupted.aborted) stop();
  await running.stopped;
}

/** The feeds meant: those named, else of the usual ones those that the environment has markets of. */
function feedsOf(
  environment: Environment,
  named: readonly string[] | null,
  known: ReadonlyMap<string, Feed>,
  note: (text: string) => void,
): readonly Feed[] {
  const has = (id: string): boolean => environment.symbols.some((it) => it.feeds.has(id));
  const ids = named ?? USUAL_FEEDS.filter(has);
  const missing = named === null ? USUAL_FEEDS.filter((id) => !has(id)) : [];
  if (ids.length === 0) {
    const what = `environment ${environment.name} has no markets of ${USUAL_FEEDS.join(', ')}`;
    throw new SsmdError('SSMD_INVALID_INPUT', `${what}; name another with --feed`, {
      facts: { environment: environment.name },
    });
  }
  if (missing.length > 0) {
    note(`environment ${environment.name} has no markets of ${missing.join(', ')}`);
  }
  return ids.flatMap((id) => known.get(id) ?? []);
}

function refuseUnknownSymbols({ name, symbols }: Environment, wanted: readonly string[]): void {
  const known = symbols.map((it) => it.symbol);
  const faults = wanted
    .filter((it) => !known.includes(it))
    .map((it) => ({ where: '--symbols', what: `environment ${name} has no symbol ${it}` }));
  if (faults.length > 0) throw invalidInput('the command line', faults, known.join(','));
}

/** All faults of the command line at once. @throws SSMD_INVALID_INPUT */
function checkedFlags(
  flags: Flags,
  known: readonly string[],
): { readonly feeds: readonly string[] | null; readonly urls: ReadonlyMap<string, string> } {
  const faults: Fault[] = [];
  const feeds = flags.feed === undefined ? null : [...new Set(flags.feed)];
  for (const feed of feeds ?? []) {
    const wrong = feedFault(feed, known);
    if (wrong !== null) faults.push(wrong);
  }
  const meant = feeds ?? USUAL_FEEDS;
  const urls = new Map<string, string>();
  for (const given of flags.url ?? []) {
    const parts = /^([a-z0-9-]+)=(.*)$/.exec(given);
    const feed = parts?.[1] ?? (meant.length === 1 ? meant[0] : undefined);
    const url = parts?.[2] ?? given;
    const wrong = urlFault(url);
    if (wrong !== null) faults.push(wrong);
    else if (feed === undefined || !meant.includes(feed)) {
      const what = `of which feed? expected ${meant.map((it) => `${it}=ws://...`).join(' or ')}`;
      faults.push({ where: '--url', what });
    } else urls.set(feed, url);
  }
  if (flags.out === '' || (flags.out !== undefined && /^\w+:\/\//.test(flags.out))) {
    faults.push({ where: '--out', what: `expected a folder, or s3, received '${flags.out}'` });
  }
  if (faults.length > 0) throw invalidInput('the command line', faults, EXAMPLE);
  return { feeds, urls };
}

function parseList(text: string, before: readonly string[] = []): readonly string[] {
  const parts = text.split(',').map((it) => it.trim());
  if (parts.every((it) => it !== '')) return [...before, ...parts];
  throw new InvalidArgumentError(`expected names parted by commas, received '${text}'`);
}

function parsePort(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port < 65_536) return port;
  throw new InvalidArgumentError(`expected a port from 0 to 65535, received '${text}'`);
}
