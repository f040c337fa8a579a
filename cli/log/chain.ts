/** Does a segment follow the one before it, and is it the one its name says? Pure. */
import type { RawSegmentId } from '../../dataset/keys.ts';
import { formatIso } from '../../schema/time.ts';
import { faultOf } from './segment-reader.ts';
import type { SegmentFault, SegmentReader } from './segment-reader.ts';

/** What is kept of a segment for the next one of its epoch. */
export type ChainLink = {
  readonly name: string;
  readonly segment: number;
  readonly sha256: string;
  readonly last: bigint | null;
};

/**
 * `first`: the epoch begins with it; `holds`, `broken`: against the one before; `unchecked`: the one
 * before is not at hand.
 */
export type ChainState = 'first' | 'holds' | 'broken' | 'unchecked';

/** Notes in `reader` what does not fit to the segment before (null: it is not at hand). */
export function checkChain(reader: SegmentReader, before: ChainLink | null): ChainState {
  const { capture } = reader;
  if (capture === null) return 'unchecked';
  const { segment, previous_sha256 } = capture;
  const faults: SegmentFault[] = [];
  const broken = (
    kind: 'sequence' | 'chain',
    what: string,
    expected: unknown,
    received: unknown,
  ): void => {
    const fault = faultOf(kind, 1, 0, what);
    faults.push({ ...fault, expected: `${String(expected)}`, received: `${String(received)}` });
  };
  if ((segment === 0) !== (previous_sha256 === null)) {
    const what = 'the first segment of an epoch, and no other, names none before it';
    broken('chain', what, segment === 0 ? null : 'a hash', previous_sha256);
  } else if (before !== null && segment !== before.segment + 1) {
    const what = `the epoch's segments are not in sequence, after ${before.name}`;
    broken('sequence', what, `segment ${before.segment + 1}`, `segment ${segment}`);
  } else if (before !== null && previous_sha256 !== before.sha256) {
    const what = `the segment it names as the one before is not ${before.name}`;
    broken('chain', what, before.sha256, previous_sha256);
  }
  const { first } = reader;
  if (before?.last != null && first !== null && first <= before.last) {
    const fault = faultOf('order', 2, null, `t does not increase, after ${before.name}`);
    faults.push({ ...fault, expected: `above ${before.last}`, received: `${first}` });
  }
  for (const fault of faults) reader.note(fault);
  if (faults.length > 0) return 'broken';
  if (segment === 0) return 'first';
  return before === null ? 'unchecked' : 'holds';
}

/** What the name of a segment's file says of it, as far as it says so. */
export type NamedAs = {
  readonly id: RawSegmentId | null;
  /** Of a local log's file: its number. */
  readonly segment: number | null;
};

/** Notes in `reader` what is not as the segment's name says. */
export function checkName(reader: SegmentReader, { id, segment }: NamedAs): void {
  const { capture, first } = reader;
  if (capture === null) return;
  const differs = (what: string, expected: unknown, received: unknown): void => {
    const fault = faultOf('key', 1, 0, `its name says another ${what} than its content`);
    reader.note({ ...fault, expected: `${String(expected)}`, received: `${String(received)}` });
  };
  for (const what of ['feed', 'shard', 'epoch'] as const) {
    if (id !== null && id[what] !== capture[what]) differs(what, id[what], capture[what]);
  }
  if (id !== null && first !== null && minute(first) !== minute(id.t)) {
    differs('minute', minute(id.t), minute(first));
  }
  if (segment !== null && segment !== capture.segment) differs('number', segment, capture.segment);
}

function minute(t: bigint): string {
  return formatIso(t).slice(0, 16);
}

export function linkOf(name: string, reader: SegmentReader): ChainLink | null {
  const { capture, last, sha256 } = reader;
  return capture === null ? null : { name, segment: capture.segment, sha256, last };
}
