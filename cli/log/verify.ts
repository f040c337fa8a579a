/** `ssmd log verify`: is every segment whole, proven, and the one that follows the one before it? */
import { countOf, formatBytes, formatCount } from '../format.ts';
import type { Output } from '../output.ts';
import type { ChainState } from './chain.ts';
import type { ReadSegment, SegmentsReader } from './read.ts';
import { lateProgress } from './read.ts';
import { faultLines } from './show.ts';
import type { SegmentSource } from './sources.ts';

export type VerifyOptions = {
  readonly output: Output;
  readonly json: boolean;
  readonly signal: AbortSignal;
};

const CHAIN_WORDS: { readonly [S in ChainState]: string } = {
  first: 'begins its epoch',
  holds: 'follows the one before',
  broken: 'does not follow the one before',
  unchecked: 'the one before is not at hand',
};

/** Prints a line a segment and every fault; the number of segments with a fault. */
export async function verifySegments(
  sources: readonly SegmentSource[],
  segments: SegmentsReader,
  { output, json, signal }: VerifyOptions,
): Promise<number> {
  const progress = lateProgress(output, {
    label: 'verifying',
    total: sources.length,
    unit: 'segments',
  });
  let wrong = 0;
  let lines = 0;
  for (const [index, source] of sources.entries()) {
    const read = await segments.read(source, { visitor: {}, signal, fetch_before: true });
    if (read.reader.fault_count > 0) wrong += 1;
    lines += read.reader.lines;
    if (json) printJson(read, output);
    else print(read, output);
    progress.update(index + 1);
  }
  progress.end();
  if (!json && sources.length > 1) {
    const said = wrong === 0 ? output.color.green('nothing is wrong') : `${wrong} wrong`;
    output.line(`${countOf(sources.length, 'segment')}, ${countOf(lines, 'line')}: ${said}`);
  }
  return wrong;
}

function print({ source, reader, chain }: ReadSegment, output: Output): void {
  const { color } = output;
  const size = `${countOf(reader.lines, 'line')}, ${formatBytes(reader.bytes)}`;
  if (reader.fault_count === 0) {
    const state = reader.open ? color.yellow('open') : color.green('ok  ');
    const open = reader.open ? '; no _end yet, so nothing proves it' : '';
    output.line(`${state}  ${source.name}`);
    output.line(`      ${size}; ${CHAIN_WORDS[chain]}${open}`);
    return;
  }
  output.line(`${color.red('WRONG')} ${source.name}`);
  for (const fault of reader.faults) {
    for (const line of faultLines(fault)) output.line(`      ${line}`);
  }
  const more = reader.fault_count - reader.faults.length;
  if (more > 0) output.line(`      and ${formatCount(more)} more`);
}

function printJson({ source, reader, chain, stored_bytes }: ReadSegment, output: Output): void {
  const { capture, lines, bytes, first, last, fault_count, faults, open } = reader;
  const of =
    capture === null
      ? null
      : (({ feed, shard, epoch, segment }) => ({ feed, shard, epoch, segment }))(capture);
  output.json({
    name: source.name,
    ok: fault_count === 0,
    open,
    of,
    ...{ lines, bytes, stored_bytes, first, last },
    sha256: reader.refused ? null : reader.sha256,
    chain,
    fault_count,
    faults,
  });
}
