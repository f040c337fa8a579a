/**
 * From encoded events to messages: one message holds one or more events of one subject. Live, events
 * of one line that follow each other share a message; in backlog, all of a batch's events of a subject
 * do. Ids are of the first event: `{shard}:{feed}:{epoch}:{t}:{type}:{symbol}:{index}`.
 */
import type { OutMessage } from '../../bus/bus.ts';
import { dlqSubject, internalSubject } from '../../bus/subjects.ts';
import type { EventArena } from '../../codec/event-arena.ts';
import { decodeEvents } from '../../codec/md2.ts';
import { EVENT_TYPES, TYPE_CODE } from '../../schema/events.ts';
import type { EventType } from '../../schema/events.ts';
import type { PublisherLimits } from './publisher-limits.ts';

export type Origin = { readonly shard: string; readonly feed: string; readonly epoch: number };

/** Messages of one line, in order; `ends` is set on its last one. */
export type LineMessage = { readonly message: OutMessage; readonly t: bigint; ends: boolean };

type PackLimits = Pick<PublisherLimits, 'pack_events_max' | 'pack_bytes_max'>;

/** The events of `arena` line by line. */
export function liveMessages(origin: Origin, arena: EventArena, limits: PackLimits): LineMessage[] {
  const found: LineMessage[] = [];
  for (let event = 0; event < arena.count;) {
    const next = runEnd(arena, event, limits);
    const t = arena.t[event] as bigint;
    const last = found.at(-1);
    if (last !== undefined && last.t !== t) last.ends = true;
    const end = (arena.offset[next - 1] as number) + (arena.length[next - 1] as number);
    const data = arena.bytes.slice(arena.offset[event], end);
    const message: OutMessage = {
      subject: subjectOf(origin, arena, event),
      id: idOf(origin, arena, event),
      expected: null,
      count: next - event,
      late: false,
      t: null,
      data,
    };
    found.push({ message, t, ends: false });
    for (const rejected of rejectedIn(origin, arena, event, next)) {
      found.push({ message: rejected, t, ends: false });
    }
    event = next;
  }
  const last = found.at(-1);
  if (last !== undefined) last.ends = true;
  return found;
}

/** First event after `from` that does not belong into its message. */
function runEnd(arena: EventArena, from: number, limits: PackLimits): number {
  let bytes = arena.length[from] as number;
  let next = from + 1;
  for (; next < arena.count && next - from < limits.pack_events_max; next++) {
    bytes += arena.length[next] as number;
    const same =
      arena.t[next] === arena.t[from] &&
      arena.type[next] === arena.type[from] &&
      arena.symbol[next] === arena.symbol[from];
    if (!same || bytes > limits.pack_bytes_max) break;
  }
  return next;
}

/** All events of `arena` as packs, without ids; a subject's events keep their order. */
export function packedMessages(
  origin: Origin,
  arena: EventArena,
  limits: PackLimits,
): OutMessage[] {
  type Pack = { subject: string; events: number[]; bytes: number };
  const packs: Pack[] = [];
  // By type code and symbol: the subject is made once a pack, not at every event.
  const open = EVENT_TYPES.map(() => new Map<string, Pack>());
  for (let event = 0; event < arena.count; event++) {
    const own = open[arena.type[event] as number] as Map<string, Pack>;
    const symbol = arena.symbol[event] as string;
    const length = arena.length[event] as number;
    let pack = own.get(symbol);
    const full =
      pack === undefined ||
      pack.events.length >= limits.pack_events_max ||
      pack.bytes + length > limits.pack_bytes_max;
    if (pack === undefined || full) {
      pack = { subject: subjectOf(origin, arena, event), events: [], bytes: 0 };
      packs.push(pack);
      own.set(symbol, pack);
    }
    pack.events.push(event);
    pack.bytes += length;
  }
  return packs.map(({ subject, events, bytes }) => ({
    subject,
    id: null,
    expected: null,
    count: events.length,
    late: true,
    t: null,
    data: joined(arena, events, bytes),
  }));
}

function joined(arena: EventArena, events: readonly number[], bytes: number): Uint8Array {
  const data = new Uint8Array(bytes);
  let at = 0;
  for (const event of events) {
    data.set(arena.view(event), at);
    at += arena.length[event] as number;
  }
  return data;
}

/** Rejected frames among events `[from, to)`, for `dlq.{feed}`: the status event, and where it is. */
export function rejectedIn(
  origin: Origin,
  arena: EventArena,
  from: number,
  to: number,
): OutMessage[] {
  if (arena.type[from] !== TYPE_CODE.status && to - from === 1) return [];
  const found: OutMessage[] = [];
  for (let event = from; event < to; event++) {
    if (arena.type[event] !== TYPE_CODE.status) continue;
    const data = arena.view(event).slice();
    for (const status of decodeEvents(data)) {
      if (status.type !== 'status' || status.kind !== 'rejected') continue;
      found.push({
        subject: dlqSubject(origin.feed),
        id: `dlq:${idOf(origin, arena, event)}`,
        expected: null,
        count: 1,
        late: false,
        t: arena.t[event] as bigint,
        data,
      });
    }
  }
  return found;
}

function typeOf(arena: EventArena, event: number): EventType {
  return EVENT_TYPES[arena.type[event] as number] as EventType;
}

function subjectOf({ shard, feed }: Origin, arena: EventArena, event: number): string {
  return internalSubject(shard, feed, typeOf(arena, event), arena.symbol[event] as string);
}

function idOf({ shard, feed, epoch }: Origin, arena: EventArena, event: number): string {
  const { t, symbol, index } = arena;
  const type = typeOf(arena, event);
  return `${shard}:${feed}:${epoch}:${t[event]}:${type}:${symbol[event]}:${index[event]}`;
}
