/**
 * md2 (`md2.capnp`): writes columns of an `EventBuffer` straight to framed Cap'n Proto messages, no
 * object per event and no bigint but the line's `t`; reads them back strictly. `event-object.ts` is the
 * plain form.
 *
 * Bytes are a function of the event alone: one segment, objects in the order root, shard, feed,
 * symbol, body, the body's texts, bids, asks; an empty list of levels is a null pointer; padding is 0.
 */
import { EVENT_BYTES_MAX, FLAG } from '../schema/events.ts';
import type { MarketEvent } from '../schema/events.ts';
import { wholeLength } from './capnp-read.ts';
import { EventArena } from './event-arena.ts';
import { ABSENT, EventBuffer, FIELD, TYPE_BOOK } from './event-buffer.ts';
import { appendEvent } from './event-object.ts';
import type { EncodeHeader } from './event-object.ts';
import { EventReader, readLone } from './md2-events.ts';
import { BODY, EVENT, LEVEL_BYTES, ROOT_BYTES } from './md2-layout.ts';
import { readHead } from './md2-read.ts';
import type { EventHead } from './md2-read.ts';
import { Md2Writer, overheadBytes } from './md2-write.ts';

const writer = new Md2Writer();

/** Levels of so many bytes fit whatever stands beside them: three names of at most 64 bytes, and fields. */
const SURELY_WHOLE_BYTES = EVENT_BYTES_MAX - 4096;

/** Appends event `event` of `buffer` to `arena` as one framed message, and commits it there. */
export function encodeEvent(
  buffer: EventBuffer,
  event: number,
  header: EncodeHeader,
  arena: EventArena,
): void {
  writer.encode(buffer, event, header, arena);
}

/**
 * The same for a book event of any size: where it would take more than EVENT_BYTES_MAX it becomes
 * parts 1..n, `header.index` and on. Returns n (1: as it was). Bids come first; every part has the
 * snapshot flag if the whole had it, only the last has the checksum and the last-in-line flag.
 */
export function encodeParts(
  buffer: EventBuffer,
  event: number,
  header: EncodeHeader,
  arena: EventArena,
): number {
  if (buffer.type[event] !== TYPE_BOOK) {
    encodeEvent(buffer, event, header, arena);
    return 1;
  }
  const bids = (buffer.bid_to[event] as number) - (buffer.bid_from[event] as number);
  const asks = (buffer.ask_to[event] as number) - (buffer.ask_from[event] as number);
  if ((bids + asks) * LEVEL_BYTES <= SURELY_WHOLE_BYTES) {
    encodeEvent(buffer, event, header, arena);
    return 1;
  }
  const overhead = overheadBytes(buffer, event, header);
  if (overhead + (bids + asks) * LEVEL_BYTES <= EVENT_BYTES_MAX) {
    encodeEvent(buffer, event, header, arena);
    return 1;
  }
  const room = Math.floor((EVENT_BYTES_MAX - overhead) / LEVEL_BYTES);
  const parts = Math.ceil((bids + asks) / room);
  const marks = { slots: buffer.slots, count: buffer.count };
  const part = copyEvent(buffer, event);
  for (let number = 1; number <= parts; number++) {
    const from = (number - 1) * room;
    cutLevels(buffer, event, part, from, Math.min(from + room, bids + asks));
    buffer.setU32(part, FIELD.book.part, number);
    buffer.setU32(part, FIELD.book.parts, parts);
    const last = number === parts;
    const flags = buffer.flags[event] as number;
    buffer.flags[part] = last ? flags : flags & ~FLAG.LAST;
    copySlot(buffer, event, part, FIELD.book.checksum);
    if (!last) buffer.set(part, FIELD.book.checksum, 0, 0, ABSENT);
    encodeEvent(buffer, part, { ...header, index: header.index + number - 1 }, arena);
  }
  buffer.slots = marks.slots;
  buffer.count = marks.count;
  return parts;
}

/** Sets bits of the flags of an event that is in the arena. */
export function addFlags(arena: EventArena, event: number, flags: number): void {
  const at = (arena.offset[event] as number) + ROOT_BYTES + EVENT.flags_32 * 4;
  for (let byte = 0; byte < 4; byte++) {
    arena.bytes[at + byte] = (arena.bytes[at + byte] as number) | ((flags >>> (byte * 8)) & 255);
  }
}

/** The plain twin of `encodeEvent`, from an object: one framed message. Byte for byte the same. */
export function encodeMarketEvent(event: MarketEvent): Uint8Array {
  scratchBuffer.reset(NO_BYTES);
  scratchArena.clear();
  appendEvent(scratchBuffer, event, 0);
  encodeEvent(scratchBuffer, 0, event, scratchArena);
  return scratchArena.view(0).slice();
}

/**
 * Reads a stream of messages into plain objects, in order. Strict: every pointer is checked.
 * Throws SSMD_CORRUPT with the offset where the bytes are not whole messages of `md2.capnp`.
 */
export function* decodeEvents(bytes: Uint8Array): Generator<MarketEvent> {
  if (bytes.length === 0) return;
  if (wholeLength(bytes, 0) === bytes.length) {
    yield readLone(bytes);
    return;
  }
  const reader = new EventReader(bytes);
  for (let at = 0; at < bytes.length; at = reader.end) yield reader.read(at);
}

/** Length in bytes of the message at `at`. Throws SSMD_CORRUPT where it is not whole. */
export function messageLength(bytes: Uint8Array, at: number): number {
  return wholeLength(bytes, at);
}

/** Type, position and flags of the message at `at`, and its length, without decoding its body. */
export function readHeader(bytes: Uint8Array, at: number): EventHead {
  return readHead(bytes, at);
}

const NO_BYTES = new Uint8Array(0);
const scratchBuffer = new EventBuffer();
const scratchArena = new EventArena(4096);

function copyEvent(buffer: EventBuffer, event: number): number {
  const type = buffer.type[event] as number;
  const copy = buffer.begin(type, buffer.symbol[event] as number, buffer.flags[event] as number);
  buffer.setTsEvent(copy, buffer.ts_hi[event] as number, buffer.ts_lo[event] as number);
  if (buffer.seq_known[event] === 1) {
    buffer.setSequence(copy, buffer.seq_hi[event] as number, buffer.seq_lo[event] as number);
  }
  const fields = BODY[type]?.names.length ?? 0;
  for (let field = 0; field < fields; field++) copySlot(buffer, event, copy, field);
  return copy;
}

function copySlot(buffer: EventBuffer, source: number, target: number, field: number): void {
  const slot = (buffer.slot[source] as number) + field;
  const { hi, lo, aux } = buffer;
  buffer.set(target, field, hi[slot] as number, lo[slot] as number, aux[slot] as number);
}

/** Gives `part` the levels `[from, to)` of `event`, its bids counted before its asks. */
function cutLevels(
  buffer: EventBuffer,
  event: number,
  part: number,
  from: number,
  to: number,
): void {
  const bid_from = buffer.bid_from[event] as number;
  const bids = (buffer.bid_to[event] as number) - bid_from;
  const ask_from = buffer.ask_from[event] as number;
  buffer.bid_from[part] = bid_from + Math.min(from, bids);
  buffer.bid_to[part] = bid_from + Math.min(to, bids);
  buffer.ask_from[part] = ask_from + Math.max(from - bids, 0);
  buffer.ask_to[part] = ask_from + Math.max(to - bids, 0);
}
