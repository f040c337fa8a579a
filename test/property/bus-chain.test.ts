/**
 * The proof from the bus. Hypothesis of the bug: a stream that lost, repeated or reordered something
 * yields a stretch whose events are not those that were published.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ChainEvent, ProvenStretch } from '../../bus/chain.ts';
import { createBusChain, joinStretches } from '../../bus/chain.ts';
import type { Ctl } from '../../bus/ctl.ts';
import { unixNs } from '../../schema/time.ts';
import { hold } from '../support/property.ts';

type Message =
  | { readonly kind: 'events'; readonly epoch: number; readonly events: readonly ChainEvent[] }
  | { readonly kind: 'ctl'; readonly record: Ctl };

const ctl = (t: bigint, events: number, more: Partial<Ctl> = {}): Message => ({
  kind: 'ctl',
  record: {
    epoch: 1,
    writer: 'w',
    t: unixNs(t),
    events,
    run: 0,
    at: unixNs(t),
    normalizer: 'kraken@1',
    ...more,
  },
});
const event = (t: bigint, symbol = 'BTCUSD', index = 0): ChainEvent => ({
  t,
  type: 'trade',
  symbol,
  index,
});
const single = (...events: ChainEvent[]): Message => ({ kind: 'events', epoch: 1, events });

function prove(messages: readonly Message[]): ProvenStretch<ChainEvent>[] {
  const chain = createBusChain<ChainEvent>();
  const found: ProvenStretch<ChainEvent>[] = [];
  for (const message of messages) {
    if (message.kind === 'events') chain.add(message.epoch, message.events);
    else found.push(...[chain.ctl(message.record)].filter((it) => it !== null));
  }
  return found;
}

/** Lines of one or two events and, now and then, a position: what a publisher writes. */
const published = fc
  .array(
    fc.record({
      symbols: fc.integer({ min: 1, max: 3 }),
      gap: fc.integer({ min: 1, max: 5 }),
      told: fc.boolean(),
      ahead: fc.integer({ min: 0, max: 3 }),
    }),
    { minLength: 1, maxLength: 30 },
  )
  .map((lines) => {
    const messages: Message[] = [ctl(100n, 0)];
    const events: ChainEvent[] = [];
    let t = 100n;
    for (const { symbols, gap, told, ahead } of lines) {
      t += BigInt(gap);
      for (let at = 0; at < symbols; at++) {
        const made = event(t, `S${at}`);
        events.push(made);
        messages.push(single(made));
      }
      if (!told) continue;
      t += BigInt(ahead);
      messages.push(ctl(t, events.length));
    }
    messages.push(ctl(t + 1n, events.length));
    return { messages, events, end: t + 1n };
  });

const key = (it: ChainEvent): string => `${it.t}/${it.type}/${it.symbol}/${it.index}`;

test('an undisturbed stream is proven whole', () => {
  hold(
    fc.property(published, ({ messages, events, end }) => {
      const stretches = prove(messages);
      assert.deepEqual(joinStretches(stretches), [
        { epoch: 1, normalizer: 'kraken@1', from: 100n, to: end },
      ]);
      assert.deepEqual(
        stretches.flatMap((it) => it.events.map(key)),
        events.map(key),
      );
    }),
  );
});

const mutation = fc.oneof(
  fc.record({ kind: fc.constant('drop' as const), at: fc.nat(), to: fc.nat() }),
  fc.record({ kind: fc.constant('repeat' as const), at: fc.nat(), to: fc.nat() }),
  fc.record({ kind: fc.constant('move' as const), at: fc.nat(), to: fc.nat() }),
);

test('whatever is dropped, repeated or moved, what is proven is what was published', () => {
  const mutations = fc.array(mutation, { minLength: 1, maxLength: 4 });
  hold(
    fc.property(published, mutations, ({ messages, events }, changes) => {
      const stream = [...messages];
      for (const { kind, at, to } of changes) {
        const from = at % stream.length;
        const message = stream[from] as Message;
        if (kind !== 'repeat') stream.splice(from, 1);
        if (kind !== 'drop') stream.splice(to % (stream.length + 1), 0, message);
        if (stream.length === 0) return;
      }
      let end = 0n;
      for (const { from, to, events: found } of prove(stream)) {
        assert.ok(from >= end && to > from, 'stretches overlap');
        end = to;
        const wanted = events.filter((it) => it.t > from && it.t <= to);
        assert.deepEqual(found.map(key).sort(), wanted.map(key).sort());
      }
    }),
    1_000,
  );
});

test('a dropped event leaves its stretch unproven, and only that', () => {
  const messages = [
    ctl(1n, 0),
    single(event(2n)),
    ctl(3n, 1),
    ctl(5n, 2),
    single(event(6n)),
    ctl(7n, 3),
  ];
  const spans = prove(messages).map(({ from, to }) => [from, to]);
  assert.deepEqual(spans, [
    [1n, 3n],
    [5n, 7n],
  ]);
});

test('repeats after a lost connection count once, also behind a later position', () => {
  const again = [single(event(2n)), single(event(4n))];
  const messages = [ctl(1n, 0), ...again, ctl(3n, 1), ...again, single(event(5n)), ctl(6n, 3)];
  const stretches = prove(messages);
  assert.deepEqual(
    stretches.map((it) => it.events.map(({ t }) => t)),
    [[2n], [4n, 5n]],
  );
});

test('an event that was lost and sent again stands where it was, not behind its successor', () => {
  const [first, second] = [event(2n, 'A', 0), event(2n, 'A', 1)];
  const [stretch] = prove([ctl(1n, 0), single(second), single(first), single(second), ctl(2n, 2)]);
  assert.deepEqual(stretch?.events, [first, second]);
});

test('packs of a batch are sorted by t; those of one t keep their order', () => {
  const packs = [single(event(2n, 'A'), event(4n, 'A')), single(event(2n, 'B'), event(3n, 'B', 0))];
  const [stretch] = prove([ctl(1n, 0), ...packs, ctl(4n, 4)]);
  assert.deepEqual(
    stretch?.events.map(({ t, symbol }) => `${t}${symbol}`),
    ['2A', '2B', '3B', '4A'],
  );
});

test('other epochs, runs, writers and normalizers are not mixed', () => {
  const zombie: Message = { kind: 'events', epoch: 0, events: [event(3n)] };
  const found = prove([
    ctl(1n, 0),
    zombie,
    single(event(2n)),
    ctl(4n, 1),
    ctl(5n, 1, { run: 1 }),
    ctl(6n, 1, { run: 1, normalizer: 'kraken@2' }),
    ctl(7n, 1, { run: 1, normalizer: 'kraken@2', writer: 'other' }),
    ctl(8n, 1, { run: 1, normalizer: 'kraken@2', writer: 'other' }),
  ]);
  assert.deepEqual(
    found.map(({ from, to }) => [from, to]),
    [
      [1n, 4n],
      [7n, 8n],
    ],
  );
});

test('what lies before the first position, or after the last, is not proven', () => {
  assert.deepEqual(prove([single(event(2n)), single(event(3n))]), []);
  assert.deepEqual(prove([single(event(2n)), ctl(3n, 1), single(event(4n))]), []);
});
