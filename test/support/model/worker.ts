/** A thread that runs its share of the seeds, and tells how many and what failed. */
import { parentPort, workerData } from 'node:worker_threads';
import { firstFailure } from './seeds.ts';
import type { Failure, SeedRange } from './seeds.ts';

export type WorkerReport = { readonly failure: Failure | null };

const failure = await firstFailure(workerData as SeedRange);
parentPort?.postMessage({ failure } satisfies WorkerReport);
