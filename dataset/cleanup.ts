/** What a cleanup may take: a list, told from others by its digest. */
import { canonicalJson } from './canonical.ts';
import type { Current } from './current.ts';
import { compareVersions } from './version.ts';

export type CleanupEntry = {
  /**
   * `version`: of a superseded version; `staged`, `object`: what no manifest refers to; `abandoned`: of a
   * rebuild that was never committed.
   */
  readonly kind: 'version' | 'staged' | 'object' | 'abandoned';
  readonly version: string;
  readonly feed: string;
  readonly key: string;
  readonly bytes: number;
  readonly etag: string;
};

/** A version of a feed that serves no day any more. */
export type Superseded = {
  readonly version: string;
  readonly feed: string;
  readonly days: number;
  readonly keys: number;
  readonly bytes: number;
};

export type CleanupList = {
  readonly format: 1;
  readonly digest: string;
  /** ISO 8601. */
  readonly at: string;
  readonly feeds: readonly string[];
  readonly keep_versions: number;
  readonly older_than_days: number;
  /** What was put later is not taken, ms since the Unix epoch. */
  readonly before_ms: number;
  readonly superseded: readonly Superseded[];
  /** Manifests before what they name: nothing is promised any more before it goes. */
  readonly entries: readonly CleanupEntry[];
  readonly bytes: number;
  /** Of all bytes and of all keys below `normalized/`, the greater share: 0 to 1. */
  readonly share: number;
};

/** The same things to take have the same digest, whenever they were found: 16 hex digits. */
export function cleanupDigest(
  entries: readonly CleanupEntry[],
  sha256: (bytes: Uint8Array) => string,
): string {
  const named = entries.map(({ key, etag }) => [key, etag]).sort();
  return sha256(new TextEncoder().encode(canonicalJson(named))).slice(0, 16);
}

/** What is known of a version's days of a feed. */
export type VersionState = {
  readonly version: string;
  /** When its last manifest was put, ms since the Unix epoch. */
  readonly newest_ms: number;
};

/**
 * Versions of a feed beyond policy: they serve no day, new days do not go there, they are not among the
 * newest `keep`, and nothing was committed under them, nor moved away from them, since `before_ms`.
 */
export function supersededVersions(
  current: Current | null,
  versions: readonly VersionState[],
  policy: { readonly keep: number; readonly before_ms: number },
): string[] {
  const newest = versions
    .map((it) => it.version)
    .sort(compareVersions)
    .slice(-policy.keep);
  return versions
    .filter(({ version, newest_ms }) => {
      if (whyKept(current, version) !== null || newest.includes(version)) return false;
      return newest_ms < policy.before_ms && !movedAwaySince(current, version, policy.before_ms);
    })
    .map((it) => it.version)
    .sort(compareVersions);
}

/** Why the pointer needs a version; null where it does not. */
export function whyKept(current: Current | null, version: string): string | null {
  if (current?.live === version) return 'new days go to it';
  const range = current?.ranges.find((it) => it.version === version);
  return range === undefined ? null : `it serves ${range.from} to ${range.to}`;
}

/** A move that was just made may still be taken back. */
function movedAwaySince(current: Current | null, version: string, before_ms: number): boolean {
  return (current?.moves ?? []).some(
    (move) => Date.parse(move.at) >= before_ms && move.days.some((it) => it.was === version),
  );
}
