/**
 * One life of a shard's connector: warm up muted, take the shard, speak, end. Nothing survives it but
 * its log.
 */
import type { EventArena } from '../../codec/event-arena.ts';
import type { EventBuffer } from '../../codec/event-buffer.ts';
import type { BookFault } from '../../fold/faults.ts';
import { createShardFold } from '../../fold/shard-fold.ts';
import type { ShardFold } from '../../fold/shard-fold.ts';
import { SsmdError } from '../../schema/errors.ts';
import type { EventType } from '../../schema/events.ts';
import type { Facts } from '../../schema/log.ts';
import type { FoldConfig } from '../../schema/symbols.ts';
import { NS_PER_MINUTE, NS_PER_MS, addDays, dayEnd, dayOf, msFromNs } from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import type { Feed } from '../feed.ts';
import { createEpochArchive } from './archive.ts';
import type { ClockWatch } from './clock-watch.ts';
import type { Clock } from './clock.ts';
import { countAlarm, countReceived } from './counters.ts';
import type { Counters } from './counters.ts';
import { createDayConnections } from './day-connections.ts';
import type { DayConnections } from './day-connections.ts';
import { createEpochFiles, lastEpochHere } from './epoch-files.ts';
import type { EpochFiles } from './epoch-files.ts';
import type { HostProcesses } from './host-processes.ts';
import { createEpochLog } from './epoch-log.ts';
import type { EpochLog } from './epoch-log.ts';
import type { LogFiles } from './log-files.ts';
import { openLog } from './log-writer.ts';
import type { CaptureTemplate } from './log-writer.ts';
import type { Publishing } from './publishing.ts';
import type { OpenSocket } from './socket.ts';
import type { SegmentPacking, Shipper } from './shipper.ts';
import type { Phase } from './state.ts';

/** The next day's connections open this long before midnight, plus up to `DAY_JITTER_NS`. */
export const DAY_OPENS_NS = 10n * NS_PER_MINUTE;
export const DAY_JITTER_NS = NS_PER_MINUTE;
/** Epochs that are named after one of the future are this far apart, at random. */
const NAMES_MS = 60_000;
/** A warm epoch has every connection live; one that cannot is warm after this long all the same. */
export const WARM_MS_MAX = 60_000;

export type Report = (event: string, facts: Readonly<Record<string, unknown>>) => void;

export type EpochDeps = {
  readonly feed: Feed;
  readonly config: { readonly sha256: string; readonly config: FoldConfig };
  /** Base URL of the venue. */
  readonly url: string;
  readonly clock: Clock;
  /** Times uploads: the real clock also where the connector runs on a virtual one. */
  readonly shipping_clock: Clock;
  readonly openSocket: OpenSocket;
  readonly random: () => number;
  /** Root of the logs on this host. */
  readonly dir: string;
  readonly files: LogFiles;
  /** The processes of this host, and how segments are packed: the system's own where left out. */
  readonly processes?: HostProcesses;
  readonly packing?: SegmentPacking;
  readonly store: ObjectStore;
  readonly shipper: Shipper;
  /** Provenance of what is captured from here on; asked for at each segment's start. */
  readonly capture: (epoch: number) => CaptureTemplate;
  readonly publish: (epoch: PublishedEpoch) => Publishing;
  readonly counters: Counters;
  /** Watches the clock; left out where nobody asks how it is kept. */
  readonly clocks?: ClockWatch;
  readonly report: Report;
};

/** What a publisher may know of the epoch it publishes for. */
export type PublishedEpoch = {
  readonly epoch: number;
  readonly fold: ShardFold;
  /** Directory of the epoch's segment files: the spill. */
  readonly dir: string;
  /** Nothing at or before this will be offered any more. */
  readonly watermark: () => bigint;
  /** Last `t` written. */
  readonly last: () => bigint;
};

export type Epoch = {
  readonly id: number;
  readonly dir: string;
  /** Once a second. */
  readonly tick: () => void;
  readonly phase: () => Phase;
  readonly day: () => Day;
  readonly log: EpochLog;
  readonly openBytes: () => number;
  readonly fold: ShardFold;
  readonly connections: DayConnections;
  readonly publishing: Publishing;
  /** Resolves when another epoch has the shard; a rejection is a fault of this program. */
  readonly over: Promise<Fenced>;
  /** After a fault of this program: lets go of sockets and bus; the log is left as a kill leaves it. */
  readonly abandon: () => void;
  /** Stops intake, closes the log, publishes what is left, ships, writes the inventory. */
  readonly close: (options: {
    readonly reason: string;
    readonly drain_ms: number;
  }) => Promise<void>;
};

/** `owner`: the epoch that has the shard, where the claim was refused for it; 0 where not known. */
export type Fenced = { readonly reason: 'fenced'; readonly owner: number };

/**
 * Opens an epoch, which starts to connect at once. `after`: epochs it must be numbered above.
 * @throws what the system says where the disk takes no new epoch (`diskRefusal`); nothing is open then
 */
