/**
 * Which streams are worth a rigid reader's attempt. A frame that it gives up at its end is read nearly
 * twice: a stream all of whose frames are so (the venue put a key behind the others, say) is left to the
 * generic reader, but for a try now and then. What is read is the same either way.
 */
const MISSES_MAX = 64;
const FRAMES_PAUSED = 1_024;

export class RigidTries {
  /** By stream: misses in a row that are left to it, or how long it has been paused, below one. */
  readonly #left: Int32Array;

  constructor(streams: number) {
    this.#left = new Int32Array(streams).fill(MISSES_MAX);
  }

  /** Whether to try this frame. */
  worth(stream: number): boolean {
    const left = this.#left[stream] as number;
    if (left > 0) return true;
    this.#left[stream] = left > -FRAMES_PAUSED ? left - 1 : 1;
    return false;
  }

  /** What became of the try; returns `taken`. */
  tried(stream: number, taken: boolean): boolean {
    this.#left[stream] = taken ? MISSES_MAX : (this.#left[stream] as number) - 1;
    return taken;
  }
}
