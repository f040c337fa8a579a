/** The model's seeds on all processors there are. */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { Failure } from './seeds.ts';
import type { WorkerReport } from './worker.ts';

/** Seeds `[from, from + count)`; the failure of the least seed, or null. */
export async function runSeeds(from: number, count: number): Promise<Failure | null> {
  const step = Math.max(1, availableParallelism());
  const shares = Array.from({ length: step }, (_, at) => ({
    from: from + at,
    to: from + count,
    step,
  }));
  const failures = await Promise.all(shares.map(runShare));
  const found = failures.filter((it) => it !== null);
  return found.sort((a, b) => a.seed - b.seed)[0] ?? null;
}

function runShare(workerData: object): Promise<Failure | null> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./worker.ts', import.meta.url), {
      workerData,
      // What a run leaves is garbage at once: room for many runs costs less than sweeping after each.
      resourceLimits: { maxYoungGenerationSizeMb: 96 },
    });
    worker.once('message', ({ failure }: WorkerReport) => resolve(failure));
    worker.once('error', reject);
    worker.once('exit', (code) => reject(new Error(`a worker ended with ${code}`)));
  });
}
