/** A process that archives an hour from the bus again and again while it is told to, as a worker beside a connector does. */
import { archiveClosedWindows } from '../activities/archive-bus.ts';
import { plainContext } from '../activities/deps.ts';
import { createNatsBus } from '../bus/nats.ts';
import { memoryJobs } from '../test/support/memory-jobs.ts';
import { ARCHIVED_SHARD, FEED } from './bus-stage.ts';
import { feedOf } from './frames.ts';

export type DrainOrder = 'on' | 'off';
/** Runs that ended since it was last asked to begin. */
export type DrainWord = { readonly word: 'drained'; readonly records: number };

const [, , servers = '', environment = ''] = process.argv;
const bus = await createNatsBus({
  ...{ servers, environment, subject_prefix: '', name: 'drain', wait: false },
});
let on = false;

async function drain(): Promise<void> {
  let records = 0;
  while (on) {
    const deps = memoryJobs('2024-08-12T00:00:00Z', {
      ...{ bus, feeds: new Map([[FEED, feedOf(FEED)]]), configuredFeeds: [FEED] },
      ...{ shardsOf: () => [ARCHIVED_SHARD], origin: 'import' as const },
    });
    const of = { feed: FEED, shard: ARCHIVED_SHARD };
    records += (await archiveClosedWindows(deps, of, plainContext())).records;
  }
  const word: DrainWord = { word: 'drained', records };
  process.send?.(word);
}

process.on('message', (order: DrainOrder) => {
  const was = on;
  on = order === 'on';
  if (on && !was) void drain();
});
process.on('disconnect', () => process.exit());
