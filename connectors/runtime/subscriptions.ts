/**
 * One subscription's life on one connection: a pure state machine. `SPEC.md` states its invariants;
 * the table below is total (the compiler demands every cell) and is the whole of its behaviour.
 *
 *   requested -> acked -> first_message -> live -> stale
 *       |          |            |            |
 *       v          +------------+------------+--> resubscribing -> requested
 *    refused
 */
export type SubscriptionState =
  'requested' | 'acked' | 'refused' | 'first_message' | 'live' | 'stale' | 'resubscribing';

export type SubscriptionEvent =
  /** The venue accepted the request, or refused it. */
  | 'ack'
  | 'refuse'
  /** A message of the subscription. */
  | 'data'
  /** No answer within `ACK_TIMEOUT_MS`. */
  | 'no_ack'
  /** Acknowledged, but no first message within the channel's bound. */
  | 'silent'
  /** The whole connection fell silent. */
  | 'stale'
  /** What it carries can no longer be trusted: a book's rule broke. */
  | 'broken'
  /** The request was sent (again). */
  | 'request';

/** What the owner has to do about a transition, after it wrote a line where the action is a timer's. */
export type SubscriptionAction =
  | 'none'
  /** Count and report, nothing to send. */
  | 'report_refused'
  /** Write `_alarm no_ack`, then ask again within the limit. */
  | 'alarm_no_ack'
  /** Write `_alarm silent`, then ask again within the limit. */
  | 'alarm_silent'
  /** Write `_alarm resubscribe`, then ask again within the limit. */
  | 'resubscribe';

export type Transition = { readonly to: SubscriptionState; readonly action: SubscriptionAction };

/** A venue that has not answered a request by then never will. */
export const ACK_TIMEOUT_MS = 10_000;

const stay = (to: SubscriptionState): Transition => ({ to, action: 'none' });
const act = (to: SubscriptionState, action: SubscriptionAction): Transition => ({ to, action });
const REQUESTED = stay('requested');

export const TRANSITIONS: Readonly<
  Record<SubscriptionState, Readonly<Record<SubscriptionEvent, Transition>>>
> = {
  requested: {
    ack: stay('acked'),
    refuse: act('refused', 'report_refused'),
    // Some venues send the first message before, or without, the acknowledgement.
    data: stay('first_message'),
    no_ack: act('resubscribing', 'alarm_no_ack'),
    silent: REQUESTED,
    stale: stay('stale'),
    // A fresh request is on its way already.
    broken: REQUESTED,
    request: REQUESTED,
  },
  acked: {
    ack: stay('acked'),
    refuse: act('refused', 'report_refused'),
    data: stay('first_message'),
    no_ack: stay('acked'),
    silent: act('resubscribing', 'alarm_silent'),
    stale: stay('stale'),
    broken: act('resubscribing', 'resubscribe'),
    request: REQUESTED,
  },
  refused: {
    ack: stay('acked'),
    refuse: stay('refused'),
    data: stay('first_message'),
    no_ack: stay('refused'),
    silent: stay('refused'),
    stale: stay('refused'),
    broken: stay('refused'),
    request: REQUESTED,
  },
  first_message: {
    ack: stay('first_message'),
    // Data flows, so what was refused is a repeat ("already subscribed").
    refuse: act('first_message', 'report_refused'),
    data: stay('live'),
    no_ack: stay('first_message'),
    silent: stay('first_message'),
    stale: stay('stale'),
    broken: act('resubscribing', 'resubscribe'),
    request: REQUESTED,
  },
  live: {
    ack: stay('live'),
    refuse: act('live', 'report_refused'),
    data: stay('live'),
    no_ack: stay('live'),
    silent: stay('live'),
    stale: stay('stale'),
    broken: act('resubscribing', 'resubscribe'),
    request: REQUESTED,
  },
  stale: {
    ack: stay('stale'),
    refuse: stay('stale'),
    data: stay('live'),
    no_ack: stay('stale'),
    silent: stay('stale'),
    stale: stay('stale'),
    // The connection is about to be replaced whole.
    broken: stay('stale'),
    request: REQUESTED,
  },
  resubscribing: {
    // Answers to the old request, or to the unsubscribe: nothing was asked anew yet.
    ack: stay('resubscribing'),
    refuse: stay('resubscribing'),
    data: stay('resubscribing'),
    no_ack: stay('resubscribing'),
    silent: stay('resubscribing'),
    stale: stay('stale'),
    broken: stay('resubscribing'),
    request: REQUESTED,
  },
};

export function transition(state: SubscriptionState, event: SubscriptionEvent): Transition {
  return TRANSITIONS[state][event];
}

/**
 * The timer event due after `waited_ms` in a state, or null. `first_message_ms` is the channel's bound
 * on silence after the acknowledgement, null where a quiet market is normal.
 */
export function timerEvent(
  state: SubscriptionState,
  waited_ms: number,
  first_message_ms: number | null,
): 'no_ack' | 'silent' | null {
  if (state === 'requested') return waited_ms >= ACK_TIMEOUT_MS ? 'no_ack' : null;
  if (state === 'acked' && first_message_ms !== null) {
    return waited_ms >= first_message_ms ? 'silent' : null;
  }
  return null;
}

/** Whether a subscription is as live as it will get without the market's help. */
export function isSettled(state: SubscriptionState, first_message_ms: number | null): boolean {
  switch (state) {
    case 'first_message':
    case 'live':
    case 'refused':
      return true;
    case 'acked':
      return first_message_ms === null;
    case 'requested':
    case 'stale':
    case 'resubscribing':
      return false;
    default:
      return state satisfies never;
  }
}

/** At most this many resubscriptions of one symbol a minute; beyond it they wait, with an alarm. */
export const RESUBSCRIBES_PER_MINUTE_MAX = 3;
const MINUTE_MS = 60_000;

/**
 * A sliding window over the times (ms, ascending) of past resubscriptions: 0 where one is allowed at
 * `now_ms`, else how long to wait. Forgets what has left the window.
 */
export function resubscribeWaitMs(past_ms: number[], now_ms: number): number {
  while (past_ms.length > 0 && (past_ms[0] as number) <= now_ms - MINUTE_MS) past_ms.shift();
  if (past_ms.length < RESUBSCRIBES_PER_MINUTE_MAX) return 0;
  return (past_ms[0] as number) + MINUTE_MS - now_ms;
}

export const BACKOFF_MS_FIRST = 1_000;
export const BACKOFF_MS_MAX = 32_000;
/** A venue that asks for a longer wait (`Retry-After`) is asked again after this long all the same. */
export const RETRY_AFTER_MS_MAX = 5 * 60_000;

/**
 * How long to wait before the connection attempt after `failures` failed ones: 1, 2, 4 .. 32 s, up to a
 * quarter less at random, and never less than the venue asked for, up to `RETRY_AFTER_MS_MAX`.
 * `random` is in [0, 1).
 */
export function backoffMs(failures: number, retry_after_ms: number | null, random: number): number {
  const exponent = Math.min(Math.max(failures, 1) - 1, 5);
  const full = Math.min(BACKOFF_MS_FIRST * 2 ** exponent, BACKOFF_MS_MAX);
  const asked_ms = Math.min(retry_after_ms ?? 0, RETRY_AFTER_MS_MAX);
  return Math.max(Math.round(full * (1 - random / 4)), asked_ms);
}
