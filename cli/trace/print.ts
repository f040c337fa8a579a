/** A trace for people, and as one JSON object. */
import { decodeEvents } from '../../codec/md2.ts';
import { formatIso } from '../../schema/time.ts';
import { eventJson, eventLine } from '../event-text.ts';
import { provenanceLines } from '../log/show.ts';
import { cutTo, wrapTo } from '../log/width.ts';
import { clock } from '../log/tell.ts';
import { printable } from '../log/segment-reader.ts';
import type { Output } from '../output.ts';
import type { RawLine } from './raw-line.ts';
import type { Trace, TracedEvent } from './trace.ts';

export function printTrace(trace: Trace, output: Output, columns: number | null): void {
  const { hit, is } = trace;
  const { line, capture, of } = hit;
  const row = (label: string, text: string): void => output.line(`${label.padEnd(LABEL)}${text}`);
  const cut = (label: string, text: string): void =>
    output.line(cutTo(`${label.padEnd(LABEL)}${text}`, columns));
  const wrap = (label: string, text: string): void => {
    const lines = wrapTo(`${label.padEnd(LABEL)}${text}`, columns, LABEL);
    for (const part of lines) output.line(part);
  };
  output.line(output.color.bold(trace.of));
  row('received', formatIso(line.t));
  row('segment', of.source.name);
  row('', `line ${line.line}, byte ${line.at} of its content, ${line.bytes.length} bytes`);
  if (trace.segment_sha256 !== null) row('', `sha256 ${trace.segment_sha256}`);
  for (const { version, same_segment } of trace.versions) {
    row('', `${version}: ${MADE_FROM[String(same_segment) as keyof typeof MADE_FROM]}`);
  }
  if (capture !== null) {
    const [first = '', ...rest] = provenanceLines(capture);
    wrap('captured', first);
    for (const text of rest) wrap('', text);
  }
  if (line.frame !== null) wrap('connection', connectionText(trace, line.frame.c));
  if (trace.asked !== null)
    cut('asked by', `${clock(trace.asked.t)}  ${printable(trace.asked.text)}`);
  else if (is !== null) row('asked by', `nothing of ours is known to ask for it: ${is.kind}`);
  output.line();
  const { head, body } = exactText(line);
  row(line.frame === null ? 'fact' : 'frame', head);
  // The bytes themselves are never cut.
  output.line(body);
  output.line();
  printEvents(trace, output, columns);
  output.line();
  for (const near of hit.before) cut('', nearText(near));
  output.line(output.color.bold(cutTo(`>           ${nearText(line)}`, columns)));
  for (const near of hit.after) cut('', nearText(near));
}

/** Columns before what is said. */
const LABEL = 12;

const MADE_FROM = {
  true: 'its day was made from this very segment',
  false: 'its day was made when this segment had other content',
  null: 'its day does not list this segment',
} as const;

function connectionText({ opened, closed }: Trace, c: number): string {
  if (opened === null) return `c${c}, opened before what was read`;
  const until =
    closed === null ? 'still open in what was read' : `closed ${clock(closed.t)} by ${closed.by}`;
  return `c${c} ${opened.url}, opened ${formatIso(opened.t).slice(0, 19)} for ${opened.day}; ${until}`;
}

/** The exact bytes where a terminal may show them; else escaped, and that is said. */
function exactText({ frame, bytes }: RawLine): { readonly head: string; readonly body: string } {
  const exact = frame?.bytes ?? bytes;
  const size = `${exact.length} bytes`;
  const text = asText(exact);
  if (text === null) return { head: `${size}, not UTF-8, as base64`, body: base64(exact) };
  const shown = printable(text);
  return { head: shown === text ? size : `${size}, control characters escaped`, body: shown };
}

