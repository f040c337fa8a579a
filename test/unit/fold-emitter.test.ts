/** Events that are no part of a frame, where the arena has to grow for them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventArena } from '../../codec/event-arena.ts';
import { EventBuffer } from '../../codec/event-buffer.ts';
import { decodeEvents } from '../../codec/md2.ts';
import { Emitter } from '../../fold/emitter.ts';
import { addSlot, createState } from '../../fold/state.ts';
import { FLAG, TYPE_CODE } from '../../schema/events.ts';

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

test('the parts of a large book are numbered one after the other, and only the last is the last', () => {
  const arena = new EventArena();
  const emitter = new Emitter(arena, 'tiny', 'tier1');
  const state = createState('tier1', true, true);
  const slot = addSlot(state, 'BTCUSD');
  const buffer = new EventBuffer();
  buffer.reset(new Uint8Array(0));
  const event = buffer.begin(TYPE_CODE.book, 0, FLAG.SNAPSHOT);
  buffer.beginBids(event);
  for (let price = 1; price <= 25_000; price++) buffer.level(0, price, 0, 0, 1, 0);
  buffer.endBids(event);
  emitter.beginLine(1_700_000_000_000_000_000n);
  emitter.emit(state, buffer, event, slot, 0);
  emitter.endLine();
  const found = [...decodeEvents(arena.bytes.subarray(0, arena.used))];
  assert.ok(found.length > 2);
  const told = found.map((it) => [it.index, it.type === 'book' && it.part, it.flags]);
  const expected = found.map((_, index) => {
    const last = index + 1 === found.length ? FLAG.LAST : 0;
    return [index, index + 1, FLAG.SNAPSHOT | last];
  });
  assert.deepEqual(told, expected);
});
