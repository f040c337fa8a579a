/**
 * Files that are there whole or not at all, under names that are never used twice; beside them small
 * notes that are written over. Paths are relative, parts parted by `/`. Adapters: `fs-whole-files.ts`
 * (a folder), `bucket-whole-files.ts` (a prefix of a bucket).
 */
export type WholeFiles = {
  /** For people: the folder, or `s3://bucket/prefix`. */
  readonly name: string;
  /**
   * Puts a file and makes it durable. The same bytes again change nothing, as where the answer to the
   * first attempt was lost; other bytes under a name that is taken are SSMD_VERSION_CONFLICT. What else
   * it rejects with may be tried again.
   */
  readonly put: (path: string, bytes: Uint8Array) => Promise<void>;
  /** The note of that name, null where there is none. */
  readonly readNote: (name: string) => Promise<Uint8Array | null>;
  /** Replaces a note: readers see the old one or the new one. */
  readonly writeNote: (name: string, bytes: Uint8Array) => Promise<void>;
  /** What a killed process had begun and never showed, for people; no reader of the files sees it. */
  readonly unfinished: () => Promise<readonly string[]>;
};

/** Whether two bodies are the same. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false;
  return true;
}
