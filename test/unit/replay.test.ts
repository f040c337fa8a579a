/** A replay on a virtual clock: what it sends when, and what it does when it is told something. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ReplayAnswer, ReplayCommand } from '../../schema/replay.ts';
import { RIG_FROM, madeUpEvents, replayRig, textOf, textOfEvents } from '../support/replay-rig.ts';

const MS = 1_000_000n;
const SECOND = 1_000n * MS;

test('at 1x and at 10x every event goes at its instant, and the error is told', async () => {
  const events = madeUpEvents([50, 1_000, 0, 2_000, 250]);
  for (const [speed, expected] of [
    [1, [0n, 1_000n, 1_000n, 3_000n, 3_250n]],
    [10, [0n, 100n, 100n, 300n, 325n]],
  ] as const) {
    const { replay, sent } = replayRig({ events, speed });
    const result = await replay.run();
    const at = sent.flatMap(({ at_ns, count }) => Array<bigint>(count).fill(at_ns / MS));
    assert.deepEqual(at, expected);
    assert.equal(result.outcome, 'ended');
    assert.equal(result.events, 5);
    const [error] = result.spacing;
    assert.deepEqual(
      { speed: error?.speed, messages: error?.messages, max_us: error?.max_us },
      { speed, messages: sent.length, max_us: 0 },
    );
  }
});

test('what one message holds is of one subject, in order, and due at once', async () => {
  const events = madeUpEvents([1, 0, 0, 0, 5, 0], false);
  const timed = replayRig({ events, speed: 1, batch: 6 });
  await timed.replay.run();
  assert.deepEqual(
    timed.sent.map(({ count }) => count),
    [4, 2],
  );
  const fast = replayRig({ events, speed: 'max', batch: 6 });
  await fast.replay.run();
  assert.deepEqual(
    fast.sent.map(({ count, id, cursor }) => ({ count, id, k: cursor.k })),
    [{ count: 6, id: `1:tiny:tier1:${RIG_FROM + MS}:trade:BTCUSD:0`, k: 2 }],
  );
  assert.equal(textOf(fast.sent), textOfEvents(events));
});

/** Tells the replay `command` once `sent` messages went out, and what it answered. */
function telling(
  when: (sent: number) => boolean,
  command: ReplayCommand,
): { tick: (rig: ReturnType<typeof replayRig>) => void; answer: () => Promise<ReplayAnswer> } {
  let told: Promise<ReplayAnswer> | null = null;
  return {
    tick: (rig) => {
      if (told === null && when(rig.sent.length)) told = rig.replay.command(command);
    },
    answer: async () => (await told) ?? assert.fail('it was never told'),
  };
}

test('a pause holds everything, a resume goes on with the same spacing', async () => {
  const events = madeUpEvents([0, 1_000, 1_000, 1_000]);
  const pause = telling((sent) => sent === 2, { op: 'pause' });
  let rested = 0;
  const rig = replayRig({
    events,
    speed: 1,
    tick() {
      pause.tick(rig);
      if (rig.kept()?.paused !== true) return;
      rested += 1;
      if (rested === 30) void rig.replay.command({ op: 'resume' });
    },
  });
  await rig.replay.run();
  const { refusal, position } = await pause.answer();
  assert.equal(refusal, null);
  assert.equal(position.state, 'paused');
  const at = rig.sent.map(({ at_ns }) => at_ns);
  assert.deepEqual(at.slice(0, 2), [0n, SECOND]);
  assert.ok((at[2] ?? 0n) >= 25n * SECOND, `it rested: ${at[2]}`);
  assert.equal((at[3] ?? 0n) - (at[2] ?? 0n), SECOND);
  assert.equal(textOf(rig.sent), textOfEvents(events));
});

test('a seek backward folds again and begins a new pass, forward it skips', async () => {
  const events = madeUpEvents(Array<number>(20).fill(100));
  const at = (index: number): string => (events[index]?.t ?? 0n).toString();
  const forward = telling((sent) => sent === 3, { op: 'seek', to: at(12) });
  const backward = telling((sent) => sent === 6, { op: 'seek', to: at(5) });
  const rig = replayRig({
    events,
    speed: 1,
    tick() {
      forward.tick(rig);
      backward.tick(rig);
    },
  });
  await rig.replay.run();
  assert.equal((await forward.answer()).refusal, null);
  const { position } = await backward.answer();
  assert.deepEqual({ pass: position.pass, t: position.t }, { pass: 3, t: at(5) });
  const passes = [1, 2, 3].map((pass) => rig.sent.filter(({ cursor }) => cursor.pass === pass));
  assert.equal(textOf(passes[0] ?? []), textOfEvents(events.slice(0, 3)));
  assert.equal(textOf(passes[1] ?? []), textOfEvents(events.slice(12, 15)));
  assert.equal(textOf(passes[2] ?? []), textOfEvents(events.slice(5)));
  assert.equal(rig.opened(), 2, 'only backward reads anew');
  const ids = rig.sent.map(({ id }) => id);
  assert.equal(new Set(ids).size, ids.length, 'what is sent again is no repeat to the stream');
});

test('a bus that takes little makes it late, and nothing is dropped', async () => {
  const events = madeUpEvents(Array<number>(50).fill(10));
  const rig = replayRig({ events, speed: 1, window: 1, send_ns: 30n * MS });
  const result = await rig.replay.run();
  assert.equal(textOf(rig.sent), textOfEvents(events));
  assert.ok(result.late_max_ms >= 49 * 20, `late by ${result.late_max_ms} ms`);
});

