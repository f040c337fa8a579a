/**
 * Where, by what and how well timed a log is captured: read from the machine, never invented. What
 * cannot be read is said to be unknown, and an unproven clock to be unsynced.
 */
import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Capture, Origin } from '../../schema/log.ts';
import type { FoldConfig } from '../../schema/symbols.ts';
import type { Feed } from '../feed.ts';
import type { CaptureTemplate } from './log-writer.ts';

export type Place = Pick<Capture, 'location_id' | 'datacenter' | 'proximity'>;
export type Software = Pick<Capture, 'connector_version' | 'connector_commit' | 'connector_build'>;
export type ClockHealth = Pick<
  Capture,
  'clock_source' | 'clock_sync_status' | 'clock_offset_us' | 'clock_last_sync'
>;

export const UNSYNCED: ClockHealth = {
  clock_source: 'unsynced',
  clock_sync_status: 'unsynced',
  clock_offset_us: null,
  clock_last_sync: null,
};

const HERE: Place = { location_id: 'local', datacenter: 'local', proximity: 'unknown' };
const COMMAND_TIMEOUT_MS = 2_000;

/** The hash a `_config` line and `_capture` carry: of the configuration's JSON, keys in this order. */
export function hashConfig(config: FoldConfig): {
  readonly sha256: string;
  readonly config: FoldConfig;
} {
  const { feed, shard, symbols, channels, book_depth } = config;
  const ordered: FoldConfig = {
    feed,
    shard,
    symbols: symbols.map(({ symbol, external, depth }) => ({ symbol, external, depth })),
    channels,
    book_depth,
  };
  const sha256 = createHash('sha256').update(JSON.stringify(ordered)).digest('hex');
  return { sha256, config: ordered };
}

/** Version from `package.json`, commit from git; the build is the commit's time. */
export function readSoftware(root: string): Software {
  const version = readVersion(root);
  const commit = git(root, ['rev-parse', '--short=12', 'HEAD']);
  const dirty = commit !== null && (git(root, ['status', '--porcelain', '-uno']) ?? '') !== '';
  return {
    connector_version: version,
    connector_commit: commit === null ? 'unknown' : `${commit}${dirty ? '-dirty' : ''}`,
    connector_build: git(root, ['show', '-s', '--format=%cI', 'HEAD']) ?? 'unknown',
  };
}

function readVersion(root: string): string {
  try {
    const manifest: unknown = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    const version = (manifest as { version?: unknown }).version;
    return typeof version === 'string' ? version : 'unknown';
  } catch {
    return 'unknown';
  }
}

function git(root: string, words: readonly string[]): string | null {
  return command('git', ['-C', root, ...words]);
}

/** Standard output of a short command, trimmed; null where it is not there or fails. */
function command(name: string, words: readonly string[]): string | null {
  try {
    const options = { timeout: COMMAND_TIMEOUT_MS, encoding: 'utf8', stdio: 'pipe' } as const;
    return execFileSync(name, words, options).trim();
  } catch {
    return null;
  }
}

/**
 * Asks chrony how well this machine's clock is kept. Without an answer the clock is unsynced: that it
 * may be right is not known.
 */
export function readClockHealth(): ClockHealth {
  const answer = command('chronyc', ['-c', 'tracking']);
  return answer === null ? UNSYNCED : parseChronyTracking(answer);
}

/**
 * `chronyc -c tracking` (chrony 4, chronyc(1), read 2026-11): reference id, name, stratum, reference
 * time (s), system time offset (s), last offset, rms offset, frequency, ..., leap status.
 */
export function parseChronyTracking(line: string): ClockHealth {
  const fields = line.split(',');
  const [id = '', name = '', stratum = '', at = '', offset = ''] = fields;
  const leap = fields.at(-1) ?? '';
  const seconds = Number(at);
  const offset_s = Number(offset);
  if (
    fields.length < 14 ||
    leap === 'Not synchronised' ||
    !(seconds > 0) ||
    Number.isNaN(offset_s)
  ) {
    return UNSYNCED;
  }
  const word = `${id} ${name}`.toUpperCase();
  const source =
    word.includes('PHC') || word.includes('PTP') ? 'ptp' : /GPS|PPS/.test(word) ? 'gps' : 'ntp';
  return {
    clock_source: source,
    clock_sync_status: Number(stratum) > 0 && Math.abs(offset_s) < 0.1 ? 'synced' : 'degraded',
    clock_offset_us: Math.round(offset_s * 1e6),
    clock_last_sync: new Date(seconds * 1000).toISOString(),
  };
}

/** All of `_capture` that holds for one epoch. */
export function captureTemplate(options: {
  readonly feed: Feed;
  readonly shard: string;
  readonly epoch: number;
  readonly config_sha256: string;
  readonly origin: Origin;
  readonly source: string | null;
  readonly software: Software;
  readonly clock: ClockHealth;
  readonly place?: Place;
  readonly host?: string;
}): CaptureTemplate {
  const { feed, shard, epoch, config_sha256, origin, source, software, clock } = options;
  const { location_id, datacenter, proximity } = options.place ?? HERE;
  return {
    feed: feed.id,
    shard,
    epoch,
    origin,
    source,
    ...{ location_id, datacenter, proximity },
    host: options.host ?? hostname(),
    ...clock,
    ...software,
    normalizer: `${feed.id}@${feed.normalizer}`,
    config_sha256,
  };
}
