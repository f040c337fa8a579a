/**
 * How well this machine's clock is kept, by its own word: the programs that keep clocks are asked, and
 * the first of `CLOCK_QUESTIONS` that says it is disciplined is believed. Without such an answer the clock
 * is `unsynced`: that it may be right is not known.
 */
import { execFile } from 'node:child_process';
import type { ExecFileOptionsWithStringEncoding } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { UNSYNCED } from '../../schema/clock.ts';
import type { ClockHealth, Location } from '../../schema/clock.ts';
import {
  readAdjtimex,
  readChrony,
  readNtpq,
  readPmc,
  readTimedatectl,
  readTimesyncd,
} from './clock-answers.ts';
import type { ClockAnswer, ClockWitness } from './clock-answers.ts';

/** A program that does not answer within this has not answered. */
export const CLOCK_ASK_MS_MAX = 2_000;
/** A clock last set right longer ago is kept by nobody any more, whatever its keeper repeats. */
export const CLOCK_SYNC_AGE_MS_MAX = 3 * 3_600_000;
/** An answer is a page at most. */
const ANSWER_BYTES_MAX = 64 * 1024;
/** systemd-timesyncd touches it whenever it has set the clock right. */
const TIMESYNC_STAMP = '/run/systemd/timesync/synchronized';

type Question = {
  readonly by: ClockWitness;
  readonly command: readonly [string, ...string[]];
  readonly read: (text: string, stamped_ms: number | null) => ClockAnswer | null;
};

/**
 * In this order. Who disciplines the clock knows more of it than who watches: chrony and ntpd follow
 * sources of every kind; the PTP daemon knows its own; the kernel knows that somebody does.
 */
export const CLOCK_QUESTIONS: readonly Question[] = [
  { by: 'chronyc', command: ['chronyc', '-c', 'tracking'], read: readChrony },
  { by: 'pmc', command: ['pmc', '-u', '-b', '0', 'GET TIME_STATUS_NP'], read: readPmc },
  { by: 'timesyncd', command: ['timedatectl', 'timesync-status'], read: readTimesyncd },
  { by: 'ntpq', command: ['ntpq', '-c', 'rv'], read: readNtpq },
  { by: 'adjtimex', command: ['adjtimex', '--print'], read: readAdjtimex },
  { by: 'timedatectl', command: ['timedatectl', 'show'], read: readTimedatectl },
];

/** What the machine says of its clock: the word for `_capture`, whose word it is, and what is odd about it. */
export type ClockReading = ClockHealth & {
  /** Null: nobody answered. */
  readonly by: ClockWitness | null;
  /** Against what the location expects; empty where it is as it should be. */
  readonly notes: readonly string[];
};

/** Standard output of a command; null where it is not there, fails, or takes too long. */
export type Ask = (command: readonly [string, ...string[]]) => Promise<string | null>;

/**
 * Asks the machine's own programs, as `PATH` of `variables` has them (of this process where left out), in
 * their own words and not the user's.
 */
export function askMachine(variables?: Readonly<Record<string, string | undefined>>): Ask {
  const options: ExecFileOptionsWithStringEncoding = {
    encoding: 'utf8',
    ...(variables === undefined ? {} : { env: { ...variables, LC_ALL: 'C', TZ: 'UTC' } }),
    ...{ timeout: CLOCK_ASK_MS_MAX, maxBuffer: ANSWER_BYTES_MAX, killSignal: 'SIGKILL' },
  };
  return ([program, ...words]) =>
    new Promise((resolve) => {
      const child = execFile(program, words, options, (error, text) =>
        resolve(error === null ? text : null),
      );
      // A program that reads its input would wait for ever.
      child.stdin?.on('error', () => undefined).end();
    });
}

/** All are asked at once: it takes as long as the slowest, `CLOCK_ASK_MS_MAX` at most. */
export async function readClock(
  ask: Ask,
  clock: Location['clock'],
  now_ms: number,
): Promise<ClockReading> {
  const stamped_ms = await stat(TIMESYNC_STAMP).then(
    ({ mtimeMs }) => mtimeMs,
    () => null,
  );
  const answers = await Promise.all(
    CLOCK_QUESTIONS.map(async ({ command, read }) => {
      const text = await ask(command);
      return text === null ? null : read(text, stamped_ms);
    }),
  );
  return judgeClock(
    answers.filter((it) => it !== null),
    clock,
    now_ms,
  );
}

/** Answers in the order of the questions, to one reading; `now_ms` by this machine's own clock. */
export function judgeClock(
  answers: readonly ClockAnswer[],
  expected: Location['clock'],
  now_ms: number,
): ClockReading {
  const kept = answers.find((it) => it.synchronized) ?? null;
  const asked = kept ?? answers[0] ?? null;
  const notes: string[] = [];
  const say = (note: string): void => void notes.push(note);
  if (asked === null) {
    say(`nobody here says how the clock is kept; asked were ${namesAsked()}`);
    return { ...UNSYNCED, by: null, notes };
  }
  const last = asked.last_sync_ms === null ? null : new Date(asked.last_sync_ms).toISOString();
  if (kept === null) {
    say(`${asked.by} says that the clock is not synchronized`);
    return { ...UNSYNCED, clock_last_sync: last, by: asked.by, notes };
  }
  // Of several that vouch for the clock the first may know the least about what it follows.
  const source = kept.source ?? answers.find((it) => it.synchronized && it.source !== null)?.source;
  if (source == null) {
    say(`${kept.by} says that the clock is synchronized, and nobody says by what`);
    return { ...UNSYNCED, clock_last_sync: last, by: kept.by, notes };
  }
  if (expected.source !== null && expected.source !== source) {
    say(`the clock is kept by ${source}, the location expects ${expected.source}`);
  }
  const { offset_us } = kept;
  const most = expected.expected_accuracy_us;
  if (offset_us === null) say(`${kept.by} does not say how far the clock is off`);
  else if (Math.abs(offset_us) > most) {
    say(`the clock is off by ${offset_us} us, the location expects ${most} us at most`);
  }
  const age_ms = kept.last_sync_ms === null ? 0 : now_ms - kept.last_sync_ms;
  const old = age_ms > CLOCK_SYNC_AGE_MS_MAX;
  if (old)
    say(`${kept.by} set the clock right ${Math.floor(age_ms / 3_600_000)} h ago, and not since`);
  const synced = offset_us !== null && Math.abs(offset_us) <= most && !old;
  return {
    clock_source: source,
    clock_sync_status: synced ? 'synced' : 'degraded',
    clock_offset_us: offset_us,
    clock_last_sync: last,
    by: kept.by,
    notes,
  };
}

function namesAsked(): string {
  return [...new Set(CLOCK_QUESTIONS.map(({ command }) => command[0]))].join(', ');
}

/** The part of a reading that stands in `_capture`. */
export function healthOf(reading: ClockReading): ClockHealth {
  const { clock_source, clock_sync_status, clock_offset_us, clock_last_sync } = reading;
  return { clock_source, clock_sync_status, clock_offset_us, clock_last_sync };
}
