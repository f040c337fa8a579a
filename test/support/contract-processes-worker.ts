/**
 * A worker that does the jobs' activities and no workflows, as a process of its own, to be frozen:
 * `node contract-processes-worker.ts '<JSON of its options>'`.
 */
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { createAdmissionActivities } from '../../activities/admission.ts';
import { createSessionActivities } from '../../activities/session.ts';
import { shippedCalendar } from './shipped-calendar.ts';
import { createArchiveActivities } from '../../activities/archive.ts';
import { createS3ObjectStore } from '../../storage/s3.ts';
import type { S3Config } from '../../storage/s3.ts';
import { memoryJobs } from './memory-jobs.ts';

export type WorkerChildOptions = {
  readonly address: string;
  readonly queue: string;
  readonly now: string;
  readonly s3: Omit<S3Config, 'bucket'>;
  readonly raw: string;
  readonly normalized: string;
  /** Of its build: what it packs has this in its footer. */
  readonly version: string;
};

export const QUIET = { filter: { core: 'ERROR', other: 'ERROR' } } as const;

if (import.meta.main) {
  const options = JSON.parse(process.argv[2] ?? '{}') as WorkerChildOptions;
  Runtime.install({
    shutdownSignals: ['SIGTERM'],
    logger: new DefaultLogger('ERROR'),
    telemetryOptions: { logging: QUIET },
  });
  const deps = memoryJobs(options.now, {
    raw: createS3ObjectStore({ ...options.s3, bucket: options.raw }),
    normalized: createS3ObjectStore({ ...options.s3, bucket: options.normalized }),
    build: { version: options.version, commit: 'test', build: 'test' },
  });
  const worker = await Worker.create({
    connection: await NativeConnection.connect({ address: options.address }),
    taskQueue: options.queue,
    activities: {
      ...createArchiveActivities(deps),
      ...createSessionActivities({ calendarOf: () => shippedCalendar('crypto') }),
      ...createAdmissionActivities({ ...deps, searchAttributes: () => Promise.resolve([]) }),
    },
    // One at a time, and asking for no other meanwhile: what is frozen is given nothing more to do.
    maxConcurrentActivityTaskExecutions: 1,
    shutdownGraceTime: '1 second',
    shutdownForceTime: '2 seconds',
    maxHeartbeatThrottleInterval: '1 second',
    defaultHeartbeatThrottleInterval: '1 second',
  });
  process.stdout.write('polling\n');
  process.on('disconnect', () => process.exit(1));
  await worker.run();
  process.removeAllListeners('disconnect');
  process.disconnect();
}
