/**
 * Names on the bus.
 *
 * | subject                                     | what                                             |
 * |---------------------------------------------|--------------------------------------------------|
 * | `internal.{shard}.{feed}.{type}.{symbol}`   | events, as the connector publishes them          |
 * | `ctl.{shard}.{feed}`                        | positions (`ctl.ts`)                             |
 * | `md.{feed}.{type}.{symbol}`                 | the events again, for clients (server's republish) |
 * | `dlq.{feed}`                                | rejected frames                                  |
 * | `replay.{id}.{feed}.{type}.{symbol}`        | events of a past span, sent again                |
 * | `replay-ctl.{id}`                           | requests to the process that replays it          |
 *
 * Two environments on one server must not see each other. Each has a stream of its own, `SSMD_{ENV}`,
 * and a *subject prefix*: empty by default, else one name, which the adapter puts before every subject
 * (`demo.internal.tier1...`, `demo.md.kraken...`) and takes off again. Nobody above the adapter sees
 * it. A prefix needs no server configuration, which NATS accounts would; where accounts exist, each
 * environment connects with its own credentials and leaves the prefix empty.
 */
import type { EventType } from '../schema/events.ts';

export const INTERNAL_PATTERN = 'internal.*.*.*.*';
export const CTL_PATTERN = 'ctl.*.*';
export const DLQ_PATTERN = 'dlq.>';

export function internalSubject(
  shard: string,
  feed: string,
  type: EventType,
  symbol: string,
): string {
  return `internal.${shard}.${feed}.${type}.${symbol}`;
}

export function ctlSubject(shard: string, feed: string): string {
  return `ctl.${shard}.${feed}`;
}

export function dlqSubject(feed: string): string {
  return `dlq.${feed}`;
}

/** A replay's events: never a live subject, whatever the names. */
export function replaySubject(id: string, feed: string, type: EventType, symbol: string): string {
  return `replay.${id}.${feed}.${type}.${symbol}`;
}

/** Everything a replay publishes. */
export function replayPattern(id: string): string {
  return `replay.${id}.>`;
}

/** All that the replay `id` may publish to: its own subjects, five plain words, and no other. */
export function isReplaySubject(id: string, subject: string): boolean {
  const words = subject.split('.');
  return (
    words.length === 5 &&
    words[0] === 'replay' &&
    words[1] === id &&
    words.every((word) => /^[A-Za-z0-9_-]+$/.test(word))
  );
}

export function replayControlSubject(id: string): string {
  return `replay-ctl.${id}`;
}

/** Where clients find what was published at `subject`, or null where it is not republished. */
export function clientSubject(subject: string): string | null {
  const parts = subject.split('.');
  if (parts[0] !== 'internal' || parts.length !== 5) return null;
  return `md.${parts[2]}.${parts[3]}.${parts[4]}`;
}

/** The parts of an events' subject, or null for `ctl` and anything else. */
export function parseInternalSubject(
  subject: string,
): { shard: string; feed: string; type: string; symbol: string } | null {
  const parts = subject.split('.');
  if (parts[0] !== 'internal' || parts.length !== 5) return null;
  const [, shard, feed, type, symbol] = parts as [string, string, string, string, string];
  return { shard, feed, type, symbol };
}

export function streamName(environment: string): string {
  return `SSMD_${environment.toUpperCase()}`;
}

export function dlqStreamName(environment: string): string {
  return `SSMD_${environment.toUpperCase()}_DLQ`;
}

export function replayStreamName(environment: string, id: string): string {
  return `${replayStreamPrefix(environment)}${id.toUpperCase()}`;
}

/** Begins the name of every replay's stream of an environment. */
export function replayStreamPrefix(environment: string): string {
  return `SSMD_${environment.toUpperCase()}_REPLAY_`;
}

/** NATS' rule: `*` is one token, `>` at the end is one or more. */
export function matchesSubject(pattern: string, subject: string): boolean {
  const wanted = pattern.split('.');
  const tokens = subject.split('.');
  for (const [at, token] of wanted.entries()) {
    if (token === '>') return tokens.length > at;
    if (at >= tokens.length || (token !== '*' && token !== tokens[at])) return false;
  }
  return wanted.length === tokens.length;
}
