/** Faults put into frames, and what must, or cannot, be said of them. */
import assert from 'node:assert/strict';
import { FLAG } from '../../../schema/events.ts';
import type { EventOf, EventType, MarketEvent } from '../../../schema/events.ts';
import type { ReadLine } from '../runtime.ts';
import { cleanStory, qaOf, statusOf, tell, textOf } from './story.ts';
import type { Frame, Story } from './story.ts';

/** The frames a fault strikes: those that hold all of these texts. */
export type Mark = readonly string[];

/** Where a fault strikes: positions in the log of the frame and of the next ones of its kind. */
export type Place = { readonly at: number; readonly next: readonly number[] };

/** A log with a fault in it. */
export type Edit = (lines: readonly ReadLine[], place: Place) => readonly ReadLine[];

/** What came of a fault. */
export type Outcome = {
  readonly clean: Story;
  readonly faulty: Story;
  readonly place: Place;
  /** Events that are gone, and that came, by the fault. */
  readonly gone: readonly MarketEvent[];
  readonly come: readonly MarketEvent[];
};
export type Claim = (outcome: Outcome) => void;

export type Proof = {
  readonly mark: Mark;
  readonly edit: Edit;
  readonly shows: Claim;
  /** `live` (default): frames once the shard has spoken for a while. `opening`: the very first. */
  readonly from?: 'live' | 'opening';
  /**
   * How many places are tried: at each the claim, or `else`, must hold, and the claim at one of them.
   */
  readonly places?: number;
  readonly otherwise?: Claim;
};

const LIVE_NS = 8_000_000_000n;
const NEXT_MAX = 400;

/** Puts the fault into the feed's log and holds the claim. */
export async function prove(feed: string, proof: Proof): Promise<void> {
  const clean = await cleanStory(feed);
  const { places = 1, otherwise } = proof;
  let held = 0;
  let failure: unknown = null;
  for (let nth = 0; nth < places; nth++) {
    const place = placeOf(clean, proof, nth);
    const faulty = tell(clean.feed, proof.edit(clean.lines, place));
    const outcome = { clean, faulty, place, ...difference(clean.events, faulty.events) };
    try {
      proof.shows(outcome);
      held++;
    } catch (error) {
      failure = error;
      if (otherwise === undefined) continue;
      try {
        otherwise(outcome);
      } catch (other) {
        throw new AggregateError([error, other], `neither holds at place ${nth}: ${String(error)}`);
      }
    }
  }
  if (held === 0) throw failure;
}

function placeOf({ lines }: Story, { mark, from = 'live' }: Proof, nth: number): Place {
  const begin = (lines[0]?.t ?? 0n) + (from === 'live' ? LIVE_NS : 0n);
  const found: number[] = [];
  for (let at = 0; at < lines.length && found.length < nth + NEXT_MAX; at++) {
    const line = lines[at];
    if (line?.type !== 'frame' || line.t < begin) continue;
    if (mark.every((text) => line.frame.includes(text))) found.push(at);
  }
  const at = found[nth] ?? assert.fail(`no frame ${nth} with ${mark.join(' and ')}`);
  return { at, next: found.slice(nth + 1) };
}

function difference(before: readonly MarketEvent[], after: readonly MarketEvent[]) {
  const minus = (all: readonly MarketEvent[], others: readonly MarketEvent[]): MarketEvent[] => {
    const left = new Map<string, number>();
    for (const it of others) left.set(textOf(it), (left.get(textOf(it)) ?? 0) + 1);
    return all.filter((it) => {
      const count = left.get(textOf(it)) ?? 0;
      if (count > 0) left.set(textOf(it), count - 1);
      return count === 0;
    });
  };
  return { gone: minus(before, after), come: minus(after, before) };
}

function frameAt(lines: readonly ReadLine[], at: number): Frame {
  const line = lines[at];
  return line?.type === 'frame' ? line : assert.fail(`line ${at} is no frame`);
}

export const lost: Edit = (lines, { at }) => lines.toSpliced(at, 1);

/** The frame, and all of its kind that follow. */
export const lostForGood: Edit = (lines, { at, next }) =>
  lines.filter((_, index) => index !== at && !next.includes(index));

export const repeated: Edit = (lines, { at }) => {
  const line = frameAt(lines, at);
  return lines.toSpliced(at + 1, 0, { ...line, t: line.t + 1n });
};

/** Again, after `later` more of its kind. */
export function repeatedLate(later: number): Edit {
  return (lines, { at, next }) => {
    const behind = next[later - 1] ?? assert.fail('too few frames');
    const line = { ...frameAt(lines, at), t: frameAt(lines, behind).t + 1n };
    return lines.toSpliced(behind + 1, 0, line);
  };
}

/** Comes after the next of its kind. */
export const swapped: Edit = (lines, { at, next }) => {
  const behind = next[0] ?? assert.fail('no next frame');
  const line = { ...frameAt(lines, at), t: frameAt(lines, behind).t + 1n };
  return lines.toSpliced(behind + 1, 0, line).toSpliced(at, 1);
};

