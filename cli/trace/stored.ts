/** Where an event is stored, and whether it is there what RAW says: committed days, and the bus. */
import type { Bus, StoredMessage } from '../../bus/bus.ts';
import { parseCtl } from '../../bus/ctl.ts';
import { internalSubject } from '../../bus/subjects.ts';
import { decodeEvents, messageLength, readHeader } from '../../codec/md2.ts';
import {
  VERSION_PREFIX,
  manifestKey,
  parseObjectKey,
  parseVersionKey,
} from '../../dataset/keys.ts';
import { parseManifest } from '../../dataset/manifest.ts';
import type { Manifest } from '../../dataset/manifest.ts';
import { unpackObject } from '../../dataset/object-codec.ts';
import type { Schema } from '../../dataset/version.ts';
import type { EventId } from '../../schema/event-id.ts';
import type { Day } from '../../schema/time.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { zstd } from '../../storage/zstd.ts';

/** A copy of an event; `bytes` null: it is not there, and should be unless the schema has no events. */
export type Stored = {
  readonly where: 'object' | 'bus';
  /** The object's key, or the stream's sequence. */
  readonly name: string;
  /** The version, or the epoch that published it. */
  readonly of: string;
  readonly bytes: Uint8Array | null;
  /** Of what the version holds; events as they are only in md2: nothing can be said of another one. */
  readonly schema: Schema;
};

export async function manifestsOfDay(
  store: ObjectStore,
  feed: string,
  day: Day,
): Promise<readonly Manifest[]> {
  const manifests: Manifest[] = [];
  for await (const { key } of store.list(VERSION_PREFIX)) {
    const version = parseVersionKey(key);
    const stored = version === null ? null : await store.get(manifestKey({ version, feed, day }));
    const manifest = stored === null ? null : parseManifest(new TextDecoder().decode(stored.body));
    if (manifest !== null) manifests.push(manifest);
  }
  return manifests;
}

/** The event in every version that has its day. */
export async function findInObjects(
  store: ObjectStore,
  manifests: readonly Manifest[],
  id: EventId,
): Promise<Stored[]> {
  const found: Stored[] = [];
  for (const { version, objects, schema } of manifests) {
    if (schema !== 'md2') {
      const name = `its objects are ${schema}, a projection; trace needs md2`;
      found.push({ where: 'object', name, of: version, bytes: null, schema });
      continue;
    }
    const holding = objects.find((it) => {
      const of = parseObjectKey(it.key);
      const own = of?.type === id.type && of.symbol === id.symbol;
      return own && BigInt(it.first_t) <= id.t && id.t <= BigInt(it.last_t);
    });
    const name = holding?.key ?? `no object of ${id.type} ${id.symbol} spans it`;
    const stored = holding === undefined ? null : await store.get(holding.key);
    const bytes = stored === null ? null : eventIn(unpackObject(stored.body, zstd, name).plain, id);
    found.push({ where: 'object', name, of: version, bytes, schema });
  }
  return found;
}

/** The message of an event in a stream of them; every message's shard is its own. */
function eventIn(stream: Uint8Array, { t, index, shard, type }: EventId): Uint8Array | null {
  for (let at = 0; at < stream.length; at += messageLength(stream, at)) {
    const head = readHeader(stream, at);
    if (head.t !== t || head.index !== index || head.type !== type) continue;
    const bytes = stream.subarray(at, at + head.length);
    const [event] = decodeEvents(bytes);
    if (event?.shard === shard) return bytes;
  }
  return null;
}

/** Messages read around where an event should be; an event runs ahead of its position by seconds. */
const BUS_MESSAGES_MAX = 50_000;
const BUS_MARGIN_NS = 30_000_000_000n;

/** The event on the bus, or that it is not among what the bus retains. */
export async function findOnBus(bus: Bus, id: EventId, signal: AbortSignal): Promise<Stored> {
  const bounds = await bus.bounds();
  if (bounds.last_seq < bounds.first_seq) return absentOnBus('it is empty');
  const range = { shard: id.shard, feed: id.feed, signal };
  const first = async (from_seq: number): Promise<StoredMessage | null> => {
    for await (const message of bus.readRange({ ...range, from_seq, to_seq: bounds.last_seq })) {
      return message;
    }
    return null;
  };
  let low = bounds.first_seq;
  let high = bounds.last_seq + 1;
  while (low < high) {
    signal.throwIfAborted();
    const middle = Math.floor((low + high) / 2);
    const message = await first(middle);
    if (message === null || tOf(message) >= id.t - BUS_MARGIN_NS) high = middle;
    else low = middle + 1;
  }
  return await scanBus(bus, { ...range, from_seq: low, to_seq: bounds.last_seq }, id);
}

async function scanBus(
  bus: Bus,
  range: Parameters<Bus['readRange']>[0],
  id: EventId,
): Promise<Stored> {
  const subject = internalSubject(id.shard, id.feed, id.type, id.symbol);
  let reached = false;
  let count = 0;
  for await (const message of bus.readRange(range)) {
    const t = tOf(message);
    reached ||= t <= id.t;
    if (t > id.t + BUS_MARGIN_NS || ++count > BUS_MESSAGES_MAX) break;
    if (message.subject !== subject) continue;
    const bytes = eventIn(message.data, id);
    if (bytes === null) continue;
    const of = `epoch ${message.header('epoch') ?? 'unknown'}`;
    return {
      where: 'bus',
      name: `sequence ${message.seq}`,
      of,
      bytes: bytes.slice(),
      schema: 'md2',
    };
  }
  return absentOnBus(reached ? 'not among what it retains' : 'it retains nothing that old');
}

function absentOnBus(name: string): Stored {
  return { where: 'bus', name, of: 'stream', bytes: null, schema: 'md2' };
}

function tOf(message: StoredMessage): bigint {
  const ctl = message.subject.startsWith('ctl.') ? parseCtl(message.data) : null;
  return ctl === null ? readHeader(message.data, 0).t : ctl.t;
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}
