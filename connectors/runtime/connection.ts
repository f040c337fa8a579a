/**
 * Keeps one endpoint of a day connected: opens a session, opens another when it ends (after a backoff),
 * and replaces it before the venue's own limit on a connection's life, the new one live before the old
 * one closes.
 */
import type { Day } from '../../schema/time.ts';
import type { Endpoint } from '../feed.ts';
import type { TimerHandle } from './clock.ts';
import { Session } from './session.ts';
import type { SessionDeps, SessionEnd } from './session-deps.ts';
import { backoffMs } from './subscriptions.ts';

/** A connection that lasted this long was a success: the next failure waits one second again. */
export const STEADY_MS = 30_000;
/** Replaced this long before the venue would cut it. */
export const REPLACE_BEFORE_MS = 10 * 60_000;
/** A replacement that is not live by then takes over all the same. */
export const REPLACE_WITHIN_MS = 60_000;
/** How often a replacement is looked at. */
const REPLACE_POLL_MS = 1_000;

export type ConnectionDeps = SessionDeps & {
  readonly random: () => number;
  /** The number of the next socket of the epoch. */
  readonly nextC: () => number;
  readonly log: (event: string, facts: Readonly<Record<string, unknown>>) => void;
};

export type Connection = {
  readonly endpoint: Endpoint;
  readonly day: Day;
  readonly start: () => void;
  /** The sessions there are: one, or two while one replaces the other, or none. */
  readonly sessions: () => readonly Session[];
  readonly isOpen: () => boolean;
  readonly isLive: () => boolean;
  /** Sessions that ended though nobody asked them to. */
  readonly reconnects: () => number;
  /** Closes for good, in order (`close`) or at once, with the line written before it returns. */
  readonly close: (reason: string, how: 'orderly' | 'at_once') => void;
  readonly closing: () => boolean;
};

export function createConnection(
  deps: ConnectionDeps,
  { url, endpoint, day }: { readonly url: string; readonly endpoint: Endpoint; readonly day: Day },
): Connection {
  const { clock, random, log } = deps;
  const timers = new Set<TimerHandle>();
  /** When each session is to be replaced; forgotten with it, since a venue may cut thousands a day. */
  const replacements = new Map<Session, TimerHandle>();
  let sessions: Session[] = [];
  let failures = 0;
  let reconnects = 0;
  let closing = false;

  function now(): number {
    return Number(clock.monoNs() / 1_000_000n);
  }

  function later(run: () => void, delay_ms: number): TimerHandle {
    const timer = clock.setTimeout(() => {
      timers.delete(timer);
      run();
    }, delay_ms);
    timers.add(timer);
    return timer;
  }

  function forget(session: Session): void {
    const timer = replacements.get(session);
    if (timer === undefined) return;
    clock.clearTimeout(timer);
    timers.delete(timer);
    replacements.delete(session);
  }

  function open(): void {
    if (closing) return;
    const session = new Session({
      deps,
      c: deps.nextC(),
      day,
      url,
      endpoint,
      onEnd: (end) => ended(session, end),
      onEnding: () => replaceSoon(session),
    });
    sessions.push(session);
    log('connection.opening', { c: session.c, url, day, endpoint: endpoint.name });
    session.start();
    const { connection_life_ms } = deps.feed.protocol.limits;
    if (connection_life_ms !== null) {
      replaceIn(session, Math.max(connection_life_ms - REPLACE_BEFORE_MS, STEADY_MS));
    }
  }

  /** The venue will close it: another is opened at once, though never sooner than `STEADY_MS` apart. */
  function replaceSoon(session: Session): void {
    log('connection.ending', { c: session.c, age_ms: session.age_ms });
    forget(session);
    replaceIn(session, Math.max(0, STEADY_MS - session.age_ms));
  }

  function replaceIn(session: Session, delay_ms: number): void {
    replacements.set(
      session,
      later(() => replace(session), delay_ms),
    );
  }

  /** Make before break: the fold passes on to the new one when its state is whole. */
  function replace(old: Session): void {
    if (closing || !sessions.includes(old)) return;
    // One at a time: what replaces another has its own turn once that is gone.
    if (sessions.length > 1) return replaceIn(old, REPLACE_POLL_MS);
    log('connection.replacing', { c: old.c, age_ms: old.age_ms });
    open();
    const started = now();
    const poll = (): void => {
      if (!sessions.includes(old)) return;
      const fresh = sessions.find((it) => it !== old);
      const late = now() - started >= REPLACE_WITHIN_MS;
      if (fresh?.isLive === true || (fresh?.isOpen === true && late)) old.close('replaced');
      // The replacement died first: the old one goes on, and another is tried.
      else if (fresh === undefined && late) replace(old);
      else later(poll, REPLACE_POLL_MS);
    };
    later(poll, REPLACE_POLL_MS);
  }

  function ended(session: Session, end: SessionEnd): void {
    sessions = sessions.filter((it) => it !== session);
    forget(session);
    log('connection.closed', { c: session.c, ...end });
    if (closing || sessions.length > 0) return;
    failures = end.open_ms !== null && end.open_ms >= STEADY_MS ? 1 : failures + 1;
    if (end.open_ms !== null) reconnects += 1;
    const delay_ms = backoffMs(failures, end.retry_after_ms, random());
    log('connection.waiting', { endpoint: endpoint.name, day, delay_ms, failures });
    later(open, delay_ms);
  }

  function isOpen(): boolean {
    return sessions.some((it) => it.isOpen);
  }

  return {
    endpoint,
    day,
    start: open,
    sessions: () => sessions,
    isOpen,
    isLive: () => sessions.some((it) => it.isLive),
    reconnects: () => reconnects,
    closing: () => closing,
    close(reason, how) {
      closing = true;
      for (const timer of timers) clock.clearTimeout(timer);
      timers.clear();
      for (const session of [...sessions]) {
        if (how === 'orderly') session.close(reason);
        else session.abandon(reason);
      }
    },
  };
}