/** Another text: `change` gets the frame; what it leaves as it was is a mistake of the proof. */
export function changed(change: (frame: string) => string): Edit {
  return (lines, { at }) => {
    const line = frameAt(lines, at);
    const frame = change(line.frame);
    assert.notEqual(frame, line.frame, 'the fault changes the frame');
    return lines.with(at, { ...line, frame });
  };
}

/** Every frame of the kind, from the place on. */
export function allChanged(change: (frame: string) => string): Edit {
  return (lines, { at, next }) => {
    const places = new Set([at, ...next]);
    return lines.map((line, index) =>
      line.type === 'frame' && places.has(index) ? { ...line, frame: change(line.frame) } : line,
    );
  };
}

/** A frame more, after the one of the place. */
export function followedBy(text: (frame: string) => string): Edit {
  return (lines, { at }) => {
    const line = frameAt(lines, at);
    return lines.toSpliced(at + 1, 0, { ...line, t: line.t + 1n, frame: text(line.frame) });
  };
}

/** The connection of the frame ends; two seconds later another one goes on. */
export const cut: Edit = (lines, { at }) => {
  const { c, t } = frameAt(lines, at);
  const back = t + 2_000_000_000n;
  const opened = lines.find((line) => line.type === 'fact' && line.key === '_open');
  const { url, day } =
    opened?.type === 'fact' ? (opened.fact as { url: string; day: string }) : assert.fail();
  const closed = { c, code: null, reason: '', by: 'network' as const };
  const rest = lines
    .slice(at + 1)
    .filter((line) => line.type !== 'frame' || line.c !== c || line.t > back + 1n)
    .map((line) => (line.type === 'frame' && line.c === c ? { ...line, c: c + 100 } : line));
  const reopens = rest.findIndex((line) => line.t > back);
  return [
    ...lines.slice(0, at + 1),
    { t: t + 1n, type: 'fact', key: '_close', fact: closed },
    ...rest.slice(0, reopens),
    { t: back, type: 'fact', key: '_open', fact: { c: c + 100, url, day } },
    ...rest.slice(reopens),
  ];
};

/** `"name":value` of a frame, the value by `to`. Numbers may be quoted. */
export function field(name: string, to: (digits: string) => string): (frame: string) => string {
  const pattern = new RegExp(`("${name}":"?)([-\\dT:.]+)`);
  return (frame) =>
    frame.replace(pattern, (_, before: string, digits: string) => before + to(digits));
}

/** Another number of as many digits: its last digit is another one. */
export const otherDigit = (digits: string): string =>
  digits.replace(/\d(?=\D*$)/, (digit) => String((Number(digit) + 5) % 10 || 7));

export const plus =
  (more: number) =>
  (digits: string): string =>
    String(BigInt(digits) + BigInt(more));

type Opened = {
  readonly cause: string;
  readonly about?: EventType;
  readonly when?: 'here' | 'later' | 'any';
};

function newStatus({ come }: Outcome): EventOf<'status'>[] {
  return statusOf(come);
}

/** The symbol of the struck frame, by the events it had. */
function symbolAt({ clean, place }: Outcome): string {
  const { t } = frameAt(clean.lines, place.at);
  return clean.events.find((it) => it.t === t && it.symbol !== '')?.symbol ?? '';
}

/**
 * One gap more, of the struck market, with both values compared: opened at the frame itself (`here`,
 * the default), at one that came later, or at `any` of them.
 */
export function gap({ cause, about = 'book', when = 'here' }: Opened): Claim {
  return (outcome) => {
    const opened = newStatus(outcome).filter(({ kind }) => kind === 'gap_opened');
    const said = opened.map((it) => `${it.cause} ${it.about} ${it.symbol}`);
    const [first] = opened;
    assert.deepEqual(said, [`${cause} ${about} ${symbolAt(outcome)}`]);
    assert.ok(first?.expected && first.received, 'both values');
    const { t } = frameAt(outcome.clean.lines, outcome.place.at);
    if (when === 'here') assert.ok(first.t >= t && first.t <= t + 1n, 'at the frame itself');
    else assert.ok(first.t > t || when === 'any', 'after the frame');
    if (about === 'book') return;
    const closed = newStatus(outcome).filter(({ kind }) => kind === 'gap_closed');
    assert.deepEqual(
      closed.map((it) => it.about),
      [about],
    );
  };
}

/** A gap of all that the connection speaks for, with both numbers. */
export const gapOfAll: Claim = (outcome) => {
  const opened = newStatus(outcome).filter(({ kind }) => kind === 'gap_opened');
  const said = new Set(opened.map((it) => `${it.cause} ${it.about} ${it.symbol}`));
  for (const symbol of ['BTCUSD', 'ETHUSD']) {
    for (const about of ['trade', 'book', 'ticker']) {
      assert.ok(said.has(`sequence ${about} ${symbol}`), `${about} of ${symbol}`);
    }
  }
  for (const { cause, expected, received } of opened) {
    assert.deepEqual([cause, expected === null, received === null], ['sequence', false, false]);
  }
};

