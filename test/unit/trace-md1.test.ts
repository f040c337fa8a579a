/** A version of md1 has no events as they are: a trace says so, and takes it for no difference. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isUnequal } from '../../cli/trace/print.ts';
import { findInObjects } from '../../cli/trace/stored.ts';
import { FLAG } from '../../schema/events.ts';
import type { EventId } from '../../schema/event-id.ts';
import { BOOK, TRADE, at, layDay } from '../support/diff-day.ts';
import { memoryJobs } from '../support/memory-jobs.ts';

test('of an md1 version the schema is named, and md2 is what is compared', async () => {
  const deps = memoryJobs('2026-11-21T00:00:00Z');
  const events = [at(TRADE, 1), at({ ...BOOK, flags: FLAG.SNAPSHOT }, 2)];
  const manifests = [
    await layDay(deps, { version: 'v1', events }),
    await layDay(deps, { version: 'v2', schema: 'md1', events }),
  ];
  for (const { feed, shard, t, type, symbol, index } of events) {
    const id: EventId = { feed, shard, t, type, symbol, index };
    const [md2, md1] = await findInObjects(deps.normalized, manifests, id);
    assert.ok(md2 !== undefined && md1 !== undefined);
    assert.equal(md2.of, 'v1');
    assert.notEqual(md2.bytes, null, `${type} is in v1`);
    assert.deepEqual([md1.of, md1.bytes, md1.schema], ['v2', null, 'md1']);
    assert.match(md1.name, /its objects are md1, a projection; trace needs md2/);

    const traced = (equal: boolean) => [
      {
        id: 'x',
        bytes: new Uint8Array(0),
        stored: [
          { ...md1, equal: false },
          { ...md2, equal },
        ],
      },
    ];
    assert.equal(isUnequal({ events: traced(true) }), false);
    assert.equal(isUnequal({ events: traced(false) }), true);
  }
});
