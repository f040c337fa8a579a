/** Why a line of an epoch is not spoken, in words that are true. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { whySilent } from '../../cli/trace/speak.ts';
import type { SegmentSurvey } from '../../dataset/segment-survey.ts';

/** One segment of an epoch, which took the shard at `t` or never. */
function survey(epoch: number, t: bigint | null): Pick<SegmentSurvey, 'id' | 'takes'> {
  const id = { feed: 'kraken', shard: 's', epoch, segment: 0, day: '2026-11-20', hour: 10 };
  return {
    id: id as unknown as SegmentSurvey['id'],
    takes: t === null ? [] : [{ t, prev: null } as SegmentSurvey['takes'][number]],
  };
}

for (const { what, surveys, says } of [
  { what: 'before its take', surveys: [survey(5, 200n)], says: /epoch 5 was warming up/ },
  {
    what: 'after a younger epoch took over',
    surveys: [survey(5, 10n), survey(6, 50n)],
    says: /epoch 6 has the shard/,
  },
  {
    what: 'its own take came after that of a younger epoch',
    surveys: [survey(5, 60n), survey(6, 50n)],
    says: /epoch 6 has the shard/,
  },
  {
    what: 'an older epoch spoke up later, which changes nothing',
    surveys: [survey(4, 50n), survey(5, 10n)],
    says: /took the shard at .*: its _day line for the day is not found$/,
  },
  { what: 'no take at all', surveys: [survey(5, null)], says: /its _take line is not found$/ },
]) {
  test(`silent: ${what}`, () => assert.match(whySilent({ surveys }, 5, 100n), says));
}
