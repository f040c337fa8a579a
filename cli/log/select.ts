/** From the words of `ssmd log` to the segments meant: names, or a shard's span of a day. */
import { existsSync } from 'node:fs';
import { SsmdError, invalidInput } from '../../schema/errors.ts';
import type { Fault } from '../../schema/errors.ts';
import { NAME_PATTERN } from '../../schema/symbols.ts';
import { dayEnd, dayStart, parseDay, parseIso } from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';
import type { CliContext } from '../command.ts';
import { openRawPlaces } from './environment.ts';
import type { RawPlaces } from './environment.ts';
import { bucketSource, localSources, shardSources } from './sources.ts';
import type { SegmentSource, ShardSpan } from './sources.ts';

export type SelectFlags = {
  readonly env?: string;
  readonly feed?: string;
  readonly shard?: string;
  readonly date?: string;
  readonly from?: string;
  readonly to?: string;
};

export type Selected = AsyncDisposable & {
  readonly sources: readonly SegmentSource[];
  /** What lies there and is no segment of ours. */
  readonly foreign: readonly string[];
  readonly conflicts: readonly string[];
  /** Lines outside are not meant; null: all of each segment. */
  readonly span: ShardSpan | null;
};

const SELECT_EXAMPLE =
  'npx ssmd log show --feed kraken --shard tier1 --date 2026-11-20 --from 14:00 --to 14:05';

/** @throws SSMD_INVALID_INPUT with every fault; SSMD_NOT_FOUND naming where was looked */
export async function selectSegments(
  names: readonly string[],
  flags: SelectFlags,
  context: CliContext,
): Promise<Selected> {
  const span = checkedSpan(names, flags);
  let places: RawPlaces | null = null;
  const open = async (): Promise<RawPlaces> => (places ??= await openRawPlaces(flags.env, context));
  const dispose = async (): Promise<void> => await places?.[Symbol.asyncDispose]();
  try {
    const found =
      span === null ? await byName(names, open) : await bySpan(span, await open(), context);
    return { ...found, span, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

type Found = Pick<Selected, 'sources' | 'foreign' | 'conflicts'>;

async function byName(names: readonly string[], open: () => Promise<RawPlaces>): Promise<Found> {
  const sources: SegmentSource[] = [];
  const foreign: string[] = [];
  for (const name of names) {
    const s3 = /^s3:\/\/([^/]+)\/(.+)$/.exec(name);
    if (s3 !== null) {
      const [, bucket = '', key = ''] = s3;
      sources.push(bucketSource((await open()).bucket(bucket), key));
    } else if (name.startsWith('raw/') && !existsSync(name)) {
      const places = await open();
      sources.push(bucketSource(places.raw ?? places.bucket(''), name));
    } else {
      const found = await localSources(name);
      sources.push(...found.sources);
      foreign.push(...found.foreign);
    }
  }
  return { sources, foreign, conflicts: [] };
}

async function bySpan(span: ShardSpan, places: RawPlaces, context: CliContext): Promise<Found> {
  const { raw, log_dir, environment } = places;
  if (raw === null) {
    context.output.note(
      `environment "${environment.name}" does not say where S3 is: only the local log is read`,
    );
  }
  const { segments, foreign, conflicts, looked } = await shardSources(span, {
    bucket: raw,
    log_dir,
  });
  if (segments.length === 0) {
    const message =
      `no segment of ${span.feed} ${span.shard} in that time in environment ` +
      `"${environment.name}"; looked at ${looked.join(', and ')}`;
    throw new SsmdError('SSMD_NOT_FOUND', message, { facts: { looked } });
  }
  return { sources: segments.map(({ source }) => source), foreign, conflicts };
}

/** Null where names were given. */
function checkedSpan(names: readonly string[], flags: SelectFlags): ShardSpan | null {
  const faults: Fault[] = [];
  const { feed, shard } = flags;
  const spanned = [feed, shard, flags.date, flags.from, flags.to].some((it) => it !== undefined);
  if (names.length > 0 && !spanned) return null;
  if (names.length > 0) {
    const what = 'names of segments and --feed, --shard, --date, --from, --to exclude each other';
    faults.push({ where: 'SEGMENT', what });
  } else if (!spanned) {
    const what =
      'name a segment (a file, a folder, a key, s3://bucket/key), or give --feed and --shard';
    faults.push({ where: 'SEGMENT', what });
  }
  for (const [where, value] of Object.entries({ '--feed': feed, '--shard': shard })) {
    if (names.length > 0 || !spanned || (value !== undefined && NAME_PATTERN.test(value))) continue;
    faults.push({ where, what: value === undefined ? 'is missing' : `'${value}' is no such name` });
  }
  const day = parseDay(flags.date ?? new Date().toISOString().slice(0, 10));
  if (day === null) faults.push({ where: '--date', what: `'${flags.date}' is not YYYY-MM-DD` });
  const from = readTime('--from', flags.from, day, faults);
  const to = readTime('--to', flags.to, day, faults);
  const begin = from ?? (day === null ? 0n : dayStart(day));
  const end = to ?? (day === null ? 0n : dayEnd(day));
  if (faults.length === 0 && begin >= end) {
    faults.push({ where: '--to', what: 'is not after --from', hint: 'the end is not included' });
  }
  if (faults.length > 0) throw invalidInput('the command line', faults, SELECT_EXAMPLE);
  return { feed: feed ?? '', shard: shard ?? '', from: begin, to: end };
}

/** `14:05`, `14:05:30`, `14:05:30.5` of the day, or an RFC 3339 instant. */
function readTime(
  where: string,
  text: string | undefined,
  day: Day | null,
  faults: Fault[],
): bigint | null {
  if (text === undefined) return null;
  if (/^24:00(:00)?$/.test(text) && day !== null) return dayEnd(day);
  const clock = /^\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?$/.test(text);
  const padded = /^\d\d:\d\d$/.test(text) ? `${text}:00` : text;
  const t = parseIso(clock ? `${day ?? '1970-01-01'}T${padded}Z` : text);
  if (t !== null) return t;
  const hint = 'such as 14:05, 14:05:30 or 2026-11-20T14:05:00Z';
  faults.push({ where, what: `'${text}' is no time of the day`, hint });
  return null;
}
