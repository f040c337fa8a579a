/** Reads segments one after the other, judges each, and chains them by epoch. */
import { performance } from 'node:perf_hooks';
import { SsmdError } from '../../schema/errors.ts';
import type { Output } from '../output.ts';
import type { Progress } from '../progress.ts';
import { checkChain, checkName, linkOf } from './chain.ts';
import type { ChainLink, ChainState } from './chain.ts';
import { runningSha256 } from './content.ts';
import { SegmentReader } from './segment-reader.ts';
import type { SegmentVisitor } from './segment-reader.ts';
import type { SegmentSource } from './sources.ts';

export type ReadSegment = {
  readonly source: SegmentSource;
  readonly reader: SegmentReader;
  readonly stored_bytes: number;
  readonly chain: ChainState;
};

export type ReadOptions = {
  readonly visitor: SegmentVisitor;
  readonly enough?: () => boolean;
  readonly signal: AbortSignal;
  /** Reads the one before a segment, too, where it was not read: for its hash. */
  readonly fetch_before: boolean;
};

export type SegmentsReader = {
  /** @throws SSMD_NOT_FOUND where the segment is not there (any more) */
  readonly read: (source: SegmentSource, options: ReadOptions) => Promise<ReadSegment>;
};

export function createSegmentsReader(): SegmentsReader {
  const links = new Map<string, ChainLink>();
  return {
    async read(source, { visitor, signal, fetch_before, enough = () => false }) {
      const reader = new SegmentReader(runningSha256(), visitor);
      const content = await readInto(reader, source, signal, enough);
      if (content === null) throw gone(source);
      const { capture } = reader;
      if (!reader.refused) checkName(reader, source.named);
      const epoch = capture === null ? '' : `${capture.feed} ${capture.shard} ${capture.epoch}`;
      let before = links.get(epoch) ?? null;
      if (before === null && fetch_before && (capture?.segment ?? 0) > 0) {
        before = await linkBefore(source, signal);
      }
      const chain = checkChain(reader, before);
      const link = linkOf(source.name, reader);
      if (link !== null) links.set(epoch, link);
      return { source, reader, stored_bytes: content.stored_bytes, chain };
    },
  };
}

async function readInto(
  reader: SegmentReader,
  source: SegmentSource,
  signal: AbortSignal,
  enough: () => boolean,
): Promise<{ readonly stored_bytes: number } | null> {
  const content = await source.read({
    onChunk: (chunk) => reader.push(chunk),
    enough: () => reader.refused || enough(),
    signal,
  });
  if (content !== null && !enough()) reader.finish(content.fault, source.growing);
  return content;
}

async function linkBefore(source: SegmentSource, signal: AbortSignal): Promise<ChainLink | null> {
  const before = await source.before();
  if (before === null) return null;
  const reader = new SegmentReader(runningSha256());
  const content = await readInto(reader, before, signal, () => false);
  return content === null ? null : linkOf(before.name, reader);
}

function gone({ name }: SegmentSource): SsmdError {
  return new SsmdError('SSMD_NOT_FOUND', `${name} is not there`, {
    facts: { name },
  });
}

const SHOWN_AFTER_MS = 1_000;

/** Progress on a terminal, once the work takes longer than a second; else silent. */
export function lateProgress(output: Output, options: Parameters<Output['progress']>[0]): Progress {
  const from = performance.now();
  let bar: Progress | null = null;
  return {
    update(done, note) {
      if (!process.stderr.isTTY || performance.now() - from < SHOWN_AFTER_MS) return;
      bar ??= output.progress(options);
      bar.update(done, note);
    },
    end(line) {
      bar?.end(line);
    },
  };
}
