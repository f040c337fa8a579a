/** The time as a run has it: the sandbox's own, the same when its history is replayed. */

/** Milliseconds of Unix time at which the current workflow task began. */
export function runTimeMs(): number {
  return Date.now();
}
