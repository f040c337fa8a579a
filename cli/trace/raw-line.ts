/** Finds a line of a shard's log in its segments: by its `t`, exactly, with what stands around it. */
import { LineCursor, LogLine, parseLogLine } from '../../codec/log-line.ts';
import type { Capture, FactKey, Facts } from '../../schema/log.ts';
import type { SegmentContent } from '../../dataset/segment-survey.ts';
import type { FoundSegment, SegmentSource } from '../log/sources.ts';

/** One line, copied out of its segment. */
export type RawLine = {
  readonly t: bigint;
  /** The segment it stands in, its number there (from 1), its offset in the plain content. */
  readonly segment: string;
  readonly line: number;
  readonly at: number;
  /** The whole line without its line feed, exactly as it stands there. */
  readonly bytes: Uint8Array;
  readonly frame: { readonly c: number; readonly form: string; readonly bytes: Uint8Array } | null;
  readonly fact: { readonly key: FactKey; readonly fact: Facts[FactKey] } | null;
};

/** Plain content, whole. Null where it went away. */
export async function readPlain(
  source: SegmentSource,
  signal: AbortSignal,
): Promise<SegmentContent | null> {
  const chunks: Uint8Array[] = [];
  const content = await source.read({
    onChunk: (chunk) => void chunks.push(chunk.slice()),
    enough: () => false,
    signal,
  });
  if (content === null) return null;
  const plain = new Uint8Array(chunks.reduce((bytes, chunk) => bytes + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    plain.set(chunk, at);
    at += chunk.length;
  }
  return { plain, fault: content.fault?.detail ?? null };
}

/** Frames and facts of a plain content, in order; a line that is not ours is passed over. */
export function* linesOf(
  name: string,
  plain: Uint8Array,
): Generator<{ readonly line: LogLine; readonly copy: () => RawLine }> {
  const cursor = new LineCursor(plain);
  const line = new LogLine();
  for (let number = 1; cursor.next(); number++) {
    const { start, end } = cursor;
    if (!parseLogLine(plain, start, end, line)) continue;
    if (line.kind !== 'frame' && line.kind !== 'fact') continue;
    const copy = (): RawLine => ({
      ...{ t: line.t, segment: name, line: number, at: start },
      bytes: plain.slice(start, end),
      frame:
        line.kind === 'frame'
          ? { c: line.c, form: line.form, bytes: line.bytes.slice(line.from, line.to) }
          : null,
      fact: line.key === null || line.fact === null ? null : { key: line.key, fact: line.fact },
    });
    yield { line, copy };
  }
}

/** `_capture` of a content, where its first line is one. */
function captureOf(plain: Uint8Array): Capture | null {
  const cursor = new LineCursor(plain);
  const line = new LogLine();
  if (!cursor.next() || !parseLogLine(plain, cursor.start, cursor.end, line)) return null;
  return line.capture;
}

export type LineFound = {
  readonly of: FoundSegment;
  readonly line: RawLine;
  readonly capture: Capture | null;
  readonly before: readonly RawLine[];
  readonly after: readonly RawLine[];
};

/** The lines nearest to an instant that has none: of the segments that were read. */
export type Nearest = { before: RawLine | null; after: RawLine | null };

/**
 * Every line with this `t` in the segments of its minute, one an epoch at most. `around` neighbours a
 * side, from the segments beside it where its own ends.
 */
export async function findLine(
  t: bigint,
  segments: readonly FoundSegment[],
  around: number,
  signal: AbortSignal,
): Promise<{ readonly found: readonly LineFound[]; readonly nearest: Nearest }> {
  const nearest: Nearest = { before: null, after: null };
  const found: LineFound[] = [];
  const epochs = new Set(segments.map(({ id }) => id.epoch));
  for (const epoch of epochs) {
    const own = segments.filter(({ id }) => id.epoch === epoch);
    const at = own.findLastIndex(({ id }) => id.t <= t);
    const beside = [own[at - 1], own[at], own[at + 1]].filter((it) => it !== undefined);
    const hit = await scan(t, beside, around, nearest, signal);
    if (hit !== null) found.push(hit);
  }
  return { found, nearest };
}

async function scan(
  t: bigint,
  segments: readonly FoundSegment[],
  around: number,
  nearest: Nearest,
  signal: AbortSignal,
): Promise<LineFound | null> {
  const before: RawLine[] = [];
  const after: RawLine[] = [];
  let hit: Pick<LineFound, 'of' | 'line' | 'capture'> | null = null;
  for (const of of segments) {
    const content = await readPlain(of.source, signal);
    if (content === null) continue;
    for (const { line, copy } of linesOf(of.source.name, content.plain)) {
      if (line.t < t) {
        before.push(copy());
        if (before.length > Math.max(around, 1)) before.shift();
      } else if (line.t === t) {
        hit = { of, line: copy(), capture: captureOf(content.plain) };
      } else {
        const copied = copy();
        if (nearest.after === null || copied.t < nearest.after.t) nearest.after = copied;
        if (after.length === around) break;
        after.push(copied);
      }
    }
    if (after.length >= around && (hit !== null || nearest.after !== null)) break;
  }
  const previous = before.at(-1);
  if (previous !== undefined && (nearest.before === null || previous.t > nearest.before.t)) {
    nearest.before = previous;
  }
  if (hit === null) return null;
  return { ...hit, before: before.slice(before.length - around), after };
}
