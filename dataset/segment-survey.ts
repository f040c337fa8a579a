/**
 * What one raw segment says about itself and about its epoch: whether it is whole and proven, and the
 * few facts a day is planned from. Everything else in it is read again by the rebuild.
 */
import { LineCursor, LogLine, factOf, parseLogLine, sliceLogLine } from '../codec/log-line.ts';
import { isOfNewer } from '../codec/log-shapes.ts';
import { checkSegment } from '../codec/segment-check.ts';
import type { Capture } from '../schema/log.ts';
import type { RawSegmentId } from './keys.ts';

export type SegmentSurvey = {
  readonly key: string;
  readonly id: RawSegmentId;
  /**
   * - `whole`: its `_end` proves every line
   * - `prefix`: damaged; the lines before the damage are good
   * - `unreadable`: nothing in it is proven, nothing of it is used
   */
  readonly state: 'whole' | 'prefix' | 'unreadable';
  /** Of the plain content as found, lower-case hex. */
  readonly sha256: string;
  readonly plain_bytes: number;
  /** Why it is not whole: what, and the line (from 1) where it shows. */
  readonly fault: { readonly line: number; readonly detail: string } | null;
  /** Its `_end` proves every byte, and a line is one that only a newer version knows. */
  readonly newer?: boolean;
  readonly capture: Capture | null;
  /** First and last `t` of its good lines. */
  readonly first: bigint | null;
  readonly last: bigint | null;
  readonly days: readonly { readonly t: bigint; readonly day: string; readonly taken: boolean }[];
  readonly takes: readonly {
    readonly t: bigint;
    readonly prev: { readonly epoch: number; readonly t: bigint } | null;
    /** The last event of the shard that the bus had by then; null where none is known. */
    readonly seen: { readonly epoch: number; readonly t: bigint } | null;
  }[];
};

/** A segment's plain content, and why its frame broke off before the end (null: it did not). */
export type SegmentContent = { readonly plain: Uint8Array; readonly fault: string | null };

/** Reads the whole of a segment once. `sha256` yields lower-case hex. */
export function surveySegment(
  key: string,
  id: RawSegmentId,
  content: SegmentContent,
  sha256: (bytes: Uint8Array) => string,
): SegmentSurvey {
  const { plain } = content;
  const check = checkSegment(plain, sha256);
  const fault =
    check.fault !== null
      ? { line: check.fault.line, detail: check.fault.detail }
      : content.fault !== null
        ? { line: check.good_lines + 1, detail: content.fault }
        : null;
  // A content that disagrees with its own end is changed somewhere, and nobody can say where.
  const unproven = check.fault?.kind === 'end' || check.capture === null;
  const facts = unproven ? { days: [], takes: [] } : readFacts(plain.subarray(0, check.good_bytes));
  return {
    key,
    id,
    state: unproven ? 'unreadable' : fault === null ? 'whole' : 'prefix',
    sha256: sha256(plain),
    plain_bytes: plain.length,
    fault: fault === null ? null : { ...fault, detail: joined(fault.detail, content.fault) },
    ...(check.proven && isOfNewer(check.fault?.detail ?? '') ? { newer: true } : {}),
    capture: check.capture,
    first: check.first,
    last: check.last,
    ...facts,
  };
}

/**
 * Steps over the good lines of a segment, `_capture` and `_end` left out: each call reads the next into
 * `line`, and is false where there is none. With `trust` an unreadable one is read as well, as far as its
 * lines make sense: to find where it was changed, never to build.
 */
export function goodLines(
  survey: Pick<SegmentSurvey, 'state'>,
  plain: Uint8Array,
  line: LogLine,
  trust = false,
): () => boolean {
  if (survey.state === 'unreadable' && !trust) return () => false;
  const cursor = new LineCursor(plain);
  const read = survey.state === 'whole' ? sliceLogLine : parseLogLine;
  let last = -1n;
  let over = false;
  return () => {
    while (!over && cursor.next()) {
      over = !read(plain, cursor.start, cursor.end, line) || line.kind === 'end';
      if (over) return false;
      if (line.kind === 'capture') continue;
      over = line.t <= last;
      last = line.t;
      return !over;
    }
    return false;
  };
}

/** The number (from 1) of the first line whose `t` is `t` or later; 0 where there is none. */
export function lineNumberOf(plain: Uint8Array, t: bigint): number {
  const cursor = new LineCursor(plain);
  const line = new LogLine();
  for (let number = 1; cursor.next(); number++) {
    if (!parseLogLine(plain, cursor.start, cursor.end, line)) return number;
    if ((line.kind === 'frame' || line.kind === 'fact') && line.t >= t) return number;
  }
  return 0;
}

function readFacts(plain: Uint8Array): Pick<SegmentSurvey, 'days' | 'takes'> {
  const days: SegmentSurvey['days'][number][] = [];
  const takes: SegmentSurvey['takes'][number][] = [];
  const cursor = new LineCursor(plain);
  const line = new LogLine();
  while (cursor.next()) {
    if (!sliceLogLine(plain, cursor.start, cursor.end, line) || line.kind !== 'fact') continue;
    const day = factOf(line, '_day');
    if (day !== null) days.push({ t: line.t, day: day.day, taken: day.taken });
    const take = factOf(line, '_take');
    if (take !== null) {
      takes.push({ t: line.t, prev: positionOf(take.prev), seen: positionOf(take.seen) });
    }
  }
  return { days, takes };
}

function positionOf(
  told: { readonly epoch: number; readonly t: string } | null | undefined,
): { readonly epoch: number; readonly t: bigint } | null {
  return told == null ? null : { epoch: told.epoch, t: BigInt(told.t) };
}

function joined(detail: string, frame: string | null): string {
  return frame === null || frame === detail ? detail : `${detail} (zstd: ${frame})`;
}
