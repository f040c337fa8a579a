/** Events that are no part of a frame, where the arena has to grow for them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventArena } from '../../codec/event-arena.ts';
import { decodeEvents } from '../../codec/md2.ts';
import { Emitter } from '../../fold/emitter.ts';
import { createState } from '../../fold/state.ts';

test('a status that does not fit into the arena any more makes it larger', () => {
  const arena = new EventArena(64);
  const emitter = new Emitter(arena, 'tiny', 'tier1');
  const state = createState('tier1', true, true);
  emitter.beginLine(1_700_000_000_000_000_000n);
  const details = ['one', 'x'.repeat(500), 'three'];
  for (const detail of details) {
    emitter.emitStatus(state, 0, { kind: 'system', cause: 'alarm', detail });
  }
  emitter.endLine();
  const found = [...decodeEvents(arena.bytes.subarray(0, arena.used))];
  assert.deepEqual(
    found.map((it) => (it.type === 'status' ? it.detail : null)),
    details,
  );
});
