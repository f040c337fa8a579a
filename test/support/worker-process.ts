/**
 * A worker as a process of its own, to be killed, or stopped in order by SIGTERM:
 * `node worker-process.ts '<JSON of its variables>'`.
 */
import { pino } from 'pino';
import { endpointsOf } from '../../environments/endpoints.ts';
import { startWorker } from '../../workers/worker.ts';
import { testEnvironment } from './connector-process.ts';
import { projectRoot } from './project.ts';

const [given = '{}'] = process.argv.slice(2);
const environment = testEnvironment();
const endpoints = endpointsOf(environment, JSON.parse(given) as Record<string, string>);
const worker = await startWorker({
  ...{ environment, endpoints, root: projectRoot },
  logger: pino({ level: 'silent' }),
});
process.once('SIGTERM', () => void worker.stop());
process.stdout.write('ready\n');
await worker.stopped;
