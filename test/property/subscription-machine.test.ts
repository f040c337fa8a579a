/**
 * The machine of subscriptions, walked: a venue that answers, refuses, sends, breaks, falls silent and
 * closes in any order and time, and a process that stands still meanwhile. The invariants S1 to S9, A1 and
 * A2 of `connectors/runtime/SPEC.md` are the assertions of `test/support/session-rig.ts`.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { hold } from '../support/property.ts';
import { CHANNELS, SYMBOLS, SessionRig } from '../support/session-rig.ts';
import type { Frame } from '../support/session-rig.ts';

/** A step that the rig holds against the invariants; the model is the rig's own account. */
class Step implements fc.Command<object, SessionRig> {
  readonly #name: string;
  readonly #run: (rig: SessionRig) => void;

  constructor(name: string, run: (rig: SessionRig) => void) {
    this.#name = name;
    this.#run = run;
  }

  check(): boolean {
    return true;
  }

  run(_: object, rig: SessionRig): void {
    this.#run(rig);
  }

  toString(): string {
    return this.#name;
  }
}

const step = (name: string, run: (rig: SessionRig) => void): Step => new Step(name, run);
const hear = (frame: Frame): Step => step(JSON.stringify(frame), (rig) => rig.hear(frame));
const market = fc.nat({ max: SYMBOLS.length - 1 });
const channel = fc.constantFrom(...CHANNELS);
const kind = fc.constantFrom('ack' as const, 'refused' as const);
const named = fc.record({ channel, symbol: market });
const EVERYTHING = CHANNELS.flatMap((it) => SYMBOLS.map((_, symbol) => ({ channel: it, symbol })));

/** An answer to one of the requests so far, counted from the latest. */
function answer(what: 'ack' | 'refused', back: number, about: Partial<Frame>): Step {
  const said = `${what} of the ${back}th latest request ${JSON.stringify(about)}`;
  return step(said, (rig) => {
    const id = rig.ids().at(-1 - back);
    if (id !== undefined) rig.hear({ kind: what, id, ...about });
  });
}

const STEPS = [
  fc.integer({ min: 1, max: 15_000 }).map((ms) => step(`pass ${ms}`, (rig) => rig.pass(ms))),
  fc.integer({ min: 50, max: 900 }).map((ms) => step(`pass ${ms}`, (rig) => rig.pass(ms))),
  fc.integer({ min: 2_000, max: 90_000 }).map((ms) => step(`stall ${ms}`, (rig) => rig.stall(ms))),
  fc.tuple(kind, fc.nat({ max: 6 })).map(([what, back]) => answer(what, back, {})),
  fc
    .tuple(kind, fc.nat({ max: 6 }), market)
    .map(([what, back, symbol]) => answer(what, back, { symbol })),
  fc.tuple(kind, named).map(([what, about]) => hear({ kind: what, ...about })),
  named.map((about) => hear({ kind: 'ack', ...about })),
  fc.constant(hear({ kind: 'refused' })),
  market.map((symbol) => hear({ kind: 'refused', symbol })),
  fc.subarray(EVERYTHING).map((subscribed) => hear({ kind: 'ack', subscribed })),
  fc.constant(hear({ kind: 'ack', subscribed: EVERYTHING })),
  fc
    .tuple(named, fc.boolean())
    .map(([about, snapshot]) => hear({ kind: 'data', ...about, snapshot })),
  fc.constant(hear({ kind: 'heartbeat' })),
  fc.constant(step('ping', (rig) => rig.ping())),
  fc.constantFrom(...SYMBOLS).map((it) => step(`broken ${it}`, (rig) => rig.broken(it))),
  fc.constant(step('close, and open', (rig) => (rig.isOpen ? rig.close() : rig.open()))),
];

test('whatever a venue does, S1 to S9, A1 and A2 hold', () => {
  hold(
    fc.property(fc.commands(STEPS, { maxCommands: 120, size: 'max' }), (steps) => {
      fc.modelRun(() => ({ model: {}, real: new SessionRig() }), steps);
    }),
    300,
  );
});

test('what waits for its turn is asked for again, on the same connection', () => {
  const rig = new SessionRig();
  rig.pass(1_000);
  for (let breaks = 0; breaks < 5; breaks++) {
    for (const symbol of [0, 1]) {
      rig.hear({ kind: 'ack', channel: 'books', symbol });
      rig.hear({ kind: 'data', channel: 'books', symbol, snapshot: true });
    }
    for (const symbol of SYMBOLS) rig.broken(symbol);
    rig.pass(1_000);
  }
  for (let seconds = 0; seconds < 250; seconds += 5) {
    rig.ping();
    rig.pass(5_000);
  }
  assert.ok(rig.isOpen);
});

test('the same few ways over, again and again: S6 over many connections', () => {
  const rig = new SessionRig();
  for (let round = 0; round < 40; round++) {
    rig.open();
    rig.pass(500);
    rig.hear({ kind: 'ack', subscribed: EVERYTHING });
    for (const symbol of [0, 1])
      rig.hear({ kind: 'data', channel: 'books', symbol, snapshot: true });
    rig.broken('BTCUSD');
    rig.stall(round % 3 === 0 ? 5_000 : 0);
    rig.pass(round % 5 === 0 ? 12_000 : 2_000);
    if (rig.isOpen) rig.close();
  }
  assert.equal(rig.isOpen, false);
});
