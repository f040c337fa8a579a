/** Cuts chunks of bytes into lines, a line at a time, whatever the chunks' borders. */

export type LineVisitor = {
  /** `bytes[start, end)` without line feed and carriage return; `bytes[end]` exists. */
  readonly line: (bytes: Uint8Array, start: number, end: number) => void;
  /** A line over the limit was passed over. */
  readonly tooLong: (bytes: number) => void;
};

export type LineSplitter = {
  readonly push: (chunk: Uint8Array) => void;
  /** What follows the last line feed is a line too, unless it is empty. */
  readonly end: () => void;
};

export function createLineSplitter(visitor: LineVisitor, bytes_max: number): LineSplitter {
  let rest = new Uint8Array(64 * 1024);
  let used = 0;
  /** Bytes of a line that is being passed over. */
  let passed = 0;

  function keep(chunk: Uint8Array): void {
    if (passed > 0 || used + chunk.length > bytes_max) {
      passed += used + chunk.length;
      used = 0;
      return;
    }
    if (used + chunk.length >= rest.length) {
      const larger = new Uint8Array((used + chunk.length) * 2);
      larger.set(rest.subarray(0, used));
      rest = larger;
    }
    rest.set(chunk, used);
    used += chunk.length;
  }

  function visit(bytes: Uint8Array, start: number, end: number): void {
    const stop = end > start && bytes[end - 1] === 0x0d ? end - 1 : end;
    visitor.line(bytes, start, stop);
  }

  function endKept(): void {
    if (passed > 0) visitor.tooLong(passed);
    else {
      rest[used] = 0x0a;
      visit(rest, 0, used);
    }
    passed = 0;
    used = 0;
  }

  return {
    push(chunk) {
      let start = 0;
      for (;;) {
        const feed = chunk.indexOf(0x0a, start);
        if (feed < 0) break;
        if (used > 0 || passed > 0) {
          keep(chunk.subarray(start, feed));
          endKept();
        } else if (feed - start > bytes_max) visitor.tooLong(feed - start);
        else visit(chunk, start, feed);
        start = feed + 1;
      }
      if (start < chunk.length) keep(chunk.subarray(start));
    },
    end() {
      if (used > 0 || passed > 0) endKept();
    },
  };
}
