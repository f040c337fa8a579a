/**
 * Encoded events in the order the fold yields them: one growing byte buffer and columns that say what
 * lies where. The consumer (publisher, archiver) takes what it wants and calls `clear`.
 */
export class EventArena {
  /** Encoded bytes: event `i` is `bytes[offset[i], offset[i] + length[i])`, a whole capnp message. */
  bytes: Uint8Array;
  used = 0;
  count = 0;
  offset: number[] = [];
  length: number[] = [];
  /** Type codes. */
  type: number[] = [];
  /** Our symbols. */
  symbol: string[] = [];
  /** Numbers, not objects: bigints that live on until the next clear are what the collector copies. */
  t = new BigUint64Array(64);
  index: number[] = [];

  constructor(bytes = 16 * 1024) {
    this.bytes = new Uint8Array(bytes);
  }

  /** Makes room for `bytes` more and returns where they go; views taken before are stale. */
  reserve(bytes: number): number {
    const needed = this.used + bytes;
    if (needed > this.bytes.length) {
      const larger = new Uint8Array(Math.max(needed, this.bytes.length * 2));
      larger.set(this.bytes.subarray(0, this.used));
      this.bytes = larger;
    }
    return this.used;
  }

  /** Records the event just written at `reserve`'s offset. */
  commit(length: number, type: number, symbol: string, t: bigint, index: number): void {
    const event = this.count++;
    if (event === this.t.length) this.#growT();
    this.offset[event] = this.used;
    this.length[event] = length;
    this.type[event] = type;
    this.symbol[event] = symbol;
    this.t[event] = t;
    this.index[event] = index;
    this.used += length;
  }

  #growT(): void {
    const larger = new BigUint64Array(this.t.length * 2);
    larger.set(this.t);
    this.t = larger;
  }

  /** A view of one event's bytes, valid until the next `reserve` or `clear`. */
  view(event: number): Uint8Array {
    const start = this.offset[event] as number;
    return this.bytes.subarray(start, start + (this.length[event] as number));
  }

  clear(): void {
    this.used = 0;
    this.count = 0;
  }
}
