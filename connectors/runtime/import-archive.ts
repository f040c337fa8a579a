/** Where an import's lines go: one log per epoch, its segments shipped, its inventories written. */
import { UNSYNCED } from '../../schema/clock.ts';
import { SsmdError } from '../../schema/errors.ts';
import type { FoldConfig } from '../../schema/symbols.ts';
import type { Day } from '../../schema/time.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import type { Feed } from '../feed.ts';
import type { LineSink } from '../import/sequencer.ts';
import { createEpochArchive } from './archive.ts';
import type { EpochArchive } from './archive.ts';
import type { Clock } from './clock.ts';
import { createEpochFiles } from './epoch-files.ts';
import { daysOf } from './inventory.ts';
import { unsyncedFiles } from './log-files.ts';
import { openLog } from './log-writer.ts';
import type { Log } from './log-writer.ts';
import { captureTemplate } from './provenance.ts';
import type { Software } from './provenance.ts';
import { createShipper } from './shipper.ts';

export type ImportedEpoch = {
  readonly epoch: number;
  readonly days: readonly Day[];
  readonly segments: number;
  /** Plain bytes. */
  readonly bytes: number;
  /** Lines of the log, `_capture` and `_end` included. */
  readonly lines: number;
};

export type ImportArchive = LineSink & {
  /** Waits while much is on its way. @throws SSMD_UNAVAILABLE where the store does not take it. */
  readonly settle: () => Promise<void>;
  /** Ships the rest and writes the inventories. */
  readonly finish: () => Promise<void>;
  readonly stop: () => void;
  readonly epochs: () => readonly ImportedEpoch[];
  readonly conflicts: () => readonly string[];
};

/** Segments on their way before reading goes on. */
const PENDING_MAX = 32;
/** Tries of one segment before the import gives up. */
const TRIES_MAX = 5;

export function createImportArchive(options: {
  readonly feed: Feed;
  readonly config: { readonly sha256: string; readonly config: FoldConfig };
  readonly source: string;
  readonly software: Software;
  readonly host: string;
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly random: () => number;
  /** A folder of its own, removed by the caller. */
  readonly dir: string;
}): ImportArchive {
  const { feed, config, source, software, host, store, clock, random, dir } = options;
  const { shard } = config.config;
  const conflicts: string[] = [];
  const archives: { epoch: number; archive: EpochArchive }[] = [];
  let failure: string | null = null;
  let log: Log | null = null;

  const shipper = createShipper({
    store,
    clock,
    random,
    report(report) {
      if (report.type === 'conflict') conflicts.push(report.kept_as);
      const failed = report.type === 'retry' && report.attempt >= TRIES_MAX;
      if (report.type !== 'lost' && !failed) return;
      failure = `${report.key}: ${report.error}`;
      shipper.stop();
    },
  });

  function throwFailure(): void {
    if (failure === null) return;
    throw new SsmdError(
      'SSMD_UNAVAILABLE',
      `the object store did not take a segment in ${TRIES_MAX} tries (${failure}); ` +
        'import the file again when it does: what is there already is found',
      { retryable: true },
    );
  }

  function written(ok: boolean): void {
    if (ok) return;
    const cause = log?.failure() ?? 'unknown';
    throw new SsmdError('SSMD_DISK_FULL', `a segment could not be written in ${dir}: ${cause}`);
  }

  function current(): Log {
    if (log === null) throw new Error('broken invariant: a line belongs to an epoch');
    return log;
  }

  return {
    begin(epoch) {
      const of = { feed: feed.id, shard, epoch, origin: 'import', host } as const;
      const files = createEpochFiles(dir, of);
      const template = captureTemplate({
        ...{ feed, shard, epoch, source, software, host },
        config_sha256: config.sha256,
        origin: 'import',
        clock: UNSYNCED,
        place: { location_id: 'unknown', datacenter: 'unknown', proximity: 'unknown' },
      });
      const report = (): void => undefined;
      const archive = createEpochArchive({ files, store, shipper, report });
      log = openLog({ dir: files.dir, capture: () => template, files: unsyncedFiles });
      log.onSegmentClosed(archive.add);
      archives.push({ epoch, archive });
    },
    frame: (t, c, bytes, from, to) => written(current().frame(t, c, bytes, from, to)),
    fact: (t, key, fact) => written(current().fact(t, key, fact)),
    end() {
      written(current().close());
      log = null;
    },
    async settle() {
      throwFailure();
      if (shipper.pending() >= PENDING_MAX) await shipper.idle();
      shipper.release(log?.last() ?? 0n);
      throwFailure();
    },
    async finish() {
      await shipper.idle();
      throwFailure();
      for (const { archive } of archives) await archive.finish('shutdown');
    },
    stop: () => shipper.stop(),
    epochs: () =>
      archives.map(({ epoch, archive }) => {
        const segments = archive.segments();
        return {
          epoch,
          days: daysOf(segments),
          segments: segments.length,
          bytes: segments.reduce((sum, segment) => sum + segment.bytes, 0),
          lines: segments.reduce((sum, segment) => sum + segment.lines, 0),
        };
      }),
    conflicts: () => conflicts,
  };
}
