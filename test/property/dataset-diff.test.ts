/** A diff names exactly what was done to a stream, whatever was done and however it was cut. */
import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { plainContext } from '../../activities/deps.ts';
import { diffDay } from '../../activities/diff.ts';
import { encodeMarketEvent } from '../../codec/md2.ts';
import { createMd1Projection } from '../../codec/md1.ts';
import { DROP_REASONS, SAMPLES_PER_STREAM } from '../../dataset/diff-tally.ts';
import type { DiffDocument } from '../../dataset/diff.ts';
import { formatEventId } from '../../schema/event-id.ts';
import type { MarketEvent } from '../../schema/events.ts';
import { arbitraryEventOf } from '../support/arbitrary-events.ts';
import { DIFF_DAY, at, layDay } from '../support/diff-day.ts';
import type { LaidDay } from '../support/diff-day.ts';
import { memoryJobs } from '../support/memory-jobs.ts';
import { holdAsync } from '../support/property.ts';
import { tinyFeed } from '../support/tiny-feed.ts';

type Mutation = 'keep' | 'drop' | 'add' | 'change' | 'move';

/** A stream with what is done to each of its events, and where each side begins objects. */
type Case = {
  readonly events: readonly MarketEvent[];
  readonly twins: readonly MarketEvent[];
  readonly mutations: readonly Mutation[];
  readonly cuts: readonly [readonly number[], readonly number[]];
};

const EVENTS_MAX = 25;
const minutes = fc.array(fc.integer({ min: 1, max: 3 * EVENTS_MAX }), { maxLength: 6 });

const cases: fc.Arbitrary<Case> = fc
  .constantFrom('trade' as const, 'quote' as const, 'book' as const, 'status' as const)
  .chain((type) => {
    const event = arbitraryEventOf(type).map((it) => ({ ...it, symbol: 'BTCUSD', index: 0 }));
    const mutation = fc.constantFrom<Mutation>(
      'keep',
      'keep',
      'keep',
      'drop',
      'add',
      'change',
      'move',
    );
    const step = fc.tuple(event, event, mutation);
    return fc.record({
      steps: fc.array(step, { minLength: 1, maxLength: EVENTS_MAX }),
      cuts: fc.tuple(minutes, minutes),
    });
  })
  .map(({ steps, cuts }) => ({
    events: steps.map(([event], place) => at(event, 3 * place)),
    twins: steps.map(([, twin], place) => at(twin, 3 * place)),
    mutations: steps.map(([, , mutation]) => mutation),
    cuts,
  }));

type Expected = { readonly after: MarketEvent[]; readonly named: Set<string> } & {
  -readonly [K in 'equal' | 'changed' | 'added' | 'removed']: number;
};

function mutated({ events, twins, mutations }: Case): Expected {
  const out: Expected = {
    ...{ after: [], named: new Set(), equal: 0, changed: 0, added: 0, removed: 0 },
  };
  const put = (event: MarketEvent): void => void out.after.push(event);
  events.forEach((event, place) => {
    const twin = twins[place] as MarketEvent;
    const id = formatEventId(event);
    switch (mutations[place] as Mutation) {
      case 'keep':
        out.equal++;
        put(event);
        return;
      case 'drop':
        out.removed++;
        out.named.add(id);
        return;
      case 'add': {
        const extra = { ...twin, index: 1 };
        out.equal++;
        out.added++;
        out.named.add(formatEventId(extra));
        put(event);
        put(extra);
        return;
      }
      case 'change': {
        const same = Buffer.compare(encodeMarketEvent(event), encodeMarketEvent(twin)) === 0;
        out[same ? 'equal' : 'changed']++;
        if (!same) out.named.add(id);
        put(twin);
        return;
      }
      case 'move': {
        const moved = at(event, 3 * place + 1);
        out.removed++;
        out.added++;
        out.named.add(id).add(formatEventId(moved));
        put(moved);
      }
    }
  });
  return out;
}

async function diffOf(
  old: Omit<LaidDay, 'version'>,
  now: Omit<LaidDay, 'version'>,
): Promise<DiffDocument> {
  const deps = memoryJobs('2026-11-21T00:00:00Z');
  await layDay(deps, { ...old, version: 'v1' });
  await layDay(deps, { ...now, version: 'v2' });
  const of = { feed: tinyFeed, day: DIFF_DAY, old: 'v1', new: 'v2' };
  const { json } = await diffDay(deps, of, plainContext());
  const stored = await deps.normalized.get(json);
  return JSON.parse(new TextDecoder().decode(stored?.body)) as DiffDocument;
}

test('what was dropped, added, changed or moved is counted and named, and nothing else', async () => {
  await holdAsync(
    fc.asyncProperty(cases, async (given) => {
      const { after, named, ...counts } = mutated(given);
      const [left, right] = given.cuts;
      const document = await diffOf(
        { events: given.events, cuts: left },
        { events: after, cuts: right },
      );
      const { equal, changed, added, removed, dropped, old, new: now } = document.events;
      assert.deepEqual({ equal, changed, added, removed }, counts);
      assert.deepEqual([old, now, dropped], [given.events.length, after.length, 0]);
      assert.equal(document.verdict, named.size === 0 ? 'identical' : 'differs');
      const samples = document.streams.flatMap((it) => it.samples);
      for (const { id } of samples) assert.ok(named.has(id ?? ''), `${id} was left alone`);
      assert.equal(samples.length, Math.min(SAMPLES_PER_STREAM, changed + added + removed));
    }),
  );
});

test('a stream cut otherwise is identical', async () => {
  await holdAsync(
    fc.asyncProperty(cases, async ({ events, cuts: [left, right] }) => {
      const document = await diffOf({ events, cuts: left }, { events, cuts: right });
      assert.equal(document.verdict, 'identical');
      assert.equal(document.events.equal, events.length);
    }),
  );
});

test('a projection is told from the full events: all it keeps is equal, all it drops has a reason', async () => {
  await holdAsync(
    fc.asyncProperty(cases, async ({ events, cuts: [left, right] }) => {
      const project = createMd1Projection();
      const kept = events.filter((event) => project(event) !== null).length;
      const document = await diffOf({ events, cuts: left }, { events, cuts: right, schema: 'md1' });
      assert.equal(document.verdict, 'projected');
      assert.deepEqual(
        [document.events.equal, document.events.dropped],
        [kept, events.length - kept],
      );
      const reasons = Object.entries(document.dropped_by);
      assert.ok(reasons.every(([reason]) => DROP_REASONS.some((it) => it === reason)));
      assert.equal(
        reasons.reduce((sum, [, count]) => sum + count, 0),
        events.length - kept,
      );
    }),
  );
});
