/**
 * One epoch's line of truth: every frame and every fact gets its `t`, is written to the log, and only
 * then steps the fold, whose events are handed on. It knows midnight: the first thing at or past
 * 00:00:00 in the log is `_midnight`, exactly then. And it knows a full disk: what cannot be written did
 * not happen, is counted by connection, and is recorded when space returns.
 */
import type { EventArena } from '../../codec/event-arena.ts';
import type { EventBuffer } from '../../codec/event-buffer.ts';
import type { BookFault } from '../../fold/faults.ts';
import type { ShardFold } from '../../fold/shard-fold.ts';
import { SsmdError } from '../../schema/errors.ts';
import type { FactKey, Facts } from '../../schema/log.ts';
import type { FoldConfig } from '../../schema/symbols.ts';
import { NS_PER_SECOND, addDays, dayEnd } from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';
import type { Clock } from './clock.ts';
import { createLogClock } from './log-clock.ts';
import type { Log } from './log-writer.ts';
import type { Claim } from './publishing.ts';

/** While writing fails it is tried again this often. */
export const WRITE_RETRY_NS = NS_PER_SECOND;
/** Facts kept in memory while the disk is full; beyond it the epoch ends as if killed. */
export const PENDING_FACTS_MAX = 100_000;
/** Lines that open a day at its very midnight have this much room before it. */
const OPENING_ROOM_NS = 16n;

export type EpochLogDeps = {
  readonly clock: Clock;
  readonly log: Log;
  readonly fold: ShardFold;
  readonly day: Day;
  readonly config: { readonly sha256: string; readonly config: FoldConfig };
  /** Takes the events of the last line; the arena is cleared afterwards. */
  readonly offer: (out: EventArena) => void;
  /** Books that broke at the last line. Called while a line is being written: do not write here. */
  readonly onFaults: (faults: readonly BookFault[]) => void;
  /** `_midnight` of `day` was written; the same restriction. */
  readonly onMidnight: (day: Day) => void;
  readonly onClock: (fact: Facts['_clock']) => void;
};

export type EpochLog = {
  readonly frame: (c: number, bytes: Uint8Array) => EventBuffer | null;
  readonly fact: <K extends FactKey>(key: K, fact: Facts[K]) => void;
  /** Records a frame that a limit kept out of the log. */
  readonly drop: (c: number, bytes: number, reason: string) => void;
  /** Writes `_day` and `_config` for a day, once. */
  readonly openDay: (day: Day) => void;
  /** From here this epoch speaks: `t` is after the position the previous one reached. */
  readonly take: (claim: Claim) => void;
  /**
   * Nothing at or before this will be written any more: the watermark, once all is published. Writes
   * nothing itself: at midnight it stands still until the line is in the log.
   */
  readonly watermark: () => bigint;
  /** Once a second: writes what waits for space, ends a segment whose minute is over. */
  readonly tick: () => void;
  /** Before the log is closed: writes what waits for space; false where there is none. */
  readonly flush: () => boolean;
  readonly day: () => Day;
  readonly taken: () => boolean;
  /** Why lines cannot be written, null while they can. */
  readonly failure: () => string | null;
  readonly counts: { frames: number; bytes: number; dropped: number; gaps: number };
};

type Drop = { frames: number; bytes: number; readonly from: bigint; readonly reason: string };

