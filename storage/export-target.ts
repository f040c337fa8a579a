/**
 * Where an export goes: it is made out of sight and shown whole, or never. Adapters: `fs-target.ts` (a
 * folder), `bucket-target.ts` (a prefix of a bucket). Paths are relative, their parts checked names.
 */
export type ExportTarget = {
  /** For people and reports: the folder, or `s3://bucket/prefix`. */
  readonly name: string;
  /** Why nothing can be exported there, in words; null where it can. Looks, changes nothing. */
  readonly fault: () => Promise<string | null>;
  /** Makes the place where files wait; again changes nothing. */
  readonly begin: () => Promise<void>;
  /** What was noted of a file that is finished; null where it is not. */
  readonly noted: (path: string) => Promise<FileNote | null>;
  /** A new file; until it is finished nothing counts. Two attempts at once do not disturb each other. */
  readonly create: (path: string) => Promise<FileSink>;
  /** Shows everything, with `export.json` last. `SSMD_INVALID_INPUT` where something stands there by now. */
  readonly publish: (manifest: Uint8Array) => Promise<void>;
  /** The `export.json` that readers find; null before `publish`. */
  readonly published: () => Promise<Uint8Array | null>;
  /** Removes all that was not published; nothing where nothing is. */
  readonly discard: () => Promise<void>;
};

export type FileSink = {
  readonly write: (bytes: Uint8Array) => Promise<void>;
  /** Makes the file durable and notes it. */
  readonly finish: (rows: number) => Promise<FileNote>;
  readonly abort: () => Promise<void>;
};

export type FileNote = {
  readonly path: string;
  /** Lower-case hex, of the file's bytes. */
  readonly sha256: string;
  readonly bytes: number;
  readonly rows: number;
};

/** A note read back; null where it is none, or of another file. */
export function parseNote(text: string, path: string): FileNote | null {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null) return null;
    const { path: of, sha256, bytes, rows } = value as FileNote;
    const whole = typeof sha256 === 'string' && Number.isInteger(bytes) && Number.isInteger(rows);
    return whole && of === path ? { path, sha256, bytes, rows } : null;
  } catch {
    return null;
  }
}
