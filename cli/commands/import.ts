/** `ssmd import`: a recorded capture into RAW, as if our own connector had written it. */
import { closeSync, openSync, statSync, writeSync } from 'node:fs';
import { hostname } from 'node:os';
import { basename, resolve } from 'node:path';
import type { Command } from 'commander';
import type { Feed } from '../../connectors/feed.ts';
import type { RecordedFormat } from '../../connectors/import/format.ts';
import type { TimeFrom } from '../../connectors/import/times.ts';
import type { ImportReport, Reject } from '../../connectors/runtime/import.ts';
import type { Environment } from '../../environments/env.ts';
import { SsmdError, invalidInput } from '../../schema/errors.ts';
import type { Fault } from '../../schema/errors.ts';
import { NAME_PATTERN, SYMBOL_PATTERN } from '../../schema/symbols.ts';
import type { FoldConfig, SymbolConfig } from '../../schema/symbols.ts';
import { formatIso } from '../../schema/time.ts';
import type { CliContext } from '../command.ts';
import { ExitWith, GROUPS, parseEnvName } from '../command.ts';
import { feedFault } from '../flag-faults.ts';
import { formatBytes, formatCount } from '../format.ts';
import type { Output } from '../output.ts';
import { ENV_HELP, resolveEnvironment } from '../resolve-environment.ts';

type ImportFlags = {
  readonly env?: string;
  readonly feed?: string;
  readonly symbols?: string;
  readonly shard: string;
  readonly format: string;
  readonly timeFrom?: string;
  readonly bookDepth?: string;
  readonly rejects?: string;
  readonly json?: boolean;
};

/** What the flags say, checked. */
type ImportPlan = {
  readonly feed: Feed;
  readonly config: FoldConfig;
  readonly format: RecordedFormat | null;
  readonly time_from: TimeFrom | null;
};

const EXAMPLE =
  'npx ssmd import book.jsonl.gz --feed kraken --symbols BTCUSD=BTC/USD --time-from venue';

export function register(program: Command, context: CliContext): void {
  program
    .command('import')
    .helpGroup(GROUPS.capture)
    .summary('bring a recorded capture into the raw bucket')
    .description(
      'Reads a recording line by line (gzip, zstd or plain) and writes it as a connector would have: ' +
        'frames to the byte, in minute segments, with an inventory. Lines that are malformed or REST ' +
        'replies go to a rejects file; the rest is imported. Importing a file again changes nothing.',
    )
    .argument('<file>', 'the recording')
    .option('--feed <feed>', 'whose recording: kraken or binance-usdm (needed)')
    .option(
      '--symbols <list>',
      "markets in it, OURS=THEIRS: BTCUSD=BTC/USD,ETHUSD=ETH/USD (default: the environment's)",
    )
    .option('--shard <shard>', 'name of the shard it becomes', 'import')
    .option(
      '--format <format>',
      'jsonl, ns-json, tardis or cryptofeed; auto looks at its lines',
      'auto',
    )
    .option(
      '--time-from <rule>',
      "receive times for a recording without: 'venue', or START+STEP as 2023-07-30T15:29:58Z+100ms; " +
        'what it yields is flagged bad-ts-recv',
    )
    .option('--book-depth <levels>', 'levels a side the recording subscribed to')
    .option('--rejects <file>', 'where rejected lines go (default: beside the recording)')
    .option('--env <name>', ENV_HELP, parseEnvName)
    .option('--json', 'print one JSON object')
    .addHelpText('after', `\nExample:\n  ${EXAMPLE}`)
    .action((file: string, flags: ImportFlags) => runImport(file, flags, context));
}

