/** Cards of faults: a simulated venue does what it is told to do wrong, once, and writes it down. */
import assert from 'node:assert/strict';
import { FAULT_KINDS } from '../../../connectors/simulator/faults.ts';
import type { Fault } from '../../../connectors/simulator/faults.ts';
import { SECOND_NS, START_NS, dial, openFaulty, subscribeAll } from '../venue-kit.ts';
import type { Line } from '../venue-kit.ts';
import type { Card } from './card.ts';
import type { VenueCard } from './venue.ts';

const at_ns = START_NS + 10n * SECOND_NS;
const cleanTexts = new Map<string, readonly string[]>();

/** 40 s of the struck path with these faults. */
function run(card: VenueCard, faults: readonly Fault[]) {
  const { feed, symbols, struck } = card;
  const opened = openFaulty(feed, symbols, { list: faults });
  const line = dial(opened.harness, struck.path, START_NS) as Line;
  subscribeAll(card, struck.path, line.connection, START_NS);
  opened.harness.advance(START_NS + 40n * SECOND_NS);
  const texts = line.frames.map(({ payload }) => String(payload));
  return { ...opened, line, texts };
}

/** What it is without a fault. */
function cleanOf(card: VenueCard): readonly string[] {
  const texts = cleanTexts.get(card.feed) ?? run(card, []).texts;
  cleanTexts.set(card.feed, texts);
  return texts;
}

const aboutOf = ({ struck: { channel, symbol } }: VenueCard) => ({ channel, symbol });

function noPlan(card: VenueCard): void {
  assert.deepEqual(run(card, []).ledger, []);
}

function drops(card: VenueCard): void {
  const clean = cleanOf(card);
  const { struck } = card;
  const { texts, ledger } = run(card, [{ kind: 'drop', at_ns, ...aboutOf(card) }]);
  assert.equal(ledger.length, 1);
  const [entry] = ledger;
  assert.ok(entry && entry.at_ns >= at_ns && entry.frame !== null);
  assert.deepEqual(texts, clean.toSpliced(entry.frame - 1, 1));
  assert.deepEqual([entry.channel, entry.symbol], [struck.channel, struck.symbol]);
}

function duplicates(card: VenueCard): void {
  const clean = cleanOf(card);
  const { texts, ledger } = run(card, [{ kind: 'duplicate', at_ns, ...aboutOf(card) }]);
  const frame = ledger[0]?.frame ?? 0;
  assert.deepEqual(texts, clean.toSpliced(frame, 0, clean[frame - 1] as string));
}

function reorders(card: VenueCard): void {
  const clean = cleanOf(card);
  const { texts, ledger } = run(card, [{ kind: 'reorder', at_ns, ...aboutOf(card) }]);
  const frame = (ledger[0]?.frame ?? 0) - 1;
  const moved = clean[frame] as string;
  const without = clean.toSpliced(frame, 1);
  const now_at = texts.indexOf(moved);
  assert.ok(now_at > frame);
  assert.deepEqual(texts, without.toSpliced(now_at, 0, moved));
}

function mutates(card: VenueCard): void {
  const clean = cleanOf(card);
  const { texts, ledger } = run(card, [{ kind: 'mutate', at_ns, ...aboutOf(card) }]);
  const frame = (ledger[0]?.frame ?? 0) - 1;
  const [before, after] = [clean[frame] as string, texts[frame] as string];
  const places = [...before].filter((digit, at) => digit !== after[at]);
  assert.equal(before.length, after.length);
  assert.equal(places.length, 1);
  JSON.parse(after);
  assert.match(ledger[0]?.detail ?? '', /^\w+ \S+ -> \S+$/);
  assert.deepEqual(texts.toSpliced(frame, 1), clean.toSpliced(frame, 1));
}

function silencesAChannel(card: VenueCard): void {
  const clean = cleanOf(card);
  const { texts, ledger } = run(card, [
    { kind: 'silence', at_ns, ...aboutOf(card), duration_ms: 5000 },
  ]);
  const missing = clean.filter((text) => !texts.includes(text));
  assert.equal(ledger[0]?.touched, missing.length);
  assert.ok(missing.length > 10 && texts.length === clean.length - missing.length);
  assert.equal(texts.at(-1), clean.at(-1));
}

function silencesAConnection(card: VenueCard): void {
  const { line } = run(card, [{ kind: 'silence', at_ns, duration_ms: 5000 }]);
  const until_ns = at_ns + 5n * SECOND_NS;
  assert.ok(line.frames.every((sent) => sent.at_ns <= at_ns || sent.at_ns >= until_ns));
  assert.ok(line.frames.some((sent) => sent.at_ns > until_ns));
}

function closes(card: VenueCard): void {
  for (const code of [1012, null]) {
    const { line, ledger } = run(card, [{ kind: 'close', at_ns, code }]);
    assert.deepEqual(line.closed, { code, at_ns });
    assert.ok(line.frames.every((sent) => sent.at_ns <= at_ns));
    assert.equal(ledger[0]?.connection, 1);
  }
}

