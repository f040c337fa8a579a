/** `ssmd log show`: what happened, line by line, in plain words. */
import type { LogLine } from '../../codec/log-line.ts';
import { FEEDS } from '../../connectors/registry.ts';
import type { Capture } from '../../schema/log.ts';
import { formatIso } from '../../schema/time.ts';
import { formatBytes, formatCount } from '../format.ts';
import type { Output } from '../output.ts';
import { createFrameReader } from './frame-facts.ts';
import type { ReadSegment, SegmentsReader } from './read.ts';
import { lateProgress } from './read.ts';
import type { LinePlace, SegmentFault } from './segment-reader.ts';
import { printable } from './segment-reader.ts';
import type { Selected } from './select.ts';
import type { SegmentSource } from './sources.ts';
import { cutTo, wrapTo } from './width.ts';
import { clock, createTeller, isLoss, seconds } from './tell.ts';
import type { Happening, Teller } from './tell.ts';

export type ShowOptions = {
  readonly output: Output;
  readonly json: boolean;
  readonly frames: boolean;
  /** Happenings printed. */
  readonly limit: number;
  /** Columns of the terminal; null: lines are not cut. */
  readonly columns: number | null;
  readonly signal: AbortSignal;
};

export type Shown = { readonly faults: number; readonly happenings: number };

/** Prints every segment in order; the number of faults met. */
export async function showSegments(
  { sources, span }: Pick<Selected, 'sources' | 'span'>,
  segments: SegmentsReader,
  options: ShowOptions,
): Promise<Shown> {
  const printer = createPrinter(options);
  const progress = lateProgress(options.output, {
    label: 'reading',
    total: sources.length,
    unit: 'segments',
  });
  let faults = 0;
  let config_known = createFrameReader(null);
  let feed = '';
  for (const [index, source] of sources.entries()) {
    if (printer.full()) break;
    let teller: Teller | null = null;
    const line = (of: LogLine, place: LinePlace): void => {
      if (of.capture !== null) {
        // A shard's configuration is stated once a day: it is carried from segment to segment.
        if (of.capture.feed !== feed)
          config_known = createFrameReader(FEEDS.get(of.capture.feed) ?? null);
        feed = of.capture.feed;
        printer.begin(source, of.capture);
        const { frames } = options;
        teller = createTeller({ reader: config_known, frames, tell: printer.tell });
      }
      if (of.kind !== 'frame' && of.kind !== 'fact') return;
      const inside = span === null || (of.t >= span.from && of.t < span.to);
      if (inside) teller?.line(of, place);
      else if (of.kind === 'fact') config_known.follow(of);
    };
    const read = await segments.read(source, {
      visitor: {
        line,
        fault(fault) {
          teller?.flush();
          printer.fault(source, fault);
        },
      },
      enough: printer.full,
      signal: options.signal,
      fetch_before: false,
    });
    (teller as Teller | null)?.flush();
    if (!printer.full()) printer.end(read);
    faults += read.reader.fault_count;
    if (options.columns === null) progress.update(index + 1);
  }
  progress.end();
  return { faults, happenings: printer.count() };
}

/** What others wrote is cut where it is too wide; words of ours go on in the next line. */
const VERBATIM: ReadonlySet<string> = new Set(['sent', 'frame', 'rejected']);
/** Columns of a time and the space behind it. */
const TIME_COLUMNS = 20;

type Printer = {
  readonly begin: (source: SegmentSource, capture: Capture) => void;
  readonly tell: (happening: Happening) => void;
  readonly fault: (source: SegmentSource, fault: SegmentFault) => void;
  readonly end: (read: ReadSegment) => void;
  readonly full: () => boolean;
  readonly count: () => number;
};

