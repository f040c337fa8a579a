/** The lines of RAW that some events come from, for a report to show beside them. */
import { LineCursor, LogLine, parseLogLine } from '../codec/log-line.ts';
import { parseRawSegmentKey } from '../dataset/keys.ts';
import type { ManifestInput } from '../dataset/manifest.ts';
import { readIdParts, splitEventId } from '../schema/event-id.ts';
import type { LineId } from '../schema/event-id.ts';
import { NS_PER_MINUTE } from '../schema/time.ts';
import { breathe } from './deps.ts';
import type { JobContext, JobDeps } from './deps.ts';

/** One line of RAW: the segment it stands in, its number there (from 1), its text. */
export type RawFrame = { readonly segment: string; readonly line: number; readonly text: string };

/** Characters of a line that are kept; a snapshot of a book has more. */
const FRAME_CHARS_MAX = 4_000;

type Deps = Pick<JobDeps, 'raw' | 'unpackPrefix'>;

/**
 * By event, as it is named; an event whose line is not found is left out. Each segment is read once;
 * what cannot be read is for an audit to name.
 */
export async function findFrames(
  deps: Deps,
  events: readonly string[],
  inputs: readonly ManifestInput[],
  context: Pick<JobContext, 'signal'>,
): Promise<Record<string, RawFrame>> {
  const lines = events.flatMap((name) => {
    const { line } = readIdParts(splitEventId(name));
    return line === null ? [] : [{ name, line }];
  });
  const wanted = Map.groupBy(
    lines.flatMap((it) => segmentsOf(it.line, inputs).map((segment) => ({ ...it, segment }))),
    ({ segment }) => segment,
  );
  const found: Record<string, RawFrame> = {};
  for (const [segment, of] of wanted) {
    const stored = await deps.raw.get(segment, { signal: context.signal });
    await breathe(context.signal);
    if (stored === null) continue;
    const { plain } = await deps.unpackPrefix(stored.body);
    const instants = new Set<bigint>(of.map(({ line }) => line.t));
    for (const { t, ...frame } of linesAt(plain, instants)) {
      for (const { name } of of.filter(({ line }) => line.t === t)) {
        found[name] = { segment, ...frame };
      }
    }
  }
  return found;
}

/** Segments of the line's minute: one for each epoch that ran. */
function segmentsOf({ shard, t }: LineId, inputs: readonly ManifestInput[]): string[] {
  return inputs.flatMap(({ key }) => {
    const id = parseRawSegmentKey(key);
    return id?.shard === shard && id.t <= t && t < id.t + NS_PER_MINUTE ? [key] : [];
  });
}

function* linesAt(
  plain: Uint8Array,
  instants: ReadonlySet<bigint>,
): Generator<{ readonly t: bigint; readonly line: number; readonly text: string }> {
  const cursor = new LineCursor(plain);
  const line = new LogLine();
  for (let number = 1; cursor.next(); number++) {
    const { start, end } = cursor;
    if (!parseLogLine(plain, start, end, line)) continue;
    if (line.kind !== 'frame' && line.kind !== 'fact') continue;
    if (!instants.has(line.t)) continue;
    const whole = new TextDecoder().decode(plain.subarray(start, end)).trimEnd();
    const more = whole.length - FRAME_CHARS_MAX;
    const text = more > 0 ? `${whole.slice(0, FRAME_CHARS_MAX)} … ${more} more` : whole;
    yield { t: line.t, line: number, text };
  }
}
