/**
 * Whatever a replay is told, and when: it sends exactly the span's events from the last seek on. The
 * hypotheses of the bug: an event is lost or sent twice where a command meets a wait, a message of many
 * events, the end of what was read, or a reading that begins again.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ReplayAnswer, ReplayCommand, ReplayMark } from '../../schema/replay.ts';
import { holdAsync } from '../support/property.ts';
import { RIG_FROM, madeUpEvents, replayRig, textOf, textOfEvents } from '../support/replay-rig.ts';
import type { ReplayRig } from '../support/replay-rig.ts';

const command = fc.oneof(
  fc.record({ op: fc.constantFrom('pause', 'resume') }),
  fc.record({ op: fc.constant('speed'), speed: fc.constantFrom(0.5, 1, 50, 'max') }),
  fc.record({ op: fc.constant('seek'), share: fc.double({ min: 0, max: 1, noNaN: true }) }),
);
const script = fc.array(fc.record({ ticks: fc.integer({ min: 0, max: 12 }), command }), {
  maxLength: 8,
});

type Step = { readonly to: string; readonly answer: ReplayAnswer };

test('any commands at any time: each pass is what the span has from its seek on', async () => {
  const property = fc.asyncProperty(
    fc.array(fc.constantFrom(0, 0, 1, 5, 3_000), { minLength: 1, maxLength: 60 }),
    fc.integer({ min: 1, max: 70 }),
    fc.constantFrom(1, 3, Infinity),
    fc.constantFrom<number | 'max'>(1, 20, 'max'),
    script,
    async (gaps, batch, window, speed, steps) => {
      const events = madeUpEvents(gaps);
      const end = events.at(-1)?.t ?? RIG_FROM;
      const left = [...steps];
      const seeks: Promise<Step>[] = [];
      let waited = 0;
      let paused_ticks = 0;
      const rig = replayRig({
        ...{ events, batch, window, speed },
        tick() {
          const [next] = left;
          if (next === undefined) {
            // Nothing is told any more: one that is paused would wait for ever.
            paused_ticks += rig.kept()?.paused === true ? 1 : 0;
            if (paused_ticks === 3) void rig.replay.command({ op: 'resume' });
            return;
          }
          if (waited++ < next.ticks) return;
          waited = 0;
          paused_ticks = 0;
          left.shift();
          if (next.command.op !== 'seek' || !('share' in next.command)) {
            void rig.replay.command(next.command as ReplayCommand);
            return;
          }
          const { share } = next.command;
          const span = Number(end + 1n - RIG_FROM);
          const to = (RIG_FROM + BigInt(Math.floor((span - 1) * share))).toString();
          const told = rig.replay.command({ op: 'seek', to });
          seeks.push(told.then((answer) => ({ to, answer })));
        },
      });
      const result = await rig.replay.run();
      assert.equal(result.outcome, 'ended');
      const done = (await Promise.all(seeks)).filter(({ answer }) => answer.refusal === null);
      const starts = [RIG_FROM.toString(), ...done.map(({ to }) => to)];
      for (const [index, start] of starts.entries()) {
        const pass = index + 1;
        const sent = textOf(rig.sent.filter(({ cursor }) => cursor.pass === pass));
        const whole = textOfEvents(events.filter((event) => event.t >= BigInt(start)));
        if (pass === starts.length) assert.equal(sent, whole);
        else assert.ok(whole.startsWith(sent), `pass ${pass}: ${sent} does not begin ${whole}`);
      }
      const passes = rig.sent.map(({ cursor }) => cursor.pass);
      assert.deepEqual(
        passes,
        passes.toSorted((a, b) => a - b),
        'no pass comes back',
      );
    },
  );
  await holdAsync(property, 150);
});

/** Where a process was killed: what it had said is known, and how much was answered and sent. */
type Moment = { readonly mark: ReplayMark; readonly answered: number; readonly sent: number };

test('killed anywhere, with any of the unanswered lost: all is sent, a repeat has its own id', async () => {
  const property = fc.asyncProperty(
    fc.record({
      gaps: fc.array(fc.constantFrom(0, 0, 0, 1), { minLength: 1, maxLength: 60 }),
      batch: fc.integer({ min: 1, max: 70 }),
      window: fc.integer({ min: 1, max: 30 }),
      speed: fc.constantFrom<number | 'max'>(1, 'max'),
      mixed: fc.boolean(),
      killed: fc.nat(),
      arrived: fc.nat(),
      heard: fc.option(fc.nat()),
      aged: fc.boolean(),
    }),
    async ({ gaps, batch, window, speed, mixed, killed, arrived, heard, aged }) => {
      const events = madeUpEvents(gaps, mixed);
      const moments: Moment[] = [];
      const one = replayRig({
        ...{ events, batch, window, speed },
        tick: () => moments.push(momentOf(one)),
      });
      await one.replay.run();
      moments.push(momentOf(one));
      const at = killed % moments.length;
      const { answered, sent } = moments[at] as Moment;
      const stored = one.sent.slice(0, answered + (arrived % (sent - answered + 1)));
      // A heartbeat is of this moment or of an earlier one, or never came.
      const resume = heard === null ? null : (moments[heard % (at + 1)] as Moment).mark;
      const cursor = aged ? null : (stored.at(-1)?.cursor ?? null);
      const two = replayRig({
        ...{ events, batch: batch + 1, speed, record: one.kept(), resume },
        found: { cursor, seq: stored.length },
      });
      await two.replay.run();
      const [whole, before, after] = [textOfEvents(events), textOf(stored), textOf(two.sent)];
      const pass = two.replay.position().pass;
      if (!aged) assert.equal(pass, 1);
      if (pass === 1) assert.equal(before + after, whole);
      else assert.ok(whole.endsWith(after) && before.length + after.length >= whole.length, after);
      const all = [...stored, ...two.sent];
      assert.equal(new Set(all.map(({ id }) => id)).size, all.length, 'no id comes twice');
    },
  );
  await holdAsync(property, 400);
});

function momentOf({ replay, answered, sent }: ReplayRig): Moment {
  return { mark: replay.mark(), answered: answered(), sent: sent.length };
}
