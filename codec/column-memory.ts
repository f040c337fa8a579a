/**
 * Where columns lie. By default each is an array of its own, its holder's for good. Where many streams are
 * read one after the other, one `ColumnMemory` given to each reading spares making and collecting them: what
 * was read before is then written over.
 */
export class ColumnMemory {
  readonly #kept: boolean;
  #buffer = new ArrayBuffer(0);
  #used = 0;
  /** Bytes asked for since the last `clear`. */
  #asked = 0;

  /** `kept`: columns are written over by the next reading. */
  constructor(kept = true) {
    this.#kept = kept;
  }

  /** All that was given out may be given out again. */
  clear(): void {
    if (this.#asked > this.#buffer.byteLength) {
      this.#buffer = new ArrayBuffer(Math.ceil((this.#asked * 5) / 32) * 8);
    }
    this.#used = 0;
    this.#asked = 0;
  }

  /** So many int32; what is in them is any. */
  int32(count: number): Int32Array<ArrayBuffer> {
    const at = this.#take(count * 4);
    return at < 0 ? new Int32Array(count) : new Int32Array(this.#buffer, at, count);
  }

  /** So many bytes; what is in them is any. */
  bytes(count: number): Uint8Array<ArrayBuffer> {
    const at = this.#take(count);
    return at < 0 ? new Uint8Array(count) : new Uint8Array(this.#buffer, at, count);
  }

  /** Where the bytes begin; -1 where they need an array of their own. */
  #take(bytes: number): number {
    const at = this.#used;
    const size = (bytes + 7) & ~7;
    this.#asked += size;
    if (!this.#kept || at + size > this.#buffer.byteLength) return -1;
    this.#used = at + size;
    return at;
  }
}

export function uint32Of(column: Int32Array<ArrayBuffer>): Uint32Array {
  return new Uint32Array(column.buffer, column.byteOffset, column.length);
}

/** Halves, the low one first, as the integers they are. */
export function int64Of(halves: Int32Array<ArrayBuffer>): BigInt64Array {
  return new BigInt64Array(halves.buffer, halves.byteOffset, halves.length >> 1);
}

export function uint64Of(halves: Int32Array<ArrayBuffer>): BigUint64Array {
  return new BigUint64Array(halves.buffer, halves.byteOffset, halves.length >> 1);
}

export function int8Of(column: Uint8Array<ArrayBuffer>): Int8Array {
  return new Int8Array(column.buffer, column.byteOffset, column.length);
}
