/** A machine of the model: a disk, a clock, and processes that come and go on them. */
import { createConnector } from '../../../connectors/runtime/connector.ts';
import type { Connector } from '../../../connectors/runtime/connector.ts';
import type { HostProcess, HostProcesses } from '../../../connectors/runtime/host-processes.ts';
import type { LogFiles } from '../../../connectors/runtime/log-files.ts';
import { captureTemplate } from '../../../connectors/runtime/provenance.ts';
import { UNSYNCED } from '../../../schema/clock.ts';
import { createPublisher } from '../../../connectors/runtime/publisher.ts';
import type { PublisherLimits } from '../../../connectors/runtime/publisher-limits.ts';
import type { SegmentPacking } from '../../../connectors/runtime/shipper.ts';
import { openWal } from '../../../connectors/runtime/wal-reader.ts';
import type { VirtualClock } from '../../../connectors/simulator/clock.ts';
import { createMemoryDisk } from '../../../connectors/simulator/memory-files.ts';
import type { MemoryDisk } from '../../../connectors/simulator/memory-files.ts';
import type { Bus } from '../../../bus/bus.ts';
import type { Feed } from '../../../connectors/feed.ts';
import type { ObjectStore } from '../../../storage/object-store.ts';
import { SHARD, modelConfig } from './feed.ts';
import type { ModelProcess } from './process.ts';
import { storedZstd } from './stored-zstd.ts';
import type { ModelVenue, VenueConnection } from './venue.ts';

export const LOG_DIR = '/log';

/** Everything ever written to a segment file, whatever became of it: the oracle's own record. */
export type Written = { bytes: Uint8Array; size: number; synced: number };

export type ModelHost = {
  readonly name: string;
  readonly disk: MemoryDisk;
  readonly written: Map<string, Written>;
  /** Processes by id; dead ones stay. */
  readonly processes: Map<number, ModelProcess>;
  full: boolean;
  skew_ns: bigint;
};

export function createModelHost(name: string, skew_ns: bigint): ModelHost {
  return {
    name,
    disk: createMemoryDisk(),
    written: new Map(),
    processes: new Map(),
    full: false,
    skew_ns,
  };
}

const packing: SegmentPacking = {
  pack: (plain) => Promise.resolve(storedZstd.compress(plain)),
  unpack: (packed) => Promise.resolve(storedZstd.decompress(packed)),
};

const never = new Promise<never>(() => undefined);

/** The disk as a process sees it. */
export function filesFor(process: ModelProcess, host: ModelHost): LogFiles {
  const { files } = host.disk;
  const paths = new Map<number, string>();

  function act<T>(write: () => T): T {
    if (!process.acts()) throw new Error('the process is dead');
    return write();
  }
  function room(): void {
    if (host.full) throw Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC' });
  }
  function later<T>(write: () => Promise<T>): Promise<T> {
    return process.acts() ? process.seen(write()) : never;
  }
  const recorded = (fd: number): Written | undefined => {
    const path = paths.get(fd);
    return path === undefined ? undefined : host.written.get(path);
  };
  return {
    ...files,
    makeDirectory: (path) => act(() => files.makeDirectory(path)),
    create: (path) =>
      act(() => {
        room();
        const fd = files.create(path);
        if (path.endsWith('.jsonl')) {
          paths.set(fd, path);
          host.written.set(path, { bytes: new Uint8Array(1024), size: 0, synced: 0 });
        }
        return fd;
      }),
    write: (fd, bytes, start, end, position) =>
      act(() => {
        room();
        files.write(fd, bytes, start, end, position);
        const record = recorded(fd);
        if (record !== undefined) note(record, bytes.subarray(start, end), position);
      }),
    truncate: (fd, bytes) => act(() => files.truncate(fd, bytes)),
    syncFile: (fd) =>
      later(async () => {
        const record = recorded(fd);
        await files.syncFile(fd);
        if (record !== undefined) record.synced = record.size;
      }),
    syncDirectory: (path) => later(() => files.syncDirectory(path)),
    readWhole: (path) => (process.alive() ? process.seen(files.readWhole(path)) : never),
    append: (path, text) =>
      later(async () => {
        room();
        await files.append(path, text);
      }),
    remove: (path) => later(() => files.remove(path)),
    touch: (path, at_ms) => later(() => files.touch(path, at_ms)),
  };
}