function createPrinter(options: ShowOptions): Printer {
  const { output, limit } = options;
  let count = 0;
  let shown_provenance = '';
  const full = (): boolean => count >= limit;
  const text = (line: string): void => {
    for (const part of wrapTo(line, options.columns, 4)) output.line(part);
  };
  return {
    full,
    count: () => count,
    begin(source, capture) {
      if (options.json) return output.json({ kind: 'segment', name: source.name, facts: capture });
      output.line(output.color.bold(source.name));
      const provenance = provenanceLines(capture);
      if (provenance.join('\n') === shown_provenance) text(`  segment ${capture.segment}`);
      else
        for (const line of [
          `segment ${capture.segment} of ${provenance[0]}`,
          ...provenance.slice(1),
        ])
          text(`  ${line}`);
      shown_provenance = provenance.join('\n');
    },
    tell(happening) {
      if (full()) return;
      count += 1;
      if (options.json) return output.json(happeningJson(happening));
      const { t, t_to, words } = happening;
      const span = t_to > t ? ` in ${seconds(t_to - t)}` : '';
      const said = happening.kind === 'frames' ? words.replace(':', `${span}:`) : words;
      const whole = `${clock(t)}  ${said}`;
      const lines = VERBATIM.has(happening.kind)
        ? [cutTo(whole, options.columns)]
        : wrapTo(whole, options.columns, TIME_COLUMNS);
      const { color } = output;
      for (const line of lines) output.line(isLoss(happening) ? color.yellow(line) : line);
    },
    fault(source, fault) {
      if (options.json) {
        const { kind: fault_kind, ...facts } = fault;
        return output.json({ kind: 'fault', name: source.name, fault: fault_kind, facts });
      }
      // A fault is never cut: every word of it is needed.
      for (const line of faultLines(fault)) output.line(`${output.color.red('WRONG')}  ${line}`);
    },
    end(read) {
      if (options.json) return output.json(endJson(read));
      text(endWords(read));
    },
  };
}

function happeningJson({ kind, t, t_to, line, c, words, facts }: Happening): object {
  return { kind, t, t_to, time: formatIso(t), line, c, words, facts };
}

function endJson({ source, reader, chain, stored_bytes }: ReadSegment): object {
  const { lines, bytes, first, last, fault_count } = reader;
  const facts = {
    lines,
    bytes,
    stored_bytes,
    first,
    last,
    chain,
    open: reader.open,
    faults: fault_count,
  };
  return { kind: 'end', name: source.name, facts };
}

function endWords({ reader, chain }: ReadSegment): string {
  const size = `${formatCount(reader.lines)} lines, ${formatBytes(reader.bytes)}`;
  const follows = chain === 'holds' ? '; follows the one before' : '';
  if (reader.open) return `not ended yet: ${size} so far${follows}`;
  if (reader.refused) return 'not read';
  if (reader.fault_count > 0)
    return `end of what can be read: ${size}, ${reader.fault_count} wrong`;
  return `end of the segment: ${size}, its hash agrees${follows}`;
}

/** Where, by what and how well timed, in a few lines. */
export function provenanceLines(of: Capture): readonly string[] {
  const started = formatIso(BigInt(of.epoch) * 1_000_000n).slice(0, 19);
  // Without any source the state says the same word again.
  const source = of.clock_source === of.clock_sync_status ? '' : `${of.clock_source} `;
  const offset = of.clock_offset_us === null ? '' : `, off by ${of.clock_offset_us} us`;
  return [
    `${of.feed} ${of.shard}, epoch ${of.epoch} (since ${started})`,
    `${of.origin}${of.source === null ? '' : ` (${of.source})`}, on ${of.host} in ${of.datacenter}; ` +
      `clock ${source}${of.clock_sync_status}${offset}`,
    `connector ${of.connector_version} (${of.connector_commit}), normalizer ${of.normalizer}, ` +
      `configuration ${of.config_sha256.slice(0, 8)}`,
  ].map(printable);
}

/** What is wrong, where, what was expected, what was there. */
export function faultLines(fault: SegmentFault): readonly string[] {
  const { kind, line, at, expected, received, detail } = fault;
  const place = [line === null ? null : `line ${line}`, at === null ? null : `byte ${at}`].filter(
    (it) => it !== null,
  );
  const where = place.length === 0 ? '' : ` at ${place.join(', ')}`;
  const lines = [`${kind}${where}: ${printable(detail)}`];
  if (expected !== null) lines.push(`  expected ${printable(expected)}`);
  if (received !== null) lines.push(`  received ${printable(received)}`);
  if (kind === 'newer')
    lines.push('  upgrade ssmd to read it; this version refuses what it may misread');
  if (kind === 'foreign') lines.push('  it is left alone: nothing of ssmd reads or changes it');
  return lines;
}
