/** `ssmd log stats`: how much of what there is. */
import { factOf } from '../../codec/log-line.ts';
import type { LogLine } from '../../codec/log-line.ts';
import { FEEDS } from '../../connectors/registry.ts';
import { formatIso } from '../../schema/time.ts';
import { countOf, formatBytes, formatCount } from '../format.ts';
import type { Output } from '../output.ts';
import { createFrameReader } from './frame-facts.ts';
import type { SegmentsReader } from './read.ts';
import { lateProgress } from './read.ts';
import type { LinePlace } from './segment-reader.ts';
import type { Selected } from './select.ts';
import { seconds } from './tell.ts';

type Tally = { frames: number; bytes: number };

export type LogStats = {
  segments: number;
  faults: number;
  lines: number;
  frames: number;
  facts: number;
  /** Plain and stored bytes of the segments. */
  bytes: number;
  stored_bytes: number;
  first: bigint | null;
  last: bigint | null;
  /** Frames the log itself says were lost. */
  dropped_frames: number;
  readonly channels: Map<string, Tally>;
  readonly connections: Map<string, Tally>;
  readonly fact_kinds: Map<string, number>;
};

/** Reads every segment; `first`, `last` and the counts of frames are of the span, where there is one. */
export async function collectStats(
  { sources, span }: Pick<Selected, 'sources' | 'span'>,
  segments: SegmentsReader,
  { output, signal }: { readonly output: Output; readonly signal: AbortSignal },
): Promise<LogStats> {
  const stats: LogStats = {
    ...{ segments: 0, faults: 0, lines: 0, frames: 0, facts: 0, bytes: 0, stored_bytes: 0 },
    ...{ first: null, last: null, dropped_frames: 0 },
    channels: new Map(),
    connections: new Map(),
    fact_kinds: new Map(),
  };
  const progress = lateProgress(output, {
    label: 'reading',
    total: sources.length,
    unit: 'segments',
  });
  let reader = createFrameReader(null);
  let epoch = '';
  const line = (of: LogLine, place: LinePlace): void => {
    if (of.capture !== null) {
      epoch = `${of.capture.epoch}`;
      reader = createFrameReader(FEEDS.get(of.capture.feed) ?? null);
    }
    if (of.kind !== 'frame' && of.kind !== 'fact') return;
    if (span !== null && (of.t < span.from || of.t >= span.to)) return;
    stats.first = stats.first === null || of.t < stats.first ? of.t : stats.first;
    stats.last = stats.last === null || of.t > stats.last ? of.t : stats.last;
    if (of.kind === 'frame') {
      stats.frames += 1;
      add(stats.channels, reader.read(of).channel, place.bytes + 1);
      add(stats.connections, `${epoch} c${of.c}`, place.bytes + 1);
      return;
    }
    reader.follow(of);
    stats.facts += 1;
    stats.dropped_frames += factOf(of, '_drop')?.frames ?? 0;
    const kind = of.key ?? '';
    stats.fact_kinds.set(kind, (stats.fact_kinds.get(kind) ?? 0) + 1);
  };
  for (const source of sources) {
    const read = await segments.read(source, { visitor: { line }, signal, fetch_before: false });
    stats.segments += 1;
    stats.faults += read.reader.fault_count;
    stats.lines += read.reader.lines;
    stats.bytes += read.reader.bytes;
    stats.stored_bytes += read.stored_bytes;
    progress.update(stats.segments);
  }
  progress.end();
  return stats;
}

function add(tallies: Map<string, Tally>, name: string, bytes: number): void {
  const tally = tallies.get(name) ?? { frames: 0, bytes: 0 };
  tallies.set(name, tally);
  tally.frames += 1;
  tally.bytes += bytes;
}

/** `channels`, `connections` and `facts` by name; instants as text. */
export function statsJson(stats: LogStats): object {
  const { channels, connections, fact_kinds, facts, ...counts } = stats;
  return {
    ...counts,
    facts,
    frames_per_s: rate(stats, stats.frames),
    channels: Object.fromEntries(sorted(channels)),
    connections: Object.fromEntries(sorted(connections)),
    fact_kinds: Object.fromEntries(sorted(fact_kinds)),
  };
}

export function printStats(stats: LogStats, output: Output): void {
  const { segments, lines, frames, facts, bytes, stored_bytes, first, last } = stats;
  const ratio = stored_bytes > 0 ? ` (1 : ${(bytes / stored_bytes).toFixed(1)})` : '';
  output.line(`${countOf(segments, 'segment')}, ${countOf(lines, 'line')}`);
  output.line(`  ${formatBytes(bytes)} plain, ${formatBytes(stored_bytes)} stored${ratio}`);
  if (first !== null && last !== null) {
    output.line(`  ${formatIso(first)} to ${formatIso(last)}, ${seconds(last - first)}`);
    const per_s = formatCount(rate(stats, frames) ?? 0);
    output.line(`  ${countOf(frames, 'frame')}, ${per_s} a second; ${countOf(facts, 'fact')}`);
  }
  if (stats.dropped_frames > 0) {
    output.line(output.color.yellow(`  LOST: ${countOf(stats.dropped_frames, 'frame')}`));
  }
  if (stats.faults > 0) {
    const words = `${countOf(stats.faults, 'fault')}: npx ssmd log verify names them`;
    output.line(output.color.red(`  ${words}`));
  }
  const rows = (tallies: Map<string, Tally>): string[][] =>
    sorted(tallies).map(([name, tally]) => [
      name,
      formatCount(tally.frames),
      formatBytes(tally.bytes),
    ]);
  output.line();
  output.table(['channel', 'frames', 'bytes'], rows(stats.channels));
  output.line();
  output.table(['connection', 'frames', 'bytes'], rows(stats.connections));
  output.line();
  output.table(
    ['fact', 'lines'],
    sorted(stats.fact_kinds).map(([name, count]) => [name, formatCount(count)]),
  );
}

/** A second; null where there is no time between first and last. */
function rate({ first, last }: LogStats, count: number): number | null {
  if (first === null || last === null || last <= first) return null;
  return Math.round((count / (Number(last - first) / 1e9)) * 100) / 100;
}

function sorted<T>(of: Map<string, T>): [string, T][] {
  return [...of].sort(([a], [b]) => (a < b ? -1 : 1));
}