async function runImport(file: string, flags: ImportFlags, context: CliContext): Promise<void> {
  const { output, root, interrupted } = context;
  const [{ FEEDS }, { openStores }, runtime, { readRecording }] = await Promise.all([
    import('../../connectors/registry.ts'),
    import('../../workers/adapters.ts'),
    import('../../connectors/runtime/import.ts'),
    import('../../connectors/runtime/recording.ts'),
  ]);
  const { environment } = await resolveEnvironment(flags.env, context, 'none');
  const plan = await planImport(file, flags, FEEDS, environment);
  const [{ systemClock }, { readSoftware }] = await Promise.all([
    import('../../connectors/runtime/clock.ts'),
    import('../../connectors/runtime/provenance.ts'),
  ]);
  const { endpoints } = await resolveEnvironment(flags.env, context, 'stores');
  await using stores = await openStores(environment, endpoints);
  const rejects = openRejects(
    flags.rejects ?? `${file}.rejects.jsonl`,
    flags.rejects === undefined,
  );
  const bar = output.progress({ label: basename(file), unit: 'frames' });
  let frames = 0;
  try {
    const report = await runtime.importRecording({
      ...plan,
      source: basename(file),
      chunks: readRecording(file),
      store: stores.raw,
      software: readSoftware(root),
      host: hostname(),
      clock: systemClock(),
      random: Math.random,
      reject: rejects.write,
      progress: (done) => bar.update((frames = done)),
      signal: interrupted,
    });
    bar.end();
    const rejects_file = rejects.close();
    if (flags.json === true)
      output.json({ ...report, environment: environment.name, rejects_file });
    else print(report, rejects_file, output);
    if (!isOfUse(report)) throw new ExitWith(1);
  } catch (error) {
    bar.end();
    rejects.close();
    if (!interrupted.aborted) throw error;
    throw new SsmdError(
      'SSMD_INTERRUPTED',
      `stopped after ${frames} frames of ${file}: its last segments and its inventory are missing; ` +
        'import it again to have it whole',
      { cause: error },
    );
  }
}

/** All faults of the command line at once. @throws SSMD_INVALID_INPUT */
async function planImport(
  file: string,
  flags: ImportFlags,
  feeds: ReadonlyMap<string, Feed>,
  environment: Environment,
): Promise<ImportPlan> {
  const [{ FORMATS }, { parseTimeFrom }] = await Promise.all([
    import('../../connectors/import/registry.ts'),
    import('../../connectors/import/times.ts'),
  ]);
  const faults: Fault[] = [];
  const fault = (where: string, what: string): void => void faults.push({ where, what });
  if (statSync(file, { throwIfNoEntry: false })?.isFile() !== true) {
    fault('FILE', `'${file}' is not a file`);
  }
  const feed = feeds.get(flags.feed ?? '');
  const wrong = feedFault(flags.feed, [...feeds.keys()]);
  if (wrong !== null) faults.push(wrong);
  if (!NAME_PATTERN.test(flags.shard)) {
    fault('--shard', `'${flags.shard}' is no name: lower-case letters, digits, dashes, at most 32`);
  }
  const format = FORMATS.find(({ id }) => id === flags.format) ?? null;
  if (format === null && flags.format !== 'auto') {
    const known = FORMATS.map(({ id }) => id).join(', ');
    fault('--format', `expected auto, ${known}, received '${flags.format}'`);
  }
  let time_from: TimeFrom | null = null;
  try {
    time_from = flags.timeFrom === undefined ? null : parseTimeFrom(flags.timeFrom);
  } catch (error) {
    fault('--time-from', error instanceof Error ? (error.message.split('\n')[1] ?? '').trim() : '');
  }
  const symbols = symbolsOf(flags.symbols, feed?.id ?? '', environment, fault);
  const depths = feed?.protocol.book_depths ?? [];
  const book_depth = flags.bookDepth === undefined ? (depths[0] ?? 0) : Number(flags.bookDepth);
  if (feed !== undefined && flags.bookDepth !== undefined && !depths.includes(book_depth)) {
    fault('--book-depth', `expected one of ${depths.join(', ')}, received '${flags.bookDepth}'`);
  }
  if (faults.length > 0 || feed === undefined) {
    throw invalidInput('the command line', faults, EXAMPLE);
  }
  const { id, protocol } = feed;
  const { channels } = protocol;
  const config = { feed: id, shard: flags.shard, symbols, channels, book_depth };
  return { feed, config, format, time_from };
}

