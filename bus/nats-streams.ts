/**
 * The streams of an environment: created where absent, brought to their configuration where not. What
 * cannot be changed on an existing stream (its storage) is an error that says so.
 */
import { JetStreamApiError, jetstreamManager } from '@nats-io/jetstream';
import type { JetStreamManager, StreamConfig } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { SsmdError } from '../schema/errors.ts';
import type { StreamLimits } from './bus.ts';
import {
  CTL_PATTERN,
  DLQ_PATTERN,
  INTERNAL_PATTERN,
  dlqStreamName,
  streamName,
} from './subjects.ts';

type Wanted = Pick<StreamConfig, 'name' | 'subjects' | 'storage'> & Partial<StreamConfig>;

const NS_PER_HOUR = 3600e9;
const SUBJECTS_OVERLAP = 10065;
const NO_STORAGE = 10047;

/** Creates what is missing and reconciles what is there. */
export function ensureStreams(
  connection: NatsConnection,
  environment: string,
  prefix: string,
  limits: StreamLimits,
): Promise<void> {
  return forEach(connection, environment, prefix, limits, ensure);
}

/** Creates what is missing only: cheap enough for every connection. */
export function createStreams(
  connection: NatsConnection,
  environment: string,
  prefix: string,
  limits: StreamLimits,
): Promise<void> {
  return forEach(connection, environment, prefix, limits, async (manager, wanted) => {
    if ((await infoOf(manager, wanted.name)) === null) await manager.streams.add(wanted);
  });
}

async function forEach(
  connection: NatsConnection,
  environment: string,
  prefix: string,
  limits: StreamLimits,
  act: (manager: JetStreamManager, wanted: Wanted) => Promise<void>,
): Promise<void> {
  const manager = await jetstreamManager(connection, { checkAPI: false });
  for (const wanted of streamsOf(environment, prefix, limits)) {
    try {
      await act(manager, wanted);
    } catch (error) {
      throw explained(error, wanted, environment);
    }
  }
}

function streamsOf(environment: string, prefix: string, limits: StreamLimits): readonly Wanted[] {
  const max_age = limits.retention_hours * NS_PER_HOUR;
  const common = { storage: 'file', retention: 'limits', discard: 'old', max_age } as const;
  return [
    {
      ...common,
      name: streamName(environment),
      description: `ssmd ${environment}: events and positions`,
      subjects: [`${prefix}${INTERNAL_PATTERN}`, `${prefix}${CTL_PATTERN}`],
      max_bytes: limits.max_bytes,
      duplicate_window: Math.min(limits.duplicate_window_s * 1e9, max_age),
      allow_atomic: true,
      allow_direct: true,
      republish: {
        src: `${prefix}${INTERNAL_PATTERN}`,
        dest: `${prefix}md.{{wildcard(2)}}.{{wildcard(3)}}.{{wildcard(4)}}`,
      },
    },
    {
      ...common,
      name: dlqStreamName(environment),
      description: `ssmd ${environment}: rejected frames`,
      subjects: [`${prefix}${DLQ_PATTERN}`],
      max_bytes: limits.dlq_max_bytes,
      duplicate_window: Math.min(limits.duplicate_window_s * 1e9, max_age),
    },
  ];
}

async function ensure(manager: JetStreamManager, wanted: Wanted): Promise<void> {
  const existing = await infoOf(manager, wanted.name);
  if (existing === null) {
    await manager.streams.add(wanted);
    return;
  }
  if (existing.storage !== wanted.storage) {
    throw new SsmdError(
      'SSMD_INVALID_CONFIG',
      `stream ${wanted.name} cannot be used: expected ${wanted.storage} storage, received ` +
        `${existing.storage}; delete it (what it holds is archived from RAW) and start again`,
    );
  }
  if (!isCovered(wanted, existing)) await manager.streams.update(wanted.name, wanted);
}

/** Whether all that is wanted is so already; the server adds fields of its own. */
function isCovered(wanted: unknown, existing: unknown): boolean {
  if (typeof wanted !== 'object' || wanted === null) return wanted === existing;
  if (typeof existing !== 'object' || existing === null) return false;
  const found: Readonly<Record<string, unknown>> = { ...existing };
  return Object.entries(wanted).every(([name, value]) => isCovered(value, found[name]));
}

async function infoOf(manager: JetStreamManager, name: string): Promise<StreamConfig | null> {
  try {
    return (await manager.streams.info(name)).config;
  } catch (error) {
    if (error instanceof JetStreamApiError && error.code === STREAM_NOT_FOUND) return null;
    throw error;
  }
}
const STREAM_NOT_FOUND = 10059;

function explained(error: unknown, wanted: Wanted, environment: string): unknown {
  if (!(error instanceof JetStreamApiError)) return error;
  if (error.code === SUBJECTS_OVERLAP) {
    return new SsmdError(
      'SSMD_INVALID_CONFIG',
      `stream ${wanted.name} cannot be created: its subjects (${wanted.subjects.join(', ')}) belong ` +
        `to another stream of this server; give environment ${environment} a subject prefix or an ` +
        `account of its own`,
      { cause: error },
    );
  }
  if (error.code === NO_STORAGE) {
    return new SsmdError(
      'SSMD_LIMIT',
      `stream ${wanted.name} cannot be created: the server has no room for ` +
        `${wanted.max_bytes ?? 0} bytes; lower jetstream.max_bytes or free disk space`,
      { cause: error },
    );
  }
  return error;
}