export function openEpoch(
  deps: EpochDeps,
  { standby, after }: { readonly standby: boolean; readonly after: number },
): Epoch {
  const { clock, feed, report, counters } = deps;
  const { config } = deps.config;
  const files = claimFiles(deps, nameAfter(after, msFromNs(clock.wallNs()), deps.random));
  const { epoch: id, shard } = files.of;
  const log = openLog({ dir: files.dir, capture: () => deps.capture(id), files: deps.files });
  // Of two hosts that start in one millisecond the claim decides whose the name is. A standby's is given
  // after it was fenced: it may wait for days.
  const named = Promise.withResolvers<boolean>();
  if (standby) named.resolve(true);
  const archive = createEpochArchive({
    ...{ files, store: deps.store, shipper: deps.shipper, report },
    named: named.promise,
  });
  log.onSegmentClosed(archive.add);
  const fold = createShardFold(feed, shard, counters.books);
  const today = dayOf(clock.wallNs());
  const stopping = new AbortController();
  let phase: Phase = standby ? 'standby' : 'starting';
  let syncing = false;

  const epochLog = createEpochLog({
    clock,
    log,
    fold,
    day: today,
    config: deps.config,
    offer(out: EventArena) {
      counters.events += out.count;
      deps.clocks?.observe(out);
      publishing.offer(out);
    },
    onFaults: (faults) => void clock.setTimeout(() => resubscribe(faults), 0),
    onMidnight(day) {
      report('day.begun', { day });
      // Opened long before, unless the clock jumped.
      clock.setTimeout(() => openDay(day), 0);
    },
    onClock(fact: Facts['_clock']) {
      deps.clocks?.stepped(fact);
      report('clock.stepped', fact);
    },
  });
  const publishing = deps.publish({
    epoch: id,
    fold,
    dir: files.dir,
    watermark: epochLog.watermark,
    last: log.last,
  });
  const connections = createDayConnections(connectionDeps(deps, epochLog), {
    feed,
    config,
    url: deps.url,
  });
  const started_mono = clock.monoNs();
  const jitter_ns = BigInt(Math.floor(deps.random() * Number(DAY_JITTER_NS)));

  function resubscribe(faults: readonly BookFault[]): void {
    for (const { c, symbol, type, cause } of faults) {
      if (type === 'book' && feed.book_cure === 'stream') continue;
      connections.session(c)?.broken(symbol, channelsOf(feed, type), cause);
    }
  }

  function openDay(day: Day): void {
    // A midnight that came with the end: nothing more is opened, and no line follows the last.
    if (phase === 'stopped') return;
    // Nor of a day that a clock which jumped over several has left already.
    if (day < epochLog.day()) return;
    epochLog.openDay(day);
    connections.open(day);
  }

  function isWarm(): boolean {
    if (clock.monoNs() - started_mono >= BigInt(WARM_MS_MAX) * NS_PER_MS) return true;
    const serving = connections.serving(epochLog.day());
    return serving.length > 0 && serving.every((it) => it.isLive());
  }

  /** `opening`: an epoch that starts in the day's last minutes opens the next one without waiting. */
  function openNextDay(opening: boolean): void {
    const opens = dayEnd(epochLog.day()) - DAY_OPENS_NS + (opening ? 0n : jitter_ns);
    if (epochLog.watermark() >= opens) openDay(addDays(epochLog.day(), 1));
  }

  async function take(): Promise<void> {
    const claim = await publishing.claim({
      standby,
      warm: isWarm,
      signal: stopping.signal,
    });
    stopping.signal.throwIfAborted();
    epochLog.take(claim);
    const { prev } = claim;
    named.resolve(true);
    phase = 'speaking';
    report('epoch.taken', {
      epoch: id,
      prev: prev === null ? null : { epoch: prev.epoch, t: `${prev.t}` },
    });
  }

  /** Another host has this epoch's name and the shard: what is here is kept beside what that one has. */
  async function disputed(): Promise<Fenced> {
    await files.recordDisputed().catch(() => undefined);
    named.resolve(false);
    return fencedBy(id);
  }

  function syncLog(): void {
    if (syncing) return;
    syncing = true;
    const touched = files.touch(msFromNs(deps.shipping_clock.wallNs()));
    void Promise.allSettled([log.sync(), touched]).finally(() => (syncing = false));
  }

  report('epoch.opened', { epoch: id, day: today, standby });
  openDay(today);
  openNextDay(true);
  const never = new Promise<never>(() => undefined);
  const failed = take().then(
    () => never,
    (error: unknown) => {
      if (stopping.signal.aborted) return never;
      if (!(error instanceof SsmdError) || error.code !== 'SSMD_FENCED') throw error;
      report('epoch.claim_failed', { epoch: id, error: error.message });
      const owner = Number(error.facts['owner'] ?? 0);
      if (owner === id) return disputed();
      return fencedBy(owner);
    },
  );
  const fenced = publishing.fenced.then(() => fencedBy(0));

  return {
    id,
    dir: files.dir,
    phase: () => phase,
    day: epochLog.day,
    log: epochLog,
    openBytes: log.openBytes,
    fold,
    connections,
    publishing,
    over: Promise.race([fenced, failed]),
    tick() {
      // The log is closed: a line written now would be published and never shipped.
      if (phase === 'stopped') return;
      epochLog.tick();
      openNextDay(false);
      connections.retire(epochLog.day(), log.last());
      // The day the log has reached: with a full disk, lines of the day before may wait still.
      archive.settleBefore(dayOf(log.last()));
      deps.shipper.release(publishing.released());
      syncLog();
    },
    abandon() {
      stopping.abort();
      phase = 'stopped';
      try {
        connections.closeAll('fault');
      } catch {
        // The fault that brought us here; the sockets that could be closed are.
      }
      void publishing.close({ deadline_ms: 0 }).catch(() => undefined);
    },
    async close({ reason, drain_ms }) {
      stopping.abort();
      named.resolve(true);
      phase = 'stopped';
      const gone = deps.files.list(files.dir).length === 0;
      connections.closeAll(reason);
      // A log that cannot tell what it lost is left as a kill leaves it.
      const closed = epochLog.flush() && log.close();
      if (closed && !gone) {
        // Without the record the next start calls it a crash, and does all the same.
        await files
          .recordShutdown()
          .catch((error: unknown) => report('epoch.record_failed', { error: String(error) }));
      }
      await publishing.close({ deadline_ms: drain_ms });
      // What is not on the bus by now never will be: the archive takes it from RAW.
      deps.shipper.release(log.last());
      // Where the store refuses the inventory, the next start on this host finds the epoch and writes it.
      const left = (error: unknown): void =>
        report('inventory.failed', { epoch: id, error: String(error) });
      if (closed && !gone) await archive.finish('shutdown', 'remove').catch(left);
      report('epoch.closed', { epoch: id, reason, segments: archive.count() });
      if (gone) throw logGone(files.dir);
    },
  };
}

