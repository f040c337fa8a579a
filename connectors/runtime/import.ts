/**
 * Imports a recording into RAW: reads it line by line, gives its frames receive times, writes them
 * through the connector's own log writer and ships the segments with their inventories. The same file
 * imported twice by the same build yields the same segments, which are found to be there.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SsmdError, invalidInput } from '../../schema/errors.ts';
import type { FoldConfig } from '../../schema/symbols.ts';
import { NS_PER_DAY, dayOf } from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import type { Feed } from '../feed.ts';
import { LINE_BYTES_MAX } from '../import/format.ts';
import type { RecordedFormat, RecordedLine, RejectReason } from '../import/format.ts';
import { judgeFrame } from '../import/judge.ts';
import { noDataFault } from '../import/no-data.ts';
import { FORMATS, detectFormat } from '../import/registry.ts';
import { createSequencer } from '../import/sequencer.ts';
import type { Sequencer } from '../import/sequencer.ts';
import { createFrameReader, describeTimeFrom } from '../import/times.ts';
import type { FrameReader, TimeFrom } from '../import/times.ts';
import type { Clock } from './clock.ts';
import { createImportArchive } from './import-archive.ts';
import type { ImportArchive, ImportedEpoch } from './import-archive.ts';
import { createLineSplitter } from './line-splitter.ts';
import { hashConfig } from './provenance.ts';
import type { Software } from './provenance.ts';

/** A line that was not imported. `text` is the line, cut where it is long. */
export type Reject = {
  readonly line: number;
  readonly reason: RejectReason;
  readonly detail: string;
  readonly text: string;
};

export type ImportOptions = {
  readonly feed: Feed;
  readonly config: FoldConfig;
  /** The recording's name, for `_capture.source`. */
  readonly source: string;
  readonly chunks: AsyncIterable<Uint8Array>;
  readonly format: RecordedFormat | null;
  /** Null: the recording's own times. */
  readonly time_from: TimeFrom | null;
  readonly store: ObjectStore;
  readonly software: Software;
  readonly host: string;
  readonly clock: Clock;
  readonly random: () => number;
  readonly reject: (reject: Reject) => void;
  readonly progress?: (frames: number) => void;
  readonly signal?: AbortSignal;
};

export type ImportReport = {
  readonly feed: string;
  readonly shard: string;
  readonly source: string;
  readonly format: string;
  /** Lines of the file: frames, what was sent or opened, blank ones, and rejects. */
  readonly lines: number;
  readonly frames: number;
  readonly other: number;
  readonly blank: number;
  readonly rejected: Readonly<Record<string, number>>;
  /** What the feed's decoder makes of the frames; `data` are those with events. */
  readonly decoded: Readonly<Record<string, number>>;
  readonly first: string | null;
  readonly last: string | null;
  readonly days: readonly Day[];
  readonly epochs: readonly ImportedEpoch[];
  /** Frames whose time did not increase and was moved, and by how much at most. */
  readonly nudged: number;
  readonly nudged_ns_max: string;
  readonly back_steps: number;
  readonly bad_ts_recv: boolean;
  /** Segments whose key held other content: kept beside it. */
  readonly conflicts: readonly string[];
};

/** Frames without any time of the venue that are held until one comes. */
const UNTIMED_MAX = 100_000;
/** 2000-01-01: before it nothing was received. */
const EARLIEST = 946_684_800_000_000_000n;
const REJECT_TEXT_MAX = 4096;

/**
 * Imports a recording. @throws SSMD_INVALID_INPUT where its format is unknown or its times are missing,
 * SSMD_UNAVAILABLE where the store does not take it.
 */
export async function importRecording(options: ImportOptions): Promise<ImportReport> {
  const dir = await mkdtemp(join(tmpdir(), 'ssmd-import-'));
  const archive = createImportArchive({ ...options, config: hashConfig(options.config), dir });
  try {
    const reader = new RecordingReader(options, archive);
    const splitter = createLineSplitter(reader, LINE_BYTES_MAX);
    let whole = true;
    const broken = (error: unknown): void => {
      reader.broken(error);
      whole = false;
    };
    for await (const chunk of untilBroken(options.chunks, broken)) {
      options.signal?.throwIfAborted();
      splitter.push(chunk);
      options.progress?.(reader.sequencer?.counts.frames ?? 0);
      await archive.settle();
    }
    if (whole) splitter.end();
    reader.finish();
    await archive.finish();
    return reader.report();
  } finally {
    archive.stop();
    await rm(dir, { recursive: true, force: true });
  }
}