test('stop ends it in order; what is told afterwards is refused', async () => {
  const events = madeUpEvents(Array<number>(30).fill(100));
  const stop = telling((sent) => sent === 7, { op: 'stop' });
  const rig = replayRig({ events, speed: 1, tick: () => stop.tick(rig) });
  const result = await rig.replay.run();
  assert.equal(result.outcome, 'stopped');
  assert.equal(rig.sent.length, 7);
  assert.equal(result.position.t, events[6]?.t.toString());
  for (const command of [{ op: 'pause' }, { op: 'seek', to: '1' }, { op: 'stop' }] as const) {
    assert.match((await rig.replay.command(command)).refusal ?? '', /is over/);
  }
});

test('what cannot be done is refused with the reason', async () => {
  const events = madeUpEvents([0, 1_000]);
  const { replay } = replayRig({ events, speed: 1 });
  const refusals: readonly (readonly [ReplayCommand, RegExp])[] = [
    [{ op: 'resume' }, /is not paused/],
    [{ op: 'speed', speed: 0 }, /0 is no speed/],
    [{ op: 'speed', speed: -1 }, /-1 is no speed/],
    [{ op: 'seek', to: '5' }, /outside the replay: 2026-/],
    [{ op: 'seek', to: 'soon' }, /soon is outside/],
    [{ op: 'seek', to: (RIG_FROM + 2n * SECOND).toString() }, /outside/],
  ];
  for (const [command, reason] of refusals) {
    assert.match((await replay.command(command)).refusal ?? '', reason);
  }
  await replay.command({ op: 'pause' });
  assert.match((await replay.command({ op: 'pause' })).refusal ?? '', /paused already/);
});

const FIRST = RIG_FROM + MS;
const told = {
  ...{ owner: 'test', run: '1', keep: false, speed: 10, paused: false },
  ...{ pass: 4, start: RIG_FROM.toString() },
} as const;
const cursor = (k: number, pass = 4) => ({ pass, t: FIRST.toString(), k });
const mark = (k: number, seq: number, pass = 4) => ({ ...cursor(k, pass), seq });

test('another process goes on after the last message stored, as it was last told', async () => {
  const events = madeUpEvents([1, 0, 0, 10, 0, 10]);
  for (const [what, last, seq, resume, expected, pass] of [
    ['behind what is stored', cursor(2), 12, mark(1, 11), 2, 4],
    ['sent and never stored', cursor(1), 11, mark(2, 12), 1, 4],
    ['nothing of this pass is stored', cursor(3, 3), 13, mark(2, 14), 0, 4],
    ['nothing is known', cursor(3, 3), 13, null, 0, 4],
    ['nothing was ever stored', null, 0, null, 0, 4],
    ['nothing was ever stored, and it is known', null, 0, mark(0, 0), 0, 4],
    ['all went by age, its end is known', null, 12, mark(2, 12), 2, 4],
    ['all went by age, more was stored than is known', null, 14, mark(2, 12), 0, 5],
    ['all went by age, nothing is known', null, 14, null, 0, 5],
    ['all went by age, another pass is known', null, 14, mark(2, 14, 3), 0, 5],
    ['what was stored is lost', null, 1, mark(2, 12), 0, 5],
  ] as const) {
    const found = { cursor: last, seq };
    const rig = replayRig({ events, speed: 1, batch: 2, record: told, found, resume });
    await rig.replay.run();
    assert.equal(textOf(rig.sent), textOfEvents(events.slice(expected)), what);
    assert.equal(rig.replay.position().speed, 10);
    assert.equal(rig.sent[0]?.cursor.pass, pass, what);
  }
});

test('what is sent again begins at the last instant known, as a new pass', async () => {
  const events = madeUpEvents([1, 0, 10, 0, 10]);
  const t = (events[2]?.t ?? 0n).toString();
  const found = { cursor: null, seq: 9 };
  const resume = { pass: 4, t, k: 1, seq: 8 };
  const rig = replayRig({ events, speed: 1, record: told, found, resume });
  await rig.replay.run();
  assert.equal(textOf(rig.sent), textOfEvents(events.slice(2)));
  assert.deepEqual([rig.kept()?.pass, rig.kept()?.start], [5, t]);
});

test('a stream that was deleted midway begins anew, and nobody takes it for a repeat', async () => {
  const events = madeUpEvents([1, 0, 10]);
  for (const [resume, pass] of [
    [mark(1, 1), 5],
    [{ pass: 1, t: RIG_FROM.toString(), k: 0, seq: 0 }, 1],
  ] as const) {
    const rig = replayRig({ events, speed: 1, resume });
    await rig.replay.run();
    assert.equal(textOf(rig.sent), textOfEvents(events));
    assert.equal(rig.sent[0]?.cursor.pass, pass);
  }
});

test('its mark is what is answered, not what is sent; of the pass it is in', async () => {
  const events = madeUpEvents(Array<number>(9).fill(5));
  const marks: string[] = [];
  const back = telling((sent) => sent === 8, { op: 'seek', to: RIG_FROM.toString() });
  const rig = replayRig({
    ...{ events, speed: 1, window: 3 },
    tick() {
      const { pass, t, seq } = rig.replay.mark();
      marks.push(`${pass} ${(BigInt(t) - RIG_FROM) / MS} ${seq} ${rig.answered()}`);
      back.tick(rig);
    },
  });
  await rig.replay.run();
  const seen = [...new Set(marks)];
  assert.deepEqual(seen.slice(0, 3), ['1 0 0 0', '1 15 3 3', '1 30 6 6']);
  assert.ok(seen.includes('2 0 6 6'), `after the seek nothing of its pass: ${seen.join()}`);
  assert.deepEqual(rig.replay.mark(), { ...rig.sent.at(-1)?.cursor, seq: rig.sent.length });
});
