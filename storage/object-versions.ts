/**
 * Versions of objects, where a store keeps them: what was overwritten or deleted by mistake, and can be
 * had back. ssmd itself never overwrites an object, so this is for accidents.
 */
export type VersionedBucket = {
  /** `off`: never switched on. */
  readonly state: () => Promise<'enabled' | 'suspended' | 'off'>;
  /** @throws SSMD_UNAVAILABLE where the store has no versions, with what to do */
  readonly setState: (state: 'enabled' | 'suspended') => Promise<void>;
  /** Of every key below a prefix, in order of keys, the newest version of each first. */
  readonly list: (prefix: string) => AsyncIterable<ObjectVersion>;
  /** Puts a version's content once more, as the newest. */
  readonly restore: (key: string, version_id: string) => Promise<void>;
  /** Removes one version for good. */
  readonly delete: (key: string, version_id: string) => Promise<void>;
};

export type ObjectVersion = {
  readonly key: string;
  readonly version_id: string;
  /** What a reader gets, or (`deleted`) why it gets nothing. */
  readonly latest: boolean;
  /** A mark that the key was deleted; it has no bytes. */
  readonly deleted: boolean;
  readonly bytes: number;
  readonly etag: string;
  /** ms since the Unix epoch. */
  readonly modified_ms: number;
};

export type PrunePolicy = {
  /** Newest versions of each key that stay, the one readers get among them. */
  readonly keep: number;
  /** Only what another version took the place of before; ms since the Unix epoch. */
  readonly before_ms: number;
};

/** Versions of one key, newest first, that a policy lets go: never what readers get. */
export function prunable(versions: readonly ObjectVersion[], policy: PrunePolicy): ObjectVersion[] {
  return versions.filter((it, at) => {
    const next = versions[at - 1];
    if (it.latest || next === undefined || at < policy.keep) return false;
    return next.modified_ms < policy.before_ms;
  });
}
