/** Headers and clock lines of RAW, of an environment's shards and a span of time: bucket and local log. */
import { LogLine, factOf, parseLogLine } from '../../codec/log-line.ts';
import { feedsOf, shardsOf } from '../../environments/env.ts';
import type { ClockSegment } from '../../qa/clock-history.ts';
import type { CliContext } from '../command.ts';
import { openRawPlaces } from '../log/environment.ts';
import { SegmentReader } from '../log/segment-reader.ts';
import { lateProgress } from '../log/read.ts';
import { shardSources } from '../log/sources.ts';
import type { FoundSegment } from '../log/sources.ts';

export type RawWanted = {
  readonly env?: string | undefined;
  /** Null: all the environment captures. */
  readonly feed: string | null;
  /** Instants, `[from, to)`. */
  readonly from: bigint;
  readonly to: bigint;
  /** Reads whole segments for their clock lines; else headers alone. */
  readonly steps: boolean;
  /** Of each shard and epoch the newest alone. */
  readonly newest: boolean;
};

/** Nobody asks whether the segments are whole: `ssmd log verify` does. */
const NO_HASH = { update: () => undefined, digest: () => '' };

/** Segments that cannot be read are named and passed over. */
export async function readClockSegments(
  wanted: RawWanted,
  context: CliContext,
): Promise<ClockSegment[]> {
  await using places = await openRawPlaces(wanted.env, context);
  const { environment, raw, log_dir } = places;
  const found: FoundSegment[] = [];
  const feeds = wanted.feed === null ? feedsOf(environment) : [wanted.feed];
  for (const feed of feeds) {
    for (const shard of shardsOf(environment, feed)) {
      const span = { feed, shard, from: wanted.from, to: wanted.to };
      const { segments } = await shardSources(span, { bucket: raw, log_dir });
      found.push(...(wanted.newest ? newestOf(segments) : segments));
      context.interrupted.throwIfAborted();
    }
  }
  const bar = lateProgress(context.output, {
    label: 'reading RAW',
    total: found.length,
    unit: 'segments',
  });
  const read: ClockSegment[] = [];
  for (const [at, segment] of found.entries()) {
    const one = await readOne(segment, wanted, context);
    if (one === null) context.output.note(`no header can be read in ${segment.source.name}`);
    else read.push(one);
    bar.update(at + 1);
  }
  bar.end();
  return read;
}

function newestOf(segments: readonly FoundSegment[]): FoundSegment[] {
  const newest = new Map(segments.map((it) => [it.id.epoch, it]));
  return [...newest.values()];
}

async function readOne(
  { source, id }: FoundSegment,
  { steps: wanted, from, to }: RawWanted,
  { interrupted: signal }: CliContext,
): Promise<ClockSegment | null> {
  const steps: ClockSegment['steps'][number][] = [];
  const own = new LogLine();
  const reader = new SegmentReader(NO_HASH, {
    line(line) {
      const fact = line.kind === 'fact' ? factOf(line, '_clock') : null;
      if (fact !== null && line.t >= from && line.t < to) steps.push({ t: line.t, ...fact });
    },
  });
  let head: Uint8Array = new Uint8Array();
  let headed = false;
  const content = await source.read({
    onChunk(chunk) {
      if (wanted) return reader.push(chunk);
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf(10);
      if (end >= 0 && !headed) headed = parseLogLine(head, 0, end, own);
    },
    enough: () => (wanted ? reader.refused : headed || head.length > HEAD_BYTES_MAX),
    signal,
  });
  const capture = wanted ? reader.capture : own.capture;
  return content === null || capture === null ? null : { capture, t: id.t, steps };
}
/** A header is far shorter; what has none by then is no segment of ours. */
const HEAD_BYTES_MAX = 1024 * 1024;