function logGone(dir: string): SsmdError {
  return new SsmdError(
    'SSMD_NOT_FOUND',
    `the log in ${dir}: expected this epoch's segments, received no such directory, so it was removed ` +
      'while the connector ran; what was not in the raw bucket by then is lost, and the next start says ' +
      'so. Keep the log folder while a connector runs',
    { facts: { dir } },
  );
}

/**
 * The epoch's name: its start. Where the shard's owner is ahead of this clock it has to be younger than
 * that one, and whoever else waits for the shard, or starts again here, must not come to the same.
 */
function nameAfter(after: number, now_ms: number, random: () => number): number {
  return now_ms > after ? now_ms : after + 1 + Math.floor(random() * NAMES_MS);
}

/**
 * The first epoch from `earliest` on that is above all that lie on this host: a clock that is behind
 * makes no older epoch, and of two processes in one millisecond the second takes the next number.
 */
function claimFiles(deps: EpochDeps, earliest: number): EpochFiles {
  const of = { feed: deps.feed.id, shard: deps.config.config.shard };
  for (let first = earliest; ;) {
    const epoch = Math.max(first, lastEpochHere(deps.dir, of, deps) + 1);
    first = epoch + 1;
    const { shard, origin, host } = deps.capture(epoch);
    try {
      return createEpochFiles(deps.dir, { feed: deps.feed.id, shard, epoch, origin, host }, deps);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    }
  }
}

const fencedBy = (owner: number): Fenced => ({ reason: 'fenced', owner });

function connectionDeps(deps: EpochDeps, epochLog: EpochLog) {
  const { clock, openSocket, feed, counters, report, random } = deps;
  const { config } = deps.config;
  const resubscribes = new Map<string, number[]>();
  let c_last = 0;
  let request_last = 0;
  return {
    clock,
    openSocket,
    feed,
    config,
    random,
    fact: epochLog.fact,
    frame(c: number, bytes: Uint8Array): EventBuffer | null {
      const buffer = epochLog.frame(c, bytes);
      if (buffer !== null) countReceived(counters, buffer, bytes.length);
      return buffer;
    },
    drop: epochLog.drop,
    alarm(alarm: string, facts: Readonly<Record<string, unknown>>) {
      countAlarm(counters, alarm);
      report('alarm.raised', { alarm, ...facts });
    },
    nextRequestId: () => `${++request_last}`,
    nextC: () => ++c_last,
    log: report,
    resubscribes(symbol: string) {
      const past = resubscribes.get(symbol) ?? [];
      resubscribes.set(symbol, past);
      return past;
    },
  };
}

/** The channels that carry a type of event, in the words the feed's subscriptions use. */
function channelsOf(feed: Feed, type: EventType): ReadonlySet<string> {
  return new Set(feed.evidence.filter((row) => row.action === type).map((row) => row.channel));
}
