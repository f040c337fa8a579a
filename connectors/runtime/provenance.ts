/**
 * Where, by what and how well timed a log is captured: read from the machine, never invented. What
 * cannot be read is said to be unknown.
 */
import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { LOCAL } from '../../schema/clock.ts';
import type { ClockHealth, Location } from '../../schema/clock.ts';
import type { Capture, Origin } from '../../schema/log.ts';
import type { FoldConfig } from '../../schema/symbols.ts';
import type { Feed } from '../feed.ts';
import type { CaptureTemplate } from './log-writer.ts';

export type Place = Pick<Capture, 'location_id' | 'datacenter' | 'proximity'>;
export type Software = Pick<Capture, 'connector_version' | 'connector_commit' | 'connector_build'>;
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

/** Where a feed is captured, in the words of `_capture`. */
export function placeOf({ location_id, datacenter, proximity }: Location, feed: string): Place {
  return { location_id, datacenter, proximity: proximity[feed] ?? 'unknown' };
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
  const { location_id, datacenter, proximity } = options.place ?? placeOf(LOCAL, feed.id);
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
