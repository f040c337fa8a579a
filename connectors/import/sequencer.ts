/**
 * From recorded frames and their times to the lines of a log, as a connector would have written them:
 * epochs, connections, days, midnight (fold/SPEC.md). Pure: lines go to the sink.
 *
 * - A time that does not increase is nudged to the last one + 1 ns. One that lies more than
 *   BACKWARD_NS_MAX behind is a `_clock` line as well: until the times have caught up, events carry
 *   bad-ts-recv.
 * - Midnight inside a recording: the next day is opened just before, its connection begins at midnight
 *   and takes the place of the old one. A recording has but one socket, so what needs a snapshot (a
 *   full-depth book) is unknown on the new day until the venue sends the next one.
 * - A hole of more than a day ends the epoch and begins another.
 */
import type { FactKey, Facts } from '../../schema/log.ts';
import type { FoldConfig } from '../../schema/symbols.ts';
import {
  NS_PER_DAY,
  NS_PER_MINUTE,
  NS_PER_SECOND,
  addDays,
  dayEnd,
  dayOf,
  msFromNs,
} from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';

/** Where lines go; `t` strictly increases from `begin` to `end`. */
export type LineSink = {
  readonly begin: (epoch: number) => void;
  readonly frame: (t: bigint, c: number, bytes: Uint8Array, from: number, to: number) => void;
  readonly fact: <K extends FactKey>(t: bigint, key: K, fact: Facts[K]) => void;
  readonly end: () => void;
};

export const BACKWARD_NS_MAX = NS_PER_SECOND;
/** Frames this close to midnight count for the next day: the lines that open it need the room. */
export const MIDNIGHT_ROOM_NS = 1_000n;
/** The lines that begin an epoch lie this far before its first frame, within its minute. */
const BEGIN_ROOM_NS = 8n;

export type Sequencer = {
  readonly open: (t: bigint, url: string) => void;
  readonly sent: (t: bigint, text: string) => void;
  readonly frame: (t: bigint, bytes: Uint8Array, from: number, to: number) => void;
  /** The recorder's connection was interrupted after the last line. */
  readonly lost: () => void;
  /** Ends the log. Nothing may follow. */
  readonly finish: () => void;
  readonly counts: { frames: number; nudged: number; nudged_ns_max: bigint; back_steps: number };
  readonly first: () => bigint | null;
  readonly last: () => bigint | null;
};

export function createSequencer(options: {
  readonly config: { readonly sha256: string; readonly config: FoldConfig };
  /** Stands for the socket's URL where the recording names none. */
  readonly url: string;
  /** Why no time is to be trusted, or null. */
  readonly bad_times: string | null;
  readonly sink: LineSink;
}): Sequencer {
  const { config, sink, bad_times } = options;
  const counts = { frames: 0, nudged: 0, nudged_ns_max: 0n, back_steps: 0 };
  let url = options.url;
  let epoch: number | null = null;
  let previous: { epoch: number; t: bigint } | null = null;
  let first: bigint | null = null;
  let last = 0n;
  let midnight = 0n;
  let day = '1970-01-01' as Day;
  let connection: number | null = null;
  let connections = 0;
  let behind = false;

  function write<K extends FactKey>(key: K, fact: Facts[K]): void {
    last += 1n;
    sink.fact(last, key, fact);
  }

  function openDay(opening: Day, taken: boolean): void {
    write('_day', { day: opening, taken });
    write('_config', config);
    const detail = bad_times ?? 'receive times of the recording run backward here';
    if (bad_times !== null || behind) write('_clock', { step_ns: '0', bad: true, detail });
  }

  function openConnection(serves: Day): number {
    connections += 1;
    connection = connections;
    write('_open', { c: connections, url, day: serves });
    return connections;
  }

  function closeConnection(reason: string, by: 'us' | 'network'): void {
    if (connection === null) return;
    write('_close', { c: connection, code: null, reason, by });
    connection = null;
  }

  function begin(t: bigint): void {
    const minute = (t / NS_PER_MINUTE) * NS_PER_MINUTE;
    const early = t - BEGIN_ROOM_NS;
    day = dayOf(t);
    midnight = dayEnd(day);
    last = (early > minute ? early : minute) - 1n;
    if (previous !== null && last <= previous.t) last = previous.t;
    connections = 0;
    behind = false;
    epoch = Math.max(msFromNs(t), (previous?.epoch ?? 0) + 1);
    sink.begin(epoch);
    openDay(day, false);
    openConnection(day);
    const prev = previous === null ? null : { epoch: previous.epoch, t: `${previous.t}` };
    write('_take', { prev, ids: {} });
    first ??= last;
  }

  function endEpoch(reason: string): void {
    if (epoch === null) return;
    closeConnection(reason, 'us');
    sink.end();
    previous = { epoch, t: last };
    epoch = null;
  }

  function passMidnight(): void {
    const next = addDays(day, 1);
    const room = midnight - MIDNIGHT_ROOM_NS;
    if (last < room) last = room;
    const old = connection;
    openDay(next, true);
    const replacing = old === null ? null : openConnection(next);
    last = midnight - 1n;
    write('_midnight', { day: next });
    connection = old;
    closeConnection(`the recording goes on as connection ${replacing} of the next day`, 'us');
    connection = replacing;
    day = next;
    midnight = dayEnd(next);
  }

  function mark(t: bigint): void {
    if (bad_times !== null) return;
    if (behind && t > last) {
      behind = false;
      write('_clock', { step_ns: '0', bad: false, detail: 'receive times have caught up' });
    } else if (!behind && last - t > BACKWARD_NS_MAX) {
      behind = true;
      counts.back_steps += 1;
      const detail = 'receive times of the recording run backward here';
      write('_clock', { step_ns: `${t - last}`, bad: true, detail });
    }
  }

  /** Brings the log to `t`, so that the next line is at it, or as close behind as can be. */
  function arrive(t: bigint): void {
    if (epoch !== null && t >= midnight + NS_PER_DAY - MIDNIGHT_ROOM_NS) {
      endEpoch('the recording has a hole of more than a day here');
    }
    if (epoch === null) begin(t);
    mark(t);
    if ((t > last ? t : last + 1n) >= midnight - MIDNIGHT_ROOM_NS) passMidnight();
    if (t > last) {
      last = t - 1n;
      return;
    }
    counts.nudged += 1;
    const nudge_ns = last + 1n - t;
    if (nudge_ns > counts.nudged_ns_max) counts.nudged_ns_max = nudge_ns;
  }

  return {
    counts,
    open(t, opened) {
      url = opened;
      if (epoch === null) return begin(t);
      arrive(t);
      closeConnection('the recording opens another connection', 'network');
      openConnection(day);
    },
    sent(t, text) {
      arrive(t);
      write('_sent', { c: connection ?? openConnection(day), text });
    },
    frame(t, bytes, from, to) {
      arrive(t);
      const c = connection ?? openConnection(day);
      last += 1n;
      sink.frame(last, c, bytes, from, to);
      counts.frames += 1;
    },
    lost: () => closeConnection('the recorder lost its connection', 'network'),
    finish: () => endEpoch('the recording ends here'),
    first: () => first,
    last: () => (first === null ? null : last),
  };
}
