/** What a replay's stream holds, and what an archived day holds, as texts and bytes to compare. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { connect } from '@nats-io/transport-node';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { readManifest } from '../../activities/datasets.ts';
import type { ReplayRequest } from '../../activities/replay.ts';
import { replayStreamName } from '../../bus/subjects.ts';
import { unpackObject } from '../../dataset/object-codec.ts';
import { replaySpan } from '../../dataset/replay-span.ts';
import type { Endpoints } from '../../environments/endpoints.ts';
import { shardsOf } from '../../environments/env.ts';
import type { Environment } from '../../environments/env.ts';
import { SsmdError } from '../../schema/errors.ts';
import type { Day } from '../../schema/time.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { zstd } from '../../storage/zstd.ts';
import type { ReplayerJob } from '../../workers/replayer.ts';
import { eventsIn } from './e2e.ts';

export type Stored = {
  readonly subject: string;
  readonly id: string;
  readonly pass: number;
  readonly count: number;
  readonly data: Uint8Array;
};

/** All messages of a replay's stream, in its order. */
export async function readReplayStream(
  url: string,
  environment: string,
  id: string,
): Promise<Stored[]> {
  const connection = await connect({ servers: url });
  try {
    const manager = await jetstreamManager(connection);
    const stream = replayStreamName(environment, id);
    const { state } = await manager.streams.info(stream);
    const found: Stored[] = [];
    if (state.messages === 0) return found;
    const consumer = await jetstream(connection).consumers.get(stream);
    for await (const message of await consumer.consume({ max_messages: 5_000 })) {
      found.push({
        subject: message.subject,
        id: message.headers?.get('Nats-Msg-Id') ?? '',
        pass: Number(message.headers?.get('Pass')),
        count: Number(message.headers?.get('Count')),
        data: message.data,
      });
      if (message.seq === state.last_seq) break;
    }
    return found;
  } finally {
    await connection.close();
  }
}

/** The stream's name, or null where there is none. */
export async function replayStreams(url: string): Promise<string[]> {
  const connection = await connect({ servers: url });
  try {
    const names: string[] = [];
    const manager = await jetstreamManager(connection);
    for await (const { config } of manager.streams.list()) {
      if (config.name.includes('_REPLAY_')) names.push(config.name);
    }
    return names;
  } finally {
    await connection.close();
  }
}

/** By `{type} {symbol}`: count and hash of the events' bytes in order, and the instants. */
export type Content = ReadonlyMap<string, { readonly records: number; readonly sha256: string }>;

/** What was sent, by type and symbol; time never goes back within a pass. */
export function contentOf(messages: readonly Stored[]): Content {
  const parts = new Map<string, Uint8Array[]>();
  let last = 0n;
  for (const { subject, data, count } of messages) {
    const [replay, , , type = '', symbol = ''] = subject.split('.');
    assert.equal(replay, 'replay');
    const name = `${type} ${symbol}`;
    let events = 0;
    for (const { t, bytes } of eventsIn(data)) {
      assert.ok(t >= last, `${t} after ${last}`);
      last = t;
      events += 1;
      const known = parts.get(name) ?? [];
      known.push(bytes);
      parts.set(name, known);
    }
    assert.equal(events, count, subject);
  }
  return hashed(parts);
}

/** What a committed day holds of a span. */
export async function archivedContent(
  normalized: ObjectStore,
  of: { readonly feed: string; readonly day: Day; readonly version: string },
  span: { readonly from: bigint; readonly to: bigint },
): Promise<Content> {
  const manifest = await readManifest({ normalized }, of);
  assert.ok(manifest !== null, 'the day is committed');
  const events: { readonly name: string; readonly t: bigint; readonly bytes: Uint8Array }[] = [];
  for (const { key } of [...manifest.objects].sort((a, b) => (a.key < b.key ? -1 : 1))) {
    const stored = await normalized.get(key);
    const [, , , type = '', symbol = ''] = key.split('/');
    assert.ok(stored !== null, key);
    for (const { t, bytes } of eventsIn(unpackObject(stored.body, zstd, key).plain)) {
      if (t >= span.from && t < span.to) events.push({ name: `${type} ${symbol}`, t, bytes });
    }
  }
  // Stable: what stands at one instant is of one shard here, in its own order.
  events.sort((a, b) => (a.t < b.t ? -1 : a.t > b.t ? 1 : 0));
  const parts = new Map<string, Uint8Array[]>();
  for (const { name, bytes } of events) {
    const known = parts.get(name) ?? [];
    known.push(bytes);
    parts.set(name, known);
  }
  return hashed(parts);
}

function hashed(parts: ReadonlyMap<string, readonly Uint8Array[]>): Content {
  const sorted = [...parts].sort(([a], [b]) => (a < b ? -1 : 1));
  return new Map(
    sorted.map(([name, events]) => {
      const sha256 = createHash('sha256');
      for (const bytes of events) sha256.update(bytes);
      return [name, { records: events.length, sha256: sha256.digest('hex') }];
    }),
  );
}

/** A job as the worker hands it to the process. */
export function replayJob(
  { environment, endpoints }: { readonly environment: Environment; readonly endpoints: Endpoints },
  of: Pick<ReplayRequest, 'id' | 'feed'> &
    Partial<ReplayRequest> & { readonly from: string; readonly to: string },
): ReplayerJob {
  const span = replaySpan({ from: of.from, to: of.to });
  if (span === null) throw new SsmdError('SSMD_INVALID_INPUT', `${of.from} to ${of.to}`);
  const { transport, storage, origin } = environment.spec;
  return {
    ...{
      v: 1,
      owner: `test/${of.id}`,
      run: '1',
      symbols: null,
      types: null,
      speed: 'max',
      keep: false,
    },
    cursor: null,
    ...of,
    from: span.from.toString(),
    to: span.to.toString(),
    environment: environment.name,
    subject_prefix: transport.subject_prefix,
    raw_bucket: storage.raw.bucket,
    normalized_bucket: storage.normalized.bucket,
    shards: shardsOf(environment, of.feed),
    origin,
    endpoints: { nats_url: endpoints.nats_url, s3: endpoints.s3 },
  };
}