export function createEpochLog(deps: EpochLogDeps): EpochLog {
  const { clock, log, fold, offer, onFaults, onMidnight } = deps;
  const log_clock = createLogClock(clock);
  const counts = { frames: 0, bytes: 0, dropped: 0, gaps: 0 };
  const pending: { t: bigint; key: FactKey; fact: Facts[FactKey] }[] = [];
  const drops = new Map<number, Drop>();
  const opened = new Set<Day>();
  let day = deps.day;
  let midnight = dayEnd(day) as bigint;
  let taken = false;
  let failing: string | null = null;
  /** The clock's last word, where it was that it cannot be trusted. */
  let distrusted: Facts['_clock'] | null = null;
  let retry_mono = 0n;
  /** The frame being folded, with the byte after it that scanners may read. */
  let scratch = new Uint8Array(8 * 1024);

  function failed(): void {
    failing = log.failure() ?? 'write failed';
    retry_mono = clock.monoNs() + WRITE_RETRY_NS;
  }

  function put<K extends FactKey>(t: bigint, key: K, fact: Facts[K]): void {
    if (pending.length === 0 && failing === null) {
      if (log.fact(t, key, fact)) return step(t, key, fact);
      failed();
    }
    if (pending.length >= PENDING_FACTS_MAX) {
      throw new SsmdError(
        'SSMD_DISK_FULL',
        `the log could not be written for so long that ${pending.length} facts wait (${failing}): ` +
          'free space and start the connector again',
      );
    }
    pending.push({ t, key, fact });
  }

  function step<K extends FactKey>(t: bigint, key: K, fact: Facts[K]): void {
    fold.fact(t, key, fact);
    passOn();
  }

  function passOn(): void {
    if (fold.faults.length > 0) {
      counts.gaps += fold.faults.length;
      onFaults([...fold.faults]);
    }
    if (fold.out.count > 0) {
      offer(fold.out);
      fold.out.clear();
    }
  }

  /** The `t` of the next line, after the lines that have to come before it. */
  function issue(): bigint {
    for (;;) {
      const t = log_clock.peek();
      if (t >= midnight) {
        passMidnight();
        continue;
      }
      const stepped = log_clock.takeStep();
      if (stepped === null) return log_clock.issue(t);
      const { step_ns, bad, detail } = stepped;
      const fact = { step_ns: `${step_ns}`, bad, detail };
      distrusted = bad ? fact : null;
      put(log_clock.issue(t), '_clock', fact);
      deps.onClock(fact);
    }
  }

  /** The same for the lines that begin the log, though midnight may have come since its day was read. */
  function issueFirst(): bigint {
    const t = log_clock.peek();
    return log_clock.issue(t < midnight ? t : midnight - OPENING_ROOM_NS);
  }

  function passMidnight(): void {
    const next = addDays(day, 1);
    // The clock jumped over the minutes in which the day would have been opened. Its lines stand right
    // before midnight, where whoever reads the day looks for them, however long ago the last one was.
    openDayAt(next, () => log_clock.issue(midnight - OPENING_ROOM_NS));
    put(log_clock.issue(midnight), '_midnight', { day: next });
    day = next;
    midnight = dayEnd(next);
    onMidnight(next);
  }

  function openDayAt(opening: Day, t: () => bigint): void {
    if (opened.has(opening)) return;
    opened.add(opening);
    put(t(), '_day', { day: opening, taken });
    put(t(), '_config', deps.config);
    // A day's fold knows nothing older than its `_day` line: what still holds is said again.
    if (distrusted !== null) put(t(), '_clock', distrusted);
  }

  function countDrop(c: number, bytes: number): null {
    const reason = failing ?? 'write failed';
    const drop = drops.get(c) ?? { frames: 0, bytes: 0, from: log_clock.last() + 1n, reason };
    drop.frames += 1;
    drop.bytes += bytes;
    drops.set(c, drop);
    counts.dropped += 1;
    return null;
  }

  /** Writes what waited, in order, then what was lost meanwhile. */
  function recover(): void {
    // Midnight may have passed meanwhile: its facts wait with the rest, at their own t.
    issue();
    let next = pending[0];
    while (next !== undefined) {
      if (!log.fact(next.t, next.key, next.fact)) return failed();
      pending.shift();
      step(next.t, next.key, next.fact);
      next = pending[0];
    }
    for (const [c, { frames, bytes, from, reason }] of drops) {
      const t = log_clock.issue(log_clock.last() + 1n);
      const fact = { c, frames, bytes, from: `${from}`, reason };
      if (!log.fact(t, '_drop', fact)) return failed();
      drops.delete(c);
      step(t, '_drop', fact);
    }
    failing = null;
  }

  return {
    counts,
    frame(c, bytes) {
      if (failing !== null && clock.monoNs() >= retry_mono) recover();
      if (failing !== null) return countDrop(c, bytes.length);
      const t = issue();
      if (failing !== null || !log.frame(t, c, bytes, 0, bytes.length)) {
        if (failing === null) failed();
        return countDrop(c, bytes.length);
      }
      counts.frames += 1;
      counts.bytes += bytes.length;
      if (scratch.length <= bytes.length) scratch = new Uint8Array(bytes.length * 2);
      scratch.set(bytes);
      scratch[bytes.length] = 0;
      const buffer = fold.frame(t, c, scratch, 0, bytes.length);
      passOn();
      return buffer;
    },
    fact: (key, fact) => put(issue(), key, fact),
    drop(c, bytes, reason) {
      const t = issue();
      counts.dropped += 1;
      put(t, '_drop', { c, frames: 1, bytes, from: `${t}`, reason });
    },
    openDay: (opening) => openDayAt(opening, log_clock.last() === 0n ? issueFirst : issue),
    take({ prev, ids, seen }) {
      if (prev !== null) log_clock.advancePast(prev.t);
      const fact = {
        prev: prev === null ? null : { epoch: prev.epoch, t: `${prev.t}` },
        ids,
        ...(seen === null ? {} : { seen: { epoch: seen.epoch, t: `${seen.t}` } }),
      };
      const t = issue();
      taken = true;
      put(t, '_take', fact);
    },
    watermark() {
      const t = log_clock.peek();
      return failing !== null || t >= midnight ? log.last() : log_clock.issue(t);
    },
    tick() {
      if (failing !== null) recover();
      if (failing === null && !log.closeBefore(issue())) failed();
    },
    flush() {
      if (failing !== null) recover();
      return failing === null;
    },
    day: () => day,
    taken: () => taken,
    failure: () => failing ?? log.failure(),
  };
}
