/** One day of a reprocess: survey, parts, verification, commit, comparison with what is served. */
import { setCurrentDetails } from '@temporalio/workflow';
import type { DayDiff } from '../activities/diff.ts';
import type { DayBuild, DayMaking } from '../activities/reprocess-day.ts';
import type { Committed } from '../activities/archive-day.ts';
import { asksForNewPlan } from './lib/failures.ts';
import { awaited, io, parts, records } from './proxies.ts';

export type ReprocessDayReport =
  | {
      readonly outcome: 'built' | 'unchanged';
      readonly feed: string;
      readonly day: string;
      readonly version: string;
      readonly manifest: string;
      readonly content_id: string;
      readonly complete: boolean;
      readonly records: number;
      /**
       * What served the day when it was compared: only from there may it be moved. Null where nothing
       * served it; the version itself where nothing has to be moved.
       */
      readonly was: string | null;
      /** Against what served the day; null where nothing did, or this version. */
      readonly diff: DayDiff | null;
    }
  | {
      readonly outcome: 'failed';
      readonly feed: string;
      readonly day: string;
      readonly version: string;
      readonly why: string;
    };

/** RAW may move on while a day is built; after this many plans somebody should look. */
const PLANS_MAX = 4;

export async function reprocessDay(making: DayMaking): Promise<ReprocessDayReport> {
  const { feed, day, version } = making;
  const { done, built } = await build(making);
  const [move] = await records.rangesTo({ feed, days: [day], version });
  const was = move === undefined ? version : move.was;
  const serving = was === version ? null : was;
  setCurrentDetails(`**${feed} ${day} ${version}**: comparing with ${serving ?? 'nothing'}`);
  const diff =
    serving === null
      ? null
      : await io.diffReprocessDay.executeWithOptions(
          { summary: `${feed} ${day} ${serving}..${version}` },
          [{ feed, day, old: serving, new: version }],
        );
  const { manifest, content_id, complete, records: count } = done;
  setCurrentDetails(`**${feed} ${day} ${version}**: ${diff?.verdict ?? 'built'}. \`${manifest}\``);
  return {
    ...{ outcome: built ? 'built' : 'unchanged', feed, day, version },
    ...{ manifest, content_id, complete, records: count, was, diff },
  };
}

async function build(making: DayMaking): Promise<{ done: Committed; built: boolean }> {
  const { feed, day, version, connector_version } = making;
  const title = `**${feed} ${day} ${version}**`;
  for (let plans = 1; ; plans++) {
    setCurrentDetails(`${title}: reading what RAW has`);
    const plan: DayBuild = await io.planReprocessDay.executeWithOptions(
      { summary: `${feed} ${day}` },
      [plans === 1 ? making : { ...making, anew: true }],
    );
    if (plan.done !== null) return { done: plan.done, built: false };
    try {
      setCurrentDetails(`${title}: ${plan.tasks.length} parts of ${plan.segments} raw segments`);
      await Promise.all(
        plan.tasks.map((task) =>
          parts.buildReprocessPart.executeWithOptions(
            { summary: `${feed} ${day} ${task.shard} ${task.part + 1} of ${task.parts}` },
            [{ task, connector_version }],
          ),
        ),
      );
      setCurrentDetails(`${title}: verifying`);
      const { etags } = await io.verifyReprocessDay.executeWithOptions(
        { summary: `${feed} ${day}` },
        [plan],
      );
      const done = await awaited.commitReprocessDay.executeWithOptions(
        { summary: `${feed} ${day} ${version}` },
        [{ ...plan, verified: etags }],
      );
      return { done, built: true };
    } catch (error) {
      if (plans === PLANS_MAX || !asksForNewPlan(error)) throw error;
    }
  }
}