function note(record: Written, bytes: Uint8Array, position: number): void {
  const size = position + bytes.length;
  if (size > record.bytes.length) {
    const larger = new Uint8Array(size * 2);
    larger.set(record.bytes.subarray(0, record.size));
    record.bytes = larger;
  }
  record.bytes.set(bytes, position);
  record.size = size;
}

function processesFor(process: ModelProcess, host: ModelHost): HostProcesses {
  const nameOf = (pid: number): HostProcess => ({
    pid,
    started: `${pid}`,
    namespace: host.name,
  });
  return {
    self: () => nameOf(process.pid),
    look({ pid }) {
      if (pid === process.pid) return 'self';
      return host.processes.get(pid)?.alive() === true ? 'alive' : 'dead';
    },
  };
}

/** A connector's process, and what the model knows of its epochs. */
export type ModelConnector = {
  readonly process: ModelProcess;
  readonly connector: Connector;
  readonly stop: AbortController;
  ended: 'no' | 'done' | 'failed';
  failure: unknown;
};

/** What every epoch heard, by `{epoch}/{c}`. */
export type Hearings = Map<string, VenueConnection>;

export function startModelConnector(options: {
  readonly process: ModelProcess;
  readonly host: ModelHost;
  readonly world: VirtualClock;
  readonly venue: ModelVenue;
  readonly feed: Feed;
  readonly bus: Bus;
  readonly store: ObjectStore;
  readonly limits: Partial<PublisherLimits>;
  readonly random: () => number;
  readonly hearings: Hearings;
  readonly report: (pid: number, event: string, facts: object) => void;
}): ModelConnector {
  const { process, host, venue, feed, bus, hearings, report, limits } = options;
  const { clock } = process;
  const files = filesFor(process, host);
  let epoch = 0;
  let c = 0;
  const say = (facts: Readonly<Record<string, unknown>>): void =>
    report(process.pid, String(facts['event']), facts);
  const connector = createConnector({
    feed,
    config: modelConfig,
    url: 'ws://model',
    ...{ clock, shipping_clock: clock },
    openSocket(_, handlers) {
      const record: VenueConnection = { handed: [], open: false };
      hearings.set(`${epoch}/${c}`, record);
      return venue.open(process, handlers, record);
    },
    random: options.random,
    dir: LOG_DIR,
    files,
    processes: processesFor(process, host),
    packing,
    store: options.store,
    log_bytes_max: 1e12,
    logger(_, event, facts) {
      if (event === 'epoch.opened') epoch = (facts as { epoch: number }).epoch;
      if (event === 'connection.opening') c = (facts as { c: number }).c;
      report(process.pid, event, facts);
    },
    capture: (of) =>
      captureTemplate({
        feed,
        shard: SHARD,
        epoch: of,
        config_sha256: modelConfig.sha256,
        origin: 'simulator',
        source: 'model',
        software: { connector_version: '0', connector_commit: 'model', connector_build: 'model' },
        clock: UNSYNCED,
        host: host.name,
      }),
    publish: (of) =>
      createPublisher({
        ...{ bus, shard: SHARD, feed: feed.id, epoch: of.epoch, clock, limits },
        normalizer: `${feed.id}@${feed.normalizer}`,
        writer: `${host.name}:${process.pid}`,
        log: { info: say, warn: say, error: say },
        fold: () => of.fold,
        openWal: (after) => openWal(of.dir, after, files),
        watermark: of.watermark,
      }),
  });
  const stop = new AbortController();
  const running: ModelConnector = {
    ...{ process, connector, stop, ended: 'no', failure: null },
  };
  connector.run(stop.signal).then(
    () => (running.ended = 'done'),
    (error: unknown) => {
      running.ended = 'failed';
      running.failure = error;
    },
  );
  host.processes.set(process.pid, process);
  return running;
}
