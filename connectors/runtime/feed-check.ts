/**
 * Tries a feed's subscriptions once: opens every connection they need, asks for all of them, and waits
 * until each was answered or its time is up. The sessions are the connector's own; what they hear is
 * decoded, looked at and forgotten. Nothing is recorded; what a session asks for again changes no result.
 */
import { EventBuffer } from '../../codec/event-buffer.ts';
import { createSymbolTable } from '../../codec/symbol-table.ts';
import type { FoldConfig } from '../../schema/symbols.ts';
import { dayOf } from '../../schema/time.ts';
import { decoderOf } from '../feed.ts';
import type { Feed, Subscription } from '../feed.ts';
import type { Clock } from './clock.ts';
import { Session } from './session.ts';
import type { Move, SessionDeps, SessionEnd } from './session-deps.ts';
import type { OpenSocket } from './socket.ts';
import { isSettled } from './subscriptions.ts';
import type { SubscriptionState } from './subscriptions.ts';

/** Looks at what is settled this often. */
const POLL_MS = 50;
/** First messages are waited for this long where the venue's own bound is longer. */
export const FIRST_MESSAGE_WAIT_MS = 10_000;
/** Whatever happens, the check is over by then: opening, asking at the venue's rate, the bounds. */
export const CHECK_MS_MAX = 120_000;

/** What became of one subscription. `quiet`: accepted, and nothing has to come of it at once. */
export type CheckResult = 'live' | 'quiet' | 'refused' | 'no_ack' | 'silent' | 'disconnected';

export type CheckedSubscription = {
  readonly endpoint: string;
  readonly channel: string;
  readonly symbol: string | null;
  readonly external: string | null;
  readonly result: CheckResult;
  /** Since the socket opened; null where there was none. */
  readonly ack_ms: number | null;
  readonly first_message_ms: number | null;
  /** The venue's words, or what was waited for in vain. */
  readonly said: string;
};

export type CheckDeps = {
  readonly clock: Clock;
  readonly openSocket: OpenSocket;
  readonly feed: Feed;
  readonly config: FoldConfig;
  /** Base URL, without a slash at its end. */
  readonly url: string;
  /** Ends the check early; what has no answer by then is `disconnected`. */
  readonly signal: AbortSignal;
};

/** A subscription as it stands; `ended` is final. */
type Row = {
  readonly endpoint: string;
  readonly subscription: Subscription;
  /** Null: a quiet market is normal, or the venue's bound is longer than a check. */
  readonly wait_ms: number | null;
  state: SubscriptionState;
  ended: CheckResult | null;
  ack_ms: number | null;
  first_ms: number | null;
  said: string;
};

/** Checks all subscriptions of `config`, in the order the feed asks for them. */
export async function checkFeed(deps: CheckDeps): Promise<readonly CheckedSubscription[]> {
  const { clock, feed, config, url } = deps;
  const table = createSymbolTable(config.symbols);
  const decode = decoderOf(feed, dayOf(clock.wallNs()));
  const buffer = new EventBuffer();
  const rows: Row[] = [];
  const opened = new Map<number, number>();
  let requests = 0;
  const now = (): number => Number(clock.monoNs() / 1_000_000n);
  const started = now();

  const session: SessionDeps = {
    ...{ clock, feed, config, openSocket: deps.openSocket },
    fact(key, fact) {
      if (key === '_open' && 'c' in fact && fact.c !== null) opened.set(fact.c, now());
    },
    frame(_, bytes) {
      // Decoders may read one byte past a frame.
      const line = new Uint8Array(bytes.length + 1);
      line.set(bytes);
      decode(line, 0, bytes.length, table, buffer);
      return buffer;
    },
    drop: () => undefined,
    alarm: () => undefined,
    nextRequestId: () => `${++requests}`,
    resubscribes: () => [],
    moved: (move) => heard(rows, move, now() - (opened.get(move.c) ?? now())),
  };
  const sessions = feed.protocol.endpoints(config).map((endpoint, index) => {
    for (const subscription of endpoint.subscriptions) {
      rows.push(rowOf(endpoint.name, subscription, feed));
    }
    const onEnd = (end: SessionEnd): void => ended(rows, endpoint.name, end);
    const day = dayOf(clock.wallNs());
    const options = { deps: session, c: index + 1, day, url: url + endpoint.path, endpoint, onEnd };
    return new Session(options);
  });
  for (const it of sessions) it.start();
  while (!deps.signal.aborted && now() - started < CHECK_MS_MAX && !rows.every(isDone)) {
    await pause(clock, POLL_MS);
  }
  const results = rows.map(resultOf);
  for (const it of sessions) it.abandon('checked');
  return results;
}

function rowOf(endpoint: string, subscription: Subscription, { protocol }: Feed): Row {
  const bound_ms = protocol.limits.first_message_ms(subscription.channel);
  const wait_ms = bound_ms === null || bound_ms > FIRST_MESSAGE_WAIT_MS ? null : bound_ms;
  const open = { state: 'requested', ended: null, ack_ms: null, first_ms: null, said: '' } as const;
  return { endpoint, subscription, wait_ms, ...open };
}

function heard(rows: readonly Row[], { subscription, event, to, detail }: Move, ms: number): void {
  const row = rows.find((it) => it.subscription === subscription);
  if (row === undefined || row.ended !== null) return;
  row.state = to;
  if (event === 'ack') row.ack_ms ??= ms;
  if (to === 'first_message' || to === 'live') row.first_ms ??= ms;
  if (event === 'no_ack' || event === 'silent') row.ended = event;
  // A book that begins with no snapshot is asked for again: here that is an answer.
  else if (event === 'broken') row.ended = 'silent';
  else if (event === 'stale') row.ended = 'disconnected';
  else if (to === 'refused') row.ended = 'refused';
  if (row.ended !== null) row.said = detail;
}

function ended(rows: readonly Row[], endpoint: string, { by, reason, open_ms }: SessionEnd): void {
  const how =
    open_ms === null ? 'did not open' : `was closed by ${by === 'us' ? 'us' : `the ${by}`}`;
  for (const row of rows) {
    if (row.endpoint !== endpoint || row.ended !== null) continue;
    row.ended = 'disconnected';
    row.said = `the connection ${how}${reason === '' ? '' : `: ${reason}`}`;
  }
}

function isDone(row: Row): boolean {
  return row.ended !== null || isSettled(row.state, row.wait_ms);
}

function resultOf(row: Row): CheckedSubscription {
  const { endpoint, subscription, state, ack_ms, first_ms, said } = row;
  const settled = first_ms === null ? 'quiet' : 'live';
  const result = row.ended ?? (isDone(row) ? settled : 'disconnected');
  const words = result === 'disconnected' && said === '' ? `stopped while ${state}` : said;
  return { endpoint, ...subscription, result, ack_ms, first_message_ms: first_ms, said: words };
}

function pause(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => {
    clock.setTimeout(resolve, ms);
  });
}