/** A gap of the type, of the struck market, with whatever cause is named; it says whether repaired. */
export function gapClosed(cause: string, about: EventType, repaired: 0 | 1): Claim {
  return (outcome) => {
    const market = symbolAt(outcome);
    const said = newStatus(outcome)
      .filter((it) => it.about === about && it.symbol === market)
      .map((it) => `${it.kind} ${it.cause} ${it.repaired}`);
    assert.deepEqual(said, [`gap_opened ${cause} null`, `gap_closed ${cause} ${repaired}`]);
  };
}

/** Nothing is told: no gap, no rejection, no alarm more than without the fault. */
export const silent: Claim = ({ clean, faulty }) => {
  assert.deepEqual(statusOf(faulty.events).map(textOf), statusOf(clean.events).map(textOf));
};

/** Nothing is told, and the events are those without the fault. */
export const held: Claim = (outcome) => {
  silent(outcome);
  assert.deepEqual([outcome.gone, outcome.come], [[], []]);
};

/** Nothing is told; what the frame held is missing, all else is as it was. */
export const missing: Claim = (outcome) => {
  silent(outcome);
  const { t } = frameAt(outcome.clean.lines, outcome.place.at);
  assert.ok(outcome.gone.length > 0);
  assert.deepEqual([outcome.gone.filter((it) => it.t !== t), outcome.come], [[], []]);
};

/** Nothing is told; what the frame held is there twice. */
export const twice: Claim = (outcome) => {
  silent(outcome);
  const { t } = frameAt(outcome.clean.lines, outcome.place.at);
  const before = outcome.clean.events.filter((it) => it.t === t).map(textOf);
  const again = outcome.come.map((it) => textOf({ ...it, t: (it.t - 1n) as typeof it.t }));
  assert.deepEqual([outcome.gone, again], [[], before]);
};

/** Nothing is told; the frame's events are others than they were, and all else is the same. */
export const asSent: Claim = (outcome) => {
  silent(outcome);
  const { t } = frameAt(outcome.clean.lines, outcome.place.at);
  assert.ok(outcome.come.length > 0);
  assert.equal(outcome.gone.length, outcome.come.length);
  assert.deepEqual(
    [...outcome.gone, ...outcome.come].filter((it) => it.t !== t),
    [],
  );
};

/** Nothing is told, and in the end the book is the one without the fault. */
export const harmless: Claim = (outcome) => {
  silent(outcome);
  const symbol = symbolAt(outcome);
  assert.deepEqual(bookOf(outcome.faulty.events, symbol), bookOf(outcome.clean.events, symbol));
};

/** The book that a reader of the events has in the end. */
export function bookOf(events: readonly MarketEvent[], symbol: string): readonly string[] {
  const sides = { bids: new Map<string, string>(), asks: new Map<string, string>() };
  let depth = Infinity;
  for (const it of events) {
    if (it.type !== 'book' || it.symbol !== symbol) continue;
    depth = it.depth ?? depth;
    for (const [name, side] of Object.entries(sides)) {
      if ((it.flags & FLAG.SNAPSHOT) !== 0 && (it.part ?? 1) === 1) side.clear();
      for (const { price, size } of it[name as 'bids' | 'asks']) {
        const key = priceKey(price);
        if (size.mantissa === 0n) side.delete(key);
        else side.set(key, `${size.mantissa}e${size.exponent}`);
      }
      const sign = name === 'bids' ? -1 : 1;
      const sorted = [...side].sort(([a], [b]) => sign * (Number(a) - Number(b)));
      for (const [price] of sorted.slice(depth)) side.delete(price);
    }
  }
  return Object.entries(sides).flatMap(([name, side]) =>
    [...side].map(([price, size]) => `${name} ${price} ${size}`).toSorted(),
  );
}

function priceKey({ mantissa, exponent }: { mantissa: bigint; exponent: number }): string {
  return String(Number(mantissa) * 10 ** exponent);
}

/** The archive's check of a name sees it, and without the fault it does not. */
export function qa(name: string): Claim {
  return ({ clean, faulty }) => {
    assert.equal(qaOf(clean, name).status, 'passed', 'without the fault');
    assert.notEqual(qaOf(faulty, name).status, 'passed');
  };
}

/** All of them. */
export function both(...claims: readonly Claim[]): Claim {
  return (outcome) => {
    for (const claim of claims) claim(outcome);
  };
}

/** One market's type has no state where the shard begins to speak, is told so, and never gets one. */
export function openingGap(about: EventType): Claim {
  const stateless = (events: readonly MarketEvent[]): string[] => {
    const open = new Set<string>();
    for (const it of statusOf(events)) {
      if (it.about !== about || it.cause !== 'opening') continue;
      if (it.kind === 'gap_opened') open.add(it.symbol);
      else open.delete(it.symbol);
    }
    return [...open];
  };
  return ({ clean, faulty }) => {
    assert.deepEqual(stateless(clean.events), []);
    assert.equal(stateless(faulty.events).length, 1);
  };
}