/** `BTCUSD=BTC/USD,...`; a symbol alone is looked up in the environment, as are all by default. */
function symbolsOf(
  list: string | undefined,
  feed: string,
  environment: Environment,
  fault: (where: string, what: string) => void,
): readonly SymbolConfig[] {
  const known = new Map(
    environment.symbols.flatMap(({ symbol, feeds }) => {
      const external = feeds.get(feed);
      return external === undefined ? [] : [[symbol, external] as const];
    }),
  );
  if (list === undefined) {
    if (known.size === 0) {
      fault('--symbols', `is needed: environment ${environment.name} has no market of this feed`);
    }
    return [...known].map(([symbol, external]) => ({ symbol, external, depth: 'l2' }));
  }
  return list.split(',').map((item) => {
    const at = item.indexOf('=');
    const symbol = at < 0 ? item : item.slice(0, at);
    const external = at < 0 ? (known.get(symbol) ?? '') : item.slice(at + 1);
    if (!SYMBOL_PATTERN.test(symbol)) {
      fault('--symbols', `'${symbol}' is none of our symbols: upper-case letters, digits, _ and -`);
    } else if (external === '') {
      const hint = `say ${symbol}=THEIRS`;
      fault(
        '--symbols',
        `the venue's spelling of ${symbol} is not in ${environment.name}: ${hint}`,
      );
    }
    return { symbol, external, depth: 'l2' };
  });
}

type Rejects = {
  readonly write: (reject: Reject) => void;
  /** Where they are; null where there were none. */
  readonly close: () => string | null;
};

/** Rejected lines as JSON lines; without a place beside the recording they go to the folder we are in. */
function openRejects(path: string, may_move: boolean): Rejects {
  let open: { fd: number; path: string } | null = null;
  let closed: string | null = null;

  function create(): { fd: number; path: string } {
    try {
      return { fd: openSync(path, 'w'), path };
    } catch (error) {
      const here = resolve(basename(path));
      if (!may_move || here === resolve(path)) throw error;
      return { fd: openSync(here, 'w'), path: here };
    }
  }

  return {
    write(reject) {
      open ??= create();
      writeSync(open.fd, `${JSON.stringify(reject)}\n`);
    },
    close() {
      if (open !== null) {
        closeSync(open.fd);
        closed = open.path;
        open = null;
      }
      return closed;
    },
  };
}

function print(report: ImportReport, rejects_file: string | null, output: Output): void {
  const { color } = output;
  const rejected = Object.entries(report.rejected);
  const counted = (counts: readonly (readonly [string, number])[]): string =>
    counts.map(([name, count]) => `${name} ${formatCount(count)}`).join(', ') || 'none';
  output.table(
    ['imported', ''],
    [
      ['recording', `${report.source} (${report.format}, ${formatCount(report.lines)} lines)`],
      [
        'into',
        `feed ${report.feed}, shard ${report.shard}, ${report.days.join(', ') || 'nothing'}`,
      ],
      ['frames', formatCount(report.frames)],
      ['decoded', counted(Object.entries(report.decoded))],
      ['rejected', counted(rejected)],
      ['from', report.first === null ? '-' : formatIso(BigInt(report.first))],
      ['to', report.last === null ? '-' : formatIso(BigInt(report.last))],
      ...report.epochs.map((epoch) => [
        `epoch ${epoch.epoch}`,
        `${formatCount(epoch.segments)} segments, ${formatBytes(epoch.bytes)} plain`,
      ]),
    ],
  );
  if (report.bad_ts_recv) {
    output.line(color.yellow('receive times are not to be trusted: events carry bad-ts-recv'));
  }
  if (report.nudged > 0) {
    const most = `${report.nudged_ns_max} ns at most`;
    output.line(`${formatCount(report.nudged)} times did not increase and were moved, ${most}`);
  }
  for (const key of report.conflicts) {
    output.line(color.red(`other content was there already; ours is kept as ${key}`));
  }
  if (rejects_file !== null) output.line(`rejected lines: ${rejects_file}`);
  if (report.frames === 0) output.line(color.red('no frame was imported'));
  else if (!isOfUse(report)) {
    output.line(color.red(`no frame says anything of ${report.feed} with these symbols`));
    output.line('is it another feed’s recording (--feed), or of other markets (--symbols)?');
  }
}

/** Whether any frame is data: one given to the wrong feed is rejected or ignored. */
function isOfUse({ decoded }: ImportReport): boolean {
  return (decoded['data'] ?? 0) > 0;
}
