/** What an import is asked to do, checked whole before anything is read through, written or stopped. */
import { statSync } from 'node:fs';
import type { Feed } from '../../connectors/feed.ts';
import type { RecordedFormat } from '../../connectors/import/format.ts';
import type { TimeFrom } from '../../connectors/import/times.ts';
import type { Environment } from '../../environments/env.ts';
import { invalidInput } from '../../schema/errors.ts';
import type { Fault } from '../../schema/errors.ts';
import { NAME_PATTERN, SYMBOL_PATTERN } from '../../schema/symbols.ts';
import type { FoldConfig, SymbolConfig } from '../../schema/symbols.ts';
import { feedFault } from '../flag-faults.ts';

export type ImportFlags = {
  readonly feed?: string;
  readonly symbols?: string;
  readonly shard: string;
  readonly format: string;
  readonly timeFrom?: string;
  readonly bookDepth?: string;
};

/** What the flags say, checked. */
export type ImportPlan = {
  readonly feed: Feed;
  readonly config: FoldConfig;
  readonly format: RecordedFormat | null;
  readonly time_from: TimeFrom | null;
};

export const IMPORT_EXAMPLE =
  'npx ssmd import book.jsonl.gz --feed kraken --symbols BTCUSD=BTC/USD --time-from venue';

/** The shard of recordings where `--shard` is left out. */
export const IMPORT_SHARD = 'import';

/** All faults of the flags at once, with those the first line of the file shows. */
export async function importFaults(
  file: string,
  flags: ImportFlags,
  environment: Environment,
): Promise<{ readonly plan: ImportPlan | null; readonly faults: readonly Fault[] }> {
  const [{ FEEDS: feeds }, { FORMATS }, { TIME_FROM_HINT, readTimeFrom }] = await Promise.all([
    import('../../connectors/registry.ts'),
    import('../../connectors/import/registry.ts'),
    import('../../connectors/import/times.ts'),
  ]);
  const faults: Fault[] = [];
  const fault = (where: string, what: string): void => void faults.push({ where, what });
  const there = statSync(file, { throwIfNoEntry: false })?.isFile() === true;
  if (!there) fault('FILE', `'${file}' is not a file`);
  const feed = feeds.get(flags.feed ?? '');
  const wrong = feedFault(flags.feed, [...feeds.keys()]);
  if (wrong !== null) faults.push(wrong);
  if (!NAME_PATTERN.test(flags.shard)) {
    fault('--shard', `'${flags.shard}' is no name: lower-case letters, digits, dashes, at most 32`);
  } else if (environment.symbols.some((it) => it.shard === flags.shard)) {
    // One shard is one log: with a recording in it nobody could tell its days from captured ones.
    const what = `'${flags.shard}' is captured live in ${environment.name}, and RAW of the two never mixes`;
    const hint = `leave it out for "${IMPORT_SHARD}", or give a name of its own`;
    faults.push({ where: '--shard', what, hint });
  }
  const format = FORMATS.find(({ id }) => id === flags.format) ?? null;
  if (format === null && flags.format !== 'auto') {
    const known = FORMATS.map(({ id }) => id).join(', ');
    fault('--format', `expected auto, ${known}, received '${flags.format}'`);
  }
  const time_from = flags.timeFrom === undefined ? null : readTimeFrom(flags.timeFrom);
  if (flags.timeFrom !== undefined && time_from === null) {
    const what = `'${flags.timeFrom}' is neither 'venue' nor START+STEP`;
    faults.push({ where: '--time-from', what, hint: TIME_FROM_HINT });
  }
  if (there) faults.push(...(await fileFaults(file, flags, format)));
  const symbols = feed === undefined ? [] : symbolsOf(flags.symbols, feed.id, environment, fault);
  const depths = feed?.protocol.book_depths ?? [];
  const book_depth = flags.bookDepth === undefined ? (depths[0] ?? 0) : Number(flags.bookDepth);
  if (feed !== undefined && flags.bookDepth !== undefined && !depths.includes(book_depth)) {
    fault('--book-depth', `expected one of ${depths.join(', ')}, received '${flags.bookDepth}'`);
  }
  if (faults.length > 0 || feed === undefined) return { plan: null, faults };
  const { id, protocol } = feed;
  const { channels } = protocol;
  const config = { feed: id, shard: flags.shard, symbols, channels, book_depth };
  return { plan: { feed, config, format, time_from }, faults };
}

/** @throws SSMD_INVALID_INPUT with all faults of the command line */
export async function planImport(
  file: string,
  flags: ImportFlags,
  environment: Environment,
): Promise<ImportPlan> {
  const { plan, faults } = await importFaults(file, flags, environment);
  if (plan === null) throw invalidInput('the command line', faults, IMPORT_EXAMPLE);
  return plan;
}

/** What its first line shows: whether it can be read, and needs times. */
async function fileFaults(
  file: string,
  { timeFrom, format: named }: ImportFlags,
  chosen: RecordedFormat | null,
): Promise<Fault[]> {
  const { FORMATS, detectFormat } = await import('../../connectors/import/registry.ts');
  const line = await firstLine(file);
  if (line === null) return [{ where: 'FILE', what: `'${file}' holds no line` }];
  const format = chosen ?? detectFormat(line, 0, line.length - 1);
  if (format === null) {
    const hint = FORMATS.map(({ id, description }) => `${id}: ${description}`).join('; ');
    const what = 'its first line is of no format known';
    return named === 'auto' ? [{ where: 'FILE', what, hint }] : [];
  }
  if (format.timed || timeFrom !== undefined) return [];
  const what = `is needed: ${format.id} has no receive times`;
  const hint = "'venue' takes the venue's own times, START+STEP makes them up";
  return [{ where: '--time-from', what, hint }];
}

/** Looked at for the first line: lines are far shorter, and what is longer is told by the import. */
const HEAD_BYTES_MAX = 1024 * 1024;
const LINE_FEED = 0x0a;

/** With its line feed; null where there is none that is not blank. */
async function firstLine(file: string): Promise<Uint8Array | null> {
  const { readRecording } = await import('../../connectors/runtime/recording.ts');
  let head: Uint8Array = new Uint8Array(0);
  try {
    for await (const chunk of readRecording(file)) {
      head = Buffer.concat([head, chunk.subarray(0, HEAD_BYTES_MAX - head.length)]);
      if (head.indexOf(LINE_FEED, blankBefore(head)) >= 0 || head.length >= HEAD_BYTES_MAX) break;
    }
  } catch {
    // Its compression is broken further on: what there is, is judged and the import says the rest.
  }
  const start = blankBefore(head);
  if (start === head.length) return null;
  const feed = head.indexOf(LINE_FEED, start);
  const end = feed < 0 ? head.length : feed;
  const stop = head[end - 1] === 0x0d ? end - 1 : end;
  return Buffer.concat([head.subarray(start, stop), Uint8Array.of(LINE_FEED)]);
}

function blankBefore(head: Uint8Array): number {
  const at = head.findIndex((byte) => byte !== LINE_FEED && byte !== 0x0d);
  return at < 0 ? head.length : at;
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