function printEvents(trace: Trace, output: Output, columns: number | null): void {
  if (trace.speaks === null) return output.line('events      not folded (--no-fold)');
  if (trace.silent !== null) return output.line(`events      none: ${trace.silent}`);
  if (trace.events.length === 0) {
    const { counted } = trace.speaks;
    const why = Object.entries(counted).map(([name, count]) => `${name} ${count}`);
    return output.line(
      `events      none${why.length === 0 ? '' : `; counted as ${why.join(', ')}`}`,
    );
  }
  for (const event of trace.events) {
    output.line(output.color.bold(`says        ${event.id}`));
    for (const decoded of decodeEvents(event.bytes)) {
      const words = printable(eventLine(decoded)).replaceAll(/ {3,}/g, '  ');
      for (const line of wrapTo(' '.repeat(LABEL) + words, columns, LABEL)) output.line(line);
    }
    for (const copy of event.stored) {
      const of = copy.where === 'bus' ? `bus, ${copy.of}` : copy.of;
      const state = storedState(copy, output);
      output.line(`            ${state}  ${of}: ${copy.name}`);
    }
    const { archive, bus } = trace.looked;
    if (archive && trace.versions.length === 0)
      output.line('            its day is not archived yet');
    const unseen = [archive ? null : 'archive', bus ? null : 'bus'].filter((it) => it !== null);
    if (unseen.length > 0) output.line(`            not looked at: ${unseen.join(', ')}`);
  }
}

function storedState(copy: TracedEvent['stored'][number], output: Output): string {
  if (copy.schema !== 'md2') return output.color.yellow('unknown');
  if (copy.equal) return output.color.green('equal  ');
  return copy.bytes === null ? output.color.yellow('absent ') : output.color.red('DIFFERS');
}

function nearText({ t, frame, fact }: RawLine): string {
  if (fact !== null) return printable(`${clock(t)}  ${fact.key} ${JSON.stringify(fact.fact)}`);
  const bytes = frame?.bytes ?? new Uint8Array(0);
  return printable(`${clock(t)}  c${frame?.c ?? 0} ${asText(bytes) ?? base64(bytes)}`);
}

/** The event differs from what is stored, or is absent where it should be: in any version of md2. */
export function isUnequal({ events }: Pick<Trace, 'events'>): boolean {
  return events.some((event) =>
    event.stored.some(
      (copy) =>
        (copy.where === 'object' && copy.schema === 'md2' && !copy.equal) ||
        (copy.bytes !== null && !copy.equal),
    ),
  );
}

export function traceJson(trace: Trace): object {
  const { hit } = trace;
  return {
    event: trace.of,
    t: hit.line.t,
    time: formatIso(hit.line.t),
    segment: { name: hit.of.source.name, key: trace.segment_key, sha256: trace.segment_sha256 },
    versions: trace.versions,
    capture: hit.capture,
    ...lineJson(hit.line),
    is: trace.is,
    connection: { opened: trace.opened, closed: trace.closed },
    asked_by: trace.asked,
    folded: trace.speaks !== null,
    looked: trace.looked,
    silent: trace.silent,
    counted: trace.speaks?.counted ?? null,
    events: trace.events.map((event) => ({
      id: event.id,
      event: eventJson([...decodeEvents(event.bytes)][0] as never),
      capnp_base64: base64(event.bytes),
      stored: event.stored.map(({ where, name, of, schema, equal, bytes }) => ({
        ...{ where, name, of, schema, equal: schema === 'md2' ? equal : null },
        capnp_base64: bytes === null ? null : base64(bytes),
      })),
    })),
    before: hit.before.map(lineJson),
    after: hit.after.map(lineJson),
  };
}

function lineJson({ t, line, at, bytes, frame, fact, segment }: RawLine): object {
  const exact = frame?.bytes ?? null;
  return {
    line: { segment, t, line, at, bytes: bytes.length, text: asText(bytes) },
    c: frame?.c ?? null,
    frame:
      exact === null
        ? null
        : { form: frame?.form, bytes: exact.length, text: asText(exact), base64: base64(exact) },
    fact: fact === null ? null : { [fact.key]: fact.fact },
  };
}

const fatal = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function asText(bytes: Uint8Array): string | null {
  try {
    return fatal.decode(bytes);
  } catch {
    return null;
  }
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}