/** The chunks there are. What fails is the reading of the file, not what is made of it. */
async function* untilBroken(
  chunks: AsyncIterable<Uint8Array>,
  broken: (error: unknown) => void,
): AsyncGenerator<Uint8Array> {
  try {
    yield* chunks;
  } catch (error) {
    broken(error);
  }
}

type Held = { readonly bytes: Uint8Array };

class RecordingReader {
  readonly #options: ImportOptions;
  readonly #archive: ImportArchive;
  readonly #frames: FrameReader;
  readonly #now: bigint;
  #format: RecordedFormat | null;
  sequencer: Sequencer | null = null;
  #lines = 0;
  #blank = 0;
  #other = 0;
  readonly #rejected: Record<string, number> = {};
  readonly #decoded: Record<string, number> = {};
  /** Frames before the first time of the venue. */
  #held: Held[] = [];
  #venue_t: bigint | null = null;
  #step = 0n;

  constructor(options: ImportOptions, archive: ImportArchive) {
    this.#options = options;
    this.#archive = archive;
    this.#format = options.format;
    this.#frames = createFrameReader(options.feed, options.config);
    this.#now = options.clock.wallNs();
  }

  line(bytes: Uint8Array, start: number, end: number): void {
    this.#lines += 1;
    if (this.sequencer === null) {
      if (start === end) return void (this.#blank += 1);
      this.#begin(bytes, start, end);
    }
    const said = (this.#format as RecordedFormat).read(bytes, start, end);
    const reject = this.#take(said, bytes);
    if (reject !== null) this.#reject(reject, bytes, start, end);
  }

  tooLong(bytes: number): void {
    this.#lines += 1;
    const detail = `${bytes} bytes, where ${LINE_BYTES_MAX} are read`;
    this.#reject({ kind: 'reject', reason: 'too_long', detail }, new Uint8Array(0), 0, 0);
  }

  /** The file could not be read to its end; what came before it stays. */
  broken(error: unknown): void {
    if (error instanceof SsmdError || this.#options.signal?.aborted === true) throw error;
    const detail = error instanceof Error ? error.message : String(error);
    this.#lines += 1;
    this.#reject({ kind: 'reject', reason: 'truncated', detail }, new Uint8Array(0), 0, 0);
  }

  finish(): void {
    if (this.#held.length > 0) {
      const { source, config } = this.#options;
      const what = 'no frame carries a time of the venue';
      const untimed = { where: '--time-from', what, hint: 'such as 2023-07-30T15:29:58Z+100ms' };
      const useless = (this.#decoded['data'] ?? 0) === 0;
      // Frames of another feed or market have no time that could be read.
      throw invalidInput(source, [useless ? noDataFault(this.#decoded, config) : untimed]);
    }
    this.sequencer?.finish();
  }

  report(): ImportReport {
    const { feed, config, source, time_from } = this.#options;
    const { sequencer } = this;
    const epochs = this.#archive.epochs();
    return {
      feed: feed.id,
      shard: config.shard,
      source,
      format: this.#format?.id ?? 'unknown',
      lines: this.#lines,
      frames: sequencer?.counts.frames ?? 0,
      other: this.#other,
      blank: this.#blank,
      rejected: this.#rejected,
      decoded: this.#decoded,
      first: sequencer?.first()?.toString() ?? null,
      last: sequencer?.last()?.toString() ?? null,
      days: [...new Set(epochs.flatMap((epoch) => epoch.days))].sort(),
      epochs,
      nudged: sequencer?.counts.nudged ?? 0,
      nudged_ns_max: (sequencer?.counts.nudged_ns_max ?? 0n).toString(),
      back_steps: sequencer?.counts.back_steps ?? 0,
      bad_ts_recv: time_from !== null || (sequencer?.counts.back_steps ?? 0) > 0,
      conflicts: this.#archive.conflicts(),
    };
  }

  /** At the first line: which format, and where times come from. */
  #begin(bytes: Uint8Array, start: number, end: number): void {
    const { source, time_from, config } = this.#options;
    const format = this.#format ?? detectFormat(bytes, start, end);
    if (format === null) {
      const known = FORMATS.map(({ id, description }) => `${id} (${description})`).join('; ');
      throw invalidInput(source, [{ where: 'line 1', what: 'is of no format known', hint: known }]);
    }
    if (!format.timed && time_from === null) {
      const what = `is not given, and ${format.id} has no receive times`;
      const hint = "'venue' takes the venue's own times, START+STEP makes them up";
      throw invalidInput(source, [{ where: '--time-from', what, hint }], '--time-from venue');
    }
    this.#format = format;
    this.sequencer = createSequencer({
      config: hashConfig(config),
      url: `import:${source}`,
      bad_times: time_from === null ? null : describeTimeFrom(time_from),
      sink: this.#archive,
    });
  }

  #take(said: RecordedLine, bytes: Uint8Array): Rejection | null {
    if (said.kind === 'reject') return said;
    if (said.kind === 'frame') return this.#frame(said, bytes);
    if (said.kind === 'blank') this.#blank += 1;
    else this.#other += 1;
    if (said.kind === 'lost') this.sequencer?.lost();
    if (said.kind !== 'open' && said.kind !== 'sent') return null;
    const t = this.#options.time_from === null ? said.t : this.#venue_t;
    // With made-up times there is no saying when: what precedes the first frame is left out.
    if (t === null) return null;
    const wrong = this.#wrongTime(t);
    if (wrong !== null) return wrong;
    if (said.kind === 'open') this.sequencer?.open(t, said.url);
    else this.sequencer?.sent(t, utf8.decode(bytes.subarray(said.from, said.to)));
    return null;
  }

  #frame(said: RecordedLine & { readonly kind: 'frame' }, bytes: Uint8Array): Rejection | null {
    const { from, to } = said;
    const judged = judgeFrame(this.#options.feed.id, bytes, from, to);
    if (judged !== null) return judged.kind === 'reject' ? judged : null;
    const { time_from } = this.#options;
    const received =
      time_from === null ? said.t : time_from.kind === 'steps' ? time_from.start : null;
    const { kind, reason } = this.#frames.read(bytes, from, to, received);
    const t = this.#timeOf(said.t);
    const wrong = t === null ? null : this.#wrongTime(t);
    if (wrong !== null) return wrong;
    const named = kind === 'ignored' || kind === 'rejected' ? `${kind}:${reason}` : kind;
    this.#decoded[named] = (this.#decoded[named] ?? 0) + 1;
    if (t === null) this.#hold(bytes.slice(from, to));
    else {
      this.#releaseHeld(t);
      this.sequencer?.frame(t, bytes, from, to);
    }
    return null;
  }

  #timeOf(recorded: bigint | null): bigint | null {
    const { time_from } = this.#options;
    if (time_from === null) return recorded;
    if (time_from.kind === 'steps') {
      this.#venue_t = time_from.start + this.#step * time_from.step_ns;
      this.#step += 1n;
    } else {
      const t = this.#frames.venueTime();
      // A frame without a time of its own comes right after the one before it.
      const usable = t !== null && this.#wrongTime(t) === null;
      this.#venue_t = usable ? t : this.#venue_t;
    }
    return this.#venue_t;
  }

  #wrongTime(t: bigint): Rejection | null {
    if (t >= EARLIEST && t <= this.#now + NS_PER_DAY) return null;
    const detail = `${t} ns (${dayOf(t)}) is no time at which a frame was received`;
    return { kind: 'reject', reason: 'bad_time', detail };
  }

  #hold(bytes: Uint8Array): void {
    this.#held.push({ bytes });
    if (this.#held.length <= UNTIMED_MAX) return;
    throw new SsmdError(
      'SSMD_LIMIT',
      `${UNTIMED_MAX} frames without any time of the venue: give receive times with ` +
        '--time-from START+STEP',
    );
  }

  /** Frames that came before the first time: right before it, in order. */
  #releaseHeld(t: bigint): void {
    if (this.#held.length === 0) return;
    const held = this.#held;
    this.#held = [];
    held.forEach(({ bytes }, index) => {
      const before = t - BigInt(held.length - index);
      this.sequencer?.frame(before, bytes, 0, bytes.length);
    });
  }

  #reject(reject: Rejection, bytes: Uint8Array, start: number, end: number): void {
    const { reason, detail } = reject;
    this.#rejected[reason] = (this.#rejected[reason] ?? 0) + 1;
    const text = utf8.decode(bytes.subarray(start, Math.min(end, start + REJECT_TEXT_MAX)));
    this.#options.reject({ line: this.#lines, reason, detail, text });
  }
}

type Rejection = RecordedLine & { readonly kind: 'reject' };

const utf8 = new TextDecoder();