function refusesOnce(card: VenueCard): void {
  const { feed, symbols, struck } = card;
  const { harness, ledger } = openFaulty(feed, symbols, {
    list: [{ kind: 'refuse', ...aboutOf(card) }],
  });
  const line = dial(harness, struck.path, START_NS) as Line;
  const told = (): string[] => line.frames.splice(0).map(({ payload }) => String(payload));
  subscribeAll(card, struck.path, line.connection, START_NS);
  assert.equal(told().filter(card.isRefusal).length, 1);
  assert.equal(ledger.length, 1);
  assert.deepEqual(
    [ledger[0]?.kind, ledger[0]?.channel, ledger[0]?.symbol],
    ['refuse', struck.channel, struck.symbol],
  );
  subscribeAll(card, struck.path, line.connection, START_NS + 2n * SECOND_NS);
  harness.advance(START_NS + 20n * SECOND_NS);
  assert.equal(ledger.length, 1);
  assert.ok(line.frames.length > 20);
}

function tooMany(card: VenueCard): void {
  const { feed, symbols, struck } = card;
  const { harness, ledger } = openFaulty(feed, symbols, {
    list: [{ kind: '429', at_ns, duration_ms: 2000 }],
  });
  const line = dial(harness, struck.path, START_NS) as Line;
  // One that asks for nothing may be cut before the fault is over.
  subscribeAll(card, struck.path, line.connection, START_NS);
  assert.equal(dial(harness, struck.path, at_ns + SECOND_NS), 429);
  assert.equal(dial(harness, struck.path, at_ns + 2n * SECOND_NS), 429);
  assert.equal(typeof dial(harness, struck.path, at_ns + 3n * SECOND_NS), 'object');
  assert.equal(ledger[0]?.touched, 2);
  assert.deepEqual(harness.counts(), { accepted: 2, open: 2 });
}

function garbles(card: VenueCard): void {
  const clean = cleanOf(card);
  const list = [0n, 1n, 2n, 3n, 4n, 5n, 6n, 7n].map((second): Fault => ({
    kind: 'garbage',
    at_ns: at_ns + second * SECOND_NS,
  }));
  const { line, ledger } = run(card, list);
  assert.equal(ledger.length, list.length);
  const known = new Set(clean);
  const strange = line.frames.filter(({ payload }) => !known.has(String(payload)));
  assert.equal(strange.length, list.length);
  assert.ok(new Set(ledger.map(({ detail }) => detail)).size > 2);
}

function keepsRates(card: VenueCard): void {
  const { feed, symbols, struck } = card;
  // What keeps the others from striking is rarer: nothing befalls who is silent or not connected.
  const rare = new Set(['silence', 'refuse', '429']);
  const rates = Object.fromEntries(FAULT_KINDS.map((kind) => [kind, rare.has(kind) ? 20 : 120]));
  const runRates = () => {
    const { harness, ledger } = openFaulty(feed, symbols, { rates });
    let line = dial(harness, struck.path, START_NS);
    for (let second = 0n; second < 1800n; second++) {
      const now_ns = START_NS + second * SECOND_NS;
      if (typeof line === 'number' || line.closed !== null) {
        line = dial(harness, struck.path, now_ns);
        if (typeof line !== 'number') subscribeAll(card, struck.path, line.connection, now_ns);
      }
      harness.advance(now_ns);
    }
    return ledger;
  };
  const ledger = runRates();
  for (const kind of FAULT_KINDS) {
    const times = ledger.filter((entry) => entry.kind === kind).length;
    const asked = rare.has(kind) ? 10 : 60;
    const words = `${kind} ${times} times in half an hour, ${asked} asked for`;
    assert.ok(times >= asked / 2 && times <= asked * 1.5, words);
  }
  const show = (entries: typeof ledger): string[] =>
    entries.map((entry) => `${entry.at_ns} ${entry.kind} ${entry.frame} ${entry.detail}`);
  assert.deepEqual(show(ledger), show(runRates()));
}

export const FAULT_CARDS: readonly Card[] = [
  {
    ...{ number: 'VENUE-21', title: 'fault: no fault', play: noPlan },
    holds: 'without a plan there is none',
  },
  {
    ...{ number: 'VENUE-22', title: 'fault: drop', play: drops },
    holds: 'one frame of that channel is missing',
  },
  {
    ...{ number: 'VENUE-23', title: 'fault: duplicate', play: duplicates },
    holds: 'it is there twice',
  },
  {
    ...{ number: 'VENUE-24', title: 'fault: reorder', play: reorders },
    holds: 'it comes after the next of its kind',
  },
  {
    ...{ number: 'VENUE-25', title: 'fault: mutate', play: mutates },
    holds: 'one digit differs, it is still JSON, the ledger says which',
  },
  {
    ...{ number: 'VENUE-26', title: 'fault: silence of a channel', play: silencesAChannel },
    holds: 'acknowledged, no data, then data again',
  },
  {
    ...{ number: 'VENUE-27', title: 'fault: silence of a connection', play: silencesAConnection },
    holds: 'not even a heartbeat',
  },
  {
    ...{ number: 'VENUE-28', title: 'fault: close', play: closes },
    holds: 'with a code, or cut',
  },
  {
    ...{ number: 'VENUE-29', title: 'fault: refuse', play: refusesOnce },
    holds: 'the subscription is refused once, then granted',
  },
  {
    ...{ number: 'VENUE-30', title: 'fault: 429', play: tooMany },
    holds: 'upgrades are refused for a while',
  },
  {
    ...{ number: 'VENUE-31', title: 'fault: garbage', play: garbles },
    holds: 'something no venue sends comes between',
  },
  {
    ...{ number: 'VENUE-32', title: 'fault: rates', play: keepsRates },
    holds: 'every kind comes about as often as asked, and the same way each time',
  },
];
