/**
 * What makes ssmd different, on the demo's own day: rebuilt under the same logic (nothing may differ),
 * rebuilt to the simple schema (what is dropped is told), promoted, taken back, a minute of it replayed.
 */
import { Client } from '@temporalio/client';
import type { Told } from '../../workflows/lib/promotion-updates.ts';
import { promoteId, replayId, reprocessId } from '../../workflows/lib/ids.ts';
import { TASK_QUEUE } from '../../workflows/lib/queues.ts';
import type { PromoteReport } from '../../workflows/promote.ts';
import type { ReplayReport } from '../../workflows/replay.ts';
import type { ReprocessReport } from '../../workflows/reprocess.ts';
import { failureOf } from '../job-failure.ts';
import type { Output } from '../output.ts';
import type { Minute } from './archived.ts';
import { shown } from './jobs.ts';
import { connectTemporal } from '../temporal-connection.ts';

export type VersionsOptions = {
  readonly address: string;
  readonly feed: string;
  readonly day: string;
  /** What is replayed. */
  readonly minute: Minute;
  readonly output: Output;
};

export type VersionsResult = {
  readonly feed: string;
  readonly day: string;
  readonly same: Pick<ReprocessReport, 'version' | 'days' | 'outcome'>;
  readonly md1: Pick<ReprocessReport, 'version' | 'days' | 'outcome'>;
  readonly promoted: number | null;
  readonly rolled_back: number | null;
  readonly replay: ReplayReport;
  readonly seconds: number;
};

/** Between looks at whether the comparison waits for a decision. */
const LOOK_MS = 200;
const BY = { by: 'demo', reason: 'nothing differs' } as const;
const REPLAY_SPEED = 10;

export async function runVersions(options: VersionsOptions): Promise<VersionsResult> {
  const started = performance.now();
  const { feed, day, minute, output } = options;
  await using temporal = await connectTemporal({ address: options.address });
  const client = new Client({ connection: temporal.connection });
  const [same, md1, replay] = await Promise.all([
    shown(output, `reprocess/${feed}/${day} v2`, () => rebuiltAndPromoted(client, feed, day)),
    shown(output, `reprocess/${feed}/${day} md1`, () => rebuiltAsMd1(client, feed, day)),
    shown(output, `replay/${feed} a minute, 10x`, () => replayed(client, feed, minute)),
  ]);
  const { moved } = same;
  const undone = moved === null ? null : await takenBack(client, feed, moved.revision);
  return {
    ...{ feed, day, same, md1, replay },
    promoted: moved?.revision ?? null,
    rolled_back: undone?.moved?.revision ?? null,
    seconds: (performance.now() - started) / 1000,
  };
}

async function rebuiltAndPromoted(
  client: Client,
  feed: string,
  day: string,
): Promise<ReprocessReport> {
  const input = { feed, from: day, to: day, version: 'v2' };
  const id = reprocessId(input);
  const handle = await client.workflow.start('reprocess', {
    ...{ taskQueue: TASK_QUEUE, workflowId: id, args: [input] },
  });
  const ended = handle.result().then(
    () => true,
    () => true,
  );
  for (let over = false; !over;) {
    const { stage } = await handle.query<Told>('tally');
    if (stage === 'deciding') {
      await handle.executeUpdate('promote', { args: [BY] });
      break;
    }
    over = await Promise.race([ended, delay(LOOK_MS)]);
  }
  return (await handle.result().catch((error: unknown) => {
    throw failureOf(error, id);
  })) as ReprocessReport;
}

function delay(ms: number): Promise<false> {
  return new Promise((resolve) => setTimeout(() => resolve(false), ms));
}

function rebuiltAsMd1(client: Client, feed: string, day: string): Promise<ReprocessReport> {
  const input = {
    feed,
    from: day,
    to: day,
    version: 'v3',
    schema: 'md1',
    promote: 'never',
  } as const;
  return run(client, 'reprocess', reprocessId(input), input);
}

function takenBack(client: Client, feed: string, revision: number): Promise<PromoteReport> {
  const input = { feed, undo: revision, by: BY.by, reason: 'and back' };
  return run(client, 'promote', promoteId({ feed, request: 'demo' }), input);
}

function replayed(client: Client, feed: string, { from, to }: Minute): Promise<ReplayReport> {
  const input = { feed, from, to, speed: REPLAY_SPEED };
  return run(client, 'replay', replayId({ feed, from, to, id: 'demo' }), input);
}

async function run<T>(client: Client, type: string, id: string, input: object): Promise<T> {
  try {
    const options = { taskQueue: TASK_QUEUE, workflowId: id, args: [input] };
    return (await client.workflow.execute(type, options)) as T;
  } catch (error) {
    throw failureOf(error, id);
  }
}

/** What has to hold of it, as sentences about what does not. */
export function versionFaults({
  feed,
  day,
  same,
  md1,
  promoted,
  rolled_back,
  replay,
}: VersionsResult): string[] {
  const faults: string[] = [];
  const of = `${feed} ${day}`;
  if (same.days.verdicts.identical !== 1) faults.push(`${of} rebuilt under the same logic differs`);
  if (md1.days.verdicts.projected !== 1)
    faults.push(`${of} as md1 is not what its projection keeps`);
  if (promoted === null) faults.push(`${of} was not promoted`);
  if (rolled_back === null) faults.push(`the promotion of ${of} was not taken back`);
  if (replay.events === 0) faults.push(`the replay of ${of} sent nothing`);
  return faults;
}
