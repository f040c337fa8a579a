/**
 * Where objects live: immutable once put, listed by prefix, with the two conditional writes ssmd rests
 * on. Keys are relative to a bucket. Adapters: `s3.ts`, `memory.ts`.
 */
export type ObjectStore = {
  /** The object's bytes, or null where there is none. */
  readonly get: (key: string, options?: { signal?: AbortSignal }) => Promise<StoredObject | null>;
  readonly head: (key: string) => Promise<{ readonly bytes: number; readonly etag: string } | null>;
  /**
   * Puts only where nothing is. `exists` may be our own write whose acknowledgement was lost: read
   * and compare before calling it a conflict.
   */
  readonly putIfAbsent: (
    key: string,
    body: Uint8Array,
    options?: { contentType?: string; signal?: AbortSignal },
  ) => Promise<'created' | 'exists'>;
  /** Replaces the object whose etag is `etag`; `changed` where it no longer is. */
  readonly replaceIf: (
    key: string,
    body: Uint8Array,
    etag: string,
  ) => Promise<'replaced' | 'changed'>;
  /** Puts unconditionally: reports and inventories that may be rewritten, nothing immutable. */
  readonly put: (
    key: string,
    body: Uint8Array,
    options?: { contentType?: string },
  ) => Promise<void>;
  /**
   * Begins a body that is put piece by piece and may be of any size: what exports make. Nothing is seen
   * of it before it is finished; then it stands there whatever was there before.
   */
  readonly upload: (key: string, options?: { contentType?: string }) => Promise<Upload>;
  readonly delete: (key: string) => Promise<void>;
  /** Keys below a prefix in byte order, a page at a time. */
  readonly list: (prefix: string) => AsyncIterable<ListedObject>;
};

export type StoredObject = { readonly body: Uint8Array; readonly etag: string };
export type ListedObject = {
  readonly key: string;
  readonly bytes: number;
  readonly etag: string;
  /** When it was last put, ms since the Unix epoch, by the store's clock. */
  readonly modified_ms: number;
};

/** One body on its way. Of several to one key the last that is finished stays. */
export type Upload = {
  /** Takes the bytes; returns when more may come. */
  readonly write: (bytes: Uint8Array) => Promise<void>;
  readonly finish: () => Promise<void>;
  /** Gives it up: nothing stays in the store. */
  readonly abort: () => Promise<void>;
};
