/** The tables of `docs/faults.md` that are about any feed, and about processes: where each row is proven. */
import type { FaultTable } from './cell.ts';

const ANY = 'test/simulation/any-feed-faults.test.ts';
const PROCESSES = 'test/integration/contract-processes.test.ts';
const STORES = 'test/integration/contract-stores.test.ts';
const REBUILD = 'test/unit/dataset-rebuild.test.ts';
const BAD_RAW = 'test/unit/dataset-bad-raw.test.ts';
const ARCHIVE = 'test/unit/dataset-archive.test.ts';
const JOBS = 'test/integration/workflow-jobs.test.ts';
const NATS = 'test/integration/publisher-nats.test.ts';

/** A row that a test named after it proves, for every feed. */
const everyFeed = (row: string) => ({ row, test: [ANY, row] as const });

/** Rows about any feed, where the test is run for each. */
export const ANY_FEED: Omit<FaultTable, 'feed'> = {
  headings: ['Any feed'],
  cells: [
    everyFeed('disconnect'),
    everyFeed('venue away at the start'),
    everyFeed('whole connection silent'),
    { row: 'half-open connection', test: [ANY, 'whole connection silent'] },
    {
      row: 'a channel never begins',
      test: [
        'test/simulation/venue-silence.test.ts',
        'acknowledged and silent is an alarm, and is asked for again',
      ],
    },
    everyFeed('a channel goes silent'),
    everyFeed('no answer to a request'),
    everyFeed('refused'),
    everyFeed('HTTP 429 on connecting'),
    everyFeed('garbage, cut JSON'),
    everyFeed('not UTF-8'),
    everyFeed('unknown channel'),
    everyFeed('a market not configured'),
    everyFeed('known key, other meaning'),
    {
      row: 'frame over the limit',
      test: [
        'test/unit/runtime-large-frame.test.ts',
        'a frame the socket refuses for its size is a record in RAW: cause, bytes, then the cut',
      ],
    },
    everyFeed('flood'),
    {
      row: 'the host’s clock steps',
      test: [
        'test/simulation/runtime-connector.test.ts',
        'a clock that is not trusted is not trusted by the next day either',
      ],
    },
  ],
};

export const OF_PROCESSES: Omit<FaultTable, 'feed'> = {
  headings: ['Processes'],
  cells: [
    {
      row: 'connector killed',
      test: [
        'test/integration/live-equals-raw-outages.test.ts',
        'kraken: the connector killed twice while publishing, once between two days',
      ],
    },
    {
      row: 'power lost',
      test: [
        STORES,
        'power lost within the last second: the archive is what is left, the hole is told',
      ],
    },
    {
      row: 'host lost for good',
      test: [
        'test/unit/dataset-archive-days.test.ts',
        'an epoch that vanished with its host is waited for by name, and the day then incomplete',
      ],
    },
    {
      row: 'two at once, or one wakes',
      test: [
        PROCESSES,
        'an old one frozen, replaced, then woken: it notices and tells nothing more',
      ],
    },
    {
      row: 'new version at noon',
      test: [PROCESSES, 'a planned take-over under load: capturing at once, the gap to the line'],
    },
    {
      row: 'NATS down or behind',
      test: [NATS, 'an outage with a tiny queue is caught up from the log, in batches of packs'],
    },
    {
      row: 'NATS away at a take-over',
      test: [PROCESSES, 'the bus away while taking over: no trade is lost between the two'],
    },
    {
      row: 'NATS restarts empty',
      test: [NATS, 'a stream that was emptied is gone on with, and the run says so'],
    },
    {
      row: 'the bus’s stream half full',
      test: [
        'test/simulation/runtime-outages.test.ts',
        'a stream of the bus that is half full is an alarm, once, and DEGRADED while it lasts',
      ],
    },
    {
      row: 'an odd message on the bus',
      test: [
        ARCHIVE,
        'a message that cannot be read is left out; where it was ours, RAW builds its hour',
      ],
    },
    {
      row: 'S3 down',
      test: [
        'test/integration/connector-live.test.ts',
        'bus and store away at the start: capture goes on, and all arrives when they come',
      ],
    },
    {
      row: 'Temporal down',
      test: [
        'test/integration/job-command.test.ts',
        'a run that nobody takes says so, and what to do',
      ],
    },
    {
      row: 'worker killed',
      test: [
        'test/integration/reprocess.test.ts',
        'a worker killed in the middle leaves the day to the next, equal',
      ],
    },
    {
      row: 'disk full',
      test: [
        PROCESSES,
        'the disk full for a minute: what was lost is counted, told, and nothing more',
      ],
    },
    {
      row: 'raw segment damaged',
      test: [REBUILD, 'a changed segment is never built from; a torn one as far as it goes'],
    },
    {
      row: 'log behind the bus',
      test: [
        'test/simulation/power-loss-bus.test.ts',
        'what readers of the bus had and RAW has not is a gap, and the day is not complete',
      ],
    },
    {
      row: 'raw segment missing',
      test: [REBUILD, 'a missing segment in the middle is a gap between its neighbours'],
    },
    {
      row: 'RAW of a newer version',
      test: [BAD_RAW, 'RAW written by a newer version is refused, with what to do'],
    },
    {
      row: 'one epoch by two hosts',
      test: [
        BAD_RAW,
        'two hosts that claim the interval of one epoch are named, and the day is not committed',
      ],
    },
    {
      row: 'a foreign file among RAW',
      test: [BAD_RAW, 'a foreign file in the bucket is named, and ignored'],
    },
    {
      row: 'segments mixed up',
      test: [REBUILD, 'a segment replaced by another whole one breaks the chain'],
    },
    {
      row: 'a name taken by others',
      test: ['test/simulation/one-name.test.ts', 'the loser is kept beside'],
    },
    {
      row: 'object or manifest edited',
      test: [
        'test/integration/audit-tampering.test.ts',
        'an edited object is named, with the event that differs',
      ],
    },
    {
      row: 'shard did not run',
      test: [REBUILD, 'a shard of which nothing is there is one gap of a whole day'],
    },
    {
      row: 'code changed in silence',
      test: [ARCHIVE, 'what was planned with one normalizer is not built or committed by another'],
    },
    {
      row: 'bad job input',
      test: [JOBS, 'wrong input fails at once, with every fault and a valid example'],
    },
  ],
};
